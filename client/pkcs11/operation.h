/* SPDX-License-Identifier: ISC
 *
 * A signature or decryption between its Init and its end. It belongs to its session, but for the time
 * that a call takes it out to work on it: then no other thread finds it.
 */
#ifndef SMIME_PKCS11_OPERATION_H
#define SMIME_PKCS11_OPERATION_H

#include "agent.h"
#include "cipher.h"
#include "hash.h"

/* What is collected of a message that a token digests or decrypts itself: EdDSA's message, an RSA block. */
#define OPERATION_DATA_MAX 6144

struct operation {
	struct agent_request request; /* its label and data are views of these: */
	struct buf label, data;
	struct hash_state *hashing; /* the mechanism digests, with request.digest */
	enum hash digest;
	struct cipher *cipher; /* AES with a derived key, in this process */
	struct secret *pin;
	struct buf result; /* of a decryption that the caller had no room for */
	bool updated, done;
	CK_ULONG result_size; /* the most that it gives; 0: unknown */
};

struct operation *operation_new(void);
void operation_free(struct operation *operation);

/* The PIN for this one use. CKR_HOST_MEMORY, CKR_PIN_LEN_RANGE. */
CK_RV operation_set_pin(struct operation *operation, struct view pin);

/* Reads the mechanism's parameter into the request: hash, mgf, salt, label. */
CK_RV operation_set_pss(struct operation *operation, const CK_MECHANISM *mechanism);
CK_RV operation_set_oaep(struct operation *operation, const CK_MECHANISM *mechanism);

/* Adds to what is signed or decrypted. CKR_DATA_LEN_RANGE over the limit. */
CK_RV operation_update(struct operation *operation, const void *data, CK_ULONG length);

/* Asks the agent; the lock is let go meanwhile. */
CK_RV operation_ask(struct operation *operation, struct buf *into);

/* Hands out a result by the rules of PKCS#11 2.40 section 5.2: a NULL asks for its size. Gives
 * CKR_BUFFER_TOO_SMALL where `into` is. */
CK_RV operation_give(const struct buf *result, unsigned char *into, CK_ULONG *length);

#endif
