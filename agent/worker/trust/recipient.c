/* SPDX-License-Identifier: ISC
 *
 * Choosing certificates to encrypt to. Where several of one name serve, it is the newest; where none
 * does, the person is told why not.
 */
#include "recipient.h"

#include "capabilities.h"
#include "cert_file.h"
#include "store.h"
#include "trust.h"

#include <string.h>

#define NAME_MAX_LENGTH 65536
/* Hexadecimal digits. */
#define STORE_FINGERPRINT_MIN 16

static const struct {
	const char *reason, *advice;
	unsigned int inv_recp;
} problems[RECIPIENT_PROBLEMS] = {
	[RECIPIENT_OK] = {"", "", 0},
	[RECIPIENT_NONE] = {"no certificate is known", "ask them for a signed mail", 1},
	[RECIPIENT_KEY] = {"the certificate's kind of key is not supported",
			   "ask them for a certificate with an RSA, EC or X25519 key", 3},
	[RECIPIENT_WRONG_USE] = {"the certificate is not for encrypting mail",
				 "ask them for a signed mail that comes with the one that is", 3},
	[RECIPIENT_AMBIGUOUS] = {"more than one certificate fits", "give more of the fingerprint", 2},
	[RECIPIENT_NOT_YET] = {"the certificate is not valid yet", "ask them for the present one", 5},
	[RECIPIENT_EXPIRED] = {"the certificate has expired",
			       "ask them for a mail that is signed with the new one", 5},
	[RECIPIENT_UNTRUSTED] = {"no path leads from the certificate to a trusted root",
				 "see trust-anchors, or give the certificate as a file", 10},
	[RECIPIENT_REVOKED] = {"the certificate was revoked",
			       "ask them for a mail that is signed with the new one", 4},
};

const char *recipient_reason(enum recipient_problem problem)
{
	return problems[problem].reason;
}

const char *recipient_advice(enum recipient_problem problem)
{
	return problems[problem].advice;
}

unsigned int recipient_inv_recp(enum recipient_problem problem)
{
	return problems[problem].inv_recp;
}

static enum recipient_problem check_use(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!key || (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "X25519")))
		return RECIPIENT_KEY;
	return cert_uses(cert) & CERT_USE_DECRYPT ? RECIPIENT_OK : RECIPIENT_WRONG_USE;
}

static enum recipient_problem check_dates(const X509 *cert)
{
	if (!cert_has_begun(cert))
		return RECIPIENT_NOT_YET;
	return cert_has_ended(cert) ? RECIPIENT_EXPIRED : RECIPIENT_OK;
}

/* Whose word is good for a certificate. */
enum origin {
	ORIGIN_OTHERS, /* a certification authority's alone */
	ORIGIN_GIVEN,  /* the person's, who handed it over */
	ORIGIN_OWN,    /* the key is here */
};

static int check_trust(X509 *cert, enum origin origin, enum recipient_problem *ret_problem)
{
	CLEAN_TRUST struct trust_result result = {0};
	int rc = trust_check(cert, NULL, NULL, CERT_USE_DECRYPT, 0, &result);

	if (rc)
		return rc;
	if (result.reasons & REASON_REVOKED)
		*ret_problem = RECIPIENT_REVOKED;
	else if (origin == ORIGIN_GIVEN)
		*ret_problem = RECIPIENT_OK;
	else if (result.reasons & REASON_WRONG_USE)
		*ret_problem = RECIPIENT_WRONG_USE;
	else
		*ret_problem = result.reasons & ~(unsigned int)(REASON_NO_CRL | REASON_OLD_CRL) ? RECIPIENT_UNTRUSTED
											   : RECIPIENT_OK;
	return 0;
}

/* Whether the store has revocation lists of the certificate's issuer. What it costs to read all trust anchors is
 * spared where there are none. */
static bool may_be_revoked(X509 *cert)
{
	STACK_OF(X509) *issuers = sk_X509_new_null();
	STACK_OF(X509_CRL) *lists = NULL;
	X509 *issuer = X509_new(); /* its name alone */
	bool may = true;

	if (issuers && issuer && X509_set_subject_name(issuer, X509_get_issuer_name(cert)) &&
	    sk_X509_push(issuers, issuer))
		may = !store_find_crls(issuers, &lists) && sk_X509_CRL_num(lists) > 0;
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	sk_X509_free(issuers);
	X509_free(issuer);
	return may;
}

static int check(X509 *cert, enum origin origin, enum recipient_problem *ret_problem)
{
	*ret_problem = check_use(cert);
	if (!*ret_problem)
		*ret_problem = check_dates(cert);
	if (*ret_problem || origin == ORIGIN_OWN || (origin == ORIGIN_GIVEN && !may_be_revoked(cert)))
		return 0;
	return check_trust(cert, origin, ret_problem);
}

/* The search for one name. */
struct search {
	X509 *best;
	unsigned int capabilities;
	enum recipient_problem problem;
	bool exact; /* one certificate was asked for, not somebody's newest */
};

static void search_done(struct search *search)
{
	X509_free(search->best);
}

#define CLEAN_SEARCH CLEANUP(search_done)

static bool is_newer(const X509 *a, const X509 *b)
{
	return ASN1_TIME_compare(X509_get0_notBefore(a), X509_get0_notBefore(b)) > 0;
}

static int consider(struct search *search, X509 *cert, enum origin origin, unsigned int capabilities)
{
	enum recipient_problem problem;
	int rc;

	if (search->best && search->exact && X509_cmp(search->best, cert))
		search->problem = RECIPIENT_AMBIGUOUS;
	if (search->best && (search->exact || !is_newer(cert, search->best)))
		return 0;
	rc = check(cert, origin, &problem);
	if (rc)
		return rc;
	if (problem) {
		if (!search->best && problem > search->problem)
			search->problem = problem;
		return 0;
	}
	if (!X509_up_ref(cert))
		return ERR_NO_MEMORY;
	X509_free(search->best);
	search->best = cert;
	search->capabilities = capabilities;
	search->problem = RECIPIENT_OK;
	return 0;
}

/* Whether what is encrypted to it can be read with it. */
static bool decrypts(const struct key *key)
{
	return !(key->flags & CERT_NO_KEY) && key->uses & CERT_USE_DECRYPT;
}

/* Tokens may hold other people's certificates, too. */
static int search_list(struct search *search, struct key *list, const char *name, bool self)
{
	int rc = 0;

	for (struct key *key = list; key && !rc; key = key->next) {
		bool own = decrypts(key);

		if (keys_fit(key, name) && (!self || own))
			rc = consider(search, key->cert, own ? ORIGIN_OWN : ORIGIN_OTHERS,
				      own ? CAPABILITIES_OWN : capabilities_read((struct view){NULL, 0}));
	}
	return rc;
}

static int search_keys(struct search *search, const char *name, bool self)
{
	int rc = search_list(search, keys_first(), name, self);

	return rc ? rc : search_list(search, keys_absent(), name, self);
}

static int consider_stored(void *context, struct stored *row)
{
	return consider(context, row->cert, ORIGIN_OTHERS, capabilities_read(buf_view(&row->capabilities)));
}

/* Anybody can make certificates until one begins as another does, and send them: a fingerprint's start must
 * be long here. */
static int search_store(struct search *search, const char *name)
{
	char digits[CERT_FINGERPRINT_SIZE];
	size_t length = 0;

	if (strchr(name, '@'))
		return store_each(STORE_ADDRESS, view_string(name), consider_stored, search);
	if (!search->exact)
		return 0;
	for (; *name && length < sizeof digits - 1; name++)
		if (*name != ':')
			digits[length++] = *name;
	if (*name || length < STORE_FINGERPRINT_MIN)
		return 0;
	return store_each(STORE_FINGERPRINT, (struct view){(uint8_t *)digits, length}, consider_stored, search);
}

static bool is_fingerprint(const char *name)
{
	return strlen(name) >= 6 && strspn(name, "0123456789abcdefABCDEF:") == strlen(name);
}

static int add(struct recipients *list, const char *name, struct search *search,
	       const struct recipient **ret_recipient)
{
	struct recipient *recipient;

	if (list->count >= RECIPIENTS_MAX)
		return ERR_TOO_LARGE;
	recipient = calloc(1, sizeof *recipient);
	if (!recipient || !(recipient->name = strdup(name))) {
		free(recipient);
		return ERR_NO_MEMORY;
	}
	recipient->problem = search->problem;
	if (!search->problem) {
		recipient->cert = TAKE(search->best);
		recipient->capabilities = search->capabilities;
	}
	list->end = list->end ? list->end : &list->first;
	*list->end = recipient;
	list->end = &recipient->next;
	list->count++;
	*ret_recipient = recipient;
	return 0;
}

int recipients_add(struct recipients *list, const char *name, const struct recipient **ret_recipient)
{
	CLEAN_SEARCH struct search search = {.problem = RECIPIENT_NONE, .exact = is_fingerprint(name)};
	int store, rc = keys_refresh(LIST_KNOWN);

	rc = rc ? rc : search_keys(&search, name, false);
	if (rc)
		return rc;
	store = search_store(&search, name);
	/* Without the store there are still one's own keys. */
	if (store && (store != ERR_STORE || search.problem == RECIPIENT_NONE))
		return store;
	return add(list, name, &search, ret_recipient);
}

/* What the person knows the certificate by. */
static int name_of(X509 *cert, struct buf *into)
{
	int rc = cert_addresses(cert, into);

	rc = rc || into->length ? rc : cert_subject(cert, into);
	rc = rc ? rc : buf_terminate(into);
	if (!rc)
		into->data[strcspn((char *)into->data, "\n")] = 0;
	return rc;
}

int recipients_add_file(struct recipients *list, int fd, const struct recipient **ret_recipient)
{
	CLEAN_BUF struct buf name = BUF_INIT(NAME_MAX_LENGTH);
	CLEAN_SEARCH struct search search = {.problem = RECIPIENT_NONE};
	X509 *cert = NULL;
	int rc = cert_file_read(fd, &cert);

	rc = rc ? rc : name_of(cert, &name);
	rc = rc ? rc : consider(&search, cert, ORIGIN_GIVEN, capabilities_read((struct view){NULL, 0}));
	X509_free(cert);
	return rc ? rc : add(list, (const char *)name.data, &search, ret_recipient);
}

static bool has_certificate(const struct recipients *list, const X509 *cert)
{
	for (const struct recipient *recipient = list->first; recipient; recipient = recipient->next)
		if (recipient->cert && !X509_cmp(recipient->cert, cert))
			return true;
	return false;
}

int recipients_add_self(struct recipients *list, const char *address)
{
	CLEAN_SEARCH struct search named = {.problem = RECIPIENT_NONE};
	CLEAN_SEARCH struct search only = {.problem = RECIPIENT_NONE, .exact = true};
	struct search *search = &named;
	const struct recipient *added;
	int rc = keys_refresh(LIST_KNOWN);

	if (!rc && address)
		rc = search_keys(&named, address, true);
	if (!rc && named.problem == RECIPIENT_NONE) {
		search = &only;
		rc = search_keys(&only, NULL, true);
		if (!rc && only.problem)
			return 0;
	}
	if (rc || (search->best && has_certificate(list, search->best)))
		return rc;
	rc = add(list, address ? address : "yourself", search, &added);
	if (!rc)
		list->self = added;
	return rc;
}

void recipients_clear(struct recipients *list)
{
	while (list->first) {
		struct recipient *next = list->first->next;

		X509_free(list->first->cert);
		free(list->first->name);
		free(list->first);
		list->first = next;
	}
	*list = (struct recipients){0};
}

unsigned int recipients_capabilities(const struct recipients *list)
{
	unsigned int common = ~0u;

	for (const struct recipient *recipient = list->first; recipient; recipient = recipient->next)
		if (recipient->cert)
			common &= recipient->capabilities;
	return common;
}

size_t recipients_usable(const struct recipients *list)
{
	size_t count = 0;

	for (const struct recipient *recipient = list->first; recipient; recipient = recipient->next)
		count += recipient->cert != NULL;
	return count;
}
