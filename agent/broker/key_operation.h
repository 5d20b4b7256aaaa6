/* SPDX-License-Identifier: ISC
 *
 * The way of a key operation: from a worker to the token process that has the key, logging in on the way, repeating it once
 * where that helps, and back.
 */
#ifndef SMIME_BROKER_KEY_OPERATION_H
#define SMIME_BROKER_KEY_OPERATION_H

#include "keyring.h"
#include "peer.h"

/* Takes SIGN, DECRYPT or DERIVE from a worker; its RESULT follows. ERR_PROTOCOL. */
MUST_USE int key_operation_take(struct peer *peer, struct message *message);

/* The state of a token process changed, or it is no longer configured: what waited for it goes on. */
void key_operations_resume(void);

/* Its reader says that the token went: who waits for a verdict on a failure has it. */
void key_operations_token_left(const struct token *token);

/* The peer went: its operations are dropped, and their answers when they come. */
void key_operations_peer_gone(uint32_t peer);

/* Operations in flight. */
unsigned int key_operations_count(void);

#endif
