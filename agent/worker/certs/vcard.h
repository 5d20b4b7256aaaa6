/* SPDX-License-Identifier: ISC
 *
 * vCards (2.1; 3.0, RFC 2426; 4.0, RFC 6350), as far as certificates are in them. A parser only.
 */
#ifndef SMIME_WORKER_VCARD_H
#define SMIME_WORKER_VCARD_H

#include "buf.h"

/* Whether the bytes begin as a vCard does. */
bool vcard_is(struct view bytes);

/* What a KEY property has. */
enum vcard_key {
	VCARD_END,	 /* there is no further one */
	VCARD_BASE64,	 /* base64, white space and all */
	VCARD_ELSEWHERE, /* only where it is: a URI, which is not fetched; or no binary at all */
};

/* Takes lines off *text, up to and with the next KEY property; its value is put into `value`.
 * ERR_NO_MEMORY; ERR_TOO_LARGE for a value over the buffer's limit. */
MUST_USE int vcard_next(struct view *text, struct buf *value, enum vcard_key *ret_kind);

#endif
