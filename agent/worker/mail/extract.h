/* SPDX-License-Identifier: ISC
 *
 * The certificates in a message: those that a program of the person's wants to have, whatever they are worth.
 */
#ifndef SMIME_WORKER_EXTRACT_H
#define SMIME_WORKER_EXTRACT_H

#include "input.h"

#include <openssl/x509.h>

typedef int (*extract_taker)(void *context, X509 *cert);

/* Reads a mail that is signed, CMS, or a file of certificates, and calls with each certificate once: of a mail
 * the signers' own, those that its signers have beside them, and their issuers'; `signers`: the signers' of the
 * outermost signature alone. ERR_NOT_SIGNED, ERR_NOT_CERTIFICATE where there is none. */
MUST_USE int extract_certificates(struct input *input, bool signers, extract_taker take, void *context);

#endif
