/* SPDX-License-Identifier: ISC
 *
 * The file is a client's, and hostile; OpenSSL parses it.
 */
#include "cert_file.h"

#include "clean_ssl.h"
#include "input.h"

#include <openssl/err.h>
#include <openssl/pem.h>

/* A certificate of 32 KiB, the largest that the store takes, is 44 KiB in PEM. */
#define CERTIFICATE_MAX 65536

static int read_bytes(int fd, struct buf *into)
{
	CLEAN_FREE struct input *input = malloc(sizeof *input);
	size_t got = 1;
	int rc = input ? 0 : ERR_NO_MEMORY;

	if (!rc)
		input_init(input, fd);
	while (!rc && got) {
		rc = buf_reserve(into, 4096);
		rc = rc ? rc : input_read(input, into->data + into->length, 4096, &got);
		into->length += rc ? 0 : got;
	}
	return rc;
}

int cert_file_read(int fd, X509 **ret_cert)
{
	CLEAN_BUF struct buf bytes = BUF_INIT(CERTIFICATE_MAX);
	CLEAN_BIO BIO *bio = NULL;
	X509 *cert;
	int rc = read_bytes(fd, &bytes);

	if (rc)
		return rc;
	if (!bytes.length)
		return ERR_NOT_CERTIFICATE;
	bio = BIO_new_mem_buf(bytes.data, (int)bytes.length);
	if (!bio)
		return ERR_NO_MEMORY;
	cert = bytes.data[0] == 0x30 ? d2i_X509_bio(bio, NULL) : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	ERR_clear_error();
	if (!cert)
		return ERR_NOT_CERTIFICATE;
	*ret_cert = cert;
	return 0;
}
