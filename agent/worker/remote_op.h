/* SPDX-License-Identifier: ISC
 *
 * Inside the provider of remote_key.h: its key, and the tables of its operations.
 */
#ifndef SMIME_WORKER_REMOTE_OP_H
#define SMIME_WORKER_REMOTE_OP_H

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <stdint.h>

enum remote_kind { REMOTE_RSA, REMOTE_EC, REMOTE_ED25519 };

/* OpenSSL's key data. Counted, because operation contexts hold it too. One thread. */
struct remote_key {
	enum remote_kind kind;
	unsigned int holders;
	EVP_PKEY *public_key; /* of the default provider */
	uint32_t ref;	      /* 0: a public key only */
};

struct remote_key *remote_key_hold(struct remote_key *key);
void remote_key_release(struct remote_key *key);

/* For fetching from the default provider what this one does not do itself. */
#define REMOTE_ELSEWHERE "provider=default"

extern const OSSL_DISPATCH remote_signature[];
extern const OSSL_DISPATCH remote_cipher[];
extern const OSSL_DISPATCH remote_exchange[];

#define REMOTE_FUNCTION(id, function)                \
	{                                            \
		id, (void (*)(void))function \
	}
#define REMOTE_END \
	{          \
		0, NULL \
	}

#endif
