/* SPDX-License-Identifier: ISC
 *
 * A request to encrypt: a mail, or bytes.
 */
#ifndef SMIME_WORKER_ENCRYPT_REQUEST_H
#define SMIME_WORKER_ENCRYPT_REQUEST_H

#include "cms_sign.h"
#include "recipient.h"
#include "status_line.h"

struct encrypt_request {
	struct input *input;
	struct output *output;
	struct recipients *recipients; /* a mail's are added where it has none, and oneself */
	const char *signer;	       /* as in struct sign_request; also one's own key as a recipient, for bytes */
	bool mail;		       /* a mail in and out; else bytes in, CMS out */
	bool crlf;		       /* the bytes are text: their lines are made to end with CRLF */
	bool sign;		       /* and sign what is encrypted */
	bool opaque;		       /* of a signed mail: SignedData around it, not multipart/signed */
	bool to_self;		       /* one's own key is a recipient, too */
	bool skip_missing;	       /* leave those out who have no certificate that can be used */
	bool separate_bcc;	       /* those of Bcc get messages of their own */
	bool oaep;		       /* RSAES-OAEP for every RSA key */
	bool hide_subject, protect_header;
	int cipher; /* NID; NID_undef: what all can read */
	bool no_gcm;
	struct armor armor; /* of CMS */
	struct sign_options sign_options;
	/* Told of recipients without a certificate (INV_RECP), of the Bcc addresses (BCC), and WARNING. */
	status_line tell;
};

/* Nothing is asked for yet but what the person prefers. */
void encrypt_request_init(struct encrypt_request *ret_request);

/* Encrypts. Nothing is written before every recipient has a certificate, and no PIN is asked for: else ERR_RECIPIENT. ERR_USAGE
 * for what does not go together: a mail, and what is for bytes; and for nobody to encrypt to. */
MUST_USE int encrypt_request_run(const struct encrypt_request *request);

#endif
