/* SPDX-License-Identifier: ISC
 *
 * Tables, and the steps from version to version. A step is never changed once it was released.
 */
#include "schema.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What makes version n + 1 of version n. */
static const char *const steps[] = {
	"CREATE TABLE certificates(number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE,"
	" der BLOB NOT NULL, capabilities BLOB NOT NULL, source INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL, not_after INTEGER NOT NULL);"
	"CREATE INDEX expiring ON certificates(not_after);"
	"CREATE TABLE keys(kind INTEGER NOT NULL, value BLOB NOT NULL, certificate INTEGER NOT NULL,"
	" PRIMARY KEY(kind, value, certificate)) WITHOUT ROWID;"
	"CREATE INDEX keys_of ON keys(certificate);"
	"CREATE TABLE crls(number INTEGER PRIMARY KEY, issuer BLOB NOT NULL, scope BLOB NOT NULL,"
	" this_update INTEGER NOT NULL, next_update INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE(issuer, scope));",
	/* Each row has its keys as well, as they came: the table of keys can be made anew from them. */
	"ALTER TABLE certificates ADD COLUMN keys BLOB NOT NULL DEFAULT x'';",
};

int schema_version(void)
{
	return (int)(sizeof steps / sizeof steps[0]);
}

static int run_sql(sqlite3 *database, const char *sql)
{
	return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ERR_STORE;
}

static int number(sqlite3 *database, const char *sql, int *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int rc = ERR_STORE;

	if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		*ret_value = sqlite3_column_int(statement, 0);
		rc = 0;
	}
	sqlite3_finalize(statement);
	return rc;
}

/* A database of another program's that a wrong setting names is not to be added to. */
static int check_ours(sqlite3 *database, int present, const char **ret_problem)
{
	int id = 0, objects = 0, rc = number(database, "PRAGMA application_id", &id);

	rc = rc ? rc : number(database, "SELECT count(*) FROM sqlite_schema", &objects);
	if (!rc && (present ? id != SCHEMA_APPLICATION_ID : objects > 0)) {
		*ret_problem = "it is a database of something else";
		return ERR_STORE;
	}
	return rc;
}

/* In the transaction that read the version: another agent may be about the same. */
static int migrate_locked(sqlite3 *database, int version, const char **ret_problem)
{
	char sql[80];
	int present = 0, rc = number(database, "PRAGMA user_version", &present);

	rc = rc ? rc : check_ours(database, present, ret_problem);
	for (int i = present; i < version && !rc; i++)
		rc = run_sql(database, steps[i]);
	snprintf(sql, sizeof sql, "PRAGMA user_version=%d;PRAGMA application_id=%d", version, SCHEMA_APPLICATION_ID);
	return rc || present == version ? rc : run_sql(database, sql);
}

int schema_check(sqlite3 *database, int *ret_version, const char **ret_problem)
{
	int present = 0, rc = number(database, "PRAGMA user_version", &present);

	*ret_problem = NULL;
	rc = rc ? rc : check_ours(database, present, ret_problem);
	if (!rc && present > schema_version()) {
		*ret_problem = "it was made by a newer version of smime-agent";
		return ERR_STORE;
	}
	*ret_version = present;
	return rc;
}

int schema_migrate(sqlite3 *database, int version, const char **ret_problem)
{
	int present = 0, rc = schema_check(database, &present, ret_problem);

	if (rc || present == version)
		return rc;
	rc = run_sql(database, "BEGIN IMMEDIATE");
	rc = rc ? rc : migrate_locked(database, version, ret_problem);
	rc = rc ? rc : run_sql(database, "COMMIT");
	return rc; /* the caller closes, which undoes what was not committed, and still has SQLite's words */
}

bool schema_is_sound(sqlite3 *database)
{
	sqlite3_stmt *statement = NULL;
	int foreign = 0;
	bool sound = sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, NULL) == SQLITE_OK &&
		     sqlite3_step(statement) == SQLITE_ROW &&
		     !strcmp((const char *)sqlite3_column_text(statement, 0), "ok");

	sqlite3_finalize(statement);
	/* Triggers and views would run whatever the file's maker likes. */
	return sound &&
	       !number(database, "SELECT count(*) FROM sqlite_schema WHERE type NOT IN('table', 'index')", &foreign) &&
	       !foreign;
}
