/* SPDX-License-Identifier: ISC
 *
 * What the person set for mail (smime-agent.conf(5)), as the broker told it at the start.
 */
#ifndef SMIME_WORKER_PREFERENCES_H
#define SMIME_WORKER_PREFERENCES_H

#include "messages.h"

struct preferences {
	bool protect_headers, encrypt_to_self, hide_subject;
	int cipher; /* NID; NID_undef: what all can read */
	bool no_gcm; /* neither used, where it is not asked for, nor said to be read */
};

void preferences_set(const struct msg_hello *hello);
const struct preferences *preferences_get(void);

#endif
