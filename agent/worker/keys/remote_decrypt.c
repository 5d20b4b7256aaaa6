/* SPDX-License-Identifier: ISC
 *
 * Decrypting a key and deriving a shared secret. What a token leaves to its caller, padding and
 * KDFs, is done here with OpenSSL's own code.
 */
/* RSA_padding_check_*: OpenSSL's constant-time unpadding, reachable in 3.0 only by these names. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "kdf.h"
#include "public_key.h"
#include "remote_key.h"
#include "remote_op.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

/* On the block that the token's raw operation gave, which is shorter than the modulus where a module
 * leaves leading zeros out. */
int remote_key_unpad(const struct msg_key_op *message, struct view block, unsigned char *into, size_t *ret_length)
{
	static const char *const names[HASH_LIMIT] = {"SHA1", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"};
	int modulus = (int)message->data.length, length;

	if (message->mechanism == MECHANISM_RSA_OAEP)
		length = RSA_padding_check_PKCS1_OAEP_mgf1(
			into, modulus, block.data, (int)block.length, modulus, message->label.data,
			(int)message->label.length, EVP_get_digestbyname(names[message->hash]),
			EVP_get_digestbyname(names[message->mgf]));
	else
		length = RSA_padding_check_PKCS1_type_2(into, modulus, block.data, (int)block.length, modulus);
	*ret_length = length < 0 ? 0 : (size_t)length;
	return length < 0 ? ERR_DECRYPT : 0;
}

/* RFC 8017 section 7.2.2: as long as the modulus, and less than it. */
static bool fits_modulus(const struct operation *op, const unsigned char *in, size_t length)
{
	BIGNUM *modulus = NULL, *value = BN_bin2bn(in, (int)length, NULL);
	bool fits = length == (size_t)EVP_PKEY_get_size(op->key->public_key) && value &&
		    EVP_PKEY_get_bn_param(op->key->public_key, OSSL_PKEY_PARAM_RSA_N, &modulus) &&
		    BN_cmp(value, modulus) < 0;

	BN_free(modulus);
	BN_free(value);
	return fits;
}

static int cipher_decrypt(void *data, unsigned char *out, size_t *ret_length, size_t size,
			  const unsigned char *in, size_t in_length)
{
	struct operation *op = data;
	CLEAN_BUF struct buf answer = BUF_SECRET(REMOTE_ANSWER_MAX);
	enum result_form form = FORM_KEY;
	bool oaep = op->padding == RSA_PKCS1_OAEP_PADDING;
	size_t need = (size_t)EVP_PKEY_get_size(op->key->public_key);
	struct msg_key_op message = {.mechanism = oaep ? MECHANISM_RSA_OAEP : MECHANISM_RSA_PKCS1,
				     .label = buf_view(&op->label),
				     .data = {in, in_length}};

	*ret_length = need;
	if (!out)
		return 1;
	if (size < need)
		return 0;
	/* The message's fault, and no business of the token: as good as bad padding. */
	if (!fits_modulus(op, in, in_length))
		return 0;
	if (!*op->digest)
		OPENSSL_strlcpy(op->digest, "SHA1", sizeof op->digest); /* RFC 8017's default for OAEP */
	message.hash = (uint8_t)remote_op_hash(op->digest);
	message.mgf = (uint8_t)remote_op_hash(remote_op_mgf(op));
	if (!remote_ask(MSG_DECRYPT, &message, op, &answer, &form))
		return 0;
	if (form == FORM_RSA_BLOCK)
		return remote_key_unpad(&message, buf_view(&answer), out, ret_length) == 0;
	if (answer.length)
		memcpy(out, answer.data, answer.length);
	*ret_length = answer.length;
	return 1;
}

const OSSL_DISPATCH remote_cipher[] = {
	OPERATION_FUNCTIONS(ASYM_CIPHER, remote_op_new_plain),
	REMOTE_FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, remote_op_init),
	REMOTE_FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT, cipher_decrypt),
	REMOTE_END,
};

static int exchange_set_peer(void *data, void *key)
{
	struct operation *op = data;

	/* A point of another curve would tell about the key, from a token that does not look. */
	if (EVP_PKEY_parameters_eq(((struct remote_key *)key)->public_key, op->key->public_key) != 1)
		return 0;
	if (op->key->kind == REMOTE_X25519 && public_key_is_small(((struct remote_key *)key)->public_key))
		return 0;
	remote_key_hold(key);
	remote_key_release(op->peer);
	op->peer = key;
	return 1;
}

/* The KDF is done here: tokens know few (RFC 5753 section 7.2 has X9.63 with any SHA, RFC 8418 HKDF). */
static int run_kdf(const struct operation *op, unsigned char *secret, size_t length, unsigned char *into)
{
	struct kdf kdf = {op->kdf, op->kdf_digest, buf_view(&op->kdf_salt), buf_view(&op->kdf_info), op->kdf_length};

	return kdf_derive(&kdf, (struct view){secret, length}, into);
}

/* A secret that everybody knows (RFC 7748 section 6.1, RFC 8418 section 2). */
static bool is_zero(const unsigned char *secret, size_t length)
{
	unsigned char bits = 0;

	for (size_t i = 0; i < length; i++)
		bits |= secret[i];
	return !bits;
}

static int exchange_derive(void *data, unsigned char *out, size_t *ret_length, size_t size)
{
	struct operation *op = data;
	CLEAN_BUF struct buf secret = BUF_SECRET(REMOTE_ANSWER_MAX);
	size_t field = ((size_t)EVP_PKEY_get_bits(op->key->public_key) + 7) / 8, length = 0;
	unsigned char point[256], padded[80] = {0};
	struct msg_key_op message = {.mechanism = MECHANISM_ECDH};
	int ok = 1;

	*ret_length = *op->kdf ? op->kdf_length : field;
	if (!out)
		return 1;
	if (!op->peer || size < *ret_length || field > sizeof padded ||
	    !EVP_PKEY_get_octet_string_param(op->peer->public_key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
					     point, sizeof point, &length))
		return 0;
	message.data = (struct view){point, length};
	if (!remote_ask(MSG_DERIVE, &message, op, &secret, NULL) || !secret.length || secret.length > field)
		return 0;
	/* A field element (SEC 1 section 2.3.5); some tokens leave leading zeros out. */
	memcpy(padded + field - secret.length, secret.data, secret.length);
	if (is_zero(padded, field))
		return 0;
	if (*op->kdf)
		ok = run_kdf(op, padded, field, out);
	else
		memcpy(out, padded, field);
	OPENSSL_cleanse(padded, sizeof padded);
	return ok;
}

const OSSL_DISPATCH remote_exchange[] = {
	OPERATION_FUNCTIONS(KEYEXCH, remote_op_new_plain),
	REMOTE_FUNCTION(OSSL_FUNC_KEYEXCH_INIT, remote_op_init),
	REMOTE_FUNCTION(OSSL_FUNC_KEYEXCH_SET_PEER, exchange_set_peer),
	REMOTE_FUNCTION(OSSL_FUNC_KEYEXCH_DERIVE, exchange_derive),
	REMOTE_END,
};
