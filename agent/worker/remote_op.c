/* SPDX-License-Identifier: ISC
 *
 * The private operations of the provider: each makes a message of what OpenSSL wants, and of the
 * answer what OpenSSL expects. Why one failed is kept here, since OpenSSL hides it.
 */
/* RSA_padding_check_*: OpenSSL's constant-time unpadding, reachable in 3.0 only by these names. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "remote_op.h"

#include "ask.h"
#include "clean_ssl.h"
#include "remote_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#define NAME_MAX_LENGTH 32
#define ANSWER_MAX 2048
/* The signed attributes that EdDSA signs whole. */
#define MESSAGE_MAX 6144

struct operation {
	struct remote_key *key;
	int padding;
	int salt; /* bytes, or RSA_PSS_SALTLEN_* */
	char digest[NAME_MAX_LENGTH], mgf_digest[NAME_MAX_LENGTH];
	struct buf label;   /* OAEP */
	EVP_MD_CTX *hashing; /* DigestSign, but for EdDSA */
	struct buf message;  /* EdDSA */
	struct remote_key *peer; /* ECDH, and its KDF */
	char kdf[NAME_MAX_LENGTH], kdf_digest[NAME_MAX_LENGTH];
	size_t kdf_length;
	struct buf kdf_info;
};

static int failure, unclear;

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
}

static enum hash hash_of(const char *name)
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

/* Asks, and keeps why it failed. Appends the answer. 1 for OpenSSL's "done". */
static int remote(enum message_type type, struct msg_key_op *message, const struct operation *op,
		  struct buf *answer, enum result_form *ret_form)
{
	enum result_form form = FORM_KEY;
	int rc;

	message->key = op->key->ref;
	rc = ask_key_op(type, message, answer, &form);
	if (rc == ERR_TOKEN && form == FORM_UNCLEAR) {
		unclear = 1;
		rc = ERR_DECRYPT;
	}
	if (rc && !failure)
		failure = rc;
	if (ret_form)
		*ret_form = form;
	return !rc;
}

static void *op_new(void *provider, const char *properties)
{
	struct operation *op = OPENSSL_zalloc(sizeof *op);

	(void)provider;
	(void)properties;
	if (op) {
		op->padding = RSA_PKCS1_PADDING;
		op->salt = RSA_PSS_SALTLEN_DIGEST;
		op->label = op->kdf_info = BUF_INIT(4096);
		op->message = BUF_INIT(MESSAGE_MAX);
	}
	return op;
}

static void *op_new_plain(void *provider)
{
	return op_new(provider, NULL);
}

static void op_free(void *data)
{
	struct operation *op = data;

	if (!op)
		return;
	remote_key_release(op->key);
	remote_key_release(op->peer);
	EVP_MD_CTX_free(op->hashing);
	buf_done(&op->label);
	buf_done(&op->kdf_info);
	buf_done(&op->message);
	OPENSSL_free(op);
}

static int copy_buf(struct buf *to, const struct buf *from)
{
	*to = BUF_INIT(from->limit);
	return buf_add(to, from->data, from->length) == 0;
}

/* What is set up is copied; a digest that is under way as well. */
static void *op_dup(void *data)
{
	const struct operation *from = data;
	struct operation *op = OPENSSL_memdup(from, sizeof *from);

	if (!op)
		return NULL;
	op->key = from->key ? remote_key_hold(from->key) : NULL;
	op->peer = from->peer ? remote_key_hold(from->peer) : NULL;
	op->hashing = from->hashing ? EVP_MD_CTX_new() : NULL;
	if (!copy_buf(&op->label, &from->label) || !copy_buf(&op->kdf_info, &from->kdf_info) ||
	    !copy_buf(&op->message, &from->message) ||
	    (from->hashing && !EVP_MD_CTX_copy_ex(op->hashing, from->hashing))) {
		op_free(op);
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
	return OSSL_PARAM_get_utf8_string(param, &into, NAME_MAX_LENGTH);
}

static int set_bytes(struct buf *into, const OSSL_PARAM *param)
{
	buf_clear(into);
	return param->data_type == OSSL_PARAM_OCTET_STRING && !buf_add(into, param->data, param->data_size);
}

static int op_set_params(void *data, const OSSL_PARAM params[])
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
	}
	return ok;
}

static const char *mgf_digest(const struct operation *op)
{
	return *op->mgf_digest ? op->mgf_digest : op->digest;
}

static int salt_length(const struct operation *op)
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
	const EVP_MD *md = EVP_get_digestbyname(op->digest), *mgf = EVP_get_digestbyname(mgf_digest(op));
	RSA_PSS_PARAMS *params = md && mgf ? RSA_PSS_PARAMS_new() : NULL;
	ASN1_STRING *inner = params ? pack_algorithm(mgf) : NULL, *packed = NULL;

	if (inner) {
		params->hashAlgorithm = X509_ALGOR_new();
		params->maskGenAlgorithm = X509_ALGOR_new();
		params->saltLength = ASN1_INTEGER_new();
		if (params->hashAlgorithm && params->maskGenAlgorithm && params->saltLength) {
			X509_ALGOR_set_md(params->hashAlgorithm, md);
			X509_ALGOR_set0(params->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, inner);
			ASN1_INTEGER_set(params->saltLength, salt_length(op));
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

static int op_get_params(void *data, OSSL_PARAM params[])
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
			ok = OSSL_PARAM_set_utf8_string(param, mgf_digest(op));
		else if (!strcmp(param->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) &&
			 param->data_type != OSSL_PARAM_UTF8_STRING)
			ok = OSSL_PARAM_set_int(param, salt_length(op));
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_TYPE))
			ok = OSSL_PARAM_set_utf8_string(param, op->kdf);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_DIGEST))
			ok = OSSL_PARAM_set_utf8_string(param, op->kdf_digest);
		else if (!strcmp(param->key, OSSL_EXCHANGE_PARAM_KDF_OUTLEN))
			ok = OSSL_PARAM_set_size_t(param, op->kdf_length);
	}
	return ok;
}

static const OSSL_PARAM *op_params(void *data, void *provider)
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
		OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
		OSSL_PARAM_END,
	};

	(void)data;
	(void)provider;
	return table;
}

static int op_init(void *data, void *key, const OSSL_PARAM params[])
{
	struct operation *op = data;

	if (key) {
		if (!((struct remote_key *)key)->ref)
			return 0;
		remote_key_hold(key);
		remote_key_release(op->key);
		op->key = key;
	}
	return op->key && op_set_params(op, params);
}

/* PKCS#11 gives r and s side by side; CMS wants ECDSA-Sig-Value (RFC 5753 section 7.2). */
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
	length = i2d_ECDSA_SIG(signature, &into);
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

static int signature_sign(void *data, unsigned char *sig, size_t *ret_length, size_t size,
			  const unsigned char *tbs, size_t tbs_length)
{
	struct operation *op = data;
	CLEAN_BUF struct buf answer = BUF_INIT(ANSWER_MAX);
	CLEAN_BUF struct buf info = BUF_INIT(512);
	struct view value = {tbs, tbs_length};
	size_t need = (size_t)EVP_PKEY_get_size(op->key->public_key);
	struct msg_key_op message = {.mechanism = (uint8_t)sign_mechanism(op),
				     .hash = (uint8_t)hash_of(op->digest),
				     .mgf = (uint8_t)hash_of(mgf_digest(op)),
				     .salt = (uint16_t)salt_length(op),
				     .data = value};

	*ret_length = need;
	if (!sig)
		return 1;
	if (size < need)
		return 0;
	if (message.mechanism == MECHANISM_RSA_PKCS1) {
		if (!add_digest_info(&info, op->digest, value))
			return 0;
		message.data = buf_view(&info);
	}
	if (!remote(MSG_SIGN, &message, op, &answer, NULL) || answer.length > need)
		return 0;
	if (message.mechanism == MECHANISM_ECDSA)
		return encode_ecdsa(&answer, sig, ret_length);
	memcpy(sig, answer.data, answer.length);
	*ret_length = answer.length;
	return 1;
}

static int digest_init(void *data, const char *name, void *key, const OSSL_PARAM params[])
{
	struct operation *op = data;
	EVP_MD *md;
	int ok;

	if (!op_init(op, key, params))
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

#define OPERATION_FUNCTIONS(KIND, new_function)                                      \
	REMOTE_FUNCTION(OSSL_FUNC_##KIND##_NEWCTX, new_function),                    \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_FREECTX, op_free),                \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_DUPCTX, op_dup),                  \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_SET_CTX_PARAMS, op_set_params),   \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_SETTABLE_CTX_PARAMS, op_params),  \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_GET_CTX_PARAMS, op_get_params),   \
		REMOTE_FUNCTION(OSSL_FUNC_##KIND##_GETTABLE_CTX_PARAMS, op_params)

const OSSL_DISPATCH remote_signature[] = {
	OPERATION_FUNCTIONS(SIGNATURE, op_new),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_SIGN_INIT, op_init),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_SIGN, signature_sign),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_init),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_final),
	REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),
	REMOTE_END,
};

/* RFC 8017 sections 7.1.2 and 7.2.2, on the block that the token's raw operation gave. */
static int unpad(const struct operation *op, const struct buf *block, unsigned char *into, size_t size,
		 size_t *ret_length)
{
	const EVP_MD *md = EVP_get_digestbyname(op->digest), *mgf = EVP_get_digestbyname(mgf_digest(op));
	int modulus = EVP_PKEY_get_size(op->key->public_key), length;

	if (op->padding == RSA_PKCS1_OAEP_PADDING)
		length = RSA_padding_check_PKCS1_OAEP_mgf1(into, (int)size, block->data, (int)block->length,
							   modulus, op->label.data, (int)op->label.length,
							   md, mgf);
	else
		length = RSA_padding_check_PKCS1_type_2(into, (int)size, block->data, (int)block->length,
							modulus);
	*ret_length = length < 0 ? 0 : (size_t)length;
	return length >= 0;
}

static int cipher_decrypt(void *data, unsigned char *out, size_t *ret_length, size_t size,
			  const unsigned char *in, size_t in_length)
{
	struct operation *op = data;
	CLEAN_BUF struct buf answer = BUF_SECRET(ANSWER_MAX);
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
	if (!*op->digest)
		OPENSSL_strlcpy(op->digest, "SHA1", sizeof op->digest); /* RFC 8017's default for OAEP */
	message.hash = (uint8_t)hash_of(op->digest);
	message.mgf = (uint8_t)hash_of(mgf_digest(op));
	if (!remote(MSG_DECRYPT, &message, op, &answer, &form) || answer.length > need)
		return 0;
	if (form == FORM_RSA_BLOCK)
		return unpad(op, &answer, out, size, ret_length);
	memcpy(out, answer.data, answer.length);
	*ret_length = answer.length;
	return 1;
}

const OSSL_DISPATCH remote_cipher[] = {
	OPERATION_FUNCTIONS(ASYM_CIPHER, op_new_plain),
	REMOTE_FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, op_init),
	REMOTE_FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT, cipher_decrypt),
	REMOTE_END,
};

static int exchange_set_peer(void *data, void *key)
{
	struct operation *op = data;

	remote_key_hold(key);
	remote_key_release(op->peer);
	op->peer = key;
	return 1;
}

/* The KDF is done here: tokens know few (RFC 5753 section 7.2 has X9.63 with any SHA). */
static int run_kdf(const struct operation *op, const struct buf *secret, unsigned char *into)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, op->kdf, REMOTE_ELSEWHERE);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)op->kdf_digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret->data, secret->length),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, op->kdf_info.data,
						  op->kdf_info.length),
		OSSL_PARAM_construct_end(),
	};
	int ok = ctx && EVP_KDF_derive(ctx, into, op->kdf_length, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static int exchange_derive(void *data, unsigned char *out, size_t *ret_length, size_t size)
{
	struct operation *op = data;
	CLEAN_BUF struct buf secret = BUF_SECRET(ANSWER_MAX);
	size_t field = ((size_t)EVP_PKEY_get_bits(op->key->public_key) + 7) / 8, length = 0;
	unsigned char point[256];
	struct msg_key_op message = {.mechanism = MECHANISM_ECDH};

	*ret_length = *op->kdf ? op->kdf_length : field;
	if (!out)
		return 1;
	if (!op->peer || size < *ret_length ||
	    !EVP_PKEY_get_octet_string_param(op->peer->public_key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
					     point, sizeof point, &length))
		return 0;
	message.data = (struct view){point, length};
	if (!remote(MSG_DERIVE, &message, op, &secret, NULL) || secret.length != field)
		return 0;
	if (*op->kdf)
		return run_kdf(op, &secret, out);
	memcpy(out, secret.data, secret.length);
	return 1;
}

const OSSL_DISPATCH remote_exchange[] = {
	OPERATION_FUNCTIONS(KEYEXCH, op_new_plain),
	REMOTE_FUNCTION(OSSL_FUNC_KEYEXCH_INIT, op_init),
	REMOTE_FUNCTION(OSSL_FUNC_KEYEXCH_SET_PEER, exchange_set_peer),
	REMOTE_FUNCTION(OSSL_FUNC_KEYEXCH_DERIVE, exchange_derive),
	REMOTE_END,
};
