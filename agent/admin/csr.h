/* SPDX-License-Identifier: ISC
 *
 * Certificates for keys on a token: asking for one, and writing it beside its key.
 */
#ifndef SMIME_ADMIN_CSR_H
#define SMIME_ADMIN_CSR_H

#include "module.h"

/* Appends a PKCS#10 request (PEM) for the key with that label, signed by it. `subject` is a list
 * of /type=value; `address` may be empty. The caller has logged in; `pin` is for a key that wants it at each
 * use. ERR_NO_KEY, ERR_AMBIGUOUS; ERR_USAGE for a subject that is none. */
MUST_USE int csr_make(struct module *module, const char *label, const char *subject, const char *address,
		      const char *pin, struct buf *into);

/* Writes the certificate (DER) to the token, with its key's id if its key is there, and `label`,
 * or the key's, or none. ERR_USAGE for what is no certificate. */
MUST_USE int csr_store(struct module *module, struct view der, const char *label);

#endif
