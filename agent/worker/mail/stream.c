/* SPDX-License-Identifier: ISC
 *
 * The bytes of a layer, in passing.
 */
#include "stream.h"

int stream_read(void *context, void *into, size_t size, size_t *ret_length)
{
	struct stream *stream = context;
	int rc = stream->source(stream->context, into, size, ret_length);

	if (!rc && stream->digests)
		rc = digests_update(stream->digests, into, *ret_length);
	if (!rc && stream->out)
		rc = signed_output_write(stream->out, into, *ret_length);
	return rc;
}

struct stream *stream_new(input_source source, void *context)
{
	struct stream *stream = malloc(sizeof *stream);

	if (!stream)
		return NULL;
	stream->source = source;
	stream->context = context;
	stream->digests = NULL;
	stream->out = NULL;
	input_init_source(&stream->input, stream_read, stream);
	return stream;
}

static int read_input(void *input, void *into, size_t size, size_t *ret_length)
{
	return input_read(input, into, size, ret_length);
}

struct stream *stream_over(struct input *input)
{
	return stream_new(read_input, input);
}

int stream_drain(struct stream *stream)
{
	uint8_t rest[16384];
	size_t got = 1;
	int rc = 0;

	while (!rc && got)
		rc = stream_read(stream, rest, sizeof rest, &got);
	return rc;
}
