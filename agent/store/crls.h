/* SPDX-License-Identifier: ISC
 *
 * CRLs in the database, as bytes.
 */
#ifndef SMIME_STORE_CRLS_H
#define SMIME_STORE_CRLS_H

#include "messages.h"

/* fd: a file with the CRL. */
MUST_USE int crls_add(const struct msg_crl *crl, int fd);
/* An unnamed file with the CRLs, one after the other; the caller closes. */
MUST_USE int crls_find(const struct msg_crl_find *find, int *ret_fd);

#endif
