/* SPDX-License-Identifier: ISC
 *
 * Keys of names and numbers: equal for what means the same, different for all else.
 */
#include "store_key.h"

#include "fixture.h"
#include "pki.h"

#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <string.h>

static X509_NAME *name_of(const char *text, int type)
{
	X509_NAME *name = X509_NAME_new();

	assert_non_null(name);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", type, (const unsigned char *)text, -1, -1, 0), 1);
	return name;
}

static void key_of(const X509_NAME *name, uint8_t into[STORE_KEY_SIZE])
{
	CLEAN_BUF struct buf key = BUF_INIT(STORE_KEY_SIZE);

	assert_int_equal(store_key_name(name, &key), 0);
	assert_int_equal(key.length, STORE_KEY_SIZE);
	memcpy(into, key.data, STORE_KEY_SIZE);
}

static bool same(const char *a, int type_a, const char *b, int type_b)
{
	X509_NAME *first = name_of(a, type_a), *second = name_of(b, type_b);
	uint8_t first_key[STORE_KEY_SIZE], second_key[STORE_KEY_SIZE];

	key_of(first, first_key);
	key_of(second, second_key);
	X509_NAME_free(first);
	X509_NAME_free(second);
	return !memcmp(first_key, second_key, STORE_KEY_SIZE);
}

static void names(void **state)
{
	(void)state;
	assert_true(same("Alice", V_ASN1_PRINTABLESTRING, "Alice", V_ASN1_UTF8STRING));
	assert_true(same("Alice", V_ASN1_UTF8STRING, "aLICE", V_ASN1_UTF8STRING));
	assert_true(same(" Alice  B ", V_ASN1_UTF8STRING, "Alice B", V_ASN1_UTF8STRING));
	assert_true(same("J\xfcrgen", V_ASN1_T61STRING, "J\xc3\xbcrgen", V_ASN1_UTF8STRING));
	assert_false(same("Alice", V_ASN1_UTF8STRING, "Alic", V_ASN1_UTF8STRING));
	assert_false(same("Alice B", V_ASN1_UTF8STRING, "AliceB", V_ASN1_UTF8STRING));
}

static void order_and_type(void **state)
{
	X509_NAME *a = name_of("x", MBSTRING_UTF8), *b = name_of("x", MBSTRING_UTF8), *c = X509_NAME_new();
	uint8_t keys[3][STORE_KEY_SIZE];

	(void)state;
	X509_NAME_add_entry_by_txt(a, "O", MBSTRING_UTF8, (const unsigned char *)"y", -1, -1, 0);
	X509_NAME_add_entry_by_txt(b, "O", MBSTRING_UTF8, (const unsigned char *)"y", -1, 0, 0); /* before CN */
	X509_NAME_add_entry_by_txt(c, "O", MBSTRING_UTF8, (const unsigned char *)"x", -1, -1, 0);
	key_of(a, keys[0]);
	key_of(b, keys[1]);
	key_of(c, keys[2]);
	assert_memory_not_equal(keys[0], keys[1], STORE_KEY_SIZE);
	assert_memory_not_equal(keys[1], keys[2], STORE_KEY_SIZE);
	X509_NAME_free(a);
	X509_NAME_free(b);
	X509_NAME_free(c);
}

/* The keys that the store has, and what a caller of store_find asks with. */
static bool has_key(struct view keys, enum store_by by, struct view value)
{
	CLEAN_BUF struct buf wanted = BUF_INIT(1000);

	assert_int_equal(store_key_value(by, value, &wanted), 0);
	while (keys.length) {
		struct view key;
		uint8_t kind;

		assert_int_equal(view_u8(&keys, &kind), 0);
		assert_int_equal(view_bytes(&keys, &key), 0);
		if (kind == by && view_equal(key, buf_view(&wanted)))
			return true;
	}
	return false;
}

static void certificate(void **state)
{
	EVP_PKEY *key = pki_key("EC");
	struct pki_spec spec = {.subject = "/CN=Alice",
				.key = key,
				.extensions = {{"subjectAltName", "email:Alice@Example.org,email:a2@example.org"},
					       {"subjectKeyIdentifier", "hash"}}};
	X509 *cert = pki_cert(&spec);
	CLEAN_BUF struct buf keys = BUF_INIT(STORE_KEYS_MAX);
	unsigned char *der = NULL;
	int length = i2d_X509_NAME(X509_get_subject_name(cert), &der);
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);

	(void)state;
	assert_int_equal(store_key_all(cert, &keys), 0);
	assert_true(has_key(buf_view(&keys), STORE_ADDRESS, view_string("alice@EXAMPLE.org")));
	assert_true(has_key(buf_view(&keys), STORE_ADDRESS, view_string("a2@example.org")));
	assert_false(has_key(buf_view(&keys), STORE_ADDRESS, view_string("a3@example.org")));
	assert_true(has_key(buf_view(&keys), STORE_SUBJECT, (struct view){der, (size_t)length}));
	assert_true(has_key(buf_view(&keys), STORE_KEY_ID,
			    (struct view){ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)}));
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void wrong_values(void **state)
{
	static const char *const wrong[] = {"", "x", "\x30\x80", "\x30\x01"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		CLEAN_BUF struct buf key = BUF_INIT(1000);

		assert_int_equal(store_key_value(STORE_SUBJECT, view_string(wrong[i]), &key), ERR_USAGE);
		assert_int_equal(store_key_value(STORE_ISSUER_SERIAL, view_string(wrong[i]), &key), ERR_USAGE);
		assert_int_equal(key.length, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names), cmocka_unit_test(order_and_type), cmocka_unit_test(certificate),
		cmocka_unit_test(wrong_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
