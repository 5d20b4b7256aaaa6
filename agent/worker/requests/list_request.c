/* SPDX-License-Identifier: ISC
 *
 * What the tokens have comes first, then what is known besides.
 */
#include "list_request.h"

#include "log.h"

#include <openssl/x509v3.h>

/* A list that is being made. */
struct listing {
	const struct list_request *request;
	list_taker take;
	void *context;
	STACK_OF(X509) *done; /* borrowed: what is listed, so that a copy elsewhere is not listed again */
};

bool list_row_is_secret(const struct list_row *row)
{
	const struct key *key = row->key;

	if (!key || (key->flags & CERT_NO_KEY))
		return false;
	/* A CA's certificate may lie beside one's own. */
	return (key->flags & CERT_KEY) || !X509_check_ca(key->cert);
}

static bool is_done(const struct listing *listing, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(listing->done); i++)
		if (!X509_cmp(sk_X509_value(listing->done, i), cert))
			return true;
	return false;
}

static bool is_wanted(const struct list_request *request, X509 *cert)
{
	bool wanted = !request->count;

	for (unsigned int i = 0; i < request->count && !wanted; i++)
		wanted = cert_name_fits(&request->names[i], cert);
	return wanted;
}

static int add_row(struct listing *listing, const struct list_row *row)
{
	if ((listing->request->secret_only && !list_row_is_secret(row)) || !is_wanted(listing->request, row->cert) ||
	    is_done(listing, row->cert))
		return 0;
	return listing->take(listing->context, row);
}

/* Of these there may be copies elsewhere. */
static int add_once(struct listing *listing, X509 *cert, const struct key *key)
{
	const struct list_row row = {.cert = cert, .key = key};
	int rc = add_row(listing, &row);

	return rc || sk_X509_push(listing->done, cert) ? rc : ERR_NO_MEMORY;
}

static int add_keys(struct listing *listing, const struct key *first)
{
	int rc = 0;

	for (const struct key *key = first; key && !rc; key = key->next)
		rc = add_once(listing, key->cert, key);
	return rc;
}

static int add_issuers(struct listing *listing)
{
	STACK_OF(X509) *issuers = sk_X509_new_null();
	int rc = issuers && keys_add_issuers(issuers) ? 0 : ERR_NO_MEMORY;

	for (int i = 0; i < sk_X509_num(issuers) && !rc; i++)
		rc = add_once(listing, sk_X509_value(issuers, i), NULL);
	sk_X509_free(issuers);
	return rc;
}

static int add_own(struct listing *listing)
{
	int rc = keys_refresh(LIST_TOKENS);

	rc = rc ? rc : add_keys(listing, keys_first());
	rc = rc ? rc : add_keys(listing, keys_absent());
	return rc ? rc : add_issuers(listing);
}

static int add_stored(void *context, struct stored *stored)
{
	const struct list_row row = {.cert = stored->cert, .stored = stored};

	return add_row(context, &row);
}

/* One name by which the store finds them itself spares reading all of it. */
static int add_store(struct listing *listing)
{
	const struct list_request *request = listing->request;
	enum store_by by = request->count == 1 ? cert_name_store_by(request->names) : STORE_ALL;
	int rc = store_each(by, view_string(by == STORE_ALL ? NULL : request->names->text), add_stored, listing);

	if (rc != ERR_STORE || !request->own)
		return rc;
	log_info("a list without the certificate store");
	return 0;
}

int list_request_run(const struct list_request *request, list_taker take, void *context)
{
	struct listing listing = {request, take, context, sk_X509_new_null()};
	int rc = listing.done ? 0 : ERR_NO_MEMORY;

	if (!rc && request->own)
		rc = add_own(&listing);
	if (!rc && request->stored && !request->secret_only)
		rc = add_store(&listing);
	sk_X509_free(listing.done);
	return rc;
}
