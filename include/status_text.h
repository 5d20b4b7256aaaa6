/* SPDX-License-Identifier: ISC
 *
 * What `smime status` prints, put together of the broker's facts: a line each, or one JSON object.
 */
#ifndef SMIME_STATUS_TEXT_H
#define SMIME_STATUS_TEXT_H

#include "buf.h"

/* Facts of which there may be several: arrays in JSON. */
#define STATUS_TEXT_SEVERAL 3

struct status_text {
	struct buf *into; /* the caller's */
	bool json;
	struct buf several[STATUS_TEXT_SEVERAL];
};

/* The facts are appended to `into`. The struct is to be given to status_text_done, also after an error. */
MUST_USE int status_text_begin(struct status_text *status, struct buf *into, bool json);
/* One fact. ERR_TOO_LARGE, ERR_NO_MEMORY; ERR_PROTOCOL for a name of more than 31 bytes. */
MUST_USE int status_text_add(struct status_text *status, struct view name, struct view value);
MUST_USE int status_text_end(struct status_text *status);
void status_text_done(struct status_text *status);
#define CLEAN_STATUS_TEXT CLEANUP(status_text_done)

#endif
