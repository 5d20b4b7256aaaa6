/* SPDX-License-Identifier: ISC
 *
 * A request to sign: a mail, or bytes.
 */
#ifndef SMIME_WORKER_SIGN_REQUEST_H
#define SMIME_WORKER_SIGN_REQUEST_H

#include "cms_sign.h"

struct sign_request {
	struct input *input;
	struct output *output;
	const char *signer; /* a name as keys_select has them; NULL: the sender's key, or the only one */
	bool mail;	    /* a mail in and out; else bytes in, CMS out */
	bool crlf;	    /* the bytes are text: their lines are made to end with CRLF */
	bool protect_header;
	struct armor armor; /* of CMS */
	struct sign_options options;
};

/* Nothing is asked for yet but what the person prefers. */
void sign_request_init(struct sign_request *ret_request);

/* Signs. *ret_key: with which key; borrowed, until keys are listed again. ERR_USAGE for what does not go together: a mail,
 * and what is for bytes. */
MUST_USE int sign_request_run(const struct sign_request *request, struct key **ret_key);

#endif
