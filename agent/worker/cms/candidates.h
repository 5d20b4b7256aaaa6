/* SPDX-License-Identifier: ISC
 *
 * The certificates that a signer may mean: the name that a message calls one by is not one's own. A renewed certificate
 * may have the key identifier of the one before, and anybody can make one with any name.
 */
#ifndef SMIME_WORKER_CANDIDATES_H
#define SMIME_WORKER_CANDIDATES_H

#include "error.h"

#include <openssl/cms.h>

/* More are not tried. */
#define CANDIDATES_MAX 16

/* Add those that the signer's name fits and that are not there yet: of the message's and of the tokens'; and of the
 * store's. The stack gets references. ERR_NO_MEMORY. */
MUST_USE int candidates_add_known(STACK_OF(X509) *list, CMS_SignerInfo *info, STACK_OF(X509) *certs);
MUST_USE int candidates_add_stored(STACK_OF(X509) *list, CMS_SignerInfo *info);

#endif
