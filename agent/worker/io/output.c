/* SPDX-License-Identifier: ISC
 *
 * Writes to a client's descriptor. A client that stops reading stops its own worker and no other.
 */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static void init(struct output *output, int fd, output_sink sink, void *context)
{
	output->fd = fd;
	output->sink = sink;
	output->context = context;
	output->written = 0;
	output->length = 0;
	output->base64 = false;
	output->group_length = 0;
}

void output_init(struct output *output, int fd)
{
	init(output, fd, NULL, NULL);
}

void output_init_sink(struct output *output, output_sink sink, void *context)
{
	init(output, -1, sink, context);
}

/* A client may have made its descriptor non-blocking. */
static bool wait_writable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

static int write_all(int fd, const uint8_t *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);

		if (written < 0 && (errno == EINTR || (errno == EAGAIN && wait_writable(fd))))
			continue;
		if (written < 0)
			return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_NO_SPACE : ERR_WRITE;
		data += written;
		length -= (size_t)written;
	}
	return 0;
}

static int emit(struct output *output, const void *data, size_t length)
{
	output->written += length;
	return output->sink ? output->sink(output->context, data, length) : write_all(output->fd, data, length);
}

int output_flush(struct output *output)
{
	int rc = emit(output, output->data, output->length);

	output->length = 0;
	return rc;
}

static int put(struct output *output, const void *data, size_t length)
{
	int rc = 0;

	if (length > sizeof output->data - output->length)
		rc = output_flush(output);
	if (rc)
		return rc;
	if (length > sizeof output->data)
		return emit(output, data, length);
	if (!length)
		return 0; /* data may be NULL then */
	memcpy(output->data + output->length, data, length);
	output->length += length;
	return 0;
}

static int put_line(struct output *output)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char line[66];
	size_t at = 0;
	int rc;

	memset(output->group + output->group_length, 0, sizeof output->group - output->group_length);
	for (size_t i = 0; i < output->group_length; i += 3) {
		uint32_t bits = (uint32_t)output->group[i] << 16 | (uint32_t)output->group[i + 1] << 8 |
				output->group[i + 2];
		size_t bytes = output->group_length - i;

		line[at++] = alphabet[bits >> 18];
		line[at++] = alphabet[bits >> 12 & 63];
		line[at++] = bytes > 1 ? alphabet[bits >> 6 & 63] : '=';
		line[at++] = bytes > 2 ? alphabet[bits & 63] : '=';
	}
	output->group_length = 0;
	rc = put(output, line, at);
	return rc ? rc : put(output, output->line_end, strlen(output->line_end));
}

static int put_base64(struct output *output, const uint8_t *data, size_t length)
{
	while (length) {
		size_t room = sizeof output->group - output->group_length;
		size_t take = length < room ? length : room;

		memcpy(output->group + output->group_length, data, take);
		output->group_length += take;
		data += take;
		length -= take;
		if (output->group_length == sizeof output->group) {
			int rc = put_line(output);

			if (rc)
				return rc;
		}
	}
	return 0;
}

int output_write(struct output *output, const void *data, size_t length)
{
	return output->base64 ? put_base64(output, data, length) : put(output, data, length);
}

int output_text(struct output *output, const char *text)
{
	return output_write(output, text, strlen(text));
}

void output_begin_base64(struct output *output, const char *line_end)
{
	output->base64 = true;
	output->line_end = line_end;
	output->group_length = 0;
}

int output_end_base64(struct output *output)
{
	int rc = output->group_length ? put_line(output) : 0;

	output->base64 = false;
	return rc;
}

static int put_label(struct output *output, const char *what, const struct armor *armor)
{
	int rc;

	if (armor->form != ARMOR_PEM)
		return 0;
	rc = output_text(output, what);
	rc = rc ? rc : output_text(output, armor->label);
	return rc ? rc : output_text(output, "-----\n");
}

int output_begin_armor(struct output *output, const struct armor *armor)
{
	int rc = put_label(output, "-----BEGIN ", armor);

	if (armor->form != ARMOR_NONE)
		output_begin_base64(output, "\n");
	return rc;
}

int output_end_armor(struct output *output, const struct armor *armor)
{
	int rc = armor->form != ARMOR_NONE ? output_end_base64(output) : 0;

	return rc ? rc : put_label(output, "-----END ", armor);
}
