/* SPDX-License-Identifier: ISC
 *
 * Names as gpgsm takes them. They come from a client, certificates from anywhere.
 */
#include "gpgsm_name.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHA1_DIGITS 40
#define SHA256_DIGITS 64
/* Of a name in a certificate; longer ones fit nothing. */
#define DN_MAX 65536

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static int digit_value(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

void gpgsm_unescape(char *word)
{
	char *to = word;

	for (const char *from = word; *from; from++) {
		if (*from == '%' && is_digit(from[1]) && is_digit(from[2])) {
			char c = (char)(digit_value(from[1]) << 4 | digit_value(from[2]));

			*to++ = c ? c : '?'; /* a NUL would end the name here, and not for who looks at the line */
			from += 2;
		} else {
			*to++ = *from == '+' ? ' ' : *from;
		}
	}
	*to = 0;
}

/* The digits of a fingerprint, in upper case; colons and blanks between them do not count. 0 for anything
 * else. */
static size_t take_digits(const char *text, char into[GPGSM_NAME_SIZE])
{
	size_t count = 0;

	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	for (; *text; text++) {
		if (count && (*text == ':' || *text == ' '))
			continue;
		if (!is_digit(*text))
			return 0;
		into[count++] = (char)(*text >= 'a' ? *text - 0x20 : *text);
	}
	into[count] = 0;
	return count;
}

static bool parse_digits(const char *text, struct gpgsm_name *name)
{
	size_t count = take_digits(text + (*text == '&'), name->text);

	if (*text == '&')
		name->kind = GPGSM_GRIP;
	else if (count == SHA256_DIGITS)
		name->kind = GPGSM_SHA256;
	else
		name->kind = count == SHA1_DIGITS ? GPGSM_SHA1 : GPGSM_KEY_ID;
	return *text == '&' ? count == SHA1_DIGITS
			    : count == SHA1_DIGITS || count == SHA256_DIGITS || count == 16 || count == 8;
}

/* "<a@b>" or "A B <a@b>". */
static bool parse_address(const char *text, struct gpgsm_name *name)
{
	const char *open = strrchr(text, '<');
	size_t length = open ? strlen(open) : 0;

	if (length < 3 || open[length - 1] != '>')
		return false;
	name->kind = GPGSM_ADDRESS;
	snprintf(name->text, sizeof name->text, "%.*s", (int)(length - 2), open + 1);
	return true;
}

static bool parse_serial(const char *text, struct gpgsm_name *name)
{
	size_t length = strcspn(text + 1, "/");

	if (*text != '#' || !text[1 + length])
		return false;
	name->kind = GPGSM_SERIAL;
	snprintf(name->serial, sizeof name->serial, "%.*s", (int)length, text + 1);
	strcpy(name->text, text + 1 + length + 1);
	return true;
}

int gpgsm_name_parse(const char *text, struct gpgsm_name *ret_name)
{
	text += strspn(text, " ");
	if (strlen(text) >= GPGSM_NAME_SIZE)
		return ERR_TOO_LARGE;
	if (!*text)
		return ERR_USAGE;
	*ret_name->serial = 0;
	if (parse_digits(text, ret_name) || parse_address(text, ret_name) || parse_serial(text, ret_name))
		return 0;
	ret_name->kind = *text == '/' ? GPGSM_SUBJECT : GPGSM_PART;
	strcpy(ret_name->text, text + (*text == '/' || *text == '*' || *text == '='));
	return 0;
}

int gpgsm_dn(const X509_NAME *name, struct buf *into)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long length;
	int rc = ERR_NO_MEMORY;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		length = BIO_get_mem_data(bio, &text);
		rc = length < 0 ? ERR_INTERNAL : buf_add(into, text, (size_t)length);
	}
	BIO_free(bio);
	return rc;
}

int gpgsm_serial(X509 *cert, struct buf *into)
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

static void put_sha1(const void *data, size_t length, char into[GPGSM_HEX_SIZE])
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	unsigned int size = 0;

	*into = 0;
	if (!EVP_Digest(data, length, digest, &size, EVP_sha1(), NULL) || size != sizeof digest)
		return;
	for (unsigned int i = 0; i < size; i++)
		snprintf(into + 2 * i, 3, "%02X", digest[i]);
}

/* Libgcrypt's digest of an RSA key: its modulus, as a signed integer. */
static void rsa_keygrip(const BIGNUM *n, char into[GPGSM_HEX_SIZE])
{
	unsigned char bytes[4096 + 1] = {0};
	int length = BN_num_bytes(n), sign = BN_num_bits(n) % 8 == 0;

	if (length < (int)sizeof bytes && BN_bn2bin(n, bytes + sign) == length)
		put_sha1(bytes, (size_t)(length + sign), into);
}

/* Of a key on one of the NIST's curves: the parameters, each as "(1:NAME LENGTH:BYTES)". */
static int add_parameter(struct buf *into, char name, const unsigned char *data, size_t length)
{
	int rc = buf_add_format(into, "(1:%c%zu:", name, length);

	rc = rc ? rc : buf_add(into, data, length);
	return rc ? rc : buf_add_u8(into, ')');
}

static int add_number(struct buf *into, EVP_PKEY *key, char name, const char *parameter)
{
	unsigned char bytes[128];
	BIGNUM *number = NULL;
	int rc = ERR_NOT_SUPPORTED, length;

	if (EVP_PKEY_get_bn_param(key, parameter, &number) && BN_num_bytes(number) <= (int)sizeof bytes) {
		length = BN_bn2bin(number, bytes);
		rc = add_parameter(into, name, bytes, (size_t)length);
	}
	BN_free(number);
	return rc;
}

static int add_point(struct buf *into, EVP_PKEY *key, char name, const char *parameter)
{
	unsigned char bytes[256];
	size_t length = 0;

	if (!EVP_PKEY_get_octet_string_param(key, parameter, bytes, sizeof bytes, &length))
		return ERR_NOT_SUPPORTED;
	return add_parameter(into, name, bytes, length);
}

static void ec_keygrip(EVP_PKEY *key, char into[GPGSM_HEX_SIZE])
{
	CLEAN_BUF struct buf text = BUF_INIT(4096);
	int rc = add_number(&text, key, 'p', OSSL_PKEY_PARAM_EC_P);

	rc = rc ? rc : add_number(&text, key, 'a', OSSL_PKEY_PARAM_EC_A);
	rc = rc ? rc : add_number(&text, key, 'b', OSSL_PKEY_PARAM_EC_B);
	rc = rc ? rc : add_point(&text, key, 'g', OSSL_PKEY_PARAM_EC_GENERATOR);
	rc = rc ? rc : add_number(&text, key, 'n', OSSL_PKEY_PARAM_EC_ORDER);
	rc = rc ? rc : add_point(&text, key, 'q', OSSL_PKEY_PARAM_PUB_KEY);
	if (!rc)
		put_sha1(text.data, text.length, into);
}

void gpgsm_keygrip(X509 *cert, char into[GPGSM_HEX_SIZE])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	BIGNUM *n = NULL;

	*into = 0;
	if (key && EVP_PKEY_is_a(key, "EC"))
		ec_keygrip(key, into);
	else if (key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n))
		rsa_keygrip(n, into);
	BN_free(n);
}

static bool dn_is(const X509_NAME *dn, const char *text)
{
	CLEAN_BUF struct buf line = BUF_INIT(DN_MAX);

	return !gpgsm_dn(dn, &line) && view_equal(buf_view(&line), view_string(text));
}

static bool fits_part(const char *text, X509 *cert)
{
	CLEAN_BUF struct buf names = BUF_INIT(DN_MAX);

	/* A name that is too long leaves what is before it to be looked at. */
	if (gpgsm_dn(X509_get_subject_name(cert), &names) || buf_add_u8(&names, '\n') ||
	    cert_addresses(cert, &names) || buf_terminate(&names))
		return false;
	return strcasestr((const char *)names.data, text);
}

static bool fits_digits(const struct gpgsm_name *name, X509 *cert)
{
	char sha1[GPGSM_HEX_SIZE], sha256[CERT_FINGERPRINT_SIZE];

	switch (name->kind) {
	case GPGSM_SHA256:
		return !cert_fingerprint(cert, sha256) && !strcasecmp(sha256, name->text);
	case GPGSM_GRIP:
		gpgsm_keygrip(cert, sha1);
		return !strcmp(sha1, name->text);
	default:
		return !cert_sha1(cert, sha1) && !strcmp(sha1 + SHA1_DIGITS - strlen(name->text), name->text);
	}
}

/* gpgsm writes a number as DER has it, with a zero byte before a high bit; openssl writes none. */
static bool serial_is(X509 *cert, const char *wanted)
{
	CLEAN_BUF struct buf serial = BUF_INIT(DN_MAX);
	const char *shown;

	if (gpgsm_serial(cert, &serial) || buf_terminate(&serial))
		return false;
	shown = (const char *)serial.data;
	return !strcasecmp(shown + strspn(shown, "0"), wanted + strspn(wanted, "0"));
}

bool gpgsm_name_fits(const struct gpgsm_name *name, X509 *cert)
{
	switch (name->kind) {
	case GPGSM_ADDRESS:
		return cert_has_address(cert, name->text);
	case GPGSM_SUBJECT:
		return dn_is(X509_get_subject_name(cert), name->text);
	case GPGSM_SERIAL:
		return dn_is(X509_get_issuer_name(cert), name->text) &&
		       (!*name->serial || serial_is(cert, name->serial));
	case GPGSM_PART:
		return fits_part(name->text, cert);
	default:
		return fits_digits(name, cert);
	}
}
