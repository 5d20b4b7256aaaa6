/* SPDX-License-Identifier: ISC
 *
 * Signing: from what OpenSSL wants signed to what a token signs, and back to what CMS carries.
 */
/* RSA_padding_add_PKCS1_PSS_mgf1: OpenSSL's encoding, reachable in 3.0 only by this name. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "remote_op.h"

#include "clean_ssl.h"
#include "keys.h"
#include "log.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

/* With one ECDSA key on one connection: as many signatures are all verified, then one of so many. */
#define VERIFY_ALL 16
#define VERIFY_EACH 8

/* PKCS#11 gives r and s side by side; CMS wants ECDSA-Sig-Value (RFC 5753 section 7.2). *ret_length is
 * the room there is, and then what was written. */
static int encode_ecdsa(const struct buf *raw, unsigned char *into, size_t *ret_length)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	int half = (int)(raw->length / 2), length;
	BIGNUM *r = BN_bin2bn(raw->data, half, NULL), *s = BN_bin2bn(raw->data + half, half, NULL);

	if (!signature || !r || !s || !half || raw->length % 2 || !ECDSA_SIG_set0(signature, r, s)) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(signature);
		return 0;
	}
	length = i2d_ECDSA_SIG(signature, NULL);
	length = length > 0 && (size_t)length <= *ret_length ? i2d_ECDSA_SIG(signature, &into) : 0;
	ECDSA_SIG_free(signature);
	*ret_length = (size_t)length;
	return length > 0;
}

static int sign_mechanism(const struct operation *op)
{
	if (op->key->kind == REMOTE_EC)
		return MECHANISM_ECDSA;
	if (op->key->kind == REMOTE_ED25519)
		return MECHANISM_EDDSA;
	return op->padding == RSA_PKCS1_PSS_PADDING ? MECHANISM_RSA_PSS : MECHANISM_RSA_PKCS1;
}

/* DigestInfo, RFC 8017 section 9.2: what a token signs for PKCS#1 v1.5. */
static int add_digest_info(struct buf *into, const char *digest, struct view value)
{
	X509_SIG *info = X509_SIG_new();
	const EVP_MD *md = EVP_get_digestbyname(digest);
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *octets;
	unsigned char *der = NULL;
	int length = 0;

	if (info && md) {
		X509_SIG_getm(info, &algorithm, &octets);
		if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL, NULL) &&
		    ASN1_OCTET_STRING_set(octets, value.data, (int)value.length))
			length = i2d_X509_SIG(info, &der);
	}
	X509_SIG_free(info);
	length = length > 0 && !buf_add(into, der, (size_t)length);
	OPENSSL_free(der);
	return length;
}

static int set_verify_padding(EVP_PKEY_CTX *context, const struct operation *op)
{
	if (EVP_PKEY_CTX_set_rsa_padding(context, op->padding) <= 0)
		return 0;
	if (op->padding != RSA_PKCS1_PSS_PADDING)
		return 1;
	return EVP_PKEY_CTX_set_rsa_pss_saltlen(context, remote_op_salt(op)) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, remote_op_mgf(op), NULL) > 0;
}

static int verifies_digest(const struct operation *op, struct view sig, struct view digest)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, op->key->public_key, REMOTE_ELSEWHERE);
	EVP_MD *md = EVP_MD_fetch(NULL, op->digest, REMOTE_ELSEWHERE);
	int ok = context && md && EVP_PKEY_verify_init(context) > 0 &&
		 (op->key->kind != REMOTE_RSA || set_verify_padding(context, op)) &&
		 EVP_PKEY_CTX_set_signature_md(context, md) > 0 &&
		 EVP_PKEY_verify(context, sig.data, sig.length, digest.data, digest.length) == 1;

	EVP_MD_free(md);
	EVP_PKEY_CTX_free(context);
	return ok;
}

static int verifies_message(const struct operation *op, struct view sig, struct view message)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context &&
		 EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, REMOTE_ELSEWHERE, op->key->public_key, NULL) > 0 &&
		 EVP_DigestVerify(context, sig.data, sig.length, message.data, message.length) == 1;

	EVP_MD_CTX_free(context);
	return ok;
}

/* To verify takes ECDSA three times as long as to sign, and a wrong one tells nothing of the key by itself:
 * of the many that a program makes with one key, some are enough to find a module that is out of order. */
static bool to_be_verified(struct remote_key *key)
{
	return key->kind != REMOTE_EC || key->signatures++ < VERIFY_ALL || key->signatures % VERIFY_EACH == 0;
}

/* A module that is out of order, or a fault in the middle of an RSA-CRT computation, can give a wrong
 * signature: nobody could use it, and of the latter kind one is enough to find the private key (Boneh,
 * DeMillo, Lipton, 1997), as is one of EdDSA beside the right one of the same message. */
static int signature_is_right(const struct operation *op, struct view sig, struct view value)
{
	int ok = !to_be_verified(op->key)	   ? 1
		 : op->key->kind == REMOTE_ED25519 ? verifies_message(op, sig, value)
						   : verifies_digest(op, sig, value);

	if (!ok) {
		log_error("a token gave a wrong signature, which is thrown away");
		remote_fail(ERR_TOKEN);
	}
	return ok;
}

/* From the token's form to that of CMS. */
static int take_signature(const struct operation *op, const struct buf *answer, unsigned char *sig,
			  size_t *ret_length)
{
	size_t need = *ret_length;

	if (op->key->kind == REMOTE_EC)
		return encode_ecdsa(answer, sig, ret_length);
	if (op->key->kind != REMOTE_RSA && answer->length != need)
		return 0;
	/* RFC 8017 section 8: as long as the modulus. Some tokens leave leading zeros out. */
	memset(sig, 0, need - answer->length);
	memcpy(sig + need - answer->length, answer->data, answer->length);
	return 1;
}

/* Whether the token leaves the encoding of PSS to its caller. */
static bool takes_block(const struct operation *op)
{
	const struct token *token = keys_token_of(op->key->ref);

	return token && !(token->flags & TOKEN_RSA_PSS) && (token->flags & TOKEN_RSA_RAW);
}

static int add_pss_block(struct buf *into, const struct operation *op, struct view digest)
{
	const RSA *rsa = EVP_PKEY_get0_RSA(op->key->public_key);
	const EVP_MD *md = EVP_get_digestbyname(op->digest), *mgf = EVP_get_digestbyname(remote_op_mgf(op));
	size_t length = (size_t)EVP_PKEY_get_size(op->key->public_key);

	if (!rsa || !md || !mgf || digest.length != (size_t)EVP_MD_get_size(md) || buf_reserve(into, length))
		return 0;
	into->length += length;
	return RSA_padding_add_PKCS1_PSS_mgf1((RSA *)(uintptr_t)rsa, into->data, digest.data, md, mgf,
					      remote_op_salt(op));
}

/* Encodes what the token wants encoded. */
static int encode(const struct operation *op, struct msg_key_op *message, struct buf *into)
{
	struct view value = message->data;

	if (message->mechanism == MECHANISM_RSA_PKCS1) {
		if (!add_digest_info(into, op->digest, value))
			return 0;
	} else if (message->mechanism == MECHANISM_RSA_PSS && takes_block(op)) {
		if (!add_pss_block(into, op, value))
			return 0;
		message->mechanism = MECHANISM_RSA_PSS_BLOCK;
	} else {
		return 1;
	}
	message->data = buf_view(into);
	return 1;
}

static int signature_sign(void *data, unsigned char *sig, size_t *ret_length, size_t size,
			  const unsigned char *tbs, size_t tbs_length)
{
	struct operation *op = data;
	CLEAN_BUF struct buf answer = BUF_INIT(REMOTE_ANSWER_MAX);
	CLEAN_BUF struct buf encoded = BUF_INIT(REMOTE_ANSWER_MAX);
	struct view value = {tbs, tbs_length};
	size_t need = (size_t)EVP_PKEY_get_size(op->key->public_key);
	struct msg_key_op message = {.mechanism = (uint8_t)sign_mechanism(op),
				     .hash = (uint8_t)remote_op_hash(op->digest),
				     .mgf = (uint8_t)remote_op_hash(remote_op_mgf(op)),
				     .salt = (uint16_t)remote_op_salt(op),
				     .data = value};

	*ret_length = need;
	if (!sig)
		return 1;
	if (size < need)
		return 0;
	if (!encode(op, &message, &encoded) || !remote_ask(MSG_SIGN, &message, op, &answer, NULL))
		return 0;
	if (answer.length && take_signature(op, &answer, sig, ret_length))
		return signature_is_right(op, (struct view){sig, *ret_length}, value);
	remote_fail(ERR_TOKEN);
	return 0;
}

static int digest_init(void *data, const char *name, void *key, const OSSL_PARAM params[])
{
	struct operation *op = data;
	EVP_MD *md;
	int ok;

	if (!remote_op_init(op, key, params))
		return 0;
	if (op->key->kind == REMOTE_ED25519) {
		buf_clear(&op->message); /* EdDSA digests for itself; the name is CMS's for content */
		return 1;
	}
	OPENSSL_strlcpy(op->digest, name && *name ? name : "SHA2-256", sizeof op->digest);
	op->hashing = op->hashing ? op->hashing : EVP_MD_CTX_new();
	md = EVP_MD_fetch(NULL, op->digest, REMOTE_ELSEWHERE);
	ok = op->hashing && md && EVP_DigestInit_ex2(op->hashing, md, NULL);
	EVP_MD_free(md);
	return ok;
}

static int digest_update(void *data, const unsigned char *bytes, size_t length)
{
	struct operation *op = data;

	if (op->key->kind == REMOTE_ED25519)
		return buf_add(&op->message, bytes, length) == 0;
	return EVP_DigestUpdate(op->hashing, bytes, length);
}

static int digest_final(void *data, unsigned char *sig, size_t *ret_length, size_t size)
{
	struct operation *op = data;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (!sig)
		return signature_sign(op, NULL, ret_length, 0, NULL, 0);
	if (op->key->kind == REMOTE_ED25519)
		return signature_sign(op, sig, ret_length, size, op->message.data, op->message.length);
	return EVP_DigestFinal_ex(op->hashing, digest, &length) &&
	       signature_sign(op, sig, ret_length, size, digest, length);
}

static int digest_sign(void *data, unsigned char *sig, size_t *ret_length, size_t size,
		       const unsigned char *tbs, size_t tbs_length)
{
	return (!sig || digest_update(data, tbs, tbs_length)) && digest_final(data, sig, ret_length, size);
}

const OSSL_DISPATCH remote_signature[] = {
	OPERATION_FUNCTIONS(SIGNATURE, remote_op_new),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_SIGN_INIT, remote_op_init),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_SIGN, signature_sign),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_init),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_final),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),
	REMOTE_END,
};
