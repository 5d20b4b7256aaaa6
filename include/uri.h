/* SPDX-License-Identifier: ISC
 *
 * pkcs11: URIs (RFC 7512), as far as they name tokens and objects. Stricter than p11-kit's parser,
 * which takes the last of two ids and a PIN in the path; and the broker and the worker need no
 * PKCS#11 library for it.
 */
#ifndef SMIME_URI_H
#define SMIME_URI_H

#include "buf.h"

/* What is absent is NULL, and matches everything. */
struct uri {
	char *token, *manufacturer, *model, *serial, *object;
	struct buf id;
	bool has_id;
};

/* Parses. ERR_USAGE for what is no URI, an attribute twice, an unknown path attribute, or a PIN
 * (pin-value, pin-source): a PIN has no place in a command line. The caller frees with uri_done,
 * also after a failure. */
MUST_USE int uri_parse(const char *text, struct uri *ret_uri);
void uri_done(struct uri *uri);

bool uri_match_token(const struct uri *uri, const char *label, const char *manufacturer,
		     const char *model, const char *serial);
bool uri_match_object(const struct uri *uri, struct view label, struct view id);

/* Appends the URI of an object. */
MUST_USE int uri_format(struct buf *buf, const char *token, const char *manufacturer,
			const char *model, const char *serial, struct view object, struct view id);

#endif
