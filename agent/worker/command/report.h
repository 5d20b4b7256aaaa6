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

/* Text for a terminal: what is no UTF-8, controls or reorders lines becomes '?'. */
MUST_USE int report_plain(struct buf *into, struct view text);

/* A JSON string, quotes included; what is no UTF-8 becomes U+FFFD. */
MUST_USE int report_json_string(struct buf *into, struct view text);
/* One field of a JSON object, with a comma before it unless it is the first; the value a string, or the
 * lines of a text as an array (never first). */
MUST_USE int report_field(struct buf *into, const char *name, struct view value);
MUST_USE int report_text_field(struct buf *into, const char *name, const char *value);
MUST_USE int report_lines_field(struct buf *into, const char *name, struct view lines);

/* The same for people: a line of a block. */
MUST_USE int report_line(struct buf *into, const char *name, struct view value);

#endif
