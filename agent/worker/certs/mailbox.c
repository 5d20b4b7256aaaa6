/* SPDX-License-Identifier: ISC
 *
 * Pure: what a header and a certificate say are both somebody else's words.
 */
#include "mailbox.h"

#include <openssl/x509v3.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void append(char into[MAILBOX_SIZE], size_t *length, const void *bytes, size_t count)
{
	const char *from = bytes;

	for (size_t i = 0; i < count && *length + 1 < MAILBOX_SIZE; i++)
		into[(*length)++] = from[i];
	into[*length] = 0;
}

/* RFC 3492 section 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	delta += delta / points;
	for (; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

/* One number of RFC 3492's; false where there is none or it is out of bounds. */
static bool take_number(const char **at, const char *end, uint32_t bias, uint32_t *number)
{
	uint32_t weight = 1;

	for (uint32_t k = 36;; k += 36) {
		uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias, digit;
		char c;

		if (*at == end)
			return false;
		c = (char)tolower((unsigned char)*(*at)++);
		digit = c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a') : c >= '0' && c <= '9' ? (uint32_t)(c - '0' + 26) : 36;
		if (digit >= 36 || digit > (UINT32_MAX - *number) / weight)
			return false;
		*number += digit * weight;
		if (digit < t)
			return true;
		if (weight > UINT32_MAX / (36 - t))
			return false;
		weight *= 36 - t;
	}
}

static size_t put_utf8(uint32_t c, char into[4])
{
	if (c < 0x80) {
		into[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		into[0] = (char)(0xc0 | c >> 6);
		into[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		into[0] = (char)(0xe0 | c >> 12);
		into[1] = (char)(0x80 | (c >> 6 & 63));
		into[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	into[0] = (char)(0xf0 | c >> 18);
	into[1] = (char)(0x80 | (c >> 12 & 63));
	into[2] = (char)(0x80 | (c >> 6 & 63));
	into[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Decodes the label behind its "xn--" (RFC 3492 section 6.2); the count of code points, 0 for none. */
static uint32_t decode_label(const char *label, size_t length, uint32_t points[64])
{
	const char *dash = memrchr(label, '-', length), *at = label, *end = label + length;
	uint32_t n = 128, i = 0, bias = 72, count = 0;

	if (length > 63)
		return 0;
	for (; dash && at < dash; at++)
		points[count++] = (uint8_t)*at;
	if (dash)
		at = dash + 1;
	/* Nobody writes what is ASCII that way. */
	if (at == end)
		return 0;
	while (at < end) {
		uint32_t before = i;

		if (!take_number(&at, end, bias, &i) || count == 63)
			return 0;
		bias = adapt(i - before, count + 1, !before);
		if (i / (count + 1) > 0x10ffff - n)
			return 0;
		n += i / (count + 1);
		i %= count + 1;
		memmove(points + i + 1, points + i, (count - i) * sizeof points[0]);
		points[i++] = n;
		count++;
	}
	return count;
}

/* The address with the labels of its domain as Unicode, where they are A-labels that can be decoded. */
static void to_unicode(const char *address, char into[MAILBOX_SIZE])
{
	const char *at = strrchr(address, '@');
	size_t length = 0;

	*into = 0;
	at = at ? at + 1 : address + strlen(address);
	append(into, &length, address, (size_t)(at - address));
	while (*at) {
		size_t label = strcspn(at, ".");
		uint32_t points[64], count = 0;

		if (label > 4 && !strncasecmp(at, "xn--", 4))
			count = decode_label(at + 4, label - 4, points);
		for (uint32_t i = 0; i < count; i++) {
			char utf8[4];
			size_t bytes = put_utf8(points[i], utf8);

			append(into, &length, utf8, bytes);
		}
		if (!count)
			append(into, &length, at, label);
		at += label;
		if (*at)
			append(into, &length, at++, 1);
	}
}

bool mailbox_equal(const char *a, const char *b)
{
	char one[MAILBOX_SIZE], other[MAILBOX_SIZE];

	/* A cut one could equal what it is not. */
	if (strlen(a) >= MAILBOX_SIZE / 4 || strlen(b) >= MAILBOX_SIZE / 4 || !strchr(a, '@'))
		return false;
	to_unicode(a, one);
	to_unicode(b, other);
	return !strcasecmp(one, other);
}

/* Calls `is` for each address, until it says yes. */
static bool any_address(X509 *cert, bool (*is)(const char *mine, const char *wanted), const char *wanted)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	STACK_OF(OPENSSL_STRING) *plain = X509_get1_email(cert);
	bool found = false;

	for (int i = 0; i < sk_OPENSSL_STRING_num(plain) && !found; i++)
		found = is(sk_OPENSSL_STRING_value(plain, i), wanted);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *text;
		char mine[MAILBOX_SIZE];

		if (name->type != GEN_OTHERNAME || OBJ_obj2nid(name->d.otherName->type_id) != NID_id_on_SmtpUTF8Mailbox ||
		    name->d.otherName->value->type != V_ASN1_UTF8STRING)
			continue;
		text = name->d.otherName->value->value.utf8string;
		if (ASN1_STRING_length(text) >= MAILBOX_SIZE ||
		    memchr(ASN1_STRING_get0_data(text), 0, (size_t)ASN1_STRING_length(text)))
			continue;
		snprintf(mine, sizeof mine, "%.*s", ASN1_STRING_length(text), ASN1_STRING_get0_data(text));
		found = is(mine, wanted);
	}
	X509_email_free(plain);
	GENERAL_NAMES_free(names);
	return found;
}

bool mailbox_in_cert(X509 *cert, const char *address)
{
	return any_address(cert, mailbox_equal, address);
}

/* One that cannot be read, for a NUL in it, is one all the same: not to have any must not be better than to
 * have the wrong one. */
bool mailbox_any_in_cert(X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool any = X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_pkcs9_emailAddress, -1) >= 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !any; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		any = name->type == GEN_EMAIL || (name->type == GEN_OTHERNAME &&
						  OBJ_obj2nid(name->d.otherName->type_id) == NID_id_on_SmtpUTF8Mailbox);
	}
	/* A subjectAltName that cannot be read may have had one. */
	any = any || (!names && X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) >= 0);
	GENERAL_NAMES_free(names);
	return any;
}
