/* SPDX-License-Identifier: ISC
 *
 * One certificate in a file that a client handed over, PEM or DER.
 */
#ifndef SMIME_WORKER_CERT_FILE_H
#define SMIME_WORKER_CERT_FILE_H

#include "error.h"

#include <openssl/x509.h>

/* Reads it from the descriptor, which stays the caller's; the caller frees the certificate. ERR_NOT_CERTIFICATE, also for
 * an empty file; ERR_TOO_LARGE; ERR_READ. */
MUST_USE int cert_file_read(int fd, X509 **ret_cert);

#endif
