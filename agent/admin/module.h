/* SPDX-License-Identifier: ISC
 *
 * The PKCS#11 module of one task, through libp11: finding the token, logging in.
 */
#ifndef SMIME_ADMIN_MODULE_H
#define SMIME_ADMIN_MODULE_H

#include "messages.h"

#include <libp11.h>

struct module {
	PKCS11_CTX *ctx;
	PKCS11_SLOT *slots, *slot; /* slot: the token's */
	unsigned int slot_count;
	char *path;
};

/* Loads the module. ERR_MODULE. module_close in any case. */
MUST_USE int module_open(struct module *module, struct view path);
void module_close(struct module *module);

/* Finds the token by its URI; with `blank` also one that is not initialised, and for "" the first of those.
 * ERR_NO_TOKEN; ERR_AMBIGUOUS_TOKEN where with `blank` the URI fits more than one. */
MUST_USE int module_find(struct module *module, const char *uri, bool blank);

/* Opens a session that may write and logs in. `pin` is a C string. ERR_PIN_LAST_TRY where one try is
 * left and `last_try` does not allow it. */
MUST_USE int module_login(struct module *module, bool so, const char *pin, bool last_try);

/* What libp11's last failure means; what a CKR_ means. */
int module_error(void);
int module_error_of(unsigned long rv);

#endif
