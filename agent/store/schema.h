/* SPDX-License-Identifier: ISC
 *
 * What is in the file, and bringing an older one up to date.
 */
#ifndef SMIME_STORE_SCHEMA_H
#define SMIME_STORE_SCHEMA_H

#include "error.h"

#include <sqlite3.h>
#include <stdbool.h>

#define SCHEMA_APPLICATION_ID 0x534d4345 /* "SMCE" */

/* The version of files that are made now. */
int schema_version(void);

/* Changes nothing. *ret_version: 0 for an empty file. *ret_problem: why not, in words, or NULL for SQLite's.
 * ERR_STORE also for a file of a newer version, and for one that is not ours. */
MUST_USE int schema_check(sqlite3 *database, int *ret_version, const char **ret_problem);

/* Makes a new file, or one of an older version, one of `version`. Else as schema_check. */
MUST_USE int schema_migrate(sqlite3 *database, int version, const char **ret_problem);

/* Whether all of the file can be read, and nothing is in it that was not made here. */
bool schema_is_sound(sqlite3 *database);

#endif
