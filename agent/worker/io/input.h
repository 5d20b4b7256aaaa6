/* SPDX-License-Identifier: ISC
 *
 * A message as a stream: bytes from the client's descriptor, or from a source that unwraps an outer
 * layer, decoded from base64 where the message is in PEM or in a mail. Reads forward; a place can be
 * marked and returned to where the descriptor can be rewound.
 */
#ifndef SMIME_WORKER_INPUT_H
#define SMIME_WORKER_INPUT_H

#include "buf.h"

#include <sys/types.h>

#define INPUT_CHUNK 65536

enum input_encoding { INPUT_PLAIN, INPUT_BASE64 };

/* Everything that reading changes, so that a mark is a copy of it. */
struct input_state {
	off_t next;	/* of the descriptor, for what comes after raw */
	size_t raw_at, raw_end;
	enum input_encoding encoding;
	uint32_t bits;	/* base64: collected, and how many characters of four */
	unsigned int characters;
	bool ended;	/* base64: padding or an end line was seen */
	uint8_t spare[3]; /* base64: decoded, not yet read */
	unsigned int few, few_at;
	uint64_t total; /* bytes given out, for progress */
	uint8_t raw[INPUT_CHUNK];
};

/* Gives some bytes, at least one: *ret_length; 0 bytes is the end, also when it is asked again. */
typedef int (*input_source)(void *context, void *into, size_t size, size_t *ret_length);

struct input {
	int fd; /* borrowed; -1 for one with a source: */
	input_source source;
	void *source_context;
	bool seekable;
	void (*progress)(void *context, uint64_t total); /* or NULL */
	void *progress_context;
	struct input_state state;
};

/* Begins reading at the descriptor's present offset. */
void input_init(struct input *input, int fd);

/* Begins again where the descriptor, which somebody rewound, stands now; progress is told as before. */
void input_restart(struct input *input);

/* Begins reading what the source gives: the content of another layer. Cannot be rewound. */
void input_init_source(struct input *input, input_source source, void *context);

/* Some bytes, at least one: *ret_length; 0 bytes is the end. ERR_READ; ERR_BAD_CMS for characters
 * that base64 does not have. */
MUST_USE int input_read(struct input *input, void *into, size_t size, size_t *ret_length);

/* All of `size` bytes; ERR_BAD_CMS if the input ends before. */
MUST_USE int input_read_all(struct input *input, void *into, size_t size);

/* The bytes from here to the first that is not there yet, at least `want` unless the input is
 * shorter; at most INPUT_CHUNK. Only while the encoding is plain. They stay to be read. */
MUST_USE int input_peek(struct input *input, size_t want, struct view *ret_bytes);

/* From here on the input is base64: white space is skipped; padding, or a line that begins with
 * '-', is the end; so is any '-' between groups of four, which is no base64. */
void input_decode_base64(struct input *input);

/* From here on what is read is read as it is: what stands behind the base64 that was read to its end. */
void input_leave_base64(struct input *input);

/* Before CMS that may be PEM, of any label, perhaps with text before it (as openssl's -text has it), or base64 as
 * it stands in a mail: from here on that is decoded. Other input stays as it is. */
MUST_USE int input_enter_armor(struct input *input);

/* Marks this place (64 KiB of memory; the caller frees), and returns to it: ERR_READ where the
 * descriptor cannot be rewound. */
struct input_state *input_mark(const struct input *input);
MUST_USE int input_return(struct input *input, const struct input_state *mark);

#endif
