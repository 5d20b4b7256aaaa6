/* SPDX-License-Identifier: ISC
 *
 * What S/MIME wants to know of certificates, asked of ones that are made here for each question.
 */
#include "cert.h"

#include "fixture.h"
#include "pki.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static EVP_PKEY *keys[4]; /* EC, RSA, ED25519, X25519 */
static const char *const kinds[] = {"EC", "RSA", "ED25519", "X25519"};

enum { EC, RSA_1024, ED25519_, X25519_ };

static X509 *cert_with(EVP_PKEY *key, const char *name, const char *value)
{
	struct pki_spec spec = {
		.subject = "/CN=x", .key = key, .issuer_key = keys[EC], .extensions = {{name, value}}};

	return pki_cert(&spec);
}

static void fingerprint(void **state)
{
	X509 *cert = cert_with(keys[EC], NULL, NULL);
	unsigned char *der = NULL, digest[32];
	char got[CERT_FINGERPRINT_SIZE], expected[65] = "";
	int length = i2d_X509(cert, &der);

	(void)state;
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)length, digest, NULL), 1);
	for (int i = 0; i < 32; i++)
		snprintf(expected + 2 * i, 3, "%02x", digest[i]);
	assert_int_equal(cert_fingerprint(cert, got), 0);
	assert_string_equal(got, expected);
	OPENSSL_free(der);
	X509_free(cert);
}

static void uses(void **state)
{
	static const struct {
		int key;
		const char *name, *value;
		unsigned int uses;
	} cases[] = {
		{EC, NULL, NULL, CERT_USE_SIGN | CERT_USE_DECRYPT},
		{RSA_1024, NULL, NULL, CERT_USE_SIGN | CERT_USE_DECRYPT},
		{ED25519_, NULL, NULL, CERT_USE_SIGN},
		{X25519_, NULL, NULL, CERT_USE_DECRYPT},
		{X25519_, "keyUsage", "keyAgreement", CERT_USE_DECRYPT},
		{X25519_, "keyUsage", "keyEncipherment", 0},
		{EC, "keyUsage", "digitalSignature", CERT_USE_SIGN},
		{EC, "keyUsage", "nonRepudiation", CERT_USE_SIGN},
		{EC, "keyUsage", "keyAgreement", CERT_USE_DECRYPT},
		{EC, "keyUsage", "keyEncipherment", 0},
		{RSA_1024, "keyUsage", "keyEncipherment", CERT_USE_DECRYPT},
		{RSA_1024, "keyUsage", "keyAgreement", 0},
		{RSA_1024, "keyUsage", "dataEncipherment", 0},
		{RSA_1024, "keyUsage", "digitalSignature,keyEncipherment",
		 CERT_USE_SIGN | CERT_USE_DECRYPT},
		{ED25519_, "keyUsage", "keyAgreement", 0},
		{X25519_, "keyUsage", "digitalSignature", 0},
		{EC, "extendedKeyUsage", "emailProtection", CERT_USE_SIGN | CERT_USE_DECRYPT},
		{EC, "extendedKeyUsage", "anyExtendedKeyUsage", CERT_USE_SIGN | CERT_USE_DECRYPT},
		{EC, "extendedKeyUsage", "serverAuth,emailProtection", CERT_USE_SIGN | CERT_USE_DECRYPT},
		{EC, "extendedKeyUsage", "serverAuth,clientAuth", 0},
		{EC, "extendedKeyUsage", "1.2.3.4", 0},
		{EC, "basicConstraints", "CA:TRUE", 0},
		{EC, "basicConstraints", "CA:FALSE", CERT_USE_SIGN | CERT_USE_DECRYPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		X509 *cert = cert_with(keys[cases[i].key], cases[i].name, cases[i].value);
		unsigned int got = cert_uses(cert);

		X509_free(cert);
		if (got != cases[i].uses)
			fail_msg("%s %s %s: %u", kinds[cases[i].key], cases[i].name, cases[i].value, got);
	}
}

static void dates(void **state)
{
	static const struct {
		long from, to;
		int expected;
	} cases[] = {{-2, -1, ERR_CERT_EXPIRED},
		     {1, 2, ERR_CERT_EXPIRED},
		     {-1, 1, 0},
		     {-1, 36500, 0},
		     {2, -2, ERR_CERT_EXPIRED}};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		X509 *cert = pki_cert(&(struct pki_spec){.subject = "/CN=x",
							 .key = keys[EC],
							 .from_days = cases[i].from,
							 .to_days = cases[i].to});

		assert_int_equal(cert_check_dates(cert), cases[i].expected);
		X509_free(cert);
	}
}

/* What is there in place of a date: nobody can read it, so it has not begun, or has ended. */
static void unreadable_dates(void **state)
{
	static const char *const wrong[] = {"", "x", "20250101", "991301000000Z", "2501010000", "Z"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		X509 *begins = pki_cert(&(struct pki_spec){
			.subject = "/CN=x", .key = keys[EC], .from_days = -1, .to_days = 1});
		X509 *ends = X509_dup(begins);

		assert_true(cert_has_begun(begins) && !cert_has_ended(begins));
		assert_true(ASN1_STRING_set(X509_getm_notBefore(begins), wrong[i], -1));
		assert_true(ASN1_STRING_set(X509_getm_notAfter(ends), wrong[i], -1));
		assert_true(!cert_has_begun(begins) && !cert_has_ended(begins));
		assert_true(cert_has_begun(ends) && cert_has_ended(ends));
		assert_int_equal(cert_check_dates(begins), ERR_CERT_EXPIRED);
		assert_int_equal(cert_check_dates(ends), ERR_CERT_EXPIRED);
		X509_free(begins);
		X509_free(ends);
	}
}

static void addresses(void **state)
{
	X509 *cert = pki_cert(&(struct pki_spec){
		.subject = "/CN=a@not.example/emailAddress=old@example.com",
		.key = keys[EC],
		.extensions = {{"subjectAltName", "email:one@example.com,DNS:x@y,email:Two@Example.com"}}});
	CLEAN_BUF struct buf list = BUF_INIT(1000), tight = BUF_INIT(20);

	(void)state;
	assert_int_equal(cert_addresses(cert, &list), 0);
	assert_true(view_equal(buf_view(&list),
			       view_string("old@example.com\none@example.com\nTwo@Example.com")) ||
		    view_equal(buf_view(&list),
			       view_string("one@example.com\nTwo@Example.com\nold@example.com")));
	assert_int_equal(cert_addresses(cert, &tight), ERR_TOO_LARGE);
	assert_true(cert_has_address(cert, "two@example.COM"));
	assert_true(cert_has_address(cert, "old@example.com"));
	assert_false(cert_has_address(cert, "wo@example.com"));
	assert_false(cert_has_address(cert, "one@example.co"));
	assert_false(cert_has_address(cert, "a@not.example"));
	assert_false(cert_has_address(cert, ""));
	X509_free(cert);
}

/* An address with a line end in it would be two, in a list of lines. */
static void address_with_line_end(void **state)
{
	X509 *cert =
		pki_cert(&(struct pki_spec){.subject = "/CN=x/emailAddress=a@x\nroot@example.com",
					    .key = keys[EC],
					    .extensions = {{"subjectAltName", "email:good@example.com"}}});
	X509 *none = cert_with(keys[EC], NULL, NULL);
	CLEAN_BUF struct buf list = BUF_INIT(1000);

	(void)state;
	assert_int_equal(cert_addresses(cert, &list), 0);
	assert_true(view_equal(buf_view(&list), view_string("good@example.com")));
	assert_false(cert_has_address(cert, "root@example.com"));
	buf_clear(&list);
	assert_int_equal(cert_addresses(none, &list), 0);
	assert_int_equal(list.length, 0);
	X509_free(cert);
	X509_free(none);
}

static void subject(void **state)
{
	static const char *const cases[][2] = {
		{"/C=DE/O=Org/CN=Alice", "CN=Alice,O=Org,C=DE"},
		{"/CN=J\xc3\xbcrgen", "CN=J\xc3\xbcrgen"},
		{"/CN=a, b+c=d", "CN=a\\, b\\+c=d"},
		{"/CN=a\nb\x1b[31m", "CN=a\\0Ab\\1B[31m"},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		X509 *cert = pki_cert(&(struct pki_spec){.subject = cases[i][0], .key = keys[EC]});
		CLEAN_BUF struct buf text = BUF_INIT(100), tight = BUF_INIT(3);

		assert_int_equal(cert_subject(cert, &text), 0);
		assert_true(view_equal(buf_view(&text), view_string(cases[i][1])));
		assert_int_equal(cert_subject(cert, &tight), ERR_TOO_LARGE);
		X509_free(cert);
	}
}

static void key_types(void **state)
{
	static const char *const types[] = {"ec:P-256", "rsa:1024", "ed25519", "x25519"};
	char got[32];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		X509 *cert = cert_with(keys[i], NULL, NULL);

		cert_key_type(cert, got, sizeof got);
		assert_string_equal(got, types[i]);
		cert_key_type(cert, got, 4);
		assert_int_equal(strlen(got), 3);
		X509_free(cert);
	}
}

static void unknown_key(void **state)
{
	X509 *cert = X509_new();
	char got[32];

	(void)state;
	cert_key_type(cert, got, sizeof got);
	assert_string_equal(got, "unknown");
	assert_int_equal(cert_uses(cert), 0);
	X509_free(cert);
	ERR_clear_error();
}

static void times(void **state)
{
	static const char *const cases[][2] = {{"20261123144500Z", "2026-11-23T14:45:00Z"},
					       {"20500101000000Z", "2050-01-01T00:00:00Z"},
					       {"19991231235959Z", "1999-12-31T23:59:59Z"},
					       {"99991231235959Z", "9999-12-31T23:59:59Z"}};
	char got[TIME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		ASN1_TIME *time = ASN1_TIME_new();

		assert_int_equal(ASN1_TIME_set_string(time, cases[i][0]), 1);
		cert_time(time, TIME_RFC3339, got);
		assert_string_equal(got, cases[i][1]);
		ASN1_STRING_set(time, "nonsense", 8);
		cert_time(time, TIME_RFC3339, got);
		assert_string_equal(got, "");
		ASN1_TIME_free(time);
	}
	ERR_clear_error();
}

static X509 *ca(const char *name, const X509 *issuer)
{
	return pki_cert(&(struct pki_spec){.subject = name,
					   .key = keys[EC],
					   .issuer = issuer,
					   .extensions = {{"basicConstraints", "CA:TRUE"}}});
}

static void chains(void **state)
{
	X509 *root = ca("/CN=root", NULL), *top = ca("/CN=top", root), *low = ca("/CN=low", top);
	X509 *leaf = pki_cert(&(struct pki_spec){
		.subject = "/CN=leaf", .key = keys[RSA_1024], .issuer = low, .issuer_key = keys[EC]});
	STACK_OF(X509) *pool = sk_X509_new_null(), *chain;

	(void)state;
	chain = cert_chain(leaf, pool);
	assert_int_equal(sk_X509_num(chain), 0);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_push(pool, leaf);
	sk_X509_push(pool, root);
	sk_X509_push(pool, top);
	chain = cert_chain(leaf, pool); /* low is missing */
	assert_int_equal(sk_X509_num(chain), 0);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_push(pool, low);
	chain = cert_chain(leaf, pool);
	assert_int_equal(sk_X509_num(chain), 2);
	assert_ptr_equal(sk_X509_value(chain, 0), low);
	assert_ptr_equal(sk_X509_value(chain, 1), top);
	sk_X509_pop_free(chain, X509_free);
	chain = cert_chain(root, pool);
	assert_int_equal(sk_X509_num(chain), 0);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(pool, X509_free);
}

static void long_chain_is_cut(void **state)
{
	STACK_OF(X509) *pool = sk_X509_new_null(), *chain;
	X509 *above = ca("/CN=0", NULL);

	(void)state;
	sk_X509_push(pool, above);
	for (int i = 1; i < 20; i++) {
		char name[20];

		snprintf(name, sizeof name, "/CN=%d", i);
		above = ca(name, above);
		sk_X509_push(pool, above);
	}
	chain = cert_chain(above, pool);
	assert_int_equal(sk_X509_num(chain), 10);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(pool, X509_free);
}

/* Names make issuers here, not signatures: anybody can have two that issued each other. */
static void issuers_in_a_circle(void **state)
{
	X509 *root = ca("/CN=a", NULL), *b = ca("/CN=b", root), *a = ca("/CN=a", b);
	STACK_OF(X509) *pool = sk_X509_new_null(), *chain;

	(void)state;
	sk_X509_push(pool, a);
	sk_X509_push(pool, b);
	alarm(20);
	chain = cert_chain(a, pool);
	alarm(0);
	assert_true(sk_X509_num(chain) >= 1 && sk_X509_num(chain) <= 2);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(pool, X509_free);
	X509_free(root);
}

static int make_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		keys[i] = pki_key(kinds[i]);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprint),
		cmocka_unit_test(uses),
		cmocka_unit_test(dates),
		cmocka_unit_test(unreadable_dates),
		cmocka_unit_test(addresses),
		cmocka_unit_test(address_with_line_end),
		cmocka_unit_test(subject),
		cmocka_unit_test(key_types),
		cmocka_unit_test(unknown_key),
		cmocka_unit_test(times),
		cmocka_unit_test(chains),
		cmocka_unit_test(long_chain_is_cut),
		cmocka_unit_test(issuers_in_a_circle),
	};

	return cmocka_run_group_tests_name("cert", tests, make_keys, free_keys);
}
