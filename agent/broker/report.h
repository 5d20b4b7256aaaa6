/* SPDX-License-Identifier: ISC
 *
 * What a token process tells of its tokens in answer to one LOOK or LOGIN: a list of rows, each a token or a certificate on
 * a token named before it. A report is a value: it is collected and checked here, and means nothing until the keyring takes
 * it as a whole.
 */
#ifndef SMIME_BROKER_REPORT_H
#define SMIME_BROKER_REPORT_H

#include "messages.h"

/* Of one module. More is left out: one module's many must not cost another its few. */
#define REPORT_TOKENS_MAX 64
#define REPORT_KEYS_MAX 4096

struct report_row {
	struct report_row *next;
	enum message_type type; /* MSG_TOKEN or MSG_CERT */
	struct buf payload;	/* owned, and known to decode */
};

struct report {
	struct report_row *first, *last;
	unsigned int tokens, keys; /* that were told, with those that are left out */
	uint32_t refs[REPORT_TOKENS_MAX]; /* of the tokens, which the token process chose */
};

/* Adds a row, of which it keeps a copy. ERR_PROTOCOL for what is no row, a field that PKCS#11 cannot have, a
 * ref that is 0 or another token's, or a certificate of a token that was not told before; ERR_NO_MEMORY. */
MUST_USE int report_add(struct report *report, enum message_type type, struct view payload);

/* Whether the module has more than fits. */
bool report_is_cut(const struct report *report);

void report_done(struct report *report);

#endif
