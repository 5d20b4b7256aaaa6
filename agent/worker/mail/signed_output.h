/* SPDX-License-Identifier: ISC
 *
 * What was signed, on its way out: held until the signature is known to be true, as far as it is small;
 * and in the form in which it was signed.
 */
#ifndef SMIME_WORKER_SIGNED_OUTPUT_H
#define SMIME_WORKER_SIGNED_OUTPUT_H

#include "output.h"

/* More than this goes out as it comes, like decrypted content. */
#define SIGNED_OUTPUT_HOLD (1024 * 1024)

struct signed_output {
	struct output *output; /* NULL: what comes is dropped */
	bool forms;	       /* what is too large to hold goes out with CRLF, as mail is signed */
	bool flowing;	       /* it was too large to hold */
	uint8_t last;
	struct buf held;
};

void signed_output_init(struct signed_output *out, struct output *output, bool forms);
void signed_output_done(struct signed_output *out);

MUST_USE int signed_output_write(struct signed_output *out, const void *data, size_t length);

/* The signature is true, of the canonical form or of the exact bytes. ERR_LINE_ENDS where they differ, and
 * it went out already in the other one. */
MUST_USE int signed_output_end(struct signed_output *out, bool differ, bool canonical);

#endif
