/* SPDX-License-Identifier: ISC
 *
 * Issuers that only the certificate store has.
 */
#ifndef SMIME_WORKER_CHAIN_H
#define SMIME_WORKER_CHAIN_H

#include <openssl/x509.h>

/* The certificates of the store that the way up from `cert` needs beside those that are known; perhaps none.
 * Each did sign the one before it: that names fit is not enough, since anybody's mail may have brought it.
 * The stack and its certificates are the caller's; NULL without memory. A store that cannot be used has
 * none. */
STACK_OF(X509) *chain_from_store(X509 *cert, STACK_OF(X509) *known);

#endif
