/* SPDX-License-Identifier: ISC
 *
 * What the module's tokens hold: read once when a token appears, kept until it goes. The list is
 * guarded by one lock: operations share it, a look takes it alone.
 */
#ifndef SMIME_TOKEN_OBJECTS_H
#define SMIME_TOKEN_OBJECTS_H

#include "messages.h"
#include "session.h"

/* Bounds on what a module may claim to have. */
#define TOKENS_MAX 64
#define CERTS_MAX 2000
#define CERT_DER_MAX 32768
#define KEY_ID_MAX 128
#define LABEL_MAX 256

#define PUBLIC_MAX 4096 /* a modulus, a curve, a point */

/* A certificate, or a key without one (der is empty). */
struct key {
	struct key *next;
	uint32_t ref;
	uint16_t flags; /* CERT_* */
	CK_OBJECT_HANDLE handle; /* of the private key, where CERT_KEY */
	enum key_type type;	 /* of a key without a certificate, and its public half: */
	struct buf parameters, public_value;
	bool private_only;	 /* known from its private object alone, which is seen while logged in */
	struct buf id, label, der;
};

struct token {
	struct token *next;
	uint32_t ref;
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	CK_SLOT_INFO slot_info;
	uint32_t mechanisms; /* TOKEN_RSA_RAW and so on */
	bool seen;	     /* by the look that is going on */
	bool open;	     /* initialised, with a pool of sessions */
	bool unread;	     /* initialised, but its objects could not be read the last time */
	struct session_pool pool;
	pthread_rwlock_t login_lock; /* operations share it, login and logout take it alone */
	pthread_mutex_t derive_lock; /* ykcs11 has room for one derived secret */
	struct key *keys;
};

/* For the start of the process. */
void objects_init(void);

/* Looks at every slot; reads the objects of tokens that are new or unread, or of all if `deep`. */
MUST_USE int objects_look(bool deep);

/* Reads the token's PIN flags anew: another program may have spent tries. ERR_PIN_LOCKED;
 * ERR_PIN_LAST_TRY unless `last_try`; ERR_TOKEN_REMOVED where another token is in its slot. The
 * caller holds the token's login_lock alone. */
MUST_USE int objects_check_tries(struct token *token, bool last_try);

/* While a person types at a PIN pad, a look would wait for it, and everybody for the look: then
 * objects_look leaves the list as it is. */
void objects_hold_looks(bool hold);

/* Between these two, tokens and keys that were found stay. */
void objects_share(void);
void objects_unshare(void);
struct token *objects_first(void);
struct token *objects_token(uint32_t ref);
struct key *objects_key(uint32_t ref, struct token **ret_token);

#endif
