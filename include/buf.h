/* SPDX-License-Identifier: ISC
 *
 * Growing byte buffers with a limit, and the views into them that parsers read from. Numbers are
 * big-endian; a byte string is its length (32 bits), then its bytes. A buf that was told to be
 * secret lives in locked memory and is wiped whenever it moves or ends.
 */
#ifndef SMIME_BUF_H
#define SMIME_BUF_H

#include "cleanup.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest private message, descriptors aside. A certificate of 32 KiB fits with room. */
#define BUF_MESSAGE_MAX 65536

struct buf {
	uint8_t *data;
	size_t length;
	size_t capacity;
	size_t limit; /* appending beyond it is ERR_TOO_LARGE */
	bool secret;
};

/* A borrowed run of bytes. Reading consumes it from the front. */
struct view {
	const uint8_t *data;
	size_t length;
};

#define BUF_INIT(max) ((struct buf){.limit = (max)})
#define BUF_SECRET(max) ((struct buf){.limit = (max), .secret = true})
#define CLEAN_BUF CLEANUP(buf_done)

/* Wipes (if secret) and frees what the buffer holds; it can be used again. */
void buf_done(struct buf *buf);

/* Forgets the content and keeps the memory; a secret one is wiped. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes. ERR_TOO_LARGE over the limit, ERR_NO_MEMORY. */
MUST_USE int buf_reserve(struct buf *buf, size_t more);

/* Append. ERR_TOO_LARGE, ERR_NO_MEMORY; the buffer is unchanged on failure. */
MUST_USE int buf_add(struct buf *buf, const void *data, size_t length);
MUST_USE int buf_add_u8(struct buf *buf, uint8_t value);
MUST_USE int buf_add_u16(struct buf *buf, uint16_t value);
MUST_USE int buf_add_u32(struct buf *buf, uint32_t value);
MUST_USE int buf_add_u64(struct buf *buf, uint64_t value);
MUST_USE int buf_add_bytes(struct buf *buf, struct view bytes); /* length, then bytes */
MUST_USE int buf_add_format(struct buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A NUL behind the content, not counted in its length, so that data is a C string. */
MUST_USE int buf_terminate(struct buf *buf);

/* Puts the separator in the place of each line's end. */
void buf_join_lines(struct buf *buf, char separator);

struct view buf_view(const struct buf *buf);
struct view view_string(const char *string); /* NULL is the empty view */

/* Take from the front. ERR_PROTOCOL where the view is too short; nothing is taken then. */
MUST_USE int view_u8(struct view *view, uint8_t *ret_value);
MUST_USE int view_u16(struct view *view, uint16_t *ret_value);
MUST_USE int view_u32(struct view *view, uint32_t *ret_value);
MUST_USE int view_u64(struct view *view, uint64_t *ret_value);
MUST_USE int view_bytes(struct view *view, struct view *ret_bytes);

/* Takes the next line from the front, without its LF, which the last line need not have; false where there is none. */
bool view_line(struct view *lines, struct view *ret_line);

bool view_equal(struct view a, struct view b);

/* A fresh C string of the view, cut at the first NUL; NULL without memory. The caller frees. */
char *view_dup(struct view view);

#endif
