/* SPDX-License-Identifier: ISC
 *
 * A request to import a file's certificates and CRLs into the store.
 */
#ifndef SMIME_WORKER_IMPORT_REQUEST_H
#define SMIME_WORKER_IMPORT_REQUEST_H

#include "import.h"

enum import_outcome {
	IMPORT_KEPT,
	IMPORT_KNOWN,	/* it was there before; only where that was asked */
	IMPORT_REFUSED, /* too large, or the store is full */
};

struct import_request {
	struct input *input;
	bool ask_known; /* asks the store of each certificate whether it is there; else all are IMPORT_KEPT */
	/* Told what became of each certificate. What it returns other than 0 ends the import. */
	int (*outcome)(void *context, const X509 *cert, enum import_outcome outcome);
	/* The password of a PKCS#12 file, as struct import_sink has it; or NULL. */
	int (*password)(void *context, unsigned int tries, struct buf *into);
	void *context;
};

/* Errors of import_read, import_bytes and the store. *count goes up also before an error. */
MUST_USE int import_request_run(const struct import_request *request, struct import_count *count);

#endif
