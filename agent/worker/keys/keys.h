/* SPDX-License-Identifier: ISC
 *
 * The keys that this worker's client may use, as the broker lists them: certificates parsed once
 * and kept for the connection, and the ways to find one.
 */
#ifndef SMIME_WORKER_KEYS_H
#define SMIME_WORKER_KEYS_H

#include "cert.h"
#include "messages.h"

struct token {
	struct token *next;
	uint32_t ref, flags; /* TOKEN_* */
	char *label, *manufacturer, *model, *serial, *module, *reader;
};

struct key {
	struct key *next;
	uint32_t ref;
	uint16_t flags; /* CERT_* */
	const struct token *token;
	struct buf id, label;
	X509 *cert; /* NULL for a key without one, which is known by its public half: */
	uint8_t type; /* enum key_type */
	struct buf parameters, public_value;
	char fingerprint[CERT_FINGERPRINT_SIZE];
	unsigned int uses; /* CERT_USE_* */
	/* made when they are first needed */
	EVP_PKEY *remote;
	STACK_OF(X509) *chain;
	struct buf ess_cert; /* SigningCertificateV2, DER */
};

/* Certificates from a PEM file that complete chains. Reads and closes the descriptor. */
void keys_read_chain_file(int fd);

/* Has the list as it is now, after a look. Keys found before are gone
 * if it changed. */
MUST_USE int keys_refresh(enum list_look look);

const struct token *keys_tokens(void);
/* Those with a certificate, and those without. */
struct key *keys_first(void);
const struct key *keys_bare(void);
/* Those with a certificate on tokens that went and may come back: the broker asks for the card when
 * one is used. */
struct key *keys_absent(void);
/* Of either kind; NULL. */
const struct key *keys_find(uint32_t ref);
/* The token of the key with this ref, also of one that went: its card may be back by the time that the key is used. NULL. */
const struct token *keys_token_of(uint32_t ref);
/* The public half of an EC or X25519 key; NULL for others. The caller frees. */
EVP_PKEY *keys_public(const struct key *key);

/* The one key for this use, if none is there then of those that are absent, that `name` fits: a pkcs11: URI, a mail address, a label, or the start
 * of a fingerprint (at least 6 digits); NULL fits all. ERR_NO_KEY, ERR_AMBIGUOUS, ERR_CERT_EXPIRED,
 * ERR_KEY_UNUSABLE; keys_detail says which. */
MUST_USE int keys_select(const char *name, enum cert_use use, struct key **ret_key);
/* Whether `name` fits the key, as above; NULL fits every key, and what is no URI none. */
bool keys_fit(const struct key *key, const char *name);
/* The token that `name` fits: a label, a pkcs11: URI, or a key on it. */
MUST_USE int keys_select_token(const char *name, const struct token **ret_token);
const char *keys_detail(void);
void keys_clear_detail(void);

/* The key as OpenSSL's, and the certificates that go with it; NULL on failure. Borrowed. */
EVP_PKEY *keys_remote(struct key *key);
STACK_OF(X509) *keys_chain(struct key *key);

/* Adds the certificates of the chain file and of the tokens, also those that went, borrowed, as issuers that a path may
 * need; false without memory. */
bool keys_add_issuers(STACK_OF(X509) *pool);

/* The certificate's issuer, if it is or was on a token, or is in the chain file; NULL. Borrowed. */
X509 *keys_issuer(X509 *cert);

/* valid, expired, no-key, unusable: for lists. */
const char *keys_state(const struct key *key);

#endif
