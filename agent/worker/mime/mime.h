/* SPDX-License-Identifier: ISC
 *
 * Mail headers (RFC 5322, RFC 2045), as far as signing and decrypting need them: fields as they
 * stand, their parameters, and line ends. Parsers only; bytes are never re-serialised.
 */
#ifndef SMIME_WORKER_MIME_H
#define SMIME_WORKER_MIME_H

#include "input.h"
#include "output.h"

/* More header than this is no mail that anybody reads; it is refused, never cut. */
#define MIME_HEADER_MAX (256 * 1024)

/* One field, its folded lines included. */
struct mime_field {
	struct view name;
	struct view value; /* from behind the colon to before the last line end, folds and all */
	struct view whole; /* with its line ends */
};

/* Reads up to and with the empty line that ends the header; the block has the fields without it.
 * A first line that is no field and not empty is ERR_NOT_MAIL, but for a mailbox's "From " line, which is
 * passed over. */
MUST_USE int mime_read_header(struct input *input, struct buf *block);

/* The length of the header (with its empty line) at the start of the bytes, 0 where they do not
 * hold all of it. */
size_t mime_header_length(struct view bytes);

/* Whether the bytes begin with a field's name and colon. */
bool mime_is_field(struct view line);

/* Takes the next field from the block; false at its end. Lines that are no field are part of the
 * one before them. */
bool mime_next_field(struct view *block, struct mime_field *ret_field);

/* The (first) field of that name; false if there is none. Names are compared without case. */
bool mime_find_field(struct view block, const char *name, struct mime_field *ret_field);
bool mime_name_is(const struct mime_field *field, const char *name);
bool mime_name_begins(const struct mime_field *field, const char *start);

/* A value's first token, as in "text/plain", in lower case without blanks and comments; cut to
 * size - 1. */
void mime_token(struct view value, char *into, size_t size);

/* Whether the header has bytes that to some programs end a line or all of it: a CR or NUL by itself. */
bool mime_has_stray(struct view header);

/* Whether programs read the header each in another way: it has stray bytes, or two of a field that decides how the
 * body is read. */
bool mime_is_ambiguous(struct view header);

/* RFC 2045 section 6.4: what has parts is not encoded itself. Who decodes it all the same sees other parts. */
bool mime_is_encoded(struct view header);

/* The parameter of that name, unquoted; false if there is none or it is longer than size - 1. */
bool mime_parameter(struct view value, const char *name, char *into, size_t size);

/* How often it is there, in pieces or with a character set (RFC 2231) too. */
unsigned int mime_parameter_count(struct view value, const char *name);

/* The first address of a From field: what is between < and >, else the first word with an @. */
bool mime_address(struct view value, char *into, size_t size);

/* Writes bytes with every LF that has no CR made CRLF. `last` is kept between calls, 0 at first. */
typedef int (*mime_sink)(void *context, const void *data, size_t length);
MUST_USE int mime_canonical(struct view bytes, uint8_t *last, mime_sink sink, void *context);

#endif
