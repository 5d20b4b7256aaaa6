/* SPDX-License-Identifier: ISC
 *
 * What can still be read of a damaged file is put into a new one.
 */
#ifndef SMIME_STORE_REPAIR_H
#define SMIME_STORE_REPAIR_H

#include "error.h"

/* Under file_lock, alone, with the file closed. ERR_NO_SPACE, ERR_STORE: the damaged file is where it was. */
MUST_USE int repair(void);

#endif
