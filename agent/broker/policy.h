/* SPDX-License-Identifier: ISC
 *
 * Which program may use which key for what, where the client and not the agent says what the key is
 * used on (DOOR_KEYS).
 */
#ifndef SMIME_BROKER_POLICY_H
#define SMIME_BROKER_POLICY_H

#include "keyring.h"
#include "peer.h"

/* Whether `peer` may do `type` (MSG_SIGN, MSG_DECRYPT, MSG_DERIVE) with the key through the door. The
 * first pkcs11-allow line that fits decides; without one, everything is allowed that the key is for.
 * ERR_FORBIDDEN; ERR_KEY_UNUSABLE where the key is known to be for other uses. */
MUST_USE int policy_check(const struct peer *peer, const struct key *key, enum message_type type,
			  enum door door);

#endif
