/* SPDX-License-Identifier: ISC
 *
 * What was found in a message, for people and for programs.
 */
#ifndef SMIME_WORKER_VERIFY_REPORT_H
#define SMIME_WORKER_VERIFY_REPORT_H

#include "layer.h"

#define VERIFY_REPORT_MAX (4 * 1024 * 1024)

/* Text, or one JSON object. */
MUST_USE int verify_report_text(struct buf *into, const struct layer_list *layers);
MUST_USE int verify_report_json(struct buf *into, const struct layer_list *layers);

#endif
