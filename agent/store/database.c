/* SPDX-License-Identifier: ISC
 *
 * Opens the database with what SQLite has against crashes (a write-ahead log) and other agents (its
 * locks).
 */
#include "database.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096
/* Of another agent's transaction. */
#define BUSY_MS 10000
#define APPLICATION_ID 0x534d4345 /* "SMCE" */

/* What makes version n + 1 of version n. */
static const char *const migrations[] = {
	"CREATE TABLE certificates(number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE,"
	" der BLOB NOT NULL, capabilities BLOB NOT NULL, source INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL, not_after INTEGER NOT NULL);"
	"CREATE INDEX expiring ON certificates(not_after);"
	"CREATE TABLE keys(kind INTEGER NOT NULL, value BLOB NOT NULL, certificate INTEGER NOT NULL,"
	" PRIMARY KEY(kind, value, certificate)) WITHOUT ROWID;"
	"CREATE INDEX keys_of ON keys(certificate);"
	"CREATE TABLE crls(number INTEGER PRIMARY KEY, issuer BLOB NOT NULL, scope BLOB NOT NULL,"
	" this_update INTEGER NOT NULL, next_update INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE(issuer, scope));",
};

#define VERSION_NOW (int)(sizeof migrations / sizeof migrations[0])

static char path[PATH_SIZE];
static sqlite3 *database;
static struct statement *statements;
static char detail[256];

void database_set_path(const char *where)
{
	snprintf(path, sizeof path, "%s", where);
}

const char *database_detail(void)
{
	return detail;
}

static int fail(int rc, const char *what)
{
	snprintf(detail, sizeof detail, "%s", what);
	return rc;
}

int database_error(void)
{
	int code = database ? sqlite3_errcode(database) & 0xff : SQLITE_CANTOPEN;

	fail(0, database ? sqlite3_errmsg(database) : "not open");
	switch (code) {
	case SQLITE_NOMEM:
		return ERR_NO_MEMORY;
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_TOOBIG:
		return ERR_TOO_LARGE;
	default:
		return ERR_STORE;
	}
}

static int run(const char *sql)
{
	return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_error();
}

static int pragma(const char *sql, int *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
				 sqlite3_step(statement) == SQLITE_ROW
			 ? 0
			 : database_error();

	if (!rc)
		*ret_value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return rc;
}

/* In the transaction that has the answer: another agent may be about the same. */
static int migrate_locked(void)
{
	char sql[64];
	int version = 0, rc = pragma("PRAGMA user_version", &version);

	if (!rc && version > VERSION_NOW)
		return fail(ERR_STORE, "it was made by a newer version of smime-agent");
	for (int i = version; i < VERSION_NOW && !rc; i++)
		rc = run(migrations[i]);
	snprintf(sql, sizeof sql, "PRAGMA user_version=%d;PRAGMA application_id=%d", VERSION_NOW, APPLICATION_ID);
	return rc || version == VERSION_NOW ? rc : run(sql);
}

static int migrate(void)
{
	int version = 0, rc = pragma("PRAGMA user_version", &version);

	if (rc || version == VERSION_NOW)
		return rc;
	rc = run("BEGIN IMMEDIATE");
	rc = rc ? rc : migrate_locked();
	if (rc)
		sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
	return rc ? rc : run("COMMIT");
}

static void close_database(void)
{
	for (struct statement *statement = statements; statement; statement = statement->next) {
		sqlite3_finalize(statement->prepared);
		statement->prepared = NULL;
	}
	statements = NULL;
	sqlite3_close(database);
	database = NULL;
}

static int make_folder(void)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int failed;

		*slash = 0;
		failed = mkdir(path, 0700) && errno != EEXIST && errno != EROFS;
		*slash = '/';
		if (failed)
			return fail(ERR_STORE, strerror(errno));
	}
	return 0;
}

static int open_database(void)
{
	int rc = *path ? make_folder() : fail(ERR_STORE, "there is no home folder to keep it in");

	if (rc)
		return rc;
	if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		rc = database_error();
	sqlite3_busy_timeout(database, BUSY_MS);
	/* A process that is killed loses nothing; of what a machine that fails could lose, database_settle
	 * leaves no more than a second. */
	rc = rc ? rc : run("PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cell_size_check=ON;"
			   "PRAGMA trusted_schema=OFF");
	rc = rc ? rc : migrate();
	if (rc)
		close_database();
	return rc;
}

int database_begin(bool write)
{
	int rc = database ? 0 : open_database();

	return rc ? rc : run(write ? "BEGIN IMMEDIATE" : "BEGIN");
}

int database_end(int rc)
{
	for (struct statement *statement = statements; statement; statement = statement->next)
		sqlite3_reset(statement->prepared);
	if (!rc)
		rc = run("COMMIT");
	if (rc && database)
		sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

sqlite3_stmt *database_statement(struct statement *statement)
{
	if (!statement->prepared) {
		if (sqlite3_prepare_v3(database, statement->sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->prepared,
				       NULL) != SQLITE_OK)
			return NULL;
		statement->next = statements;
		statements = statement;
	}
	sqlite3_reset(statement->prepared);
	sqlite3_clear_bindings(statement->prepared);
	return statement->prepared;
}

int database_step(sqlite3_stmt *statement, bool *ret_row)
{
	int code = sqlite3_step(statement);
	int rc = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : database_error();

	*ret_row = code == SQLITE_ROW;
	if (code != SQLITE_ROW)
		sqlite3_reset(statement);
	return rc;
}

int database_run(sqlite3_stmt *statement)
{
	bool row;
	int rc = statement ? database_step(statement, &row) : database_error();

	if (statement)
		sqlite3_reset(statement);
	return rc;
}

void database_bind(sqlite3_stmt *statement, int at, struct view bytes)
{
	sqlite3_bind_blob(statement, at, bytes.length ? bytes.data : (const void *)"", (int)bytes.length,
			  SQLITE_STATIC);
}

struct view database_column(sqlite3_stmt *statement, int at)
{
	const void *data = sqlite3_column_blob(statement, at);

	return (struct view){data, (size_t)sqlite3_column_bytes(statement, at)};
}

void database_settle(void)
{
	if (database)
		sqlite3_wal_checkpoint_v2(database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
