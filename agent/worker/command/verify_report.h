/* SPDX-License-Identifier: ISC
 *
 * What was found in a message, for people, for programs, and for those that know gpgsm.
 */
#ifndef SMIME_WORKER_VERIFY_REPORT_H
#define SMIME_WORKER_VERIFY_REPORT_H

#include "layer.h"

#define VERIFY_REPORT_MAX (4 * 1024 * 1024)

/* Text, or one JSON object. */
MUST_USE int verify_report_text(struct buf *into, const struct layer_list *layers);
MUST_USE int verify_report_json(struct buf *into, const struct layer_list *layers);

/* Takes a status line: keyword and arguments. */
typedef int (*verify_status)(const char *keyword, const char *text);

/* gpgsm's lines for every signature: NEWSIG, then GOODSIG, EXPKEYSIG, REVKEYSIG, BADSIG or ERRSIG, VALIDSIG,
 * TRUST_FULLY, TRUST_UNDEFINED or TRUST_NEVER. */
MUST_USE int verify_report_status(const struct layer_list *layers, verify_status take);

#endif
