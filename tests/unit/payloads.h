/* SPDX-License-Identifier: ISC
 *
 * For every payload of payloads.def, made from it: example values, the size of the smallest, and
 * attacks on its codec. A new row is covered without a line here.
 */
#ifndef SMIME_UNIT_PAYLOADS_H
#define SMIME_UNIT_PAYLOADS_H

#include "messages.h"

/* Appends an example of the payload; `seed` varies the values. */
typedef int (*payload_example)(struct buf *buf, unsigned int seed);

struct payload {
	const char *name;
	size_t smallest; /* bytes with every view empty */
	payload_example example;
	void (*round_trip)(unsigned int seed);
	/* Decodes these bytes: 0 or an error. Untouched output on failure is asserted. */
	int (*decode)(struct view bytes);
};

extern const struct payload payloads[];
extern const size_t payload_count;

/* The payload of that name. Fails the test if there is none. */
const struct payload *payload_find(const char *name);

#endif
