/* SPDX-License-Identifier: ISC
 *
 * The worker's list of keys, and choosing from it. Where two fit, the person says which; where only
 * one of them can serve, it is that one.
 */
#include "keys.h"

#include "ask.h"
#include "chain.h"
#include "log.h"
#include "public_key.h"
#include "remote_key.h"
#include "uri.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Shorter starts of a fingerprint are labels. */
#define FINGERPRINT_START_MIN 6
#define CHAIN_FILE_MAX 500

static struct token *tokens, *absent_tokens;
static struct key *keys, *bare_keys, *absent_keys;
static STACK_OF(X509) *chain_file;
static char detail[700];

const struct token *keys_tokens(void)
{
	return tokens;
}

struct key *keys_first(void)
{
	return keys;
}

const struct key *keys_bare(void)
{
	return bare_keys;
}

struct key *keys_absent(void)
{
	return absent_keys;
}

static const struct key *find_in(const struct key *list, uint32_t ref)
{
	while (list && list->ref != ref)
		list = list->next;
	return list;
}

const struct key *keys_find(uint32_t ref)
{
	const struct key *key = find_in(keys, ref);

	return key ? key : find_in(bare_keys, ref);
}

const struct token *keys_token_of(uint32_t ref)
{
	const struct key *key = keys_find(ref);

	key = key ? key : find_in(absent_keys, ref);
	return key ? key->token : NULL;
}

const char *keys_detail(void)
{
	return detail;
}

void keys_clear_detail(void)
{
	*detail = 0;
}

void keys_read_chain_file(int fd)
{
	BIO *bio = BIO_new_fd(fd, BIO_CLOSE);
	X509 *cert;

	chain_file = sk_X509_new_null();
	while (bio && chain_file && sk_X509_num(chain_file) < CHAIN_FILE_MAX &&
	       (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!X509_add_cert(chain_file, cert, X509_ADD_FLAG_DEFAULT))
			X509_free(cert);
	BIO_free(bio);
}

static void token_free(struct token *token)
{
	free(token->label);
	free(token->manufacturer);
	free(token->model);
	free(token->serial);
	free(token->module);
	free(token->reader);
	free(token);
}

static void key_free(struct key *key)
{
	buf_done(&key->id);
	buf_done(&key->label);
	buf_done(&key->ess_cert);
	buf_done(&key->parameters);
	buf_done(&key->public_value);
	X509_free(key->cert);
	EVP_PKEY_free(key->remote);
	sk_X509_pop_free(key->chain, X509_free);
	free(key);
}

static void keys_free(struct key *list)
{
	for (struct key *next; list; list = next) {
		next = list->next;
		key_free(list);
	}
}

static void tokens_free(struct token *list)
{
	for (struct token *next; list; list = next) {
		next = list->next;
		token_free(list);
	}
}

static void forget_all(void)
{
	keys_free(TAKE(keys));
	keys_free(TAKE(bare_keys));
	keys_free(TAKE(absent_keys));
	tokens_free(TAKE(tokens));
	tokens_free(TAKE(absent_tokens));
}

static int take_token(void *context, const struct msg_token *row)
{
	struct token *token = calloc(1, sizeof *token);
	struct token **at = row->flags & TOKEN_ABSENT ? &absent_tokens : &tokens;

	(void)context;
	if (!token)
		return ERR_NO_MEMORY;
	token->ref = row->ref;
	token->flags = row->flags;
	token->label = view_dup(row->label);
	token->manufacturer = view_dup(row->manufacturer);
	token->model = view_dup(row->model);
	token->serial = view_dup(row->serial);
	token->module = view_dup(row->module);
	token->reader = view_dup(row->reader);
	while (*at)
		at = &(*at)->next;
	*at = token;
	return token->label && token->manufacturer && token->model && token->serial && token->module &&
			       token->reader
		       ? 0
		       : ERR_NO_MEMORY;
}

static int fill_cert(struct key *key, const struct msg_cert *row)
{
	const unsigned char *der = row->der.data;
	int rc;

	key->cert = d2i_X509(NULL, &der, (long)row->der.length);
	if (!key->cert || !X509_get0_pubkey(key->cert))
		return ERR_NOT_SUPPORTED;
	rc = cert_fingerprint(key->cert, key->fingerprint);
	key->uses = cert_uses(key->cert);
	/* As with tpm2-pkcs11. */
	if (!EVP_PKEY_is_a(X509_get0_pubkey(key->cert), "RSA") && !(key->token->flags & TOKEN_ECDH))
		key->uses &= ~(unsigned int)CERT_USE_DECRYPT;
	return rc;
}

static const struct token *find_token(const struct token *list, uint32_t ref)
{
	while (list && list->ref != ref)
		list = list->next;
	return list;
}

static int fill_key(struct key *key, const struct msg_cert *row)
{
	int rc;

	key->ref = row->ref;
	key->flags = row->flags;
	key->id = key->label = BUF_INIT(4096);
	key->ess_cert = key->parameters = key->public_value = BUF_INIT(4096);
	key->type = row->type;
	key->token = find_token(tokens, row->token);
	key->token = key->token ? key->token : find_token(absent_tokens, row->token);
	if (!key->token)
		return ERR_PROTOCOL;
	rc = buf_add(&key->id, row->id.data, row->id.length);
	rc = rc ? rc : buf_add(&key->label, row->label.data, row->label.length);
	rc = rc ? rc : buf_add(&key->parameters, row->parameters.data, row->parameters.length);
	rc = rc ? rc : buf_add(&key->public_value, row->public_value.data, row->public_value.length);
	return rc || !row->der.length ? rc : fill_cert(key, row);
}

/* Where rows are put. */
struct lists {
	struct key **certs_end, **bare_end, **absent_end;
};

static struct key ***list_for(struct lists *lists, const struct key *key)
{
	if (!key->cert)
		return &lists->bare_end;
	return key->token->flags & TOKEN_ABSENT ? &lists->absent_end : &lists->certs_end;
}

static int take_cert(void *context, const struct msg_cert *row)
{
	struct key *key = calloc(1, sizeof *key);
	struct lists *lists = context;
	int rc = key ? fill_key(key, row) : ERR_NO_MEMORY;

	if (!rc && !key->cert && (key->token->flags & TOKEN_ABSENT)) {
		key_free(key);
		return 0;
	}
	if (!rc) {
		struct key ***end = list_for(lists, key);

		**end = key;
		*end = &key->next;
		return 0;
	}
	if (key)
		key_free(key);
	if (rc != ERR_NOT_SUPPORTED)
		return rc;
	log_info("a certificate on a token cannot be read and is left out");
	return 0;
}

int keys_refresh(enum list_look look)
{
	static bool incomplete;
	struct lists lists = {&keys, &bare_keys, &absent_keys};
	int rc;

	if (!ask_keys_changed() && look == LIST_KNOWN && !incomplete)
		return 0;
	forget_all();
	rc = ask_list(look, take_token, take_cert, &lists);
	incomplete = rc;
	return rc;
}

EVP_PKEY *keys_remote(struct key *key)
{
	if (!key->remote)
		key->remote = remote_key_new(X509_get0_pubkey(key->cert), key->ref);
	return key->remote;
}

EVP_PKEY *keys_public(const struct key *key)
{
	if (key->cert)
		return X509_get_pubkey(key->cert);
	return public_key_new((enum key_type)key->type, buf_view(&key->parameters),
			      buf_view(&key->public_value));
}

static bool add_certs(STACK_OF(X509) *pool, const struct key *list)
{
	for (; list; list = list->next)
		if (!sk_X509_push(pool, list->cert))
			return false;
	return true;
}

bool keys_add_issuers(STACK_OF(X509) *pool)
{
	return X509_add_certs(pool, chain_file, X509_ADD_FLAG_DEFAULT) && add_certs(pool, keys) &&
	       add_certs(pool, absent_keys);
}

STACK_OF(X509) *keys_chain(struct key *key)
{
	STACK_OF(X509) *pool, *stored = NULL;

	if (key->chain)
		return key->chain;
	pool = sk_X509_new_null();
	if (pool && keys_add_issuers(pool))
		stored = chain_from_store(key->cert, pool);
	if (stored && X509_add_certs(pool, stored, X509_ADD_FLAG_DEFAULT))
		key->chain = cert_chain(key->cert, pool);
	sk_X509_free(pool);
	sk_X509_pop_free(stored, X509_free);
	return key->chain;
}

static bool issues(X509 *issuer, X509 *cert)
{
	return X509_check_issued(issuer, cert) == X509_V_OK;
}

static X509 *issuer_in(const struct key *list, X509 *cert)
{
	while (list && !issues(list->cert, cert))
		list = list->next;
	return list ? list->cert : NULL;
}

X509 *keys_issuer(X509 *cert)
{
	X509 *issuer = issuer_in(keys, cert);

	issuer = issuer ? issuer : issuer_in(absent_keys, cert);
	for (int i = 0; !issuer && i < sk_X509_num(chain_file); i++)
		if (issues(sk_X509_value(chain_file, i), cert))
			issuer = sk_X509_value(chain_file, i);
	return issuer;
}

static int check_key(const struct key *key, enum cert_use use)
{
	uint16_t wanted = use == CERT_USE_SIGN ? CERT_SIGN : CERT_DECRYPT | CERT_DERIVE;

	if (key->flags & CERT_NO_KEY || !(key->uses & use))
		return ERR_KEY_UNUSABLE;
	if ((key->flags & CERT_KEY) && !(key->flags & wanted))
		return ERR_KEY_UNUSABLE;
	return use == CERT_USE_SIGN ? cert_check_dates(key->cert) : 0;
}

const char *keys_state(const struct key *key)
{
	if (key->flags & CERT_NO_KEY)
		return "no-key";
	if (!key->uses)
		return "unusable";
	return cert_check_dates(key->cert) ? "expired" : "valid";
}

static bool is_fingerprint_start(const char *name, const struct key *key)
{
	size_t length = 0;

	for (; *name; name++) {
		if (*name == ':')
			continue;
		if (length >= CERT_FINGERPRINT_SIZE - 1 || (*name | 0x20) != (key->fingerprint[length] | 0x20))
			return false;
		length++;
	}
	return length >= FINGERPRINT_START_MIN;
}

static bool fits_uri(const struct uri *uri, const struct key *key)
{
	const struct token *token = key->token;

	return uri_match_token(uri, token->label, token->manufacturer, token->model, token->serial) &&
	       uri_match_object(uri, buf_view(&key->label), buf_view(&key->id));
}

static bool fits(const char *name, const struct uri *uri, const struct key *key)
{
	if (!name)
		return true;
	if (uri)
		return fits_uri(uri, key);
	return cert_has_address(key->cert, name) || view_equal(view_string(name), buf_view(&key->label)) ||
	       is_fingerprint_start(name, key);
}

bool keys_fit(const struct key *key, const char *name)
{
	struct uri uri = {0};
	bool is_uri = name && !strncmp(name, "pkcs11:", 7);
	bool fit = (!is_uri || !uri_parse(name, &uri)) && fits(name, is_uri ? &uri : NULL, key);

	uri_done(&uri);
	return fit;
}

static void list_detail(const struct key *key)
{
	size_t length = strlen(detail);
	CLEAN_BUF struct buf label = BUF_INIT(4096);

	if (buf_add(&label, key->label.data, key->label.length) || buf_terminate(&label))
		return;
	snprintf(detail + length, sizeof detail - length, "%s%.16s (%s on %s)", length ? ", " : "",
		 key->fingerprint, log_quote((const char *)label.data), log_quote(key->token->label));
}

/* How the search stands. */
struct choice {
	struct key *usable, *unusable;
	unsigned int usable_count;
	int err; /* of the first that cannot serve */
};

static bool same_certificate(const struct key *a, const struct key *b)
{
	return !strcmp(a->fingerprint, b->fingerprint);
}

static void consider(struct choice *choice, struct key *key, enum cert_use use)
{
	int err = check_key(key, use);

	if (err) {
		/* An expired key says more than a CA's certificate that was never meant. */
		if (!choice->unusable || (choice->err == ERR_KEY_UNUSABLE && err != choice->err)) {
			choice->unusable = key;
			choice->err = err;
		}
		return;
	}
	if (choice->usable && same_certificate(choice->usable, key)) {
		/* A copy on another token: the one that is open already. */
		if ((key->token->flags & TOKEN_LOGGED_IN) && !(choice->usable->token->flags & TOKEN_LOGGED_IN))
			choice->usable = key;
		return;
	}
	choice->usable_count++;
	choice->usable = choice->usable ? choice->usable : key;
	list_detail(key);
}

int keys_select(const char *name, enum cert_use use, struct key **ret_key)
{
	struct choice choice = {0};
	struct uri uri = {0};
	bool is_uri = name && !strncmp(name, "pkcs11:", 7);
	int rc = is_uri ? uri_parse(name, &uri) : 0;

	*detail = 0;
	for (struct key *key = rc ? NULL : keys; key; key = key->next)
		if (fits(name, is_uri ? &uri : NULL, key))
			consider(&choice, key, use);
	for (struct key *key = rc || choice.usable ? NULL : absent_keys; key; key = key->next)
		if (fits(name, is_uri ? &uri : NULL, key))
			consider(&choice, key, use);
	uri_done(&uri);
	if (rc)
		return rc;
	if (choice.usable_count > 1)
		return ERR_AMBIGUOUS;
	*detail = 0;
	if (!choice.usable && choice.unusable && (name || choice.err == ERR_CERT_EXPIRED)) {
		list_detail(choice.unusable);
		return choice.err;
	}
	*ret_key = choice.usable;
	return choice.usable ? 0 : ERR_NO_KEY;
}

static bool token_fits(const struct token *token, const char *name, const struct uri *uri)
{
	if (uri)
		return uri_match_token(uri, token->label, token->manufacturer, token->model, token->serial);
	if (!strcmp(token->label, name))
		return true;
	for (const struct key *key = keys; key; key = key->next)
		if (key->token == token && fits(name, NULL, key))
			return true;
	return false;
}

int keys_select_token(const char *name, const struct token **ret_token)
{
	const struct token *found = NULL;
	struct uri uri = {0};
	bool is_uri = !strncmp(name, "pkcs11:", 7);
	int rc = is_uri ? uri_parse(name, &uri) : 0;

	*detail = 0;
	for (const struct token *token = rc ? NULL : tokens; token; token = token->next) {
		if (!token_fits(token, name, is_uri ? &uri : NULL))
			continue;
		if (found)
			rc = ERR_AMBIGUOUS_TOKEN;
		found = token;
	}
	uri_done(&uri);
	if (rc)
		return rc;
	*ret_token = found;
	return found ? 0 : ERR_NO_TOKEN;
}
