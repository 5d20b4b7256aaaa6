/* SPDX-License-Identifier: ISC
 *
 * Verifying a mail, with all that is inside of it.
 */
#ifndef SMIME_WORKER_MAIL_VERIFY_H
#define SMIME_WORKER_MAIL_VERIFY_H

#include "layer.h"
#include "output.h"

struct verify_options {
	int64_t at;	       /* the time to judge by, seconds since 1970; 0: now */
	struct output *output; /* what was signed goes here, or NULL */
	bool as_stored;	       /* even what is too large to hold goes out with the line ends that it has here */
};

/* Reads a mail to its end and takes it apart: encrypted and signed layers, the parts of multiparts, mails
 * forwarded in it. What goes out is the content of the outermost signature around the whole message.
 *
 * What is wrong in the message is in the layers (layer_list_verdict); the errors are those of reading and
 * writing, a token's, ERR_NOT_MAIL, ERR_TOO_LARGE over a limit, and ERR_LINE_ENDS where what went out does not have
 * the line ends that were signed: begun again, with an empty output and the other way about, it has. */
MUST_USE int mail_verify(struct input *input, const struct verify_options *options,
			 struct layer_list *layers);

#endif
