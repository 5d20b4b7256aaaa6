/* SPDX-License-Identifier: ISC
 *
 * The status lines by which gpgsm tells of signatures (GnuPG's doc/DETAILS); both dialects have them.
 */
#ifndef SMIME_WORKER_VERIFY_STATUS_H
#define SMIME_WORKER_VERIFY_STATUS_H

#include "layer.h"
#include "status_line.h"

/* For every signature: NEWSIG, then GOODSIG, EXPKEYSIG, REVKEYSIG, BADSIG or ERRSIG, VALIDSIG, TRUST_FULLY,
 * TRUST_UNDEFINED or TRUST_NEVER. */
MUST_USE int verify_status_tell(const struct layer_list *layers, status_line take);

#endif
