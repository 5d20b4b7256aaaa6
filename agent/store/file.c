/* SPDX-License-Identifier: ISC
 *
 * Opens the file with what SQLite has against crashes (a write-ahead log) and other agents (its locks).
 */
#include "file.h"

#include "cleanup.h"
#include "log.h"
#include "sandbox.h"
#include "schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* For another agent's transaction, and for another's repair. */
#define BUSY_MS 10000
#define LOCK_TRIES 750
#define LOCK_PAUSE_MS 20

/* Of SQLite's files: section 1.3 of their format. */
#define PAGE 4096
#define HEADER_SIZE 100
#define APPLICATION_AT 68

/* Damaged files that are kept, each perhaps with its log. A disk that fails damages one after the other. */
#define DAMAGED_MAX 5

static char path[FILE_PATH_SIZE];
static int lock_fd = -1;
static struct stat opened, confined_to;

const char *file_path(void)
{
	return path;
}

static void beside(char into[FILE_PATH_SIZE + 64], const char *ending)
{
	snprintf(into, FILE_PATH_SIZE + 64, "%s%s", path, ending);
}

static void make_folder(void)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(path, 0700); /* what fails here shows when the file is opened */
		*slash = '/';
	}
}

/* The descriptor of the folder in which the file is; -1. */
static int open_folder(const char *file)
{
	CLEAN_FREE char *folder = strdup(file);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!slash)
		return -1;
	slash[slash == folder] = 0;
	return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static struct stat folder_facts(int fd)
{
	struct stat facts;

	if (fd < 0 || fstat(fd, &facts))
		memset(&facts, 0, sizeof facts);
	return facts;
}

int file_confine(const char *where)
{
	CLEAN_FREE char *target = NULL;
	CLEAN_FD int own = -1, linked = -1;

	snprintf(path, sizeof path, "%s", where);
	make_folder();
	target = realpath(path, NULL);
	own = open_folder(path);
	linked = target ? open_folder(target) : -1;
	confined_to = folder_facts(own);
	return sandbox_enter(&(struct sandbox){SANDBOX_FILES, {own, linked}});
}

bool file_folder_is_same(void)
{
	CLEAN_FD int fd = open_folder(path);
	struct stat now = folder_facts(fd);

	return now.st_dev == confined_to.st_dev && now.st_ino == confined_to.st_ino;
}

int file_lock(bool alone)
{
	char name[FILE_PATH_SIZE + 64];
	struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};

	if (lock_fd < 0) {
		beside(name, ".lock");
		lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	}
	if (lock_fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_STORE;
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(lock_fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB))
			return 0;
		nanosleep(&pause, NULL);
	}
	return ERR_STORE;
}

void file_unlock(void)
{
	if (lock_fd >= 0)
		flock(lock_fd, LOCK_UN);
}

bool file_is_same(void)
{
	struct stat now;

	return !stat(path, &now) && now.st_dev == opened.st_dev && now.st_ino == opened.st_ino;
}

bool file_is_ours(void)
{
	static const char magic[] = "SQLite format 3";
	uint8_t header[HEADER_SIZE] = {0};
	CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return false;
	if (pread(fd, header, sizeof header, 0) != sizeof header || memcmp(header, magic, sizeof magic))
		return status.st_size && status.st_size % PAGE == 0; /* its first page may be gone */
	return (uint32_t)(header[APPLICATION_AT] << 24 | header[APPLICATION_AT + 1] << 16 |
			  header[APPLICATION_AT + 2] << 8 | header[APPLICATION_AT + 3]) == SCHEMA_APPLICATION_ID;
}

/* A link, so that at no moment there is no file at the path. */
static int keep_old(void)
{
	static const char *const endings[] = {"", "-wal"};
	char when[32], from[FILE_PATH_SIZE + 64], to[FILE_PATH_SIZE + 64], ending[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
	for (size_t i = 0; i < 2; i++) {
		snprintf(ending, sizeof ending, ".damaged-%s%s", when, endings[i]);
		beside(from, endings[i]);
		beside(to, ending);
		if (link(from, to) && errno != ENOENT && errno != EEXIST)
			return ERR_STORE;
	}
	log_error("certificate store %s was damaged; it is kept as %s.damaged-%s", path, path, when);
	return 0;
}

static int is_damaged(const struct dirent *entry)
{
	const char *slash = strrchr(path, '/'), *own = slash ? slash + 1 : path;
	size_t length = strlen(own), name = strlen(entry->d_name);

	return !strncmp(entry->d_name, own, length) && !strncmp(entry->d_name + length, ".damaged-", 9) &&
	       (name < 4 || strcmp(entry->d_name + name - 4, "-wal"));
}

/* The newest stay: their names have the time, so that they sort by it. */
static void remove_oldest(void)
{
	char folder[FILE_PATH_SIZE], name[FILE_PATH_SIZE + 300];
	char *slash;
	struct dirent **found = NULL;
	int count;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	*slash = 0;
	count = scandir(folder, &found, is_damaged, alphasort);
	for (int i = 0; i < count; i++) {
		if (i < count - DAMAGED_MAX) {
			snprintf(name, sizeof name, "%s/%s", folder, found[i]->d_name);
			unlink(name);
			snprintf(name, sizeof name, "%s/%s-wal", folder, found[i]->d_name);
			unlink(name);
		}
		free(found[i]);
	}
	free(found);
}

int file_replace(void)
{
	char name[FILE_PATH_SIZE + 64];
	int rc = keep_old();

	if (rc)
		return rc;
	remove_oldest();
	/* The old one's log must not be taken for the new one's. */
	beside(name, "-wal");
	unlink(name);
	beside(name, "-shm");
	unlink(name);
	beside(name, ".new");
	return rename(name, path) ? ERR_STORE : 0;
}

/* A repair that was cut short between its last two steps. */
static int finish_repair(void)
{
	char name[FILE_PATH_SIZE + 64];
	int rc;

	beside(name, ".new");
	if (access(name, F_OK))
		return 0;
	rc = file_lock(true);
	if (!rc && !access(name, F_OK))
		rc = file_replace();
	file_unlock();
	return rc;
}

/* As it is now, without its log and without a lock: where nothing can be written there. */
static int open_frozen(sqlite3 **ret_database)
{
	char uri[3 * FILE_PATH_SIZE + 64] = "file:";
	size_t at = strlen(uri);

	for (const char *c = path; *c; c++)
		at += (size_t)snprintf(uri + at, sizeof uri - at, strchr("?#%", *c) ? "%%%02X" : "%c", (unsigned char)*c);
	snprintf(uri + at, sizeof uri - at, "?immutable=1");
	if (sqlite3_open_v2(uri, ret_database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK ||
	    sqlite3_exec(*ret_database, "SELECT count(*) FROM certificates LIMIT 1", NULL, NULL, NULL) != SQLITE_OK)
		return ERR_STORE;
	return 0;
}

/* What a full disk or a read-only folder makes of an attempt to write there. */
static bool cannot_write(sqlite3 *database)
{
	switch (database ? sqlite3_errcode(database) & 0xff : SQLITE_CANTOPEN) {
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_FULL:
	case SQLITE_IOERR:
		return true;
	}
	return false;
}

void file_prepare(sqlite3 *database)
{
	sqlite3_busy_timeout(database, BUSY_MS);
	sqlite3_extended_result_codes(database, 1);
	sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* Who closes a file that was replaced would delete the log of the one in its place. */
	sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_exec(database, "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
}

static int open_writable(sqlite3 **ret_database, const char **ret_problem)
{
	int version, rc;

	if (sqlite3_open_v2(path, ret_database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return ERR_STORE;
	file_prepare(*ret_database);
	rc = schema_check(*ret_database, &version, ret_problem);
	if (rc)
		return rc;
	/* A process that is killed loses nothing with this; of what a machine that fails could lose,
	 * database_settle leaves no more than a second. */
	if (sqlite3_exec(*ret_database, "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA secure_delete=ON", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return ERR_STORE;
	return schema_migrate(*ret_database, schema_version(), ret_problem);
}

static int open_either(sqlite3 **ret_database, bool *ret_frozen, const char **ret_problem)
{
	sqlite3 *other = NULL;
	int rc = open_writable(ret_database, ret_problem);

	if (!rc || *ret_problem || !cannot_write(*ret_database) || access(path, R_OK))
		return rc;
	if (open_frozen(&other)) {
		sqlite3_close(other);
		return rc;
	}
	sqlite3_close(*ret_database);
	*ret_database = other;
	*ret_frozen = true;
	return 0;
}

int file_open(sqlite3 **ret_database, bool *ret_frozen, const char **ret_problem)
{
	int rc;

	*ret_frozen = false;
	*ret_problem = *path ? NULL : "there is no home folder to keep it in";
	if (!*path)
		return ERR_STORE;
	make_folder();
	rc = finish_repair();
	if (rc)
		return rc;
	/* Where there can be no lock, there can be no repair either. */
	if (file_lock(false))
		log_debug("certificate store: no lock");
	rc = open_either(ret_database, ret_frozen, ret_problem);
	if (stat(path, &opened))
		memset(&opened, 0, sizeof opened);
	file_unlock();
	return rc;
}
