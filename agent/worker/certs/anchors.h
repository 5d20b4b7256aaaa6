/* SPDX-License-Identifier: ISC
 *
 * Trust anchors: a file of certificates, of which few are ever needed. Their names are read at once, and
 * each is parsed when a path may end with it: to parse the system's takes OpenSSL 20 ms, their names one.
 */
#ifndef SMIME_WORKER_ANCHORS_H
#define SMIME_WORKER_ANCHORS_H

#include "buf.h"

#include <openssl/x509.h>

struct anchors;

/* Reads PEM (also OpenSSL's trusted certificates, and anything in between), or one certificate in DER.
 * What is no certificate is left out. ERR_TOO_LARGE for more than anybody keeps. */
MUST_USE int anchors_read(struct view bytes, struct anchors **ret_anchors);
void anchors_free(struct anchors *anchors);
size_t anchors_count(const struct anchors *anchors);

/* Adds those that have the name of the certificate's issuer, unless they are there. */
MUST_USE int anchors_add_issuers(struct anchors *anchors, X509 *cert, STACK_OF(X509) *into);

#endif
