/* SPDX-License-Identifier: ISC
 *
 * Files that are to have one certificate in them.
 */
#include "cert_file.h"
#include "error.h"
#include "fixture.h"
#include "pki.h"

#include <malloc.h>
#include <openssl/pem.h>
#include <unistd.h>

static int read_bytes(const void *data, size_t length, X509 **ret_cert)
{
	int fd = fixture_file(data, length), rc = cert_file_read(fd, ret_cert);

	close(fd);
	return rc;
}

static void both_forms_are_read(void **state)
{
	EVP_PKEY *key = pki_key("EC");
	X509 *cert = pki_cert(&(struct pki_spec){.subject = "/CN=Alice", .key = key}), *found = NULL;
	BIO *pem = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	int length = i2d_X509(cert, &der);
	char *text;
	long text_length;

	(void)state;
	assert_true(length > 0 && PEM_write_bio_X509(pem, cert));
	assert_int_equal(read_bytes(der, (size_t)length, &found), 0);
	assert_int_equal(X509_cmp(found, cert), 0);
	X509_free(found);
	text_length = BIO_get_mem_data(pem, &text);
	assert_int_equal(read_bytes(text, (size_t)text_length, &found), 0);
	assert_int_equal(X509_cmp(found, cert), 0);
	X509_free(found);
	/* Cut anywhere it is none, and nothing is handed out. */
	found = NULL;
	for (int cut = 0; cut < length; cut++)
		assert_int_equal(read_bytes(der, (size_t)cut, &found), ERR_NOT_CERTIFICATE);
	assert_null(found);
	BIO_free(pem);
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* Memory is filled so that a byte which nobody read would look like a SEQUENCE, or like text. Under valgrind the look
 * itself is an error. */
static void empty_file_is_no_certificate(void **state)
{
	static const int fill[] = {0x30, '-'};
	X509 *found = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof fill / sizeof fill[0]; i++) {
		mallopt(M_PERTURB, ~fill[i] & 0xff);
		assert_int_equal(read_bytes("", 0, &found), ERR_NOT_CERTIFICATE);
		mallopt(M_PERTURB, 0);
	}
	assert_null(found);
}

static void what_is_too_large_is_refused(void **state)
{
	static char zeros[70000];
	X509 *found = NULL;

	(void)state;
	assert_int_equal(read_bytes(zeros, sizeof zeros, &found), ERR_TOO_LARGE);
	assert_int_equal(read_bytes(zeros, 100, &found), ERR_NOT_CERTIFICATE);
	assert_int_equal(cert_file_read(-1, &found), ERR_READ);
	assert_null(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_are_read),
		cmocka_unit_test(empty_file_is_no_certificate),
		cmocka_unit_test(what_is_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
