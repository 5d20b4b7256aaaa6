/* SPDX-License-Identifier: ISC
 *
 * What the broker knows of PINs, by the ref of the token or key that they are for: PINs that were entered and worked, kept
 * in locked memory for as long as the configuration says; PINs that failed, which are not to be sent again; how often
 * somebody guessed. A key has an entry of its own only where it wants a PIN for each use.
 */
#ifndef SMIME_BROKER_PINCACHE_H
#define SMIME_BROKER_PINCACHE_H

#include "keyring.h"
#include "secret.h"

/* Calls back when a cached PIN's time is over and no operation holds it: the token with that ref is to be locked. */
void pincache_when_expired(void (*expired)(uint32_t token));

/* Keeps a PIN that worked (takes it; NULL for one that was typed at the reader). */
void pincache_put(const struct token *token, struct secret *pin);
/* The cached PIN, or NULL; borrowed. */
const struct secret *pincache_get(const struct token *token);
/* The token was used: its PIN lives on. */
void pincache_used(const struct token *token);
/* An operation with the token begins, and ends: until then its PIN is not over. By the token's ref. */
void pincache_hold(uint32_t token);
void pincache_release(uint32_t token);
/* Forgets the PIN; does not log out. */
void pincache_forget(const struct token *token);
/* The same, of a token that is locked: a cached PIN that is on its way to it is not to open it. */
void pincache_lock(const struct token *token);
/* How often that was. */
unsigned int pincache_locks(const struct token *token);
/* How many PINs are cached. */
unsigned int pincache_count(void);

/* Whether a client's PIN for a token that is open is the cached one; any is, where none is cached.
 * ERR_PIN_WRONG; ERR_FORBIDDEN after too many wrong ones, until a correct one is entered or a while is over. */
MUST_USE int pincache_compare(const struct token *token, const struct secret *pin);
/* The token refused the PIN (taken; may be NULL). The cached one is refused by name: somebody changed the PIN. */
void pincache_refuse(const struct token *token, struct secret *pin);
void pincache_refuse_cached(const struct token *token);
bool pincache_is_refused(const struct token *token, const struct secret *pin);
/* The token took the PIN, so that none is known to be wrong any more. `entered`: a person or a client gave it for this, and
 * the guesses before it are forgiven. */
void pincache_accepted(const struct token *token, const struct secret *pin, bool entered);
/* The token has a new PIN. */
void pincache_renewed(const struct token *token);

/* The same for the SO PIN, which has nothing to do with the user's: neither's failures count for the other. */
void pincache_refuse_so(const struct token *token, struct secret *pin);
bool pincache_is_refused_so(const struct token *token, const struct secret *pin);

/* The same for a key that wants a PIN for each use. `unclear`: the login was lost as the PIN was sent, so that it may have
 * been right; then it is no longer refused once its token takes the same one for a login. */
void pincache_refuse_key(const struct key *key, struct secret *pin, bool unclear);
bool pincache_is_refused_key(const struct key *key, const struct secret *pin);
bool pincache_key_has_refused(const struct key *key);
void pincache_accepted_key(const struct key *key);

/* Forgets the PINs of tokens that are absent, unless the configuration says to keep them, and everything of those that are
 * no longer known. To be called whenever tokens went. */
void pincache_check(void);

/* Where the configuration says that the token's PIN is: an open descriptor, or -1. */
int pincache_open_source(const struct token *token);
/* The PIN from there was wrong: it is not read again before the configuration is. */
void pincache_source_failed(const struct token *token);
/* The configuration was read again: sources that failed may be tried again, and the new limits are
 * in force at once. */
void pincache_settings_changed(void);

#endif
