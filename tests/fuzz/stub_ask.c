/* SPDX-License-Identifier: ISC
 *
 * Answers what agent/worker/io/ask.h asks, with private keys of its own from the test's files.
 */
#include "stub_ask.h"

#include "ask.h"
#include "clean_ssl.h"
#include "fuzz.h"
#include "log.h"
#include "remote_key.h"
#include "replies.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#define KEYS 3
#define ANSWER_TOO_LONG 2000

static const char *const names[KEYS] = {"rsa", "p256", "x25519"};
static EVP_PKEY *private_keys[KEYS];
static struct buf certs[KEYS];
static enum stub_answer how;
static bool asked;

uint32_t stub_ask_flags = TOKEN_LOGGED_IN | TOKEN_INITIALISED | TOKEN_ECDH | TOKEN_RSA_PSS | TOKEN_RSA_RAW;
struct view stub_ask_cert;
void (*stub_ask_admin)(const struct msg_admin *request);

static void drop(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void read_key(size_t i)
{
	const char *srcdir = getenv("srcdir");
	unsigned char *der = NULL;
	char path[4096];
	FILE *file;
	X509 *cert;
	int length;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus-key/%s.pem", srcdir ? srcdir : ".", names[i]);
	file = fopen(path, "r");
	require(file);
	private_keys[i] = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	require(private_keys[i] && cert);
	length = i2d_X509(cert, &der);
	certs[i] = BUF_INIT(65536);
	require(length > 0 && !buf_add(&certs[i], der, (size_t)length));
	OPENSSL_free(der);
	X509_free(cert);
	fclose(file);
}

void stub_ask_open(enum stub_answer answer)
{
	how = answer;
	if (private_keys[0])
		return;
	log_open(drop, LOG_LEVEL_ERROR);
	require(!remote_key_load());
	for (size_t i = 0; i < KEYS; i++)
		read_key(i);
}

/* Once: certificates are parsed once for a connection, too. */
bool ask_keys_changed(void)
{
	bool changed = !asked;

	asked = true;
	return changed;
}

const char *ask_detail(void)
{
	return "";
}

void ask_clear_detail(void)
{
}

int ask_list(enum list_look look, ask_token token, ask_cert cert, void *context)
{
	struct msg_token message = {.ref = 1, .flags = stub_ask_flags};
	struct msg_cert extra = {.ref = KEYS + 1, .token = 1, .flags = CERT_NO_KEY, .der = stub_ask_cert};
	int rc = token(context, &message);

	(void)look;
	for (uint32_t i = 0; i < KEYS && !rc; i++) {
		struct msg_cert row = {.ref = i + 1,
				       .token = 1,
				       .flags = CERT_KEY | CERT_SIGN | CERT_DECRYPT | CERT_DERIVE,
				       .label = view_string(names[i]),
				       .der = buf_view(&certs[i])};

		rc = cert(context, &row);
	}
	return rc || !stub_ask_cert.length ? rc : cert(context, &extra);
}

static const char *digest_name(uint8_t hash)
{
	static const char *const table[HASH_LIMIT] = {"SHA1", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"};

	return hash < HASH_LIMIT ? table[hash] : "none";
}

static void set_oaep(EVP_PKEY_CTX *ctx, const struct msg_key_op *request)
{
	void *label = OPENSSL_memdup(request->label.data, request->label.length);

	EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING);
	EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest_name(request->hash), NULL);
	EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, digest_name(request->mgf), NULL);
	if (EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)request->label.length) <= 0)
		OPENSSL_free(label);
}

static int decrypt(const struct msg_key_op *request, struct buf *into)
{
	EVP_PKEY *key = private_keys[request->key - 1];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, "provider=default");
	unsigned char out[1024];
	size_t length = sizeof out;
	int ok = ctx && EVP_PKEY_decrypt_init(ctx) > 0;

	if (ok && how != STUB_KEY)
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING);
	else if (ok && request->mechanism == MECHANISM_RSA_OAEP)
		set_oaep(ctx, request);
	ok = ok && EVP_PKEY_decrypt(ctx, out, &length, request->data.data, request->data.length) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok ? buf_add(into, out, length) : ERR_TOKEN;
}

static EVP_PKEY *make_point(struct view point)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data,
						  point.length),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", "provider=default");
	EVP_PKEY *peer = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &peer, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		peer = NULL;
	EVP_PKEY_CTX_free(ctx);
	return peer;
}

static int derive(const struct msg_key_op *request, struct buf *into)
{
	EVP_PKEY *key = private_keys[request->key - 1];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, "provider=default");
	EVP_PKEY *peer = EVP_PKEY_is_a(key, "X25519")
				 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, request->data.data,
							       request->data.length)
				 : make_point(request->data);
	unsigned char out[64];
	size_t length = sizeof out;
	int ok = ctx && peer && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		 EVP_PKEY_derive(ctx, out, &length) > 0;

	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(ctx);
	return ok ? buf_add(into, out, length) : ERR_TOKEN;
}

static int misbehave(struct buf *into, enum result_form *ret_form)
{
	static const uint8_t zeroes[ANSWER_TOO_LONG];

	switch (how) {
	case STUB_REFUSE:
		return ERR_DECRYPT;
	case STUB_REMOVED:
		return ERR_TOKEN_REMOVED;
	case STUB_SHORT:
		return buf_add(into, zeroes, 5);
	case STUB_LONG:
		return buf_add(into, zeroes, sizeof zeroes);
	case STUB_EMPTY:
		return 0;
	default:
		if (ret_form)
			*ret_form = FORM_UNCLEAR;
		return ERR_TOKEN;
	}
}

static bool set_sign_padding(EVP_PKEY_CTX *ctx, const struct msg_key_op *request)
{
	switch (request->mechanism) {
	case MECHANISM_RSA_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	case MECHANISM_RSA_PSS_BLOCK:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0;
	case MECHANISM_RSA_PSS:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(digest_name(request->hash))) > 0 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, digest_name(request->mgf), NULL) > 0 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, request->salt) > 0;
	}
	return request->mechanism == MECHANISM_ECDSA;
}

/* r and s side by side, as PKCS#11 has them. */
static int add_raw_ecdsa(struct buf *into, const unsigned char *der, size_t length)
{
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)length);
	unsigned char raw[64];

	require(signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) == 32 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) == 32);
	ECDSA_SIG_free(signature);
	return buf_add(into, raw, sizeof raw);
}

static int sign_for_mail(const struct msg_key_op *request, struct buf *into)
{
	EVP_PKEY *key = private_keys[request->key - 1];
	CLEAN_PKEY_CTX EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, "provider=default");
	unsigned char out[1024];
	size_t length = sizeof out;

	if (request->mechanism == MECHANISM_RSA_PSS && !(stub_ask_flags & TOKEN_RSA_PSS))
		return ERR_MECHANISM;
	if (!ctx || EVP_PKEY_sign_init(ctx) <= 0 || !set_sign_padding(ctx, request) ||
	    EVP_PKEY_sign(ctx, out, &length, request->data.data, request->data.length) <= 0)
		return ERR_TOKEN;
	return request->key == 1 ? buf_add(into, out, length) : add_raw_ecdsa(into, out, length);
}

/* The keys' own door gets nobody's signature. */
static int sign(const struct msg_key_op *request, struct buf *into)
{
	static const uint8_t bytes[256] = {1};

	if (request->door != DOOR_KEYS)
		return sign_for_mail(request, into);
	return buf_add(into, bytes, request->key == 1 ? sizeof bytes : 64);
}

int ask_unlock(uint32_t token, int pin_fd)
{
	require(token && pin_fd < 0);
	return token == 1 ? 0 : ERR_NO_TOKEN;
}

void ask_clear_news(void)
{
}

int ask_status(ask_note note, void *context)
{
	(void)note;
	(void)context;
	return 0;
}

void replies_tell_changes(void)
{
}

int ask_key_op(enum message_type type, const struct msg_key_op *request, int pin_fd, struct buf *into,
	       enum result_form *ret_form)
{
	enum result_form form = FORM_KEY;
	int rc;

	(void)pin_fd;
	require(request->key >= 1 && request->key <= KEYS);
	if (type == MSG_SIGN)
		return sign(request, into);
	require((type == MSG_DECRYPT && request->key == 1) || (type == MSG_DERIVE && request->key > 1));
	if (how >= STUB_REFUSE) {
		rc = misbehave(into, &form);
	} else if (type == MSG_DERIVE) {
		rc = derive(request, into);
	} else {
		rc = decrypt(request, into);
		form = rc ? FORM_UNCLEAR : how == STUB_BLOCK ? FORM_RSA_BLOCK : FORM_KEY;
	}
	if (ret_form)
		*ret_form = form;
	return rc;
}

int ask_spool(int *ret_fd, uint64_t *ret_limit)
{
	*ret_fd = fuzz_file(NULL, 0);
	*ret_limit = 16 * 1024 * 1024;
	return 0;
}

/* A store that is empty and keeps nothing. */
int ask_store_find(const struct msg_store_find *find, ask_stored row, void *context)
{
	(void)row;
	(void)context;
	require(find->by < STORE_BY_LIMIT);
	return 0;
}

int ask_store_add(const struct msg_stored *row)
{
	require(row->der.length && row->der.length <= STORE_CERT_MAX && row->keys.length <= STORE_KEYS_MAX);
	return 0;
}

int ask_store_remove(const char *fingerprint)
{
	(void)fingerprint;
	return ERR_NO_CERTIFICATE;
}

int ask_crl_add(const struct msg_crl *crl, int fd)
{
	require(crl->issuer.length && fd >= 0);
	return 0;
}

int ask_crl_find(struct view issuers, int *ret_fd)
{
	(void)issuers;
	*ret_fd = fuzz_file(NULL, 0);
	return 0;
}

int ask_anchors(int *ret_fd)
{
	*ret_fd = fuzz_file(NULL, 0);
	return 0;
}

int ask_admin(const struct msg_admin *request, int pin_fd, struct buf *into)
{
	(void)pin_fd;
	if (stub_ask_admin)
		stub_ask_admin(request);
	return buf_add(into, "done", 4);
}
