/* SPDX-License-Identifier: ISC
 *
 * Walks the tokens' certificates and the store's.
 */
#include "expiry.h"

#include "keys.h"
#include "store.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400

static uint32_t soon_days;

void expiry_set_days(uint32_t days)
{
	soon_days = days;
}

bool expiry_is_soon(const X509 *cert, int *ret_days)
{
	int days = 0, seconds = 0;

	if (cert_check_dates(cert) || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		return false;
	if (ret_days)
		*ret_days = days;
	return days < (int)soon_days;
}

static bool ends_later(const X509 *a, const X509 *b)
{
	return ASN1_TIME_compare(X509_get0_notAfter(a), X509_get0_notAfter(b)) > 0;
}

/* The first address, ended with a NUL; false where there is none. */
static bool first_address(X509 *cert, struct buf *into)
{
	if (cert_addresses(cert, into) || !into->length || buf_terminate(into))
		return false;
	into->length = strcspn((char *)into->data, "\n");
	into->data[into->length] = 0;
	return true;
}

/* Whether one of the person's keys takes the place of this one. */
static bool is_replaced(const struct key *key, const char *address)
{
	for (const struct key *other = keys_first(); other; other = other->next)
		if (ends_later(other->cert, key->cert) && (other->uses & key->uses) == key->uses &&
		    cert_has_address(other->cert, address))
			return true;
	return false;
}

static int each_own(expiry_found found, void *context)
{
	int days, rc = keys_refresh(LIST_KNOWN);

	for (struct key *key = rc ? NULL : keys_first(); key && !rc; key = key->next) {
		CLEAN_BUF struct buf address = BUF_INIT(65536);

		if (!(key->flags & CERT_NO_KEY) && key->uses && expiry_is_soon(key->cert, &days) &&
		    first_address(key->cert, &address) && !is_replaced(key, (const char *)address.data))
			rc = found(context, true, key->cert, days);
	}
	return rc;
}

struct expiry_walk {
	expiry_found found;
	void *context;
};

static bool is_own(const struct stored *row)
{
	for (const struct key *key = keys_first(); key; key = key->next)
		if (!strcmp(key->fingerprint, row->fingerprint))
			return true;
	return false;
}

static int take_stored(void *context, struct stored *row)
{
	const struct expiry_walk *walk = context;
	CLEAN_BUF struct buf address = BUF_INIT(65536);
	CLEAN_STORED struct stored *all = NULL;
	int days, rc;

	if (!cert_uses(row->cert) || !expiry_is_soon(row->cert, &days) || is_own(row) ||
	    !first_address(row->cert, &address))
		return 0;
	rc = store_find(STORE_ADDRESS, buf_view(&address), &all);
	for (const struct stored *other = rc ? NULL : all; other; other = other->next)
		if (ends_later(other->cert, row->cert) && cert_uses(other->cert) == cert_uses(row->cert))
			return 0;
	return rc ? rc : walk->found(walk->context, false, row->cert, days);
}

int expiry_each(expiry_found found, void *context)
{
	struct expiry_walk walk = {found, context};
	CLEAN_BUF struct buf times = BUF_INIT(16);
	uint64_t now = (uint64_t)time(NULL);
	int rc;

	if (!soon_days)
		return 0;
	rc = each_own(found, context);
	rc = rc ? rc : buf_add_u64(&times, now);
	rc = rc ? rc : buf_add_u64(&times, now + (uint64_t)soon_days * DAY_SECONDS);
	return rc ? rc : store_each(STORE_EXPIRING, buf_view(&times), take_stored, &walk);
}
