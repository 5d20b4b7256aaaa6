/* SPDX-License-Identifier: ISC
 *
 * The store's file: where it is, who may use it now, and putting another in its place.
 *
 * Agents that share a file hold a lock on PATH.lock, together while each uses it, alone for who repairs it.
 * A repaired file is put in the old one's place while it is locked alone; the others see that it is another
 * file, and open it.
 */
#ifndef SMIME_STORE_FILE_H
#define SMIME_STORE_FILE_H

#include "error.h"

#include <sqlite3.h>
#include <stdbool.h>

#define FILE_PATH_SIZE 4096

/* For the start: makes the file's folder, and enters the sandbox, in which files can be opened in that folder alone
 * (and beside the file that a link leads to). ERR_INTERNAL: then end. */
MUST_USE int file_confine(const char *path);
const char *file_path(void);

/* Whether the folder is the one of file_confine. If not, only another process can open files there. */
bool file_folder_is_same(void);

/* Opens the file (its folder is made), and brings it to the present version. *ret_frozen: it can only be
 * read, as it is at this moment, since a folder is read-only or a disk full. *ret_problem: why not, in words;
 * NULL for SQLite's own, of *ret_database, which may be set on failure, and is the caller's in any case. */
MUST_USE int file_open(sqlite3 **ret_database, bool *ret_frozen, const char **ret_problem);

/* What every connection is told first. */
void file_prepare(sqlite3 *database);

/* Together with others, or alone. Waits for 15 seconds at most: ERR_STORE. */
MUST_USE int file_lock(bool alone);
void file_unlock(void);

/* Whether the file that was opened last is still the one at the path. */
bool file_is_same(void);

/* Whether what is at the path is, or could once have been, a store: a wrong setting must not have another file
 * put aside. */
bool file_is_ours(void);

/* Under the lock, alone: puts PATH.new, which is whole, in the file's place; the old one is kept as
 * PATH.damaged-TIME. Can be repeated where it was cut short. */
MUST_USE int file_replace(void);

#endif
