/* SPDX-License-Identifier: ISC
 *
 * Names as gpgsm's clients give them, of certificates that are made here.
 */
#include "gpgsm_name.h"
#include "keygrip.h"

#include "fixture.h"
#include "pki.h"

#include <stdio.h>
#include <string.h>

static X509 *cert;
static char sha1[CERT_SHA1_SIZE], sha256[CERT_FINGERPRINT_SIZE], grip[CERT_SHA1_SIZE];

static bool fits(const char *text)
{
	struct cert_name name;

	assert_int_equal(gpgsm_name_parse(text, &name), 0);
	return cert_name_fits(&name, cert);
}

static bool fits_format(const char *format, const char *value)
{
	char text[200];

	snprintf(text, sizeof text, format, value);
	return fits(text);
}

static void kinds(void **state)
{
	static const struct {
		const char *text;
		enum cert_name_kind kind;
		const char *kept;
	} cases[] = {
		{"0123456789abcdef0123456789ABCDEF01234567", CERT_NAME_SHA1, "0123456789ABCDEF0123456789ABCDEF01234567"},
		{"01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67", CERT_NAME_SHA1,
		 "0123456789ABCDEF0123456789ABCDEF01234567"},
		{"0xdeadbeef", CERT_NAME_KEY_ID, "DEADBEEF"},
		{"DEADBEEFDEADBEEF", CERT_NAME_KEY_ID, "DEADBEEFDEADBEEF"},
		{"deadbee", CERT_NAME_PART, "deadbee"},
		{"&0123456789abcdef0123456789abcdef01234567", CERT_NAME_KEYGRIP, "0123456789ABCDEF0123456789ABCDEF01234567"},
		{"&0123", CERT_NAME_PART, "&0123"},
		{"<a@b>", CERT_NAME_ADDRESS, "a@b"},
		{"A B <a@b>", CERT_NAME_ADDRESS, "a@b"},
		{"<>", CERT_NAME_PART, "<>"},
		{"a@b", CERT_NAME_PART, "a@b"},
		{"/CN=x,O=y", CERT_NAME_SUBJECT, "CN=x,O=y"},
		{"#4f/CN=x", CERT_NAME_SERIAL, "CN=x"},
		{"#/CN=x", CERT_NAME_SERIAL, "CN=x"},
		{"#4f", CERT_NAME_PART, "#4f"},
		{"*part", CERT_NAME_PART, "part"},
		{"  blanks", CERT_NAME_PART, "blanks"},
	};
	struct cert_name name;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(gpgsm_name_parse(cases[i].text, &name), 0);
		assert_int_equal(name.kind, cases[i].kind);
		assert_string_equal(name.text, cases[i].kept);
	}
}

static void refused(void **state)
{
	char text[CERT_NAME_SIZE + 1];
	struct cert_name name;

	(void)state;
	assert_int_equal(gpgsm_name_parse("", &name), ERR_USAGE);
	assert_int_equal(gpgsm_name_parse("   ", &name), ERR_USAGE);
	memset(text, '7', sizeof text);
	text[CERT_NAME_SIZE] = 0;
	assert_int_equal(gpgsm_name_parse(text, &name), ERR_TOO_LARGE);
	text[CERT_NAME_SIZE - 1] = 0;
	assert_int_equal(gpgsm_name_parse(text, &name), 0);
}

static void unescape(void **state)
{
	static const char *const cases[][2] = {{"a%20b+c", "a b c"}, {"%2B%25", "+%"}, {"%", "%"}, {"%4", "%4"},
					       {"%zz", "%zz"},	     {"a%00b", "a?b"}, {"", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char word[32];

		strcpy(word, cases[i][0]);
		gpgsm_unescape(word);
		assert_string_equal(word, cases[i][1]);
	}
}

static void fitting(void **state)
{
	(void)state;
	assert_true(fits(sha1) && fits(sha256) && fits(sha1 + 24) && fits(sha1 + 32));
	assert_true(fits_format("0x%s", sha1 + 32) && fits_format("&%s", grip));
	assert_true(fits("<a@example.org>") && fits("<A@EXAMPLE.ORG>") && fits("Anybody <a@example.org>"));
	assert_true(fits("example.org") && fits("ann") && fits("*Ann"));
	assert_true(fits("/CN=Ann,O=Test") && fits("#/CN=Ann,O=Test"));
	assert_false(fits("<a@example>") || fits("<example.org>") || fits("/CN=Ann") || fits("#4F/CN=Ann,O=Test"));
	assert_false(fits("0000000000000000000000000000000000000000") || fits("00000000") || fits("nobody"));
	assert_false(fits("&0000000000000000000000000000000000000000"));
}

/* gpgme.sh compares keygrips with those of gpgsm. */
static void keygrips(void **state)
{
	X509 *other;
	char got[CERT_SHA1_SIZE];
	EVP_PKEY *key = pki_key("ED25519");

	(void)state;
	assert_int_equal(strlen(grip), CERT_SHA1_SIZE - 1);
	other = pki_cert(&(struct pki_spec){.subject = "/CN=x", .key = key});
	keygrip(other, got);
	assert_string_equal(got, "");
	X509_free(other);
	EVP_PKEY_free(key);
}

static int set_up(void **state)
{
	EVP_PKEY *key = pki_key("RSA");

	(void)state;
	cert = pki_cert(&(struct pki_spec){.subject = "/O=Test/CN=Ann",
					   .key = key,
					   .extensions = {{"subjectAltName", "email:a@example.org,email:b@example.org"}}});
	EVP_PKEY_free(key);
	keygrip(cert, grip);
	return cert_sha1(cert, sha1) || cert_fingerprint(cert, sha256);
}

static int tear_down(void **state)
{
	(void)state;
	X509_free(cert);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),   cmocka_unit_test(refused),	    cmocka_unit_test(unescape),
		cmocka_unit_test(fitting), cmocka_unit_test(keygrips),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
