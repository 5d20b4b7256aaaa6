/* SPDX-License-Identifier: ISC
 *
 * A mail in, an encrypted mail out: application/pkcs7-mime (RFC 8551 section 3.3), around the mail's entity or
 * around that entity signed.
 */
#ifndef SMIME_WORKER_MAIL_ENCRYPT_H
#define SMIME_WORKER_MAIL_ENCRYPT_H

#include "cms_encrypt.h"
#include "mail_sign.h"

struct encrypt_options {
	int cipher; /* NID */
	const struct cms_recipient *recipients;
	size_t recipient_count;
	enum protection protection; /* of a mail's header */
	struct key *signer;	    /* NULL: encrypted only */
	struct sign_options sign;
};

/* Encrypts the mail whose header was read already (mime_read_header) and whose body is next in input. Bcc fields
 * stay out of what comes out. */
MUST_USE int mail_encrypt(struct input *input, struct view header, struct output *output,
			  const struct encrypt_options *options);

/* Bytes in, CMS out, without armor and not flushed; with a signer, around an opaque signed message. */
MUST_USE int raw_encrypt(struct input *input, struct output *output, const struct encrypt_options *options);

#endif
