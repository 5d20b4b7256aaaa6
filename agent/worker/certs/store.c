/* SPDX-License-Identifier: ISC
 *
 * Makes X.509 of the store's rows, and rows of X.509.
 */
#include "store.h"

#include "ask.h"
#include "clean_ssl.h"
#include "log.h"
#include "store_key.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Issuers of one question, and what their CRLs may be in all. */
#define ISSUERS_MAX 50
#define CRLS_MAX (4 * (size_t)STORE_CRL_MAX)
#define SHA1_DIGITS 40
#define ANCHORS_FILE_MAX (32u << 20)

void stored_free(struct stored *list)
{
	while (list) {
		struct stored *next = list->next;

		buf_done(&list->capabilities);
		X509_free(list->cert);
		free(list);
		list = next;
	}
}

static int fill(struct stored *stored, const struct msg_stored *row)
{
	const unsigned char *der = row->der.data;
	int rc;

	stored->source = (enum store_source)row->source;
	stored->first_seen = (int64_t)row->first_seen;
	stored->last_seen = (int64_t)row->last_seen;
	stored->capabilities = BUF_INIT(STORE_CAPABILITIES_MAX);
	stored->cert = d2i_X509(NULL, &der, (long)row->der.length);
	if (!stored->cert)
		return ERR_NOT_CERTIFICATE;
	rc = cert_fingerprint(stored->cert, stored->fingerprint);
	/* A bit that fell over in the file. */
	if (!rc && !view_equal(row->fingerprint, view_string(stored->fingerprint)))
		return ERR_NOT_CERTIFICATE;
	return rc ? rc : buf_add(&stored->capabilities, row->capabilities.data, row->capabilities.length);
}

/* One page of rows: the callback may ask the broker in turn, so it is called when all are there. */
struct page {
	uint64_t last;
	unsigned int count;
	const char *address; /* that was asked for, or NULL */
	struct stored *first, **end;
};

static int take_row(void *context, const struct msg_stored *row)
{
	struct page *page = context;
	struct stored *stored;
	int rc;

	/* Where the store's process failed in the middle, rows come again. */
	if (row->number <= page->last)
		return 0;
	page->last = row->number;
	page->count++;
	stored = calloc(1, sizeof *stored);
	rc = stored ? fill(stored, row) : ERR_NO_MEMORY;
	/* Nobody's certificate is another's because an index says so. */
	if (!rc && page->address && !cert_has_address(stored->cert, page->address)) {
		stored_free(stored);
		return 0;
	}
	if (!rc) {
		*page->end = stored;
		page->end = &stored->next;
		return 0;
	}
	stored_free(stored);
	if (rc != ERR_NOT_CERTIFICATE)
		return rc;
	log_warn("a certificate of the store cannot be read and is left out");
	return 0;
}

static int take_page(struct page *page, int rc, store_row take, void *context)
{
	for (struct stored *row = page->first, *next; row; row = next) {
		next = row->next;
		row->next = NULL;
		rc = rc ? rc : take(context, row);
		stored_free(row);
	}
	return rc;
}

/* *ret_found: whether there was any. */
static int walk(enum store_by by, struct view value, store_row take, void *context, bool *ret_found)
{
	CLEAN_BUF struct buf key = BUF_INIT(8000);
	struct msg_store_find find = {.by = (uint8_t)by};
	struct page page = {.count = STORE_PAGE};
	int rc = store_key_value(by, value, &key);

	rc = rc ? rc : buf_terminate(&key);
	find.value = buf_view(&key);
	while (!rc && page.count >= STORE_PAGE) {
		page = (struct page){.last = page.last,
				     .address = by == STORE_ADDRESS ? (const char *)key.data : NULL,
				     .end = &page.first};
		find.after = page.last;
		rc = ask_store_find(&find, take_row, &page);
		rc = take_page(&page, rc, take, context);
	}
	*ret_found = page.last;
	return rc;
}

int store_each(enum store_by by, struct view value, store_row take, void *context)
{
	bool found = false;
	int rc = 0;

	if (by == STORE_FINGERPRINT && value.length == SHA1_DIGITS)
		rc = walk(STORE_SHA1, value, take, context, &found);
	return rc || found ? rc : walk(by, value, take, context, &found);
}

struct found {
	struct stored *first, **end;
	unsigned int count;
};

static int take_found(void *context, struct stored *row)
{
	struct found *found = context;
	struct stored *copy;

	if (found->count++ >= STORE_FOUND_MAX)
		return ERR_TOO_LARGE;
	copy = malloc(sizeof *copy);
	if (!copy)
		return ERR_NO_MEMORY;
	*copy = *row;
	*row = (struct stored){0}; /* moved */
	*found->end = copy;
	found->end = &copy->next;
	return 0;
}

int store_find(enum store_by by, struct view value, struct stored **ret_list)
{
	struct found found = {.end = &found.first};
	int rc = store_each(by, value, take_found, &found);

	if (rc)
		stored_free(found.first);
	else
		*ret_list = found.first;
	return rc;
}

int store_find_issuers(const X509 *cert, struct stored **ret_list)
{
	unsigned char *name = NULL;
	int length = i2d_X509_NAME(X509_get_issuer_name(cert), &name);
	int rc = length > 0 ? store_find(STORE_SUBJECT, (struct view){name, (size_t)length}, ret_list) : ERR_INTERNAL;

	OPENSSL_free(name);
	return rc;
}

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

int store_add(X509 *cert, enum store_source source, struct view capabilities)
{
	CLEAN_BUF struct buf keys = BUF_INIT(STORE_KEYS_MAX);
	char fingerprint[CERT_FINGERPRINT_SIZE];
	struct msg_stored row = {.source = (uint8_t)source, .capabilities = capabilities};
	int64_t end = seconds(X509_get0_notAfter(cert));
	unsigned char *der = NULL;
	int length, rc = cert_fingerprint(cert, fingerprint);

	rc = rc ? rc : store_key_all(cert, &keys);
	if (rc)
		return rc;
	length = i2d_X509(cert, &der);
	row.not_after = end > 0 ? (uint64_t)end : 0;
	row.fingerprint = view_string(fingerprint);
	row.keys = buf_view(&keys);
	row.der = (struct view){der, length > 0 ? (size_t)length : 0};
	if (length <= 0)
		rc = ERR_NO_MEMORY;
	else if (length > STORE_CERT_MAX || capabilities.length > STORE_CAPABILITIES_MAX)
		rc = ERR_TOO_LARGE;
	rc = rc ? rc : ask_store_add(&row);
	OPENSSL_free(der);
	return rc;
}

int store_remove(const char *fingerprint)
{
	return ask_store_remove(fingerprint);
}

static int write_all(int fd, const unsigned char *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);

		if (written <= 0)
			return ERR_NO_SPACE;
		data += written;
		length -= (size_t)written;
	}
	return 0;
}

/* What tells CRLs of one issuer apart that do not stand for each other. */
static int crl_scope(const X509_CRL *crl, struct buf *into)
{
	static const int parts[] = {NID_issuing_distribution_point, NID_delta_crl, NID_authority_key_identifier};
	CLEAN_BUF struct buf text = BUF_INIT(65536);
	uint8_t digest[STORE_KEY_SIZE];
	int rc = 0;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !rc; i++) {
		int at = X509_CRL_get_ext_by_NID(crl, parts[i], -1);
		const ASN1_OCTET_STRING *value =
			at < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
		struct view bytes = {value ? ASN1_STRING_get0_data(value) : NULL,
				     value ? (size_t)ASN1_STRING_length(value) : 0};

		/* Each delta has its own base; the newest replaces the others. */
		if (parts[i] == NID_delta_crl && value)
			bytes = view_string("delta");
		rc = buf_add_bytes(&text, bytes);
	}
	if (!rc && !EVP_Digest(text.data, text.length, digest, NULL, EVP_sha256(), NULL))
		rc = ERR_INTERNAL;
	return rc ? rc : buf_add(into, digest, sizeof digest);
}

int store_add_crl(X509_CRL *crl)
{
	CLEAN_BUF struct buf issuer = BUF_INIT(STORE_KEY_SIZE);
	CLEAN_BUF struct buf scope = BUF_INIT(STORE_KEY_SIZE);
	int64_t this_update = seconds(X509_CRL_get0_lastUpdate(crl));
	int64_t next_update = seconds(X509_CRL_get0_nextUpdate(crl));
	struct msg_crl row = {.this_update = this_update > 0 ? (uint64_t)this_update : 0,
			      .next_update = next_update > 0 ? (uint64_t)next_update : 0};
	int length, rc = store_key_name(X509_CRL_get_issuer(crl), &issuer);
	unsigned char *der = NULL;
	CLEAN_FD int fd = -1;
	uint64_t most;

	rc = rc ? rc : crl_scope(crl, &scope);
	rc = rc ? rc : ask_spool(&fd, &most);
	if (rc)
		return rc;
	row.issuer = buf_view(&issuer);
	row.scope = buf_view(&scope);
	length = i2d_X509_CRL(crl, &der);
	rc = length <= 0 ? ERR_NO_MEMORY : (unsigned int)length > STORE_CRL_MAX ? ERR_TOO_LARGE : 0;
	rc = rc ? rc : write_all(fd, der, (size_t)length);
	OPENSSL_free(der);
	return rc ? rc : ask_crl_add(&row, fd);
}

/* All of a file. */
static int read_file(int fd, struct buf *into)
{
	off_t length = lseek(fd, 0, SEEK_END);
	int rc = length < 0 ? ERR_READ : buf_reserve(into, (size_t)length);

	while (!rc && into->length < (size_t)length) {
		ssize_t got = pread(fd, into->data + into->length, (size_t)length - into->length, (off_t)into->length);

		if (got <= 0)
			return ERR_READ;
		into->length += (size_t)got;
	}
	return rc;
}

static int read_crls(int fd, STACK_OF(X509_CRL) *into)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(CRLS_MAX);
	const unsigned char *at;
	X509_CRL *crl;
	int rc = read_file(fd, &bytes);

	at = bytes.data;
	while (!rc && bytes.length && at < bytes.data + bytes.length) {
		crl = d2i_X509_CRL(NULL, &at, (long)(bytes.data + bytes.length - at));
		if (!crl)
			return ERR_STORE;
		if (!sk_X509_CRL_push(into, crl)) {
			X509_CRL_free(crl);
			rc = ERR_NO_MEMORY;
		}
	}
	return rc;
}

static int ask_crls(STACK_OF(X509) *issuers, STACK_OF(X509_CRL) *into)
{
	CLEAN_BUF struct buf keys = BUF_INIT(ISSUERS_MAX * (STORE_KEY_SIZE + 4));
	CLEAN_FD int fd = -1;
	int rc = 0;

	for (int i = 0; i < sk_X509_num(issuers) && !rc; i++) {
		CLEAN_BUF struct buf key = BUF_INIT(STORE_KEY_SIZE);

		rc = store_key_name(X509_get_subject_name(sk_X509_value(issuers, i)), &key);
		rc = rc ? rc : buf_add_bytes(&keys, buf_view(&key));
	}
	rc = rc ? rc : ask_crl_find(buf_view(&keys), &fd);
	return rc ? rc : read_crls(fd, into);
}

int store_find_crls(STACK_OF(X509) *issuers, STACK_OF(X509_CRL) **ret_crls)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	int rc = crls ? ask_crls(issuers, crls) : ERR_NO_MEMORY;

	if (rc)
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
	else
		*ret_crls = crls;
	return rc;
}

int store_anchors(struct anchors **ret_anchors)
{
	static struct anchors *anchors;
	CLEAN_BUF struct buf bytes = BUF_INIT(ANCHORS_FILE_MAX);
	CLEAN_FD int fd = -1;
	int rc = anchors ? 0 : ask_anchors(&fd);

	rc = rc || anchors ? rc : read_file(fd, &bytes);
	rc = rc || anchors ? rc : anchors_read(buf_view(&bytes), &anchors);
	if (!rc)
		*ret_anchors = anchors;
	return rc;
}
