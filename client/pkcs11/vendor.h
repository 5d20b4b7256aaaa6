/* SPDX-License-Identifier: ISC
 *
 * What p11-kit 0.24's pkcs11.h lacks of PKCS#11 3.0, and NSS's own numbers.
 */
#ifndef SMIME_PKCS11_VENDOR_H
#define SMIME_PKCS11_VENDOR_H

#include <p11-kit/pkcs11.h>

/* NSS's pkcs11n.h: CKM_VENDOR_DEFINED with "NSCP". */
#define CKM_NSS_AES_KEY_WRAP (CKM_VENDOR_DEFINED | 0x4E534350UL | 1)

#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif
#ifndef CKF_FIND_OBJECTS
#define CKF_FIND_OBJECTS 0x40UL /* for C_SessionCancel */
#endif
#ifndef CKF_EC_NAMEDCURVE
#define CKF_EC_NAMEDCURVE 0x00800000UL
#endif

#endif
