/* SPDX-License-Identifier: ISC
 *
 * Transactions and statements.
 */
#include "database.h"

#include "file.h"
#include "repair.h"
#include "schema.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A repair that failed is not tried again at once: the disk may be full. */
#define REPAIR_PAUSE_S 60

static sqlite3 *database;
static struct statement *statements;
static bool frozen, damaged;
static time_t repair_failed;
static char detail[256];

const char *database_detail(void)
{
	return detail;
}

bool database_damaged(void)
{
	return damaged;
}

static int fail(int rc, const char *what)
{
	snprintf(detail, sizeof detail, "%s", what);
	return rc;
}

int database_error(void)
{
	int code = database ? sqlite3_errcode(database) & 0xff : SQLITE_CANTOPEN;

	fail(0, database ? sqlite3_errmsg(database) : "it cannot be opened");
	switch (code) {
	case SQLITE_NOMEM:
		return ERR_NO_MEMORY;
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_TOOBIG:
		return ERR_TOO_LARGE;
	case SQLITE_READONLY:
		return fail(ERR_STORE, "its file is read-only");
	case SQLITE_BUSY:
		return fail(ERR_STORE, "another program has its file locked");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		damaged = !frozen; /* one that others may be writing to is read as it can be */
		return fail(ERR_STORE, "its file is damaged");
	default:
		return ERR_STORE;
	}
}

static int run_sql(const char *sql)
{
	return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_error();
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

static int open_database(void)
{
	const char *problem = NULL;
	int rc = file_open(&database, &frozen, &problem);

	if (rc)
		rc = problem ? fail(rc, problem) : database_error();
	if (!rc && !frozen && !schema_is_sound(database)) {
		damaged = true;
		rc = fail(ERR_STORE, "its file is damaged");
	}
	if (rc)
		close_database();
	return rc;
}

/* Locked together with others, with the file that is at the path now. */
static int enter(void)
{
	int rc = database ? 0 : open_database();

	if (rc || frozen)
		return rc;
	rc = file_lock(false);
	if (!rc && !file_is_same()) {
		file_unlock();
		close_database();
		rc = open_database();
		rc = rc || frozen ? rc : file_lock(false);
	}
	return rc == ERR_STORE && !*detail ? fail(rc, "its lock cannot be had") : rc;
}

int database_begin(bool write)
{
	int rc;

	*detail = 0;
	damaged = false;
	if (frozen)
		close_database(); /* it may be writable by now, or another */
	rc = enter();
	if (!rc && write && frozen)
		rc = fail(ERR_STORE, "its file is read-only, or the disk is full");
	rc = rc ? rc : run_sql(write ? "BEGIN IMMEDIATE" : "BEGIN");
	if (rc)
		file_unlock();
	return rc;
}

int database_end(int rc)
{
	for (struct statement *statement = statements; statement; statement = statement->next)
		sqlite3_reset(statement->prepared);
	if (!rc)
		rc = run_sql("COMMIT");
	if (rc && database)
		sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
	file_unlock();
	return rc;
}

int database_repair(void)
{
	bool was_same = file_is_same();
	int rc;

	damaged = false;
	if (repair_failed && time(NULL) - repair_failed < REPAIR_PAUSE_S)
		return fail(ERR_STORE, "its file is damaged, and could not be repaired");
	close_database();
	if (!file_is_ours())
		return fail(ERR_STORE, "it is no certificate store");
	rc = file_lock(true);
	/* Unless another agent did it meanwhile. */
	if (!rc && was_same && file_is_same())
		rc = repair();
	file_unlock();
	repair_failed = rc ? time(NULL) : 0;
	return rc ? fail(rc, "its file is damaged, and could not be repaired") : 0;
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
	if (database && !frozen)
		sqlite3_wal_checkpoint_v2(database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
