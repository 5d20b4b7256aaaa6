/* SPDX-License-Identifier: ISC
 *
 * GnuPG's name for a public key alone, without its certificate.
 */
#ifndef SMIME_WORKER_KEYGRIP_H
#define SMIME_WORKER_KEYGRIP_H

#include "cert.h"

/* 40 hexadecimal digits in upper case; "" for a kind of key of which it is not known here. */
void keygrip(X509 *cert, char into[CERT_SHA1_SIZE]);

#endif
