/* SPDX-License-Identifier: ISC
 *
 * The one SQLite file: opened when it is first needed, brought to the present version, and opened anew
 * when another agent put a repaired one in its place.
 */
#ifndef SMIME_STORE_DATABASE_H
#define SMIME_STORE_DATABASE_H

#include "buf.h"

#include <sqlite3.h>

/* Every use is a transaction between these two; `write` waits for other writers. database_end commits
 * where rc is 0, undoes all else, and gives rc or what failed now. ERR_STORE, ERR_NO_SPACE. */
MUST_USE int database_begin(bool write);
MUST_USE int database_end(int rc);

/* A statement, prepared with its first use and kept: a static one for each SQL text. */
struct statement {
	const char *sql;
	sqlite3_stmt *prepared;
	struct statement *next;
};

/* The statement, ready for new values; NULL where it cannot be prepared: ask database_error. */
sqlite3_stmt *database_statement(struct statement *statement);

/* The next row: 0, with *ret_row whether there was one. The statement is reset where not. */
MUST_USE int database_step(sqlite3_stmt *statement, bool *ret_row);
/* For a statement without rows. */
MUST_USE int database_run(sqlite3_stmt *statement);

/* What SQLite's last failure is called here; what it said is kept for database_detail. */
int database_error(void);
const char *database_detail(void);

void database_bind(sqlite3_stmt *statement, int at, struct view bytes);
struct view database_column(sqlite3_stmt *statement, int at); /* borrowed until the next step */

/* Whether the last transaction failed because the file is damaged; and putting what can be read of it into a
 * new one, after which the transaction may be tried again. */
bool database_damaged(void);
MUST_USE int database_repair(void);

/* When nothing else is to be done: moves what was written from the log into the file. */
void database_settle(void);

#endif
