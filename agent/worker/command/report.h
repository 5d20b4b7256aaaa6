/* SPDX-License-Identifier: ISC
 *
 * Lists for people, and the same as JSON (RFC 8259) for programs.
 */
#ifndef SMIME_WORKER_REPORT_H
#define SMIME_WORKER_REPORT_H

#include "buf.h"

#define REPORT_MAX (16 * 1024 * 1024)

/* The keys, the tokens, the agent's state, as they are now. Errors of keys_refresh and ask_status. */
MUST_USE int report_keys(struct buf *into, bool json);
MUST_USE int report_tokens(struct buf *into, bool json);
MUST_USE int report_status(struct buf *into, bool json);

#endif
