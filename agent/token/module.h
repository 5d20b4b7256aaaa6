/* SPDX-License-Identifier: ISC
 *
 * The PKCS#11 module of this process: loading it, and translating what it answers.
 */
#ifndef SMIME_TOKEN_MODULE_H
#define SMIME_TOKEN_MODULE_H

#include "error.h"

#include <p11-kit/p11-kit.h>

/* The loaded module's functions; set once by module_load, before any thread starts. */
extern CK_FUNCTION_LIST *module;

/* Loads and initialises the module at `path`, or, where that is empty, the one that p11-kit has
 * configured under `name`. ERR_MODULE; module_problem says why, in words. */
MUST_USE int module_load(const char *name, const char *path);
const char *module_problem(void);

/* Names each module that p11-kit has configured for this program, but for trust modules, which
 * hold no keys. The modules are loaded for it and not initialised. Stops at the first call of
 * `each` that fails, and returns that. */
typedef int (*module_callback)(void *context, const char *name, const char *path);
MUST_USE int module_each_configured(module_callback each, void *context);

/* A PKCS#11 return value in the house's errors; 0 for CKR_OK. */
int module_error(CK_RV rv);

/* Whether the session that answered rv is of no more use. */
int module_session_lost(CK_RV rv);

#endif
