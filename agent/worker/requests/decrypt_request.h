/* SPDX-License-Identifier: ISC
 *
 * A request to decrypt: a mail, or CMS.
 */
#ifndef SMIME_WORKER_DECRYPT_REQUEST_H
#define SMIME_WORKER_DECRYPT_REQUEST_H

#include "input.h"
#include "keys.h"
#include "output.h"

struct decrypt_request {
	struct input *input;
	struct output *output;
	const char *name; /* the key for a message that names none of those that are known; NULL */
	bool mail;	  /* a mail in and out; else CMS in, its content out */
	/* Of CMS: told the key that opened it, before the first of the content; or NULL. */
	int (*opened)(const struct key *key);
};

/* What was written before an error must be thrown away. */
MUST_USE int decrypt_request_run(const struct decrypt_request *request);

#endif
