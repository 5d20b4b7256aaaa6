/* SPDX-License-Identifier: ISC
 *
 * Files with certificates: what is found in them is counted, can be put into the store as it is, and leaves
 * nothing behind.
 */
#include "fuzz.h"
#include "import.h"
#include "store.h"
#include "stub_ask.h"

#include <openssl/err.h>

struct seen {
	unsigned int certificates, crls, passwords;
};

static int keep_cert(void *context, X509 *cert)
{
	struct seen *seen = context;
	int rc = store_add(cert, STORE_IMPORTED, view_string(NULL));

	/* One that no message can carry is refused, and ends the import. */
	require(!rc || rc == ERR_TOO_LARGE || rc == ERR_INTERNAL || rc == ERR_NO_MEMORY);
	seen->certificates += !rc;
	return rc;
}

static int keep_crl(void *context, X509_CRL *crl)
{
	struct seen *seen = context;
	int rc = store_add_crl(crl);

	seen->crls += !rc;
	return rc;
}

static int get_password(void *context, unsigned int tries, struct buf *into)
{
	struct seen *seen = context;

	require(into->secret && !into->length);
	seen->passwords++;
	if (tries)
		return ERR_PASSWORD_WRONG;
	return buf_add(into, "secret", 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lowest = fuzz_lowest_fd();
	struct seen seen = {0};
	struct import_sink sink = {keep_cert, keep_crl, get_password, &seen};
	struct import_count count = {0};
	int rc;

	stub_ask_open(STUB_BLOCK); /* the log is no part of this */
	rc = import_bytes((struct view){data, size}, &sink, &count);
	/* A file of several parts asks for the password of each. */
	require(count.certificates == seen.certificates && count.crls == seen.crls);
	require(rc || seen.certificates || seen.crls);
	ERR_clear_error();
	require(lowest == fuzz_lowest_fd());
	return 0;
}
