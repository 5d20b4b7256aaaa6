/* SPDX-License-Identifier: ISC
 *
 * The parts of a multipart body (RFC 2046 section 5.1) as it streams by: each part byte for byte, as a
 * source that the next layer's input reads from. The line end before a delimiter belongs to the
 * delimiter.
 */
#ifndef SMIME_WORKER_MULTIPART_H
#define SMIME_WORKER_MULTIPART_H

#include "input.h"

/* RFC 2046 allows 70. */
#define MULTIPART_BOUNDARY_MAX 200
/* Blanks behind a boundary; more is refused, since others may see no delimiter there. */
#define MULTIPART_PADDING_MAX 1000

struct multipart {
	struct input *input; /* plain */
	char delimiter[MULTIPART_BOUNDARY_MAX + 4]; /* "\n--boundary" */
	size_t delimiter_length;
	bool at_start;	 /* of a line that may be a delimiter: nothing of the part was read yet */
	size_t clear;	 /* bytes at hand that are known to be the part's */
	bool part_ended; /* a delimiter stands next, or the end of all */
	bool text;	 /* the part that is being read has more than blanks */
	bool had_text;	 /* so had the one before */
	bool closed;	 /* the close delimiter was read */
};

/* Begins at the start of the body. ERR_TOO_LARGE for a boundary that is too long, ERR_NOT_MAIL for an empty
 * one. */
MUST_USE int multipart_begin(struct multipart *multipart, struct input *input, const char *boundary);

/* Some bytes of the present part, 0 at its end: an input_source. Before multipart_next was called, of the
 * preamble; after it told the end, of the epilogue. */
MUST_USE int multipart_read(void *multipart, void *into, size_t size, size_t *ret_length);

/* Passes over the rest of the present part; *ret_more: whether another one begins. */
MUST_USE int multipart_next(struct multipart *multipart, bool *ret_more);

#endif
