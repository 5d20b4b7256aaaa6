/* SPDX-License-Identifier: ISC
 *
 * Locking a token: its PIN is forgotten, and it is logged out.
 */
#ifndef SMIME_BROKER_LOCK_H
#define SMIME_BROKER_LOCK_H

#include "keyring.h"

void lock_token(struct token *token);
void lock_all(void);
/* The time of the token's PIN is over (pincache_when_expired). */
void lock_expired(uint32_t token);

#endif
