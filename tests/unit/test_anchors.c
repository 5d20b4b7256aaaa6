/* SPDX-License-Identifier: ISC
 *
 * Trust anchors are found by name, and nothing else of a file is.
 */
#include "anchors.h"

#include "fixture.h"
#include "pki.h"

#include <openssl/pem.h>
#include <string.h>

static X509 *make(const char *subject, const X509 *issuer, EVP_PKEY *key)
{
	struct pki_spec spec = {.subject = subject, .key = key, .issuer = issuer, .issuer_key = key};

	return pki_cert(&spec);
}

struct people {
	EVP_PKEY *key;
	X509 *root, *cross, *other, *leaf;
	BIO *bio;
};

static int set_up(void **state)
{
	struct people *people = calloc(1, sizeof *people);

	people->key = pki_key("EC");
	people->root = make("/CN=Root", NULL, people->key);
	people->cross = make("/CN=Cross", people->root, people->key);
	people->other = make("/CN=Other", NULL, people->key);
	people->leaf = make("/CN=Leaf", people->cross, people->key);
	people->bio = BIO_new(BIO_s_mem());
	*state = people;
	return 0;
}

static int tear_down(void **state)
{
	struct people *people = *state;

	EVP_PKEY_free(people->key);
	X509_free(people->root);
	X509_free(people->cross);
	X509_free(people->other);
	X509_free(people->leaf);
	BIO_free(people->bio);
	free(people);
	return 0;
}

static struct view written(BIO *bio)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);

	return (struct view){(const uint8_t *)data, (size_t)length};
}

static STACK_OF(X509) *issuers(struct anchors *anchors, X509 *cert)
{
	STACK_OF(X509) *into = sk_X509_new_null();

	assert_int_equal(anchors_add_issuers(anchors, cert, into), 0);
	return into;
}

static void only(struct anchors *anchors, X509 *cert, X509 *wanted)
{
	STACK_OF(X509) *into = issuers(anchors, cert);

	assert_int_equal(sk_X509_num(into), wanted ? 1 : 0);
	if (wanted)
		assert_int_equal(X509_cmp(sk_X509_value(into, 0), wanted), 0);
	/* What is there already is not added. */
	assert_int_equal(anchors_add_issuers(anchors, cert, into), 0);
	assert_int_equal(sk_X509_num(into), wanted ? 1 : 0);
	sk_X509_pop_free(into, X509_free);
}

static void from_pem(void **state)
{
	struct people *people = *state;
	struct anchors *anchors = NULL;

	BIO_puts(people->bio, "some text\n");
	PEM_write_bio_X509(people->bio, people->other);
	PEM_write_bio_PrivateKey(people->bio, people->key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio(people->bio, "CERTIFICATE", "", (const unsigned char *)"\x30\x03\x02\x01\x01", 5);
	PEM_write_bio_X509_AUX(people->bio, people->root);
	PEM_write_bio_X509(people->bio, people->cross);
	assert_int_equal(anchors_read(written(people->bio), &anchors), 0);
	assert_int_equal(anchors_count(anchors), 3);
	only(anchors, people->leaf, people->cross);
	only(anchors, people->cross, people->root);
	only(anchors, people->root, people->root);
	anchors_free(anchors);
}

static void without(void **state)
{
	struct people *people = *state;
	struct anchors *anchors = NULL;

	PEM_write_bio_X509(people->bio, people->other);
	assert_int_equal(anchors_read(written(people->bio), &anchors), 0);
	only(anchors, people->leaf, NULL);
	anchors_free(anchors);
	assert_int_equal(anchors_read((struct view){NULL, 0}, &anchors), 0);
	assert_int_equal(anchors_count(anchors), 0);
	only(anchors, people->leaf, NULL);
	anchors_free(anchors);
	anchors_free(NULL);
}

static void from_der(void **state)
{
	struct people *people = *state;
	struct anchors *anchors = NULL;
	unsigned char *der = NULL;
	int length = i2d_X509(people->root, &der);

	assert_int_equal(anchors_read((struct view){der, (size_t)length}, &anchors), 0);
	only(anchors, people->cross, people->root);
	anchors_free(anchors);
	/* Cut anywhere it is no anchor, and no reason to read behind it. */
	for (int cut = 0; cut < length; cut++) {
		uint8_t *copy = malloc((size_t)cut + 1);

		memcpy(copy, der, (size_t)cut);
		assert_int_equal(anchors_read((struct view){copy, (size_t)cut}, &anchors), 0);
		only(anchors, people->cross, NULL);
		anchors_free(anchors);
		free(copy);
	}
	OPENSSL_free(der);
}

static void too_many(void **state)
{
	struct people *people = *state;
	struct anchors *anchors = NULL;

	for (int i = 0; i < 5001; i++)
		PEM_write_bio_X509(people->bio, people->other);
	assert_int_equal(anchors_read(written(people->bio), &anchors), ERR_TOO_LARGE);
	assert_null(anchors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_pem, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without, set_up, tear_down),
		cmocka_unit_test_setup_teardown(from_der, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
