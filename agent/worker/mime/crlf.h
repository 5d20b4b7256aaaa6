/* SPDX-License-Identifier: ISC
 *
 * An input as text whose lines end with CRLF, which is what mail signs and encrypts (RFC 8551 section 3.1.1).
 */
#ifndef SMIME_WORKER_CRLF_H
#define SMIME_WORKER_CRLF_H

#include "input.h"

#define CRLF_CHUNK 32768

struct crlf {
	struct input *input; /* borrowed */
	uint8_t last;	     /* of the bytes before */
	uint8_t raw[CRLF_CHUNK];
	struct buf text; /* of one chunk */
	size_t at;	 /* what of it was read */
};

#define CLEAN_CRLF CLEANUP(crlf_done)

void crlf_init(struct crlf *crlf, struct input *input);
void crlf_done(struct crlf *crlf);

/* As input_read; has the shape of an input's source. */
MUST_USE int crlf_read(void *crlf, void *into, size_t size, size_t *ret_length);

#endif
