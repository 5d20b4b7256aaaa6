/* SPDX-License-Identifier: ISC
 *
 * An input over the content of a layer, and what else becomes of the bytes that pass: they are
 * digested, and go out.
 */
#ifndef SMIME_WORKER_STREAM_H
#define SMIME_WORKER_STREAM_H

#include "digests.h"
#include "signed_output.h"

struct stream {
	struct input input; /* reads through stream_read */
	input_source source;
	void *context;
	struct digests *digests;   /* or NULL */
	struct signed_output *out; /* or NULL */
};

/* On the heap, for its size: the caller frees it, with free(). NULL without memory. */
struct stream *stream_new(input_source source, void *context);

/* Over an input, decoded as it is told to be: what comes out can be peeked at. */
struct stream *stream_over(struct input *input);

/* From the source, past the input. An input_source. */
MUST_USE int stream_read(void *stream, void *into, size_t size, size_t *ret_length);

/* Reads past what the input's reader left: it is content all the same. The source's error. */
MUST_USE int stream_drain(struct stream *stream);

#endif
