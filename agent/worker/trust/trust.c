/* SPDX-License-Identifier: ISC
 *
 * Paths by OpenSSL's X509_verify_cert. Every complaint of it is collected, and none overruled but
 * those that RFC 8550 sees otherwise; a certificate with one is not trusted.
 */
#include "trust.h"

#include "anchors.h"
#include "clean_ssl.h"
#include "keys.h"
#include "log.h"
#include "store.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <errno.h>

/* Longer paths are loops or jokes. */
#define PATH_MAX_LENGTH 10
#define FILE_MAX (16u << 20)
#define LISTS_MAX 1000

static struct {
	struct anchors *anchors; /* NULL: none were given */
	STACK_OF(X509_CRL) *lists;
	bool crl_check;
} given;

struct check {
	struct trust_result *result;
	bool crl_check;
};

static int read_whole(int fd, struct buf *into)
{
	for (;;) {
		int rc = buf_reserve(into, 65536);
		ssize_t got;

		if (rc)
			return rc;
		got = read(fd, into->data + into->length, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? ERR_READ : 0;
		into->length += (size_t)got;
	}
}

static X509_CRL *next_list(BIO *pem, const unsigned char **at, const unsigned char *end)
{
	X509_CRL *list = *at < end ? d2i_X509_CRL(NULL, at, end - *at) : NULL;

	return list || !pem ? list : PEM_read_bio_X509_CRL(pem, NULL, NULL, NULL);
}

static int parse_lists(const struct buf *bytes, STACK_OF(X509_CRL) *into)
{
	CLEAN_BIO BIO *bio = BIO_new_mem_buf(bytes->data, (int)bytes->length);
	const unsigned char *at = bytes->data, *end = at + bytes->length;
	X509_CRL *list;

	while ((list = next_list(bio, &at, end)))
		if (sk_X509_CRL_num(into) >= LISTS_MAX || !sk_X509_CRL_push(into, list)) {
			X509_CRL_free(list);
			return ERR_TOO_LARGE;
		}
	ERR_clear_error();
	return sk_X509_CRL_num(into) ? 0 : ERR_NOT_CERTIFICATE;
}

static int take_anchors(int fd)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(FILE_MAX + 65536);
	int rc = read_whole(fd, &bytes);

	rc = rc ? rc : anchors_read(buf_view(&bytes), &given.anchors);
	return rc || anchors_count(given.anchors) ? rc : ERR_NOT_CERTIFICATE;
}

static int take_lists(int fd)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(FILE_MAX + 65536);
	int rc = read_whole(fd, &bytes);

	given.lists = sk_X509_CRL_new_null();
	if (!given.lists)
		return ERR_NO_MEMORY;
	return rc ? rc : parse_lists(&bytes, given.lists);
}

int trust_begin(const struct trust_request *request)
{
	int rc = 0;

	trust_end();
	given.crl_check = request->crl_check || request->crls >= 0;
	if (request->anchors >= 0)
		rc = take_anchors(request->anchors);
	if (!rc && request->crls >= 0)
		rc = take_lists(request->crls);
	if (rc)
		trust_end();
	return rc;
}

void trust_end(void)
{
	anchors_free(given.anchors);
	sk_X509_CRL_pop_free(given.lists, X509_CRL_free);
	given.anchors = NULL;
	given.lists = NULL;
	given.crl_check = false;
}

/* What OpenSSL says, in a person's words. What is not told apart breaks the chain. */
static unsigned int translate(int error)
{
	static const struct {
		int error;
		unsigned int reason;
	} table[] = {
		{X509_V_ERR_CERT_HAS_EXPIRED, REASON_EXPIRED},
		{X509_V_ERR_CERT_NOT_YET_VALID, REASON_NOT_YET_VALID},
		{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, REASON_UNTRUSTED},
		{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, REASON_UNTRUSTED},
		{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, REASON_UNTRUSTED},
		{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, REASON_UNTRUSTED},
		{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, REASON_UNTRUSTED},
		{X509_V_ERR_CERT_CHAIN_TOO_LONG, REASON_UNTRUSTED},
		{X509_V_ERR_CERT_UNTRUSTED, REASON_UNTRUSTED},
		{X509_V_ERR_CERT_REJECTED, REASON_UNTRUSTED},
		{X509_V_ERR_CERT_REVOKED, REASON_REVOKED},
		{X509_V_ERR_INVALID_PURPOSE, REASON_WRONG_USE},
		{X509_V_ERR_EE_KEY_TOO_SMALL, REASON_WEAK_CHAIN},
		{X509_V_ERR_CA_KEY_TOO_SMALL, REASON_WEAK_CHAIN},
		{X509_V_ERR_CA_MD_TOO_WEAK, REASON_WEAK_CHAIN},
		{X509_V_ERR_UNABLE_TO_GET_CRL, REASON_NO_CRL},
		{X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, REASON_NO_CRL},
		{X509_V_ERR_DIFFERENT_CRL_SCOPE, REASON_NO_CRL},
		{X509_V_ERR_CRL_SIGNATURE_FAILURE, REASON_NO_CRL},
		{X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE, REASON_NO_CRL},
		{X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, REASON_NO_CRL},
		{X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, REASON_NO_CRL},
		{X509_V_ERR_UNSUPPORTED_EXTENSION_FEATURE, REASON_NO_CRL},
		{X509_V_ERR_CRL_PATH_VALIDATION_ERROR, REASON_NO_CRL},
		{X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD, REASON_OLD_CRL},
		{X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD, REASON_OLD_CRL},
		{X509_V_ERR_CRL_HAS_EXPIRED, REASON_OLD_CRL},
		{X509_V_ERR_CRL_NOT_YET_VALID, REASON_OLD_CRL},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].error == error)
			return table[i].reason;
	return REASON_BAD_CHAIN;
}

static int collect(int ok, X509_STORE_CTX *ctx)
{
	X509_STORE_CTX *parent = X509_STORE_CTX_get0_parent_ctx(ctx);
	struct check *check = X509_STORE_CTX_get_app_data(parent ? parent : ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	unsigned int reason;

	if (ok)
		return 1; /* a success, or the end of policies */
	reason = translate(error);
	log_debug("certificate: %s", X509_verify_cert_error_string(error));
	/* OpenSSL does not know anyExtendedKeyUsage: fits_use has the say. */
	if (error == X509_V_ERR_INVALID_PURPOSE && !X509_STORE_CTX_get_error_depth(ctx))
		return 1;
	if (!check->crl_check && reason & (REASON_NO_CRL | REASON_OLD_CRL))
		return 1;
	/* Of who signed a revocation list: the list is of no use then. */
	if (parent)
		return 0;
	if (!check->result->reasons)
		check->result->culprit = X509_STORE_CTX_get_current_cert(ctx);
	check->result->reasons |= reason;
	return 1;
}

/* RFC 8550 section 4.4. */
static bool fits_use(X509 *cert, enum cert_use use)
{
	uint32_t extended = X509_get_extended_key_usage(cert);

	if (use == CERT_USE_DECRYPT)
		return cert_uses(cert) & CERT_USE_DECRYPT;
	return X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION) &&
	       (extended == UINT32_MAX || extended & (XKU_SMIME | XKU_ANYEKU));
}

static int add_borrowed(STACK_OF(X509) *pool, STACK_OF(X509) *certs)
{
	return X509_add_certs(pool, certs, X509_ADD_FLAG_UP_REF) ? 0 : ERR_NO_MEMORY;
}

static X509 *find_issuer(STACK_OF(X509) *pool, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(pool); i++)
		if (X509_check_issued(sk_X509_value(pool, i), cert) == X509_V_OK)
			return sk_X509_value(pool, i);
	return NULL;
}

static int add_stored(STACK_OF(X509) *pool, X509 *cert)
{
	CLEAN_STORED struct stored *found = NULL;
	int rc = store_find_issuers(cert, &found);

	/* Paths that need nothing of the store do without it. */
	if (rc)
		log_debug("no issuer from the store: %s", error_text(rc));
	for (const struct stored *at = found; at; at = at->next)
		if (!X509_add_cert(pool, at->cert, X509_ADD_FLAG_UP_REF))
			return ERR_NO_MEMORY;
	return 0;
}

/* What the store knows of issuers that nobody else brought. */
static int complete(STACK_OF(X509) *pool, struct anchors *all, STACK_OF(X509) *anchors, X509 *cert)
{
	int rc = 0;

	for (int length = 0; length < PATH_MAX_LENGTH && cert && !rc; length++) {
		X509 *issuer;

		rc = anchors_add_issuers(all, cert, anchors);
		if (rc || find_issuer(anchors, cert))
			return rc;
		issuer = find_issuer(pool, cert);
		if (!issuer) {
			rc = add_stored(pool, cert);
			issuer = find_issuer(pool, cert);
		}
		cert = issuer == cert ? NULL : issuer;
	}
	return rc;
}

/* All anchors that any path through the pool can end with. */
static int gather(STACK_OF(X509) *pool, struct anchors *all, STACK_OF(X509) *anchors)
{
	int rc = 0;

	for (int i = 0; i < sk_X509_num(pool) && !rc; i++)
		rc = anchors_add_issuers(all, sk_X509_value(pool, i), anchors);
	for (int i = 0; i < sk_X509_num(anchors) && !rc; i++) /* which grows */
		rc = anchors_add_issuers(all, sk_X509_value(anchors, i), anchors);
	return rc;
}

/* Certificates for the path; the caller frees them. */
static int make_pool(STACK_OF(X509) *extra, STACK_OF(X509) *pool)
{
	STACK_OF(X509) *known = sk_X509_new_null();
	int rc = known && keys_add_issuers(known) ? add_borrowed(pool, extra) : ERR_NO_MEMORY;

	rc = rc ? rc : add_borrowed(pool, known);
	sk_X509_free(known);
	return rc;
}

/* Whether it is signed by the path's issuer of its name. What is not of the path is OpenSSL's to judge; of a list
 * that is forged it would say so, and heed it. */
static bool is_genuine(X509_CRL *list, STACK_OF(X509) *path)
{
	bool named = false;

	for (int i = 0; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);

		if (X509_NAME_cmp(X509_get_subject_name(cert), X509_CRL_get_issuer(list)))
			continue;
		named = true;
		if (X509_get0_pubkey(cert) && X509_CRL_verify(list, X509_get0_pubkey(cert)) > 0)
			return true;
	}
	return !named;
}

static int add_lists(STACK_OF(X509_CRL) *into, STACK_OF(X509_CRL) *from, STACK_OF(X509) *path)
{
	for (int i = 0; i < sk_X509_CRL_num(from); i++) {
		X509_CRL *list = sk_X509_CRL_value(from, i);

		if (!is_genuine(list, path))
			continue;
		if (!X509_CRL_up_ref(list) || !sk_X509_CRL_push(into, list))
			return ERR_NO_MEMORY;
	}
	return 0;
}

/* Revocation lists that were given, brought, and (of the path's issuers) stored. */
static int make_lists(STACK_OF(X509_CRL) *brought, STACK_OF(X509) *path, STACK_OF(X509_CRL) *lists)
{
	STACK_OF(X509_CRL) *stored = NULL;
	int rc = add_lists(lists, given.lists, path);

	rc = rc ? rc : add_lists(lists, brought, path);
	if (!rc && !given.lists && store_find_crls(path, &stored))
		log_debug("no revocation lists from the store");
	rc = rc ? rc : add_lists(lists, stored, path);
	sk_X509_CRL_pop_free(stored, X509_CRL_free);
	return rc;
}

static bool set_parameters(X509_STORE_CTX *ctx, enum cert_use use, int64_t at, bool with_lists)
{
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(ctx);
	ASN1_OBJECT *any = OBJ_nid2obj(NID_any_policy);
	unsigned long flags = X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS;

	if (with_lists)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	X509_STORE_CTX_set_purpose(ctx, use == CERT_USE_SIGN ? X509_PURPOSE_SMIME_SIGN : X509_PURPOSE_SMIME_ENCRYPT);
	X509_VERIFY_PARAM_set_flags(parameters, flags);
	X509_VERIFY_PARAM_set_depth(parameters, PATH_MAX_LENGTH);
	X509_VERIFY_PARAM_set_auth_level(parameters, 1); /* no MD5, no SHA-1, no RSA under 1024 bits */
	if (at)
		X509_VERIFY_PARAM_set_time(parameters, (time_t)at);
	/* RFC 5280's initial set; OpenSSL's own is empty, which no chain with requireExplicitPolicy has. */
	return X509_VERIFY_PARAM_add0_policy(parameters, any);
}

static X509_STORE *store_of(STACK_OF(X509) *anchors)
{
	X509_STORE *store = X509_STORE_new();

	for (int i = 0; store && i < sk_X509_num(anchors); i++)
		if (!X509_STORE_add_cert(store, sk_X509_value(anchors, i))) {
			X509_STORE_free(store);
			return NULL;
		}
	return store;
}

static int build_path(X509 *cert, STACK_OF(X509) *pool, X509_STORE *store, STACK_OF(X509_CRL) *lists,
	       enum cert_use use, int64_t at, struct trust_result *result)
{
	struct check check = {result, given.crl_check};
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rc = ERR_NO_MEMORY;

	trust_result_done(result);
	if (ctx && X509_STORE_CTX_init(ctx, store, cert, pool) &&
	    set_parameters(ctx, use, at, lists && (check.crl_check || sk_X509_CRL_num(lists)))) {
		X509_STORE_CTX_set0_crls(ctx, lists);
		X509_STORE_CTX_set_app_data(ctx, &check);
		X509_STORE_CTX_set_verify_cb(ctx, collect);
		/* What failed without being said is a failure of OpenSSL's own. */
		if (X509_verify_cert(ctx) <= 0 && !result->reasons)
			result->reasons = REASON_BAD_CHAIN;
		result->chain = X509_STORE_CTX_get1_chain(ctx);
		rc = 0;
	}
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	return rc;
}

/* Once to find the path, and where there are lists for it, again to heed them. */
static int check_path(X509 *cert, STACK_OF(X509) *pool, STACK_OF(X509) *anchors, STACK_OF(X509_CRL) *brought,
		      enum cert_use use, int64_t at, struct trust_result *result)
{
	STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
	X509_STORE *store = store_of(anchors);
	int rc = lists && store ? 0 : ERR_NO_MEMORY;

	rc = rc ? rc : build_path(cert, pool, store, NULL, use, at, result);
	rc = rc ? rc : make_lists(brought, result->chain, lists);
	if (!rc && (given.crl_check || sk_X509_CRL_num(lists)))
		rc = build_path(cert, pool, store, lists, use, at, result);
	X509_STORE_free(store);
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	return rc;
}

/* Without a file of anchors nobody is trusted, and that is told of each. */
static int find_anchors(X509 *cert, STACK_OF(X509) *pool, STACK_OF(X509) *anchors)
{
	struct anchors *all = given.anchors;
	int rc = all ? 0 : store_anchors(&all);

	if (rc) {
		log_warn("there are no trust anchors: %s", error_text(rc));
		return 0;
	}
	rc = complete(pool, all, anchors, cert);
	return rc ? rc : gather(pool, all, anchors);
}

int trust_check(X509 *cert, STACK_OF(X509) *extra, STACK_OF(X509_CRL) *lists, enum cert_use use, int64_t at,
		struct trust_result *ret_result)
{
	STACK_OF(X509) *pool = sk_X509_new_null(), *anchors = sk_X509_new_null();
	int rc = pool && anchors ? make_pool(extra, pool) : ERR_NO_MEMORY;

	*ret_result = (struct trust_result){0};
	rc = rc ? rc : find_anchors(cert, pool, anchors);
	rc = rc ? rc : check_path(cert, pool, anchors, lists, use, at, ret_result);
	if (!rc && !fits_use(cert, use)) {
		ret_result->culprit = ret_result->reasons ? ret_result->culprit : cert;
		ret_result->reasons |= REASON_WRONG_USE;
	}
	sk_X509_pop_free(anchors, X509_free);
	sk_X509_pop_free(pool, X509_free);
	return rc;
}

void trust_result_done(struct trust_result *result)
{
	sk_X509_pop_free(result->chain, X509_free);
	*result = (struct trust_result){0};
}
