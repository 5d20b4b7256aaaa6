/* SPDX-License-Identifier: ISC
 *
 * A program that uses the PKCS#11 module, for its unit tests, with the fake agent behind it. Failures
 * end the test that called.
 */
#ifndef SMIME_UNIT_P11_USER_H
#define SMIME_UNIT_P11_USER_H

#include <p11-kit/pkcs11.h>

extern CK_FUNCTION_LIST *p11;
/* The fake agent's token, once p11_open was called. */
extern CK_SLOT_ID p11_slot;

/* C_Initialize, with a fake agent that does everything right; and C_Finalize. */
void p11_begin(void);
void p11_end(void);

CK_SESSION_HANDLE p11_open(void);
/* The one object of that class and label; CK_INVALID_HANDLE if there is none, or another. */
CK_OBJECT_HANDLE p11_find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const char *label);
/* Signs something with the private key of that label ("rsa", "ec"). */
CK_RV p11_sign_with(CK_SESSION_HANDLE session, const char *label);

#endif
