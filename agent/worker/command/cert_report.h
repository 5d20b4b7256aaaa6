/* SPDX-License-Identifier: ISC
 *
 * Certificates of the store, for lists.
 */
#ifndef SMIME_WORKER_CERT_REPORT_H
#define SMIME_WORKER_CERT_REPORT_H

#include "store.h"

/* One certificate: a JSON object, or a block of lines; `full`: with all that is known of it, trust too. */
MUST_USE int cert_report_json(struct buf *into, const struct stored *row, bool full);
MUST_USE int cert_report_text(struct buf *into, const struct stored *row, bool full);

#endif
