/* SPDX-License-Identifier: ISC
 *
 * Logging in to a token: where the PIN comes from, who is asked, and how often. The rules: a PIN
 * that failed is not sent again; the last try before a PIN locks is spent only by a person who was
 * told so; one login serves all who wait for it.
 */
#ifndef SMIME_BROKER_LOGIN_H
#define SMIME_BROKER_LOGIN_H

#include "keyring.h"

/* err 0: the token is logged in. */
typedef void (*login_done)(void *context, int err);

/* Logs in. `peer` is the client that waits; `pin_fd` is where the PIN is to be read from, or -1
 * for the cache, the configured source, the reader's PIN pad, or a person, in this order. Always
 * calls `done`, once; perhaps at once. */
void login_token(struct token *token, uint32_t peer, int pin_fd, login_done done, void *context);

/* The token's card was pulled: a person who is asked for its PIN is asked no more. */
void login_token_left(struct token *token);

#endif
