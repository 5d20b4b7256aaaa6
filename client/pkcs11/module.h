/* SPDX-License-Identifier: ISC
 *
 * What every C_ function begins and ends with. One lock guards all that the module knows; it is let go
 * while the agent works on a key.
 */
#ifndef SMIME_PKCS11_MODULE_H
#define SMIME_PKCS11_MODULE_H

#include "error.h"

#include <p11-kit/pkcs11.h>

/* Takes the lock. CKR_CRYPTOKI_NOT_INITIALIZED, also in a process that was forked from the one that
 * initialised the module (PKCS#11 2.40 section 2.5.2); the lock is not held then. */
MUST_USE CK_RV module_enter(void);
/* Lets the lock go; gives rv back. */
CK_RV module_leave(CK_RV rv);

/* Around waiting for something, by whoever holds the lock. What was looked up before is to be looked up
 * again after: module_wait_end says CKR_CRYPTOKI_NOT_INITIALIZED if the module was finalised. */
void module_wait_begin(void);
MUST_USE CK_RV module_wait_end(void);

/* Which C_Initialize this is the life of; 0 after C_Finalize. */
unsigned long module_life(void);

/* Waits until module_wake was called; the lock is let go meanwhile. */
void module_sleep(void);
void module_wake(void);

/* An error of the house (0 or negative) in PKCS#11's codes. */
CK_RV module_rv(int err);

#endif
