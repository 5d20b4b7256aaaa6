/* SPDX-License-Identifier: ISC
 *
 * Input and output of sign and decrypt. An output file appears whole or not at all.
 */
#ifndef SMIME_CLI_FILE_H
#define SMIME_CLI_FILE_H

#include <limits.h>
#include <sys/types.h>

struct output_file {
	struct output_file *next; /* of those that are not finished */
	int fd;
	const char *path;	/* what it will be called; NULL: standard output */
	char target[PATH_MAX];	  /* path without links, where it exists */
	char temporary[PATH_MAX]; /* its name until then; empty: none, or written in place */
	int unnamed;		  /* it has no name yet */
	off_t start;		  /* how long a regular standard output was; -1 */
};

/* Opens path, or standard input for NULL and "-". -1 with errno. */
int file_open_input(const char *path);

/* Opens the output; NULL and "-" are standard output. A path that is a device or a pipe is written
 * in place. 0, or -1 with errno. */
int file_open_output(struct output_file *file, const char *path);

/* Success: the file gets its name. Failure: nothing is left of it, and a regular file that was
 * standard output is as long as before. 0, or -1 with errno. */
int file_close_output(struct output_file *file, int success);

#endif
