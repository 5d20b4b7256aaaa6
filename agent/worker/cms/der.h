/* SPDX-License-Identifier: ISC
 *
 * DER (X.690) put together and taken apart by hand, for messages whose content does not go through
 * OpenSSL: what is taken apart is OpenSSL's own output.
 */
#ifndef SMIME_WORKER_DER_H
#define SMIME_WORKER_DER_H

#include "output.h"

/* The header of an element with that many bytes in it. */
MUST_USE int der_add_header(struct buf *into, uint8_t tag, size_t length);
/* How long such an element is, with its header. */
size_t der_element_size(size_t length);

/* Takes one element from the front: the whole of it, and what is in it. ERR_INTERNAL. */
MUST_USE int der_take(struct view *from, struct view *ret_whole, struct view *ret_inside);

/* A primitive octet string with these bytes: a segment of one of indefinite length. */
MUST_USE int der_write_segment(struct output *output, const void *data, size_t length);

#endif
