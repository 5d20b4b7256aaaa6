/* SPDX-License-Identifier: ISC
 *
 * A mail's header and what is signed: whether the sender is the signer, and whether a header that was
 * protected (RFC 9788) is the one that stands outside.
 */
#ifndef SMIME_WORKER_PROTECTED_HEADER_H
#define SMIME_WORKER_PROTECTED_HEADER_H

#include "layer.h"
#include "mime.h"

/* What the header says of its protection: the hp parameter of Content-Type. */
enum header_protection { HEADER_NOT_PROTECTED, HEADER_CLEAR, HEADER_CIPHER };
enum header_protection header_protection(struct view payload);

/* Whether this field of a payload's header is a protected field of the mail: not about the body, not
 * one of HP-Outer, nor what mail servers write. */
bool header_is_protected(const struct mime_field *field);

/* Compares the header of the payload with the mail's, and notes in the layer what differs. */
MUST_USE int header_compare(struct layer *layer, struct view payload, struct view outer);

/* Adds to each signature of the layer whether its signer is the header's sender. */
void header_judge_sender(struct layer *layer, struct view outer);

#endif
