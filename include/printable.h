/* SPDX-License-Identifier: ISC
 *
 * Foreign text, made safe to print: for people, and as JSON (RFC 8259) for programs.
 */
#ifndef SMIME_PRINTABLE_H
#define SMIME_PRINTABLE_H

#include "buf.h"

/* Text for a terminal: what is no UTF-8, controls or reorders lines becomes '?'. */
MUST_USE int printable_plain(struct buf *into, struct view text);

/* A JSON string, quotes included; what is no UTF-8 becomes U+FFFD. */
MUST_USE int printable_json(struct buf *into, struct view text);
/* One field of a JSON object, with a comma before it unless it is the first; the value a string, or the
 * lines of a text as an array (never first). */
MUST_USE int printable_field(struct buf *into, const char *name, struct view value);
MUST_USE int printable_text_field(struct buf *into, const char *name, const char *value);
MUST_USE int printable_lines_field(struct buf *into, const char *name, struct view lines);

/* The same for people: a line of a block. */
MUST_USE int printable_line(struct buf *into, const char *name, struct view value);

#endif
