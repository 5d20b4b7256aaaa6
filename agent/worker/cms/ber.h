/* SPDX-License-Identifier: ISC
 *
 * A pull parser for BER (X.690) over an input of any size: definite and indefinite lengths, octet
 * strings in segments. Knows how deep it is and how much each enclosing element has left, so that
 * a length that its surroundings do not have is an error where it stands.
 */
#ifndef SMIME_WORKER_BER_H
#define SMIME_WORKER_BER_H

#include "input.h"

/* CMS needs 6 levels to its content; segments of segments of octet strings a few more. */
#define BER_DEPTH 24

enum ber_tag {
	BER_END = 0x00,
	BER_INTEGER = 0x02,
	BER_OCTET_STRING = 0x04,
	BER_OID = 0x06,
	BER_SEQUENCE = 0x30,
	BER_SET = 0x31,
	BER_CONTEXT_0 = 0xa0,
	BER_CONTEXT_1 = 0xa1,
	BER_CONTEXT_2 = 0xa2,
	BER_CONSTRUCTED = 0x20,
};

struct ber_level {
	uint64_t left; /* bytes; BER_UNKNOWN where no enclosing length is known */
	bool indefinite;
};

#define BER_UNKNOWN UINT64_MAX

struct ber {
	struct input *input;
	unsigned int depth;
	struct ber_level levels[BER_DEPTH];
	bool have_tag; /* the next tag was read already */
	uint8_t tag;
	/* An octet string that is being read: levels above octets_depth are its segments. */
	unsigned int octets_depth;
	uint64_t octets_left; /* of the present primitive segment */
	bool octets_primitive; /* the whole string is one segment */
};

void ber_init(struct ber *ber, struct input *input);

/* The tag of the element that comes next in the present one; BER_END at its end. Tags of more than
 * one byte are ERR_BAD_CMS: CMS has none. */
MUST_USE int ber_peek(struct ber *ber, uint8_t *ret_tag);

/* Goes into the next element, which must have this tag. ERR_BAD_CMS. */
MUST_USE int ber_enter(struct ber *ber, uint8_t tag);
/* Goes out of the present one, which must be at its end. */
MUST_USE int ber_leave(struct ber *ber);

/* Copies the next element whole, as it is. ERR_TOO_LARGE over into's limit. */
MUST_USE int ber_copy(struct ber *ber, struct buf *into);

/* Begins to read the octets of an OCTET STRING with this tag (without the constructed bit). */
MUST_USE int ber_octets_begin(struct ber *ber, uint8_t tag);
/* Some octets; 0 of them is the end, and ends the element. */
MUST_USE int ber_octets_read(struct ber *ber, void *into, size_t size, size_t *ret_length);

#endif
