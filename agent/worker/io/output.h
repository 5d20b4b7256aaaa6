/* SPDX-License-Identifier: ISC
 *
 * What goes back to the client: bytes to the descriptor that it handed over, on request as base64
 * in lines. Or to a sink, where something is still to be done with them.
 */
#ifndef SMIME_WORKER_OUTPUT_H
#define SMIME_WORKER_OUTPUT_H

#include "buf.h"

#define OUTPUT_CHUNK 65536

typedef int (*output_sink)(void *context, const void *data, size_t length);

struct output {
	int fd; /* borrowed; or: */
	output_sink sink;
	void *context;
	uint64_t written; /* what has left the process */
	size_t length;
	bool base64;
	const char *line_end;
	uint8_t group[48]; /* base64: one line of 64 characters */
	size_t group_length;
	uint8_t data[OUTPUT_CHUNK];
};

void output_init(struct output *output, int fd);
/* What is written goes to the sink, in pieces of up to OUTPUT_CHUNK or as they come. */
void output_init_sink(struct output *output, output_sink sink, void *context);

/* ERR_WRITE; ERR_NO_SPACE for a full disk. */
MUST_USE int output_write(struct output *output, const void *data, size_t length);
MUST_USE int output_text(struct output *output, const char *text);
/* Everything written so far leaves the process. */
MUST_USE int output_flush(struct output *output);

/* Between these two, what is written comes out as base64 in lines of 64 characters. */
void output_begin_base64(struct output *output, const char *line_end);
MUST_USE int output_end_base64(struct output *output);

/* The forms that binary data goes out in. */
enum armor_form {
	ARMOR_NONE,
	ARMOR_PEM,    /* RFC 7468: base64 between lines with a label */
	ARMOR_BASE64, /* without these lines */
};
struct armor {
	enum armor_form form;
	const char *label; /* of ARMOR_PEM */
};

/* Between these two, what is written comes out in that form. */
MUST_USE int output_begin_armor(struct output *output, const struct armor *armor);
MUST_USE int output_end_armor(struct output *output, const struct armor *armor);

#endif
