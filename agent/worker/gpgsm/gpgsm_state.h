/* SPDX-License-Identifier: ISC
 *
 * What a client of gpgsm's dialect said for its next commands, and how they write.
 */
#ifndef SMIME_WORKER_GPGSM_STATE_H
#define SMIME_WORKER_GPGSM_STATE_H

#include "error.h"

#include <stdbool.h>

enum gpgsm_encoding { GPGSM_BINARY, GPGSM_ARMOR, GPGSM_BASE64 };

struct gpgsm_state {
	enum gpgsm_encoding output;
	bool with_secret, with_validation, offline, always_trust, to_output, not_to_self;
	long list_mode;
	int certs; /* for sign_options */
};
extern struct gpgsm_state gpgsm_state;

/* What is written to client.out in between comes out as OUTPUT's encoding says. */
MUST_USE int gpgsm_begin_output(const char *label);
MUST_USE int gpgsm_end_output(const char *label);

#endif
