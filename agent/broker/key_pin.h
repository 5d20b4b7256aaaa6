/* SPDX-License-Identifier: ISC
 *
 * The PIN of a key that asks for it each time (CKA_ALWAYS_AUTHENTICATE).
 */
#ifndef SMIME_BROKER_KEY_PIN_H
#define SMIME_BROKER_KEY_PIN_H

#include "keyring.h"
#include "secret.h"

/* Gets the PIN for one use of a key that wants it each time: from `pin_fd` if it is not -1, else from
 * the configured source or a person, never from the cache. `pin` is owned by the callee; NULL with
 * err 0 for a PIN pad. ERR_PIN_WRONG for a PIN that failed for the key before: ask again, with it as last_err. */
typedef void (*key_pin_done)(void *context, int err, struct secret *pin);
void key_pin_ask(const struct key *key, uint32_t peer, int pin_fd, int last_err, key_pin_done done,
		       void *context);

#endif
