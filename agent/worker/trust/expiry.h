/* SPDX-License-Identifier: ISC
 *
 * Certificates that run out soon, one's own and others'.
 */
#ifndef SMIME_WORKER_EXPIRY_H
#define SMIME_WORKER_EXPIRY_H

#include "cert.h"

/* How many days are soon; 0: no certificate is warned of. */
void expiry_set_days(uint32_t days);

/* Whether it is valid, and ends soon: in *ret_days (may be NULL). */
bool expiry_is_soon(const X509 *cert, int *ret_days);

/* All such certificates that have an address and no successor that is valid for longer, own ones first.
 * What the callback returns other than 0 ends the walk. Errors of the keys and the store. */
typedef int (*expiry_found)(void *context, bool own, const X509 *cert, int days);
MUST_USE int expiry_each(expiry_found found, void *context);

#endif
