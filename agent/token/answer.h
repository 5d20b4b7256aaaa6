/* SPDX-License-Identifier: ISC
 *
 * The token process's answers to the broker's messages: one function per message. Each sends its
 * replies, RESULT last, and fails only if the channel does.
 */
#ifndef SMIME_TOKEN_ANSWER_H
#define SMIME_TOKEN_ANSWER_H

#include "channel.h"

MUST_USE int answer_modules(struct channel *channel, const struct message *message);
MUST_USE int answer_look(struct channel *channel, const struct message *message);
MUST_USE int answer_sign(struct channel *channel, const struct message *message);
MUST_USE int answer_decrypt(struct channel *channel, const struct message *message);
MUST_USE int answer_derive(struct channel *channel, const struct message *message);
MUST_USE int answer_login(struct channel *channel, const struct message *message);
MUST_USE int answer_logout(struct channel *channel, const struct message *message);

/* RESULT without data. */
MUST_USE int answer_error(struct channel *channel, uint32_t id, int err, const char *detail);

#endif
