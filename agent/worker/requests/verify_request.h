/* SPDX-License-Identifier: ISC
 *
 * A request to verify: a mail, or a SignedData.
 */
#ifndef SMIME_WORKER_VERIFY_REQUEST_H
#define SMIME_WORKER_VERIFY_REQUEST_H

#include "layer.h"
#include "output.h"
#include "trust.h"

struct verify_request {
	struct input *input;
	struct input *content; /* of a detached SignedData; or NULL */
	struct output *output; /* what was signed goes here; or NULL */
	bool mail;
	int64_t at; /* the time to judge by, seconds since 1970; 0: now */
	struct trust_request trust;
};

/* Looks at the message, and puts what it finds into the list, which was initialised. How that ended is its `error`; a message
 * that could not be read to its end has layers all the same. Good signers are kept in the store. Errors only of `trust`:
 * nothing was looked at then. */
MUST_USE int verify_request_run(const struct verify_request *request, struct layer_list *layers);

/* Whether there is a signature in it to tell of. */
bool verify_request_found(const struct layer_list *layers);

#endif
