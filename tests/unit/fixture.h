/* SPDX-License-Identifier: ISC
 *
 * What several unit tests need: descriptors that give chosen bytes, in one go or in small steps,
 * and what was written to one. Failures end the test that called. cmocka wants the headers above it.
 */
#ifndef SMIME_UNIT_FIXTURE_H
#define SMIME_UNIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A file in memory with these bytes, at its start. The caller closes. */
int fixture_file(const void *data, size_t length);

/* The reading end of a pipe on which each read gives at most `step` bytes, however much is asked
 * for; a read of less loses the rest of the step. The writer is a process of its own and ends with
 * the data. The caller closes. */
int fixture_drip(const void *data, size_t length, size_t step);

/* All that a file holds, from its start; the caller frees. A NUL stands behind it. */
char *fixture_content(int fd, size_t *ret_length);

/* How many descriptors this process has open. */
unsigned int fixture_descriptors(void);

#endif
