/* SPDX-License-Identifier: ISC
 *
 * Reads a damaged database's tables from both ends, and then page by page. Where the first page is gone, and
 * with it everything SQLite knows about the rest, a fresh database's takes its place: tables are made in the
 * same order everywhere, so that they begin at the same pages.
 */
#include "repair.h"

#include "buf.h"
#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "schema.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096
#define NAME_SIZE (FILE_PATH_SIZE + 64)

#define CERTIFICATE                                                                               \
	"SELECT number, fingerprint, der, capabilities, source, first_seen, last_seen, not_after, keys" \
	" FROM certificates"
#define CRL "SELECT number, issuer, scope, this_update, next_update, der FROM crls"
#define KEY "SELECT kind, value, certificate FROM keys"
#define KEEP_KEY                                                                                  \
	"INSERT OR IGNORE INTO keys SELECT ?1, ?2, ?3 WHERE typeof(?1)='integer' AND ?1 BETWEEN 1 AND 255" \
	" AND typeof(?2)='blob' AND typeof(?3)='integer'"

/* Where rows are read from: both ends of a table. What another table's page would give as a row is refused. */
static const struct table {
	const char *name, *up, *down, *insert;
	int columns;
	uint8_t leaf; /* the first byte of a page that has rows: SQLite's file format, section 1.6 */
} tables[] = {
	{"certificates", CERTIFICATE " ORDER BY number", CERTIFICATE " ORDER BY number DESC",
	 "INSERT OR IGNORE INTO certificates SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE typeof(?2)='text'"
	 " AND length(?2)=64 AND typeof(?3)='blob' AND substr(?3, 1, 1)=x'30' AND typeof(?4)='blob'"
	 " AND typeof(?5)='integer' AND typeof(?6)='integer' AND typeof(?7)='integer' AND typeof(?8)='integer'"
	 " AND typeof(?9)='blob'",
	 9, 0x0d},
	{"crls", CRL " ORDER BY number", CRL " ORDER BY number DESC",
	 "INSERT OR IGNORE INTO crls SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE typeof(?2)='blob' AND typeof(?3)='blob'"
	 " AND typeof(?4)='integer' AND typeof(?5)='integer' AND typeof(?6)='blob' AND substr(?6, 1, 1)=x'30'",
	 6, 0x0d},
	{"keys", KEY " ORDER BY kind, value, certificate", KEY " ORDER BY kind DESC, value DESC, certificate DESC",
	 KEEP_KEY, 3, 0x0a},
	/* The index has all of them once more. */
	{"keys", KEY " INDEXED BY keys_of ORDER BY certificate", KEY " INDEXED BY keys_of ORDER BY certificate DESC",
	 KEEP_KEY, 3, 0},
};

struct copy {
	sqlite3 *from, *to;
	const struct table *table;
	sqlite3_stmt *insert;
	int rc; /* of the new file */
};

static int failure(sqlite3 *database)
{
	return (sqlite3_errcode(database) & 0xff) == SQLITE_FULL ? ERR_NO_SPACE : ERR_STORE;
}

static void copy_row(struct copy *copy, sqlite3_stmt *row)
{
	sqlite3_reset(copy->insert);
	for (int i = 0; i < copy->table->columns; i++)
		sqlite3_bind_value(copy->insert, i + 1, sqlite3_column_value(row, i));
	if (sqlite3_step(copy->insert) != SQLITE_DONE && (sqlite3_errcode(copy->to) & 0xff) != SQLITE_CONSTRAINT)
		copy->rc = failure(copy->to);
}

/* Whether it came to the end, and not to damage. */
static bool copy_rows(struct copy *copy, const char *sql)
{
	sqlite3_stmt *rows = NULL;
	int code = sqlite3_prepare_v2(copy->from, sql, -1, &rows, NULL);

	if (code == SQLITE_OK)
		while (!copy->rc && (code = sqlite3_step(rows)) == SQLITE_ROW)
			copy_row(copy, rows);
	sqlite3_finalize(rows);
	return code == SQLITE_DONE;
}

/* Takes one page for all of the table. */
static void copy_page(struct copy *copy, unsigned int page)
{
	char sql[160];

	snprintf(sql, sizeof sql,
		 "UPDATE sqlite_schema SET rootpage=%u WHERE name='%s' AND type='table';PRAGMA writable_schema=RESET;"
		 "PRAGMA writable_schema=ON",
		 page, copy->table->name);
	if (sqlite3_exec(copy->from, sql, NULL, NULL, NULL) == SQLITE_OK)
		copy_rows(copy, copy->table->up);
}

/* Where the way to them is damaged, pages with rows are still pages with rows. What was removed is not in
 * any: the store overwrites it (secure_delete). Nothing of this is written: it is undone. */
static void copy_pages(struct copy *copy, const char *damaged)
{
	CLEAN_FD int fd = open(damaged, O_RDONLY | O_CLOEXEC);
	off_t pages = fd < 0 ? 0 : lseek(fd, 0, SEEK_END) / PAGE;

	if (sqlite3_exec(copy->from, "BEGIN IMMEDIATE;PRAGMA writable_schema=ON", NULL, NULL, NULL) != SQLITE_OK)
		return;
	for (off_t page = 1; page < pages && !copy->rc; page++) {
		uint8_t kind;

		if (pread(fd, &kind, 1, page * PAGE) == 1 && kind == copy->table->leaf)
			copy_page(copy, (unsigned int)page + 1);
	}
	sqlite3_exec(copy->from, "ROLLBACK;PRAGMA writable_schema=RESET", NULL, NULL, NULL);
}

static int copy_table(const char *damaged, sqlite3 *from, sqlite3 *to, const struct table *table)
{
	struct copy copy = {.from = from, .to = to, .table = table};

	if (sqlite3_prepare_v2(to, table->insert, -1, &copy.insert, NULL) != SQLITE_OK)
		return ERR_STORE;
	if (!copy_rows(&copy, table->up) && !copy.rc) {
		copy_rows(&copy, table->down);
		if (!copy.rc && table->leaf)
			copy_pages(&copy, damaged);
	}
	sqlite3_finalize(copy.insert);
	return copy.rc;
}

static int copy_all(const char *damaged, sqlite3 *to)
{
	sqlite3 *from = NULL;
	const char *problem;
	int rc = 0;

	if (sqlite3_open_v2(damaged, &from, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
		file_prepare(from);
		sqlite3_db_config(from, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
		if (schema_migrate(from, schema_version(), &problem))
			log_debug("a damaged store stays of its version");
		sqlite3_wal_checkpoint_v2(from, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !rc; i++)
			rc = copy_table(damaged, from, to, &tables[i]);
	}
	sqlite3_close(from);
	return rc;
}

static int copy_file(const char *from, const char *to)
{
	CLEAN_FD int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char bytes[16 * PAGE];
	ssize_t got;

	if (in < 0 || out < 0)
		return in < 0 ? 0 : ERR_STORE;
	while ((got = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)got) != got)
			return ERR_NO_SPACE;
	return got ? ERR_STORE : 0;
}

/* The first page of an empty database of the version that tables began with. */
static int first_page(const char *name, uint8_t page[PAGE])
{
	const char *problem;
	sqlite3 *empty = NULL;
	CLEAN_FD int fd = -1;
	int rc = ERR_STORE;

	unlink(name);
	if (sqlite3_open(name, &empty) == SQLITE_OK)
		rc = schema_migrate(empty, 1, &problem);
	sqlite3_close(empty);
	fd = rc ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	if (!rc && (fd < 0 || pread(fd, page, PAGE, 0) != PAGE))
		rc = ERR_STORE;
	unlink(name);
	/* How many pages there are, and which of them are free, is the other file's affair: with the two
	 * counters unequal the file's own size counts. */
	memset(page + 28, 0, 12);
	memset(page + 92, 0, 4);
	return rc;
}

/* A copy of the damaged file, and of its log: the file itself stays as it is. */
static int copy_damaged(const char *to)
{
	char log_from[NAME_SIZE], log_to[NAME_SIZE + 16];
	int rc = copy_file(file_path(), to);

	snprintf(log_from, sizeof log_from, "%s-wal", file_path());
	snprintf(log_to, sizeof log_to, "%s-wal", to);
	return rc ? rc : copy_file(log_from, log_to);
}

static int transplant(const char *to)
{
	char scratch[NAME_SIZE];
	uint8_t page[PAGE];
	CLEAN_FD int fd = open(to, O_WRONLY | O_CLOEXEC);
	int rc;

	snprintf(scratch, sizeof scratch, "%s.page", file_path());
	rc = first_page(scratch, page);
	return rc || (fd >= 0 && pwrite(fd, page, PAGE, 0) == PAGE) ? rc : ERR_STORE;
}

static void remove_all(const char *name)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	char file[NAME_SIZE + 16];

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		snprintf(file, sizeof file, "%s%s", name, endings[i]);
		unlink(file);
	}
}

static int count_rows(sqlite3 *database)
{
	sqlite3_stmt *statement = NULL;
	int count = 0;

	if (sqlite3_prepare_v2(database, "SELECT count(*) FROM certificates", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		count = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

/* The keys that rows have with them, for those that the table of keys lost. */
static int rebuild_keys(sqlite3 *to)
{
	sqlite3_stmt *rows = NULL, *insert = NULL;
	bool ok = sqlite3_prepare_v2(to, "SELECT number, keys FROM certificates", -1, &rows, NULL) == SQLITE_OK &&
		  sqlite3_prepare_v2(to, "INSERT OR IGNORE INTO keys VALUES(?1, ?2, ?3)", -1, &insert, NULL) == SQLITE_OK;

	while (ok && sqlite3_step(rows) == SQLITE_ROW) {
		struct view keys = {sqlite3_column_blob(rows, 1), (size_t)sqlite3_column_bytes(rows, 1)}, value;
		uint8_t kind;

		while (ok && !view_u8(&keys, &kind) && !view_bytes(&keys, &value)) {
			sqlite3_reset(insert);
			sqlite3_bind_int(insert, 1, kind);
			sqlite3_bind_blob(insert, 2, value.data, (int)value.length, SQLITE_STATIC);
			sqlite3_bind_int64(insert, 3, sqlite3_column_int64(rows, 0));
			ok = sqlite3_step(insert) == SQLITE_DONE;
		}
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(insert);
	return ok ? 0 : failure(to);
}

/* Whether SQLite can tell which tables there are. */
static bool has_tables(const char *name)
{
	sqlite3 *database = NULL;
	bool has = sqlite3_open_v2(name, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK;

	file_prepare(database);
	has = has && sqlite3_exec(database, "SELECT number FROM certificates LIMIT 0", NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(database);
	return has;
}

static int fill_from(const char *copy, sqlite3 *to)
{
	int rc = copy_damaged(copy);

	if (!rc && !has_tables(copy))
		rc = transplant(copy);
	return rc ? rc : copy_all(copy, to);
}

static int fill_database(sqlite3 *to)
{
	char copy[NAME_SIZE];
	const char *problem;
	int rc = schema_migrate(to, schema_version(), &problem);

	if (!rc && sqlite3_exec(to, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		rc = ERR_STORE;
	snprintf(copy, sizeof copy, "%s.copy", file_path());
	remove_all(copy);
	rc = rc ? rc : fill_from(copy, to);
	remove_all(copy);
	rc = rc ? rc : rebuild_keys(to);
	if (!rc && sqlite3_exec(to, "DELETE FROM keys WHERE certificate NOT IN (SELECT number FROM certificates);COMMIT",
				NULL, NULL, NULL) != SQLITE_OK)
		rc = failure(to);
	return rc;
}

int repair(void)
{
	char partial[NAME_SIZE], whole[NAME_SIZE];
	sqlite3 *to = NULL;
	int count = 0, rc;

	snprintf(partial, sizeof partial, "%s.partial", file_path());
	snprintf(whole, sizeof whole, "%s.new", file_path());
	remove_all(partial);
	rc = sqlite3_open(partial, &to) == SQLITE_OK ? fill_database(to) : ERR_STORE;
	if (!rc)
		count = count_rows(to);
	sqlite3_close(to);
	if (!rc && rename(partial, whole))
		rc = ERR_STORE;
	rc = rc ? rc : file_replace();
	if (!rc)
		log_warn("%d certificates were taken over from the damaged store", count);
	remove_all(partial);
	return rc;
}
