/* SPDX-License-Identifier: ISC
 *
 * Logging in to a token: where the PIN comes from, who is asked, and how often. The rules: a PIN
 * that failed is not sent again; the last try before a PIN locks is spent only by a person who was
 * told so; one login serves all who wait for it.
 */
#ifndef SMIME_BROKER_LOGIN_H
#define SMIME_BROKER_LOGIN_H

#include "keyring.h"
#include "secret.h"

/* err 0: the token is logged in. */
typedef void (*login_done)(void *context, int err);

/* Logs in for `peer`, the client that waits, with a PIN from the cache, the configured source, the reader's PIN pad,
 * or a person, in this order. Always calls `done`, once; perhaps at once. */
void login_token(struct token *token, uint32_t peer, login_done done, void *context);

/* The same with the client's own PIN, which is taken. Nobody is asked any more; where the token is open, the PIN is
 * compared. */
void login_with_pin(struct token *token, uint32_t peer, struct secret *pin, login_done done, void *context);

/* The token's card was pulled: a person who is asked for its PIN is asked no more. */
void login_token_left(struct token *token);
/* Tokens may be configured no more: nobody is asked for their PINs. */
void logins_check(void);

#endif
