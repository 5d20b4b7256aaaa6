/* SPDX-License-Identifier: ISC
 *
 * Inside the provider of remote_key.h: its key, and the tables of its operations.
 */
#ifndef SMIME_WORKER_REMOTE_OP_H
#define SMIME_WORKER_REMOTE_OP_H

#include "messages.h"

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <stdint.h>

enum remote_kind { REMOTE_RSA, REMOTE_EC, REMOTE_ED25519, REMOTE_X25519 };

/* OpenSSL's key data. Counted, because operation contexts hold it too. One thread. */
struct remote_key {
	enum remote_kind kind;
	unsigned int holders;
	EVP_PKEY *public_key; /* of the default provider */
	uint32_t ref;	      /* 0: a public key only */
	uint32_t signatures;  /* that it made, for an EC key */
};

struct remote_key *remote_key_hold(struct remote_key *key);
void remote_key_release(struct remote_key *key);

/* For fetching from the default provider what this one does not do itself. */
#define REMOTE_ELSEWHERE "provider=default"

#define REMOTE_NAME_SIZE 32
/* More than any signature, RSA block or shared secret. */
#define REMOTE_ANSWER_MAX 2048

/* OpenSSL's context of one operation. */
struct operation {
	struct remote_key *key;
	int padding;
	int salt; /* bytes, or RSA_PSS_SALTLEN_* */
	char digest[REMOTE_NAME_SIZE], mgf_digest[REMOTE_NAME_SIZE];
	struct buf label;   /* OAEP */
	EVP_MD_CTX *hashing; /* DigestSign, but for EdDSA */
	struct buf message;  /* EdDSA */
	struct remote_key *peer; /* ECDH, and its KDF */
	char kdf[REMOTE_NAME_SIZE], kdf_digest[REMOTE_NAME_SIZE];
	size_t kdf_length;
	struct buf kdf_info, kdf_salt;
};

void *remote_op_new(void *provider, const char *properties);
void *remote_op_new_plain(void *provider);
void remote_op_free(void *data);
void *remote_op_dup(void *data);
int remote_op_init(void *data, void *key, const OSSL_PARAM params[]);
int remote_op_set_params(void *data, const OSSL_PARAM params[]);
int remote_op_get_params(void *data, OSSL_PARAM params[]);
const OSSL_PARAM *remote_op_params(void *data, void *provider);

/* Asks the broker, and keeps why it failed. Appends the answer. 1 for OpenSSL's "done". */
int remote_ask(enum message_type type, struct msg_key_op *message, const struct operation *op,
	       struct buf *answer, enum result_form *ret_form);

/* What went wrong with the key's use, for remote_key_error; the first one stays, but for ERR_DECRYPT. */
void remote_fail(int err);

enum hash remote_op_hash(const char *name);
/* The digest of MGF1, which is the operation's own unless it was set. */
const char *remote_op_mgf(const struct operation *op);
/* Bytes of salt for PSS. */
int remote_op_salt(const struct operation *op);

extern const OSSL_DISPATCH remote_signature[];
extern const OSSL_DISPATCH remote_cipher[];
extern const OSSL_DISPATCH remote_exchange[];

#define OPERATION_FUNCTIONS(KIND, new_function)                                      \
	REMOTE_FUNCTION(OSSL_FUNC_##KIND##_NEWCTX, new_function),                    \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_FREECTX, remote_op_free),                \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_DUPCTX, remote_op_dup),                  \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_SET_CTX_PARAMS, remote_op_set_params),   \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_SETTABLE_CTX_PARAMS, remote_op_params),  \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_GET_CTX_PARAMS, remote_op_get_params),   \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_GETTABLE_CTX_PARAMS, remote_op_params)

#define REMOTE_FUNCTION(id, function)                \
	{                                            \
		id, (void (*)(void))function \
	}
#define REMOTE_END \
	{          \
		0, NULL \
	}

#endif
