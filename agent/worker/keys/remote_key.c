/* SPDX-License-Identifier: ISC
 *
 * The provider and its key management. A key wraps the default provider's public key; it gives its
 * public half away and never claims to be able to export the private one.
 */
#include "remote_key.h"

#include "clean_ssl.h"
#include "remote_op.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#define PROVIDER "smime-agent"
#define PROPERTIES "provider=" PROVIDER
#define PARAM_REF "smime-agent-ref"

static const char *const kind_names[] = {"RSA", "EC", "ED25519", "X25519"};

struct remote_key *remote_key_hold(struct remote_key *key)
{
	key->holders++;
	return key;
}

void remote_key_release(struct remote_key *key)
{
	if (!key || --key->holders)
		return;
	EVP_PKEY_free(key->public_key);
	OPENSSL_free(key);
}

static struct remote_key *key_new(enum remote_kind kind)
{
	struct remote_key *key = OPENSSL_zalloc(sizeof *key);

	if (key)
		*key = (struct remote_key){.kind = kind, .holders = 1};
	return key;
}

static void *rsa_new(void *provider)
{
	(void)provider;
	return key_new(REMOTE_RSA);
}

static void *ec_new(void *provider)
{
	(void)provider;
	return key_new(REMOTE_EC);
}

static void *ed25519_new(void *provider)
{
	(void)provider;
	return key_new(REMOTE_ED25519);
}

static void *x25519_new(void *provider)
{
	(void)provider;
	return key_new(REMOTE_X25519);
}

static void key_free(void *key)
{
	remote_key_release(key);
}

/* False for an empty key: OpenSSL asks before it imports. */
static int key_has(const void *data, int selection)
{
	const struct remote_key *key = data;

	if (!key || ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && !key->ref))
		return 0;
	return key->public_key || !(selection & OSSL_KEYMGMT_SELECT_ALL);
}

static int key_match(const void *data_a, const void *data_b, int selection)
{
	const struct remote_key *a = data_a, *b = data_b;

	if (!a->public_key || !b->public_key)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR)
		return EVP_PKEY_eq(a->public_key, b->public_key) == 1;
	return EVP_PKEY_parameters_eq(a->public_key, b->public_key) == 1;
}

static int evp_selection(int selection)
{
	return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
}

static int key_import(void *data, int selection, const OSSL_PARAM params[])
{
	struct remote_key *key = data;
	const OSSL_PARAM *ref = OSSL_PARAM_locate_const(params, PARAM_REF);
	CLEAN_PKEY_CTX EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, kind_names[key->kind], REMOTE_ELSEWHERE);

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key->public_key, evp_selection(selection), (OSSL_PARAM *)(uintptr_t)params) <= 0)
		return 0;
	return !ref || OSSL_PARAM_get_uint32(ref, &key->ref);
}

static const OSSL_PARAM *key_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_uint32(PARAM_REF, NULL),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static int key_export(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
	struct remote_key *key = data;
	OSSL_PARAM *params = NULL;
	int ok;

	/* Or OpenSSL would take the key elsewhere and sign there. */
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && key->ref)
		return 0;
	ok = EVP_PKEY_todata(key->public_key, evp_selection(selection), &params) && callback(params, arg);
	OSSL_PARAM_free(params);
	return ok;
}

static int key_get_params(void *data, OSSL_PARAM params[])
{
	struct remote_key *key = data;

	return EVP_PKEY_get_params(key->public_key, params);
}

static const OSSL_PARAM *key_gettable(void *provider)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return gettable;
}

static int key_set_params(void *data, const OSSL_PARAM params[])
{
	struct remote_key *key = data;

	return EVP_PKEY_set_params(key->public_key, (OSSL_PARAM *)(uintptr_t)params);
}

static const OSSL_PARAM *key_settable(void *provider)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0), OSSL_PARAM_END};

	(void)provider;
	return settable;
}

static void *key_dup(const void *data, int selection)
{
	const struct remote_key *from = data;
	struct remote_key *key = key_new(from->kind);
	OSSL_PARAM *params = NULL;

	if (!key)
		return NULL;
	if (!EVP_PKEY_todata(from->public_key, evp_selection(selection), &params) ||
	    !key_import(key, selection, params)) {
		remote_key_release(key);
		key = NULL;
	}
	OSSL_PARAM_free(params);
	if (key && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		key->ref = from->ref;
	return key;
}

static const char *ec_operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : operation == OSSL_OP_KEYEXCH ? "ECDH" : NULL;
}

#define KEY_FUNCTIONS                                                              \
	REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free),                         \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),                   \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),               \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),             \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_types),        \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT, key_export),             \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_types),        \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),     \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),  \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_SET_PARAMS, key_set_params),     \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, key_settable),  \
		REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_DUP, key_dup), REMOTE_END

static const OSSL_DISPATCH rsa_keys[] = {REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_NEW, rsa_new), KEY_FUNCTIONS};
static const OSSL_DISPATCH ec_keys[] = {
	REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_NEW, ec_new),
	REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation_name), KEY_FUNCTIONS};
static const OSSL_DISPATCH ed25519_keys[] = {REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_NEW, ed25519_new),
					     KEY_FUNCTIONS};
static const OSSL_DISPATCH x25519_keys[] = {REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_NEW, x25519_new), KEY_FUNCTIONS};

#define RSA_NAMES "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define EC_NAMES "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define ED25519_NAMES "ED25519:1.3.101.112"
#define X25519_NAMES "X25519:1.3.101.110"
#define ALGORITHM(names, functions)                \
	{                                          \
		names, PROPERTIES, functions, NULL \
	}
#define ALGORITHM_END \
	{             \
		NULL, NULL, NULL, NULL \
	}

static const OSSL_ALGORITHM keys[] = {ALGORITHM(RSA_NAMES, rsa_keys), ALGORITHM(EC_NAMES, ec_keys),
				      ALGORITHM(ED25519_NAMES, ed25519_keys), ALGORITHM(X25519_NAMES, x25519_keys),
				      ALGORITHM_END};
static const OSSL_ALGORITHM signatures[] = {ALGORITHM(RSA_NAMES, remote_signature),
					    ALGORITHM("ECDSA", remote_signature),
					    ALGORITHM(ED25519_NAMES, remote_signature), ALGORITHM_END};
static const OSSL_ALGORITHM ciphers[] = {ALGORITHM(RSA_NAMES, remote_cipher), ALGORITHM_END};
static const OSSL_ALGORITHM exchanges[] = {ALGORITHM("ECDH", remote_exchange),
					   ALGORITHM(X25519_NAMES, remote_exchange), ALGORITHM_END};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keys;
	case OSSL_OP_SIGNATURE:
		return signatures;
	case OSSL_OP_ASYM_CIPHER:
		return ciphers;
	case OSSL_OP_KEYEXCH:
		return exchanges;
	}
	return NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
			 const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		REMOTE_FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), REMOTE_END};

	(void)in;
	*out = functions;
	*context = (void *)(uintptr_t)handle;
	return 1;
}

int remote_key_load(void)
{
	static OSSL_PROVIDER *own; /* for the life of the process */

	if (own)
		return 0;
	/* The default one first: fetches without a property query take the first that fits. */
	if (OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_add_builtin(NULL, PROVIDER, provider_init))
		own = OSSL_PROVIDER_load(NULL, PROVIDER);
	return own ? 0 : ERR_INTERNAL;
}

EVP_PKEY *remote_key_new(EVP_PKEY *public_key, uint32_t ref)
{
	OSSL_PARAM extra[] = {OSSL_PARAM_construct_uint32(PARAM_REF, &ref), OSSL_PARAM_construct_end()};
	CLEAN_PKEY_CTX EVP_PKEY_CTX *ctx = NULL;
	OSSL_PARAM *params = NULL, *merged = NULL;
	EVP_PKEY *key = NULL;

	for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++)
		if (EVP_PKEY_is_a(public_key, kind_names[i]))
			ctx = EVP_PKEY_CTX_new_from_name(NULL, kind_names[i], PROPERTIES);
	if (!ctx || !EVP_PKEY_todata(public_key, EVP_PKEY_PUBLIC_KEY, &params))
		return NULL;
	merged = OSSL_PARAM_merge(params, extra);
	if (merged && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, merged) <= 0)
		key = NULL;
	OSSL_PARAM_free(merged);
	OSSL_PARAM_free(params);
	return key;
}
