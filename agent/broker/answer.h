/* SPDX-License-Identifier: ISC
 *
 * The broker's answers to what workers ask: one function per message.
 */
#ifndef SMIME_BROKER_ANSWER_H
#define SMIME_BROKER_ANSWER_H

#include "peer.h"

/* Answers, or begins to. A failure ends the worker. */
MUST_USE int answer_worker(struct peer *peer, struct message *message);

/* The client went, and with it what was begun for it. */
void answer_peer_gone(uint32_t peer);

#endif
