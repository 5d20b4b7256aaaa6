/* SPDX-License-Identifier: ISC
 *
 * What every fuzzer has: an entry that libFuzzer or replay.c calls, and promises that are checked in
 * every build. A promise that is broken ends the program, as a crash would.
 */
#ifndef SMIME_FUZZ_H
#define SMIME_FUZZ_H

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(promise)                                                                       \
	do {                                                                                   \
		if (!(promise)) {                                                              \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);  \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* An unnamed file with these bytes, at its start. The caller closes. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0);
	require(!size || pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

/* The lowest free descriptor: the same before and after means that none leaked. */
static inline int fuzz_lowest_fd(void)
{
	int fd = dup(STDERR_FILENO);

	require(fd >= 0);
	close(fd);
	return fd;
}

#endif
