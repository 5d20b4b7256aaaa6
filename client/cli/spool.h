/* SPDX-License-Identifier: ISC
 *
 * A mail that waits: in memory while it is small, else in a file without a name, which goes with the
 * process. Whoever is killed leaves nothing behind.
 */
#ifndef SMIME_CLI_SPOOL_H
#define SMIME_CLI_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What one process may keep in memory of mails that wait. Mails over it are rare: most servers take 10 to
 * 50 MB. */
#define SPOOL_MEMORY (16 << 20)

struct spool {
	int fd; /* -1: none */
	bool memory;
	off_t length; /* of what spool_write wrote */
};

#define SPOOL_INIT ((struct spool){.fd = -1})

/* Begins one of about that length. False with errno. */
bool spool_open(struct spool *spool, off_t expected);
/* Appends. False with errno. */
bool spool_write(struct spool *spool, const void *data, size_t length);
/* Appends what a descriptor still has. */
bool spool_copy(struct spool *spool, int fd);
/* Makes each CRLF, from the beginning, an LF, as programs of Unix want mail; ready to be read from there. */
bool spool_unix_lines(struct spool *spool);
void spool_done(struct spool *spool);

#endif
