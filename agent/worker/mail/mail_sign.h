/* SPDX-License-Identifier: ISC
 *
 * A mail in, a signed mail out: multipart/signed (RFC 8551 section 3.5.3) or an opaque
 * application/pkcs7-mime (section 3.5.2). The mail's own header fields stay outside and stay as
 * they are; its Content- fields go inside with the body, and copies of the others (RFC 9788).
 */
#ifndef SMIME_WORKER_MAIL_SIGN_H
#define SMIME_WORKER_MAIL_SIGN_H

#include "cms_sign.h"
#include "entity.h"

/* Signs the mail whose header was read already (mime_read_header) and whose body is next in input. */
MUST_USE int mail_sign(struct input *input, struct view header, enum protection protection,
		       struct output *output, struct key *key, const struct sign_options *options);

/* The same without the fields that stay outside: a signed entity, to be encrypted. Not flushed. */
MUST_USE int mail_sign_entity(struct entity *entity, struct output *output, struct key *key,
			      const struct sign_options *options);

#endif
