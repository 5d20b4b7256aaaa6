/* SPDX-License-Identifier: ISC
 *
 * Header protection on writing (RFC 9788): the mail's header fields go into what is signed or encrypted,
 * and some of them no longer outside.
 */
#ifndef SMIME_WORKER_PROTECT_H
#define SMIME_WORKER_PROTECT_H

#include "mime.h"

enum protection {
	PROTECT_NONE,
	PROTECT_CLEAR,	/* hp="clear": copies of fields that stay outside as they are */
	PROTECT_CIPHER, /* hp="cipher": and with HP-Outer what stands outside */
	PROTECT_HIDE,	/* the same, with the policy hcp_baseline: no subject, comments or keywords outside */
};

/* What was wanted, or PROTECT_NONE for a header that has nothing to protect (a MIME entity alone), that was
 * protected before, or whose Content-Type takes no parameter. */
enum protection protect_choose(struct view header, enum protection wanted);

/* Writes the fields of the payload: those of the MIME entity, and the protected ones. CRLF line ends, without the
 * empty line. */
MUST_USE int protect_write_payload(struct view header, enum protection protection, mime_sink sink, void *context);

/* Writes the fields that stay outside, without those of the MIME entity. `keep_bcc`: the mail goes to a program
 * that delivers it by them and takes them out. */
MUST_USE int protect_write_outer(struct view header, enum protection protection, bool keep_bcc, mime_sink sink,
				 void *context);

#endif
