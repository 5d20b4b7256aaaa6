/* SPDX-License-Identifier: ISC
 *
 * Environment variables, in programs that may have more rights than whoever set them: the PKCS#11 module is loaded into
 * setuid programs (pam_p11), too.
 */
#ifndef SMIME_ENVIRONMENT_H
#define SMIME_ENVIRONMENT_H

#include <stdbool.h>

/* Whether this process has other rights than the user who started it: AT_SECURE (getauxval(3)), or the real and the
 * effective ids differ. */
bool environment_is_foreign(void);

/* The variable's value; NULL where it is not set, or environment_is_foreign(). */
const char *environment_get(const char *name);

#endif
