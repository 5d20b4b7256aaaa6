/* SPDX-License-Identifier: ISC
 *
 * A certificate's subject is found without parsing the rest of it (RFC 5280 section 4.1).
 */
#include "anchors.h"

#include "clean_ssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* The system's are 150; more are no list that anybody keeps. */
#define ANCHORS_MAX 5000

struct anchor {
	struct anchor *next;
	X509_NAME *subject;
	unsigned char *der; /* with OpenSSL's settings of trust behind it, or without */
	long length;
	X509 *cert; /* NULL until it is needed */
};

struct anchors {
	struct anchor *first, **end;
	size_t count;
};

static void anchor_free(struct anchor *anchor)
{
	X509_NAME_free(anchor->subject);
	OPENSSL_free(anchor->der);
	X509_free(anchor->cert);
	free(anchor);
}

void anchors_free(struct anchors *anchors)
{
	while (anchors && anchors->first) {
		struct anchor *next = anchors->first->next;

		anchor_free(anchors->first);
		anchors->first = next;
	}
	free(anchors);
}

size_t anchors_count(const struct anchors *anchors)
{
	return anchors->count;
}

/* Goes into the next element, or behind it, if it has that tag. */
static bool step(const unsigned char **at, const unsigned char *end, int wanted, bool behind)
{
	const unsigned char *from = *at;
	int tag, class, form;
	long length;

	form = end > from ? ASN1_get_object(&from, &length, &tag, &class, end - from) : 0x80;
	if (form & 0x81 || tag != wanted)
		return false;
	*at = behind ? from + length : from;
	return true;
}

static X509_NAME *read_subject(const unsigned char *at, const unsigned char *end)
{
	if (!step(&at, end, V_ASN1_SEQUENCE, false) || !step(&at, end, V_ASN1_SEQUENCE, false))
		return NULL;
	(void)step(&at, end, 0, true);			   /* version */
	if (!step(&at, end, V_ASN1_INTEGER, true) ||	   /* serialNumber */
	    !step(&at, end, V_ASN1_SEQUENCE, true) ||	   /* signature */
	    !step(&at, end, V_ASN1_SEQUENCE, true) ||	   /* issuer */
	    !step(&at, end, V_ASN1_SEQUENCE, true))	   /* validity */
		return NULL;
	return d2i_X509_NAME(NULL, &at, end - at);
}

/* Takes the bytes over. */
static int add(struct anchors *anchors, unsigned char *der, long length)
{
	struct anchor *anchor = calloc(1, sizeof *anchor);

	if (!anchor) {
		OPENSSL_free(der);
		return ERR_NO_MEMORY;
	}
	anchor->der = der;
	anchor->length = length;
	anchor->subject = read_subject(der, der + length);
	if (!anchor->subject || anchors->count >= ANCHORS_MAX) {
		int rc = anchor->subject ? ERR_TOO_LARGE : 0;

		anchor_free(anchor);
		return rc;
	}
	*anchors->end = anchor;
	anchors->end = &anchor->next;
	anchors->count++;
	return 0;
}

static bool is_certificate(const char *label)
{
	return !strcmp(label, PEM_STRING_X509) || !strcmp(label, PEM_STRING_X509_OLD) ||
	       !strcmp(label, PEM_STRING_X509_TRUSTED);
}

static int read_pem(struct view bytes, struct anchors *anchors)
{
	CLEAN_BIO BIO *bio = BIO_new_mem_buf(bytes.length ? (const void *)bytes.data : "", (int)bytes.length);
	unsigned char *der;
	char *label, *header;
	long length;
	int rc = bio ? 0 : ERR_NO_MEMORY;

	while (!rc && PEM_read_bio(bio, &label, &header, &der, &length)) {
		if (is_certificate(label))
			rc = add(anchors, der, length);
		else
			OPENSSL_free(der);
		OPENSSL_free(label);
		OPENSSL_free(header);
	}
	ERR_clear_error();
	return rc;
}

int anchors_read(struct view bytes, struct anchors **ret_anchors)
{
	struct anchors *anchors = calloc(1, sizeof *anchors);
	int rc = ERR_NO_MEMORY;

	if (!anchors)
		return rc;
	anchors->end = &anchors->first;
	if (bytes.length && bytes.data[0] == (V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE)) {
		unsigned char *der = OPENSSL_memdup(bytes.data, bytes.length);

		rc = der ? add(anchors, der, (long)bytes.length) : ERR_NO_MEMORY;
	} else {
		rc = read_pem(bytes, anchors);
	}
	if (rc)
		anchors_free(anchors);
	else
		*ret_anchors = anchors;
	return rc;
}

/* One that cannot be parsed is none. */
static X509 *parse_anchor(struct anchor *anchor)
{
	const unsigned char *at = anchor->der;

	if (!anchor->cert)
		anchor->cert = d2i_X509_AUX(NULL, &at, anchor->length);
	ERR_clear_error();
	return anchor->cert;
}

int anchors_add_issuers(struct anchors *anchors, X509 *cert, STACK_OF(X509) *into)
{
	const X509_NAME *issuer = X509_get_issuer_name(cert);

	for (struct anchor *anchor = anchors->first; anchor; anchor = anchor->next) {
		if (X509_NAME_cmp(anchor->subject, issuer) || !parse_anchor(anchor))
			continue;
		if (!X509_add_cert(into, anchor->cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP))
			return ERR_NO_MEMORY;
	}
	return 0;
}
