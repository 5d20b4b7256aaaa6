/* SPDX-License-Identifier: ISC
 *
 * From a file to the store.
 */
#include "import_request.h"

#include "store.h"

#include <openssl/crypto.h>

static int keep_cert(void *context, X509 *cert)
{
	CLEAN_STORED struct stored *known = NULL;
	const struct import_request *request = context;
	char fingerprint[CERT_FINGERPRINT_SIZE];
	int rc = request->ask_known ? cert_fingerprint(cert, fingerprint) : 0;

	if (!rc && request->ask_known)
		rc = store_find(STORE_FINGERPRINT, view_string(fingerprint), &known);
	rc = rc ? rc : store_add(cert, STORE_IMPORTED, view_string(NULL));
	if (rc && rc != ERR_TOO_LARGE)
		return rc;
	return request->outcome(request->context, cert, rc ? IMPORT_REFUSED : known ? IMPORT_KNOWN : IMPORT_KEPT);
}

static int keep_crl(void *context, X509_CRL *crl)
{
	(void)context;
	return store_add_crl(crl);
}

static int get_password(void *context, unsigned int tries, struct buf *into)
{
	const struct import_request *request = context;

	return request->password(request->context, tries, into);
}

int import_request_run(const struct import_request *request, struct import_count *count)
{
	const struct import_sink sink = {keep_cert, keep_crl, request->password ? get_password : NULL,
					 (void *)(uintptr_t)request};
	CLEAN_BUF struct buf bytes = BUF_INIT(IMPORT_MAX);
	int rc = import_read(request->input, &bytes);

	rc = rc ? rc : import_bytes(buf_view(&bytes), &sink, count);
	/* There may have been private keys in it. */
	OPENSSL_cleanse(bytes.data, bytes.length);
	return rc;
}
