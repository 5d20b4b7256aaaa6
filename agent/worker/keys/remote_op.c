/* SPDX-License-Identifier: ISC
 *
 * What the provider's operations have in common: their parameters, and asking the broker. Why one
 * failed is kept here, since OpenSSL hides it.
 */
#include "remote_op.h"

#include "ask.h"
#include "clean_ssl.h"
#include "remote_key.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

/* The signed attributes that EdDSA signs whole. */
#define MESSAGE_MAX 6144

/* For one key and one message: OpenSSL tries the key that a person named on each of a message's recipients, and
 * goes on where one was refused. */
#define ASKS_MAX 100

static int failure, unclear;
static unsigned int asked;

int remote_key_error(void)
{
	return failure;
}

int remote_key_unclear(void)
{
	return unclear;
}

void remote_key_clear(void)
{
	failure = unclear = 0;
	asked = 0;
}

enum hash remote_op_hash(const char *name)
{
	static const struct {
		const char *name;
		enum hash hash;
	} table[] = {
		{"SHA1", HASH_SHA1},	 {"SHA2-224", HASH_SHA224}, {"SHA224", HASH_SHA224},
		{"SHA2-256", HASH_SHA256}, {"SHA256", HASH_SHA256},   {"SHA2-384", HASH_SHA384},
		{"SHA384", HASH_SHA384}, {"SHA2-512", HASH_SHA512}, {"SHA512", HASH_SHA512},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (!OPENSSL_strcasecmp(table[i].name, name))
			return table[i].hash;
	return HASH_NONE;
}

void remote_fail(int err)
{
	failure = failure && failure != ERR_DECRYPT ? failure : err;
}

int remote_ask(enum message_type type, struct msg_key_op *message, const struct operation *op,
		  struct buf *answer, enum result_form *ret_form)
{
	enum result_form form = FORM_KEY;
	int rc;

	if (asked++ >= ASKS_MAX)
		remote_fail(ERR_TOO_LARGE);
	if (failure && failure != ERR_DECRYPT)
		return 0;
	message->key = op->key->ref;
	rc = ask_key_op(type, message, -1, answer, &form);
	if (rc == ERR_TOKEN && form == FORM_UNCLEAR) {
		unclear = 1;
		rc = ERR_DECRYPT;
	}
	/* More than the key's size is nothing that a token that works would answer. */
	if (!rc && answer->length > (size_t)EVP_PKEY_get_size(op->key->public_key))
		rc = ERR_TOKEN;
	if (rc)
		remote_fail(rc);
	if (ret_form)
		*ret_form = form;
	return !rc;
}

void *remote_op_new(void *provider, const char *properties)
{
	struct operation *op = OPENSSL_zalloc(sizeof *op);

	(void)provider;
	(void)properties;
	if (op) {
		op->padding = RSA_PKCS1_PADDING;
		op->salt = RSA_PSS_SALTLEN_DIGEST;
		op->label = op->kdf_info = op->kdf_salt = BUF_INIT(4096);
		op->message = BUF_INIT(MESSAGE_MAX);
	}
	return op;
}

void *remote_op_new_plain(void *provider)
{
	return remote_op_new(provider, NULL);
}

void remote_op_free(void *data)
{
	struct operation *op = data;

	if (!op)
		return;
	remote_key_release(op->key);
	remote_key_release(op->peer);
	EVP_MD_CTX_free(op->hashing);
	buf_done(&op->label);
	buf_done(&op->kdf_info);
	buf_done(&op->kdf_salt);
	buf_done(&op->message);
	OPENSSL_free(op);
}

static int copy_buf(struct buf *to, const struct buf *from)
{
	*to = BUF_INIT(from->limit);
	return buf_add(to, from->data, from->length) == 0;
}

/* What is set up is copied; a digest that is under way as well. */
void *remote_op_dup(void *data)
{
	const struct operation *from = data;
	struct operation *op = OPENSSL_memdup(from, sizeof *from);

	if (!op)
		return NULL;
	op->label = op->kdf_info = op->kdf_salt = op->message = BUF_INIT(0);
	op->key = from->key ? remote_key_hold(from->key) : NULL;
	op->peer = from->peer ? remote_key_hold(from->peer) : NULL;
	op->hashing = from->hashing ? EVP_MD_CTX_new() : NULL;
	if (!copy_buf(&op->label, &from->label) || !copy_buf(&op->kdf_info, &from->kdf_info) ||
	    !copy_buf(&op->kdf_salt, &from->kdf_salt) || !copy_buf(&op->message, &from->message) ||
	    (from->hashing && (!op->hashing || !EVP_MD_CTX_copy_ex(op->hashing, from->hashing)))) {
		remote_op_free(op);
		return NULL;
	}
	return op;
}

static const struct {
	const char *name;
	int value;
} paddings[] = {
	{OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
	{OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING},
	{OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING},
}, salts[] = {
	{OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST},
	{OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX},
	{OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO},
};

static int set_padding(struct operation *op, const OSSL_PARAM *param)
{
	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(param, &op->padding);
	for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++)
		if (!strcmp(param->data, paddings[i].name)) {
			op->padding = paddings[i].value;
			return 1;
		}
	return 0;
}

static int set_salt(struct operation *op, const OSSL_PARAM *param)
{
	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(param, &op->salt);
	for (size_t i = 0; i < sizeof salts / sizeof salts[0]; i++)
		if (!strcmp(param->data, salts[i].name)) {
			op->salt = salts[i].value;
			return 1;
		}
	op->salt = atoi(param->data);
	return op->salt >= 0;
}

static int set_name(char *into, const OSSL_PARAM *param)
{
	return OSSL_PARAM_get_utf8_string(param, &into, REMOTE_NAME_SIZE);
}

static int set_bytes(struct buf *into, const OSSL_PARAM *param)
{
	buf_clear(into);
	return param->data_type == OSSL_PARAM_OCTET_STRING && !buf_add(into, param->data, param->data_size);
}

int remote_op_set_params(void *data, const OSSL_PARAM params[])
{
	struct operation *op = data;
	const OSSL_PARAM *param;
	int ok = 1;

	for (param = params; param && param->key && ok; param++) {
		if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_DIGEST))
			ok = set_name(op->digest, param);
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_MGF1_DIGEST))
			ok = set_name(op->mgf_digest, param);
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_PAD_MODE))
			ok = set_padding(op, param);
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN))
			ok = set_salt(op, param);
		else if (!strcmp(param->key, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL))
			ok = set_bytes(&op->label, param);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_TYPE))
			ok = set_name(op->kdf, param);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_DIGEST))
			ok = set_name(op->kdf_digest, param);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_OUTLEN))
			ok = OSSL_PARAM_get_size_t(param, &op->kdf_length);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_UKM))
			ok = set_bytes(&op->kdf_info, param);
		else if (!strcmp(param->key, OSSL_KDF_PARAM_SALT))
			ok = set_bytes(&op->kdf_salt, param);
	}
	return ok;
}

const char *remote_op_mgf(const struct operation *op)
{
	return *op->mgf_digest ? op->mgf_digest : op->digest;
}

int remote_op_salt(const struct operation *op)
{
	const EVP_MD *md = op->salt < 0 ? EVP_get_digestbyname(op->digest) : NULL;

	return md ? EVP_MD_get_size(md) : op->salt;
}

static ASN1_STRING *pack_algorithm(const EVP_MD *md)
{
	CLEAN_ALGORITHM X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;

	if (!algorithm)
		return NULL;
	X509_ALGOR_set_md(algorithm, md);
	return ASN1_item_pack(algorithm, ASN1_ITEM_rptr(X509_ALGOR), &packed);
}

/* RSASSA-PSS-params, RFC 4055 section 3.1, packed for an AlgorithmIdentifier. */
static ASN1_STRING *pack_pss(const struct operation *op)
{
	const EVP_MD *md = EVP_get_digestbyname(op->digest), *mgf = EVP_get_digestbyname(remote_op_mgf(op));
	RSA_PSS_PARAMS *params = md && mgf ? RSA_PSS_PARAMS_new() : NULL;
	ASN1_STRING *inner = params ? pack_algorithm(mgf) : NULL, *packed = NULL;

	if (inner) {
		params->hashAlgorithm = X509_ALGOR_new();
		params->maskGenAlgorithm = X509_ALGOR_new();
		params->saltLength = ASN1_INTEGER_new();
		if (params->hashAlgorithm && params->maskGenAlgorithm && params->saltLength) {
			X509_ALGOR_set_md(params->hashAlgorithm, md);
			X509_ALGOR_set0(params->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, inner);
			ASN1_INTEGER_set(params->saltLength, remote_op_salt(op));
			ASN1_item_pack(params, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed);
		}
	}
	RSA_PSS_PARAMS_free(params);
	return packed;
}

/* CMS asks the provider for the AlgorithmIdentifier of a PSS signature. */
static int get_algorithm_id(const struct operation *op, OSSL_PARAM *param)
{
	CLEAN_ALGORITHM X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_STRING *packed = pack_pss(op);
	unsigned char *der = NULL;
	int length, ok;

	if (!algorithm || !packed)
		return 0;
	X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed);
	length = i2d_X509_ALGOR(algorithm, &der);
	ok = length > 0 && OSSL_PARAM_set_octet_string(param, der, (size_t)length);
	OPENSSL_free(der);
	return ok;
}

static int get_padding(const struct operation *op, OSSL_PARAM *param)
{
	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_set_int(param, op->padding);
	for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++)
		if (paddings[i].value == op->padding)
			return OSSL_PARAM_set_utf8_string(param, paddings[i].name);
	return 0;
}

int remote_op_get_params(void *data, OSSL_PARAM params[])
{
	const struct operation *op = data;
	int ok = 1;

	for (OSSL_PARAM *param = params; param && param->key && ok; param++) {
		if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_ALGORITHM_ID) &&
		    op->padding == RSA_PKCS1_PSS_PADDING)
			ok = get_algorithm_id(op, param);
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_PAD_MODE))
			ok = get_padding(op, param);
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_DIGEST))
			ok = OSSL_PARAM_set_utf8_string(param, op->digest);
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_MGF1_DIGEST))
			ok = OSSL_PARAM_set_utf8_string(param, remote_op_mgf(op));
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) &&
			 param->data_type != OSSL_PARAM_UTF8_STRING)
			ok = OSSL_PARAM_set_int(param, remote_op_salt(op));
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_TYPE))
			ok = OSSL_PARAM_set_utf8_string(param, op->kdf);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_DIGEST))
			ok = OSSL_PARAM_set_utf8_string(param, op->kdf_digest);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_OUTLEN))
			ok = OSSL_PARAM_set_size_t(param, op->kdf_length);
	}
	return ok;
}

const OSSL_PARAM *remote_op_params(void *data, void *provider)
{
	static const OSSL_PARAM table[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
		OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, NULL, 0),
		OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
		OSSL_PARAM_END,
	};

	(void)data;
	(void)provider;
	return table;
}

int remote_op_init(void *data, void *key, const OSSL_PARAM params[])
{
	struct operation *op = data;

	if (key) {
		if (!((struct remote_key *)key)->ref)
			return 0;
		remote_key_hold(key);
		remote_key_release(op->key);
		op->key = key;
	}
	return op->key && remote_op_set_params(op, params);
}
