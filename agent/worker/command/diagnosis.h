/* SPDX-License-Identifier: ISC
 *
 * What the agent can say of why a card does not work: `smime doctor`'s larger part.
 */
#ifndef SMIME_WORKER_DIAGNOSIS_H
#define SMIME_WORKER_DIAGNOSIS_H

#include "buf.h"

/* Looks at everything again, without a login, and appends a line for each finding: level (ok, note,
 * problem), area, sentence, advice (may be empty), with tabs between. Errors of keys_refresh and
 * ask_status. */
MUST_USE int diagnose(struct buf *into);

#endif
