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

/* Gets the PIN for one use of a key that wants it each time: from `pin_fd` if it is not -1, else from
 * the configured source or a person, never from the cache. `pin` is owned by the callee; NULL with
 * err 0 for a PIN pad.
 * ERR_PIN_WRONG for a PIN that failed for the key before: ask again, with it as last_err. */
typedef void (*login_pin_done)(void *context, int err, struct secret *pin);
void login_pin_for_use(struct key *key, uint32_t peer, int pin_fd, int last_err, login_pin_done done,
		       void *context);

#endif
