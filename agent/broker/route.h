/* SPDX-License-Identifier: ISC
 *
 * The way of a key operation: from a worker to the host that has the key, logging in on the way,
 * repeating it once where that helps, and back.
 */
#ifndef SMIME_BROKER_ROUTE_H
#define SMIME_BROKER_ROUTE_H

#include "host.h"
#include "peer.h"

struct token;

/* Takes SIGN, DECRYPT or DERIVE from a worker; its RESULT follows. ERR_PROTOCOL. */
MUST_USE int route_key_op(struct peer *peer, struct message *message);

/* A host became ready, or failed for good: what waited for it goes on. */
void route_host_changed(struct host *host);

/* Its reader says that the token went: who waits for a verdict on a failure has it. */
void route_token_left(const struct token *token);

/* The peer went: its requests are dropped, and their answers when they come. */
void route_peer_gone(uint32_t peer);

/* Whether an operation with a key of the token is in flight. */
bool route_uses(const struct token *token);

/* Operations in flight. */
unsigned int route_count(void);

#endif
