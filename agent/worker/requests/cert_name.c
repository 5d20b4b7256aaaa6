/* SPDX-License-Identifier: ISC
 *
 * Compares a client's words with certificates, which come from anywhere.
 */
#include "cert_name.h"

#include "keygrip.h"

#include <string.h>
#include <strings.h>

#define SHA1_DIGITS 40
/* Of a name in a certificate; longer ones fit nothing. */
#define DN_MAX 65536

int cert_name_serial(X509 *cert, struct buf *into)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *der = NULL, *end;
	const unsigned char *at;
	long content;
	int tag, class, length = i2d_ASN1_INTEGER(serial, &der), rc = 0;

	if (length <= 0)
		return ERR_INTERNAL;
	at = der;
	end = der + length;
	if (ASN1_get_object(&at, &content, &tag, &class, length) & 0x80)
		rc = ERR_INTERNAL;
	for (; !rc && at < end; at++)
		rc = buf_add_format(into, "%02X", *at);
	OPENSSL_free(der);
	return rc;
}

static bool is_dn(int (*dn)(X509 *cert, struct buf *into), X509 *cert, const char *text)
{
	CLEAN_BUF struct buf line = BUF_INIT(DN_MAX);

	return !dn(cert, &line) && view_equal(buf_view(&line), view_string(text));
}

static bool has_part(X509 *cert, const char *text)
{
	CLEAN_BUF struct buf names = BUF_INIT(2 * DN_MAX);

	/* A name that is too long leaves what is before it to be looked at. */
	if (cert_subject(cert, &names) || buf_add_u8(&names, '\n') || cert_addresses(cert, &names) || buf_terminate(&names))
		return false;
	return strcasestr((const char *)names.data, text);
}

/* The end of the SHA-1 fingerprint, or all of it. */
static bool has_sha1_end(X509 *cert, const char *digits)
{
	char sha1[CERT_SHA1_SIZE];
	size_t length = strlen(digits);

	return length <= SHA1_DIGITS && !cert_sha1(cert, sha1) && !strcasecmp(sha1 + SHA1_DIGITS - length, digits);
}

static bool has_sha256_start(X509 *cert, const char *digits)
{
	char sha256[CERT_FINGERPRINT_SIZE];

	return !cert_fingerprint(cert, sha256) && !strncasecmp(sha256, digits, strlen(digits));
}

static bool has_keygrip(X509 *cert, const char *digits)
{
	char grip[CERT_SHA1_SIZE];

	keygrip(cert, grip);
	return !strcmp(grip, digits);
}

/* gpgsm writes a number as DER has it, with a zero byte before a high bit; openssl writes none. */
static bool has_serial(X509 *cert, const char *wanted)
{
	CLEAN_BUF struct buf serial = BUF_INIT(DN_MAX);
	const char *shown;

	if (cert_name_serial(cert, &serial) || buf_terminate(&serial))
		return false;
	shown = (const char *)serial.data;
	return !strcasecmp(shown + strspn(shown, "0"), wanted + strspn(wanted, "0"));
}

bool cert_name_fits(const struct cert_name *name, X509 *cert)
{
	const char *text = name->text;

	switch (name->kind) {
	case CERT_NAME_START:
		return has_sha256_start(cert, text) || (strlen(text) == SHA1_DIGITS && has_sha1_end(cert, text));
	case CERT_NAME_SHA1:
	case CERT_NAME_KEY_ID:
		return has_sha1_end(cert, text);
	case CERT_NAME_SHA256:
		return has_sha256_start(cert, text);
	case CERT_NAME_KEYGRIP:
		return has_keygrip(cert, text);
	case CERT_NAME_ADDRESS:
		return cert_has_address(cert, text);
	case CERT_NAME_SUBJECT:
		return is_dn(cert_subject, cert, text);
	case CERT_NAME_SERIAL:
		return is_dn(cert_issuer, cert, text) && (!*name->serial || has_serial(cert, name->serial));
	case CERT_NAME_PART:
		return has_part(cert, text);
	}
	return false;
}

enum store_by cert_name_store_by(const struct cert_name *name)
{
	switch (name->kind) {
	case CERT_NAME_START:
	case CERT_NAME_SHA1:
	case CERT_NAME_SHA256:
		return STORE_FINGERPRINT;
	case CERT_NAME_ADDRESS:
		return STORE_ADDRESS;
	default:
		return STORE_ALL;
	}
}
