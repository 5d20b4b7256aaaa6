/* SPDX-License-Identifier: ISC
 *
 * Files with certificates, made here: each kind, its password, what is left out, and where it stops.
 */
#include "import.h"

#include "fixture.h"
#include "pki.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <string.h>

static EVP_PKEY *key;
static X509 *cert;

struct seen {
	unsigned int certificates, asked;
	const char *password; /* NULL: there is none to be had */
	int refuse;	      /* what the sink says to a certificate */
};

static int keep(void *context, X509 *got)
{
	struct seen *seen = context;

	assert_int_equal(X509_cmp(got, cert), 0);
	seen->certificates++;
	return seen->refuse;
}

static int keep_crl(void *context, X509_CRL *crl)
{
	(void)context;
	(void)crl;
	return 0;
}

static int password(void *context, unsigned int tries, struct buf *into)
{
	struct seen *seen = context;

	assert_int_equal(tries, seen->asked++);
	assert_true(into->secret);
	return seen->password ? buf_add(into, seen->password, strlen(seen->password)) : ERR_CANCELLED;
}

static int run(BIO *bio, struct seen *seen, struct import_count *count)
{
	struct import_sink sink = {keep, keep_crl, password, seen};
	char *data;
	long length = BIO_get_mem_data(bio, &data);
	int rc;

	*count = (struct import_count){0};
	rc = import_bytes((struct view){(const uint8_t *)data, (size_t)length}, &sink, count);
	BIO_free(bio);
	return rc;
}

static BIO *memory(void)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_non_null(bio);
	return bio;
}

static void pem_with_a_key(void **state)
{
	struct import_count count;
	struct seen seen = {0};
	BIO *bio = memory();

	(void)state;
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio_X509(bio, cert);
	BIO_printf(bio, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
	PEM_write_bio_X509(bio, cert);
	assert_int_equal(run(bio, &seen, &count), 0);
	assert_int_equal(count.certificates, 2);
	assert_int_equal(count.keys, 1);
	assert_int_equal(count.damaged, 1);
}

static void der_with_a_tail(void **state)
{
	struct import_count count;
	struct seen seen = {0};
	BIO *bio = memory();

	(void)state;
	i2d_X509_bio(bio, cert);
	i2d_X509_bio(bio, cert);
	BIO_write(bio, "tail", 4);
	assert_int_equal(run(bio, &seen, &count), 0);
	assert_int_equal(count.certificates, 2);
	assert_int_equal(count.damaged, 1);
}

static BIO *pkcs12(const char *pass, int key_cipher, int cert_cipher, int iterations)
{
	PKCS12 *p12 = PKCS12_create(pass, "name", key, cert, NULL, key_cipher, cert_cipher, iterations, 1, 0);
	BIO *bio = memory();

	assert_non_null(p12);
	i2d_PKCS12_bio(bio, p12);
	PKCS12_free(p12);
	return bio;
}

static void pkcs12_password(void **state)
{
	struct import_count count;
	struct seen none = {0}, wrong = {.password = "wrong"}, right = {.password = "secret"};

	(void)state;
	assert_int_equal(run(pkcs12("secret", 0, 0, 100), &none, &count), ERR_CANCELLED);
	assert_int_equal(count.certificates, 0);
	assert_int_equal(run(pkcs12("secret", 0, 0, 100), &wrong, &count), ERR_PASSWORD_WRONG);
	assert_int_equal(wrong.asked, 3);
	assert_int_equal(run(pkcs12("secret", 0, 0, 100), &right, &count), 0);
	assert_int_equal(count.certificates, 1);
	assert_int_equal(count.keys, 1);
}

static void pkcs12_without_password(void **state)
{
	struct import_count count;
	struct seen seen = {0};

	(void)state;
	assert_int_equal(run(pkcs12("", 0, 0, 100), &seen, &count), 0);
	assert_int_equal(run(pkcs12("x", -1, -1, 100), &seen, &count), 0);
	assert_int_equal(seen.asked, 0);
	assert_int_equal(seen.certificates, 2);
}

static void pkcs12_of_old(void **state)
{
	struct import_count count;
	struct seen seen = {.password = "secret"};

	(void)state;
	assert_int_equal(run(pkcs12("secret", NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
				    NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 100),
			     &seen, &count),
			 0);
	assert_int_equal(count.certificates, 1);
}

static void pkcs12_that_costs(void **state)
{
	struct import_count count;
	struct seen seen = {.password = "secret"};

	(void)state;
	assert_int_equal(run(pkcs12("secret", 0, 0, IMPORT_ITERATIONS_MAX + 1), &seen, &count), ERR_TOO_LARGE);
	assert_int_equal(seen.asked, 0);
}

static void sink_ends_it(void **state)
{
	struct import_count count;
	struct seen seen = {.refuse = ERR_NO_SPACE};
	BIO *bio = memory();

	(void)state;
	PEM_write_bio_X509(bio, cert);
	PEM_write_bio_X509(bio, cert);
	assert_int_equal(run(bio, &seen, &count), ERR_NO_SPACE);
	assert_int_equal(seen.certificates, 1);
	assert_int_equal(count.certificates, 0);
}

static void nothing(void **state)
{
	static const char *const inputs[] = {"", "x", "0", "\x30", "\x30\x80", "\x30\x03\x02\x01\x03", "-----BEGIN ",
					     "-----BEGIN CERTIFICATE-----\n", "BEGIN:VCARD\nKEY;BASE64:QUJD\n",
					     "TWFueSBoYW5kcw=="};
	struct import_count count;
	struct seen seen = {0};

	(void)state;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		BIO *bio = memory();

		BIO_write(bio, inputs[i], (int)strlen(inputs[i]));
		assert_int_equal(run(bio, &seen, &count), ERR_NOT_CERTIFICATE);
	}
	assert_int_equal(seen.certificates, 0);
}

static int set_up(void **state)
{
	struct pki_spec spec = {.subject = "/CN=Alice"};

	(void)state;
	key = pki_key("EC");
	spec.key = key;
	cert = pki_cert(&spec);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	X509_free(cert);
	EVP_PKEY_free(key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pem_with_a_key),	   cmocka_unit_test(der_with_a_tail),
		cmocka_unit_test(pkcs12_password),	   cmocka_unit_test(pkcs12_without_password),
		cmocka_unit_test(pkcs12_of_old),	   cmocka_unit_test(pkcs12_that_costs),
		cmocka_unit_test(sink_ends_it),		   cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
