/* SPDX-License-Identifier: ISC
 *
 * PINs that were entered and worked, kept in locked memory for as long as the configuration says.
 * When a PIN's time is over, it is forgotten and the token is logged out.
 */
#ifndef SMIME_BROKER_PINCACHE_H
#define SMIME_BROKER_PINCACHE_H

#include "keyring.h"

/* PINs that failed and are not to be sent again: the list takes `pin` (may be NULL), and forgets the
 * oldest for it when full. */
void bad_pins_add(struct bad_pins *list, struct secret *pin);
bool bad_pins_have(const struct bad_pins *list, const struct secret *pin);
bool bad_pins_any(const struct bad_pins *list);
void bad_pins_done(struct bad_pins *list);

/* The token took this PIN, which somebody gave for it now or before: it was no wrong one for a key that it seemed wrong for. */
void pincache_proved(struct token *token, const struct secret *pin, bool given);

/* Keeps a PIN that worked (takes it; NULL for one that was typed at the reader). */
void pincache_put(struct token *token, struct secret *pin);
/* The cached PIN, or NULL; borrowed. */
const struct secret *pincache_get(const struct token *token);
/* Whether a client's PIN for a token that is open is the cached one; any is, where none is cached.
 * ERR_PIN_WRONG; ERR_FORBIDDEN after too many wrong ones. */
MUST_USE int pincache_compare(struct token *token, const struct secret *pin);
/* The token was used: its PIN lives on. */
void pincache_used(struct token *token);
/* Forgets the PIN; does not log out. */
void pincache_forget(struct token *token);

/* The token refused the cached PIN, which somebody changed meanwhile: it is a bad one now. */
void pincache_failed(struct token *token);

/* Forgets the PIN and logs the token out; the same for every token. */
void pincache_lock(struct token *token);
void pincache_lock_all(void);

/* Where the configuration says that the token's PIN is: an open descriptor, or -1. */
int pincache_open_source(const struct token *token);
/* The configuration was read again: sources that failed may be tried again, and the new limits are
 * in force at once. */
void pincache_settings_changed(void);

#endif
