/* SPDX-License-Identifier: ISC
 *
 * Reads a client's descriptor. What comes out is hostile; this file only moves and decodes it.
 */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

void input_restart(struct input *input)
{
	off_t here = lseek(input->fd, 0, SEEK_CUR);

	input->seekable = here >= 0;
	memset(&input->state, 0, offsetof(struct input_state, raw));
	input->state.next = here >= 0 ? here : 0;
}

void input_init(struct input *input, int fd)
{
	input->fd = fd;
	input->source = NULL;
	input->source_context = NULL;
	input->progress = NULL;
	input->progress_context = NULL;
	input_restart(input);
}

void input_init_source(struct input *input, input_source source, void *context)
{
	*input = (struct input){.fd = -1, .source = source, .source_context = context};
}

/* A client may have made its descriptor non-blocking. */
static bool wait_readable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

static int read_fd(struct input *input, void *into, size_t size, size_t *ret_length)
{
	ssize_t got;

	do {
		got = read(input->fd, into, size);
	} while (got < 0 && (errno == EINTR || (errno == EAGAIN && wait_readable(input->fd))));
	if (got < 0)
		return ERR_READ;
	input->state.next += got;
	*ret_length = (size_t)got;
	return 0;
}

static int fill(struct input *input)
{
	struct input_state *state = &input->state;
	size_t got = 0, room;
	int rc;

	if (state->raw_at) {
		memmove(state->raw, state->raw + state->raw_at, state->raw_end - state->raw_at);
		state->raw_end -= state->raw_at;
		state->raw_at = 0;
	}
	room = sizeof state->raw - state->raw_end;
	if (input->source)
		rc = input->source(input->source_context, state->raw + state->raw_end, room, &got);
	else
		rc = read_fd(input, state->raw + state->raw_end, room, &got);
	state->raw_end += rc ? 0 : got;
	return rc;
}

int input_peek(struct input *input, size_t want, struct view *ret_bytes)
{
	struct input_state *state = &input->state;

	if (want > sizeof state->raw)
		return ERR_TOO_LARGE;
	while (state->raw_end - state->raw_at < want) {
		size_t before = state->raw_end - state->raw_at;
		int rc = fill(input);

		if (rc)
			return rc;
		if (state->raw_end - state->raw_at == before)
			break;
	}
	*ret_bytes = (struct view){state->raw + state->raw_at, state->raw_end - state->raw_at};
	return 0;
}

void input_decode_base64(struct input *input)
{
	input->state.encoding = INPUT_BASE64;
	input->state.bits = 0;
	input->state.characters = 0;
	input->state.ended = false;
}

void input_leave_base64(struct input *input)
{
	input->state.encoding = INPUT_PLAIN;
}

/* The first line that begins so, or NULL. */
static const uint8_t *find_line(struct view text, const char *begin)
{
	size_t length = strlen(begin);
	const uint8_t *at = text.data, *end = text.data + text.length;

	while (at && (size_t)(end - at) >= length && memcmp(at, begin, length)) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return at && (size_t)(end - at) >= length ? at : NULL;
}

int input_enter_armor(struct input *input)
{
	struct view start;
	const uint8_t *line;
	char byte = 0;
	int rc = input_peek(input, 1, &start);

	if (rc || !start.length || *start.data == 0x30) /* a SEQUENCE: DER or BER */
		return rc;
	rc = input_peek(input, INPUT_CHUNK, &start);
	line = rc ? NULL : find_line(start, "-----BEGIN ");
	if (!rc && !line && *start.data == 'M') /* a SEQUENCE's first six bits */
		input_decode_base64(input);
	if (!line)
		return rc;
	input->state.raw_at += (size_t)(line - start.data);
	while (!rc && byte != '\n')
		rc = input_read_all(input, &byte, 1);
	input_decode_base64(input);
	return rc;
}

static const int8_t *base64_values(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static int8_t values[256];

	if (!values['B']) {
		memset(values, -1, sizeof values);
		for (int i = 0; i < 64; i++)
			values[(uint8_t)alphabet[i]] = (int8_t)i;
		values[' '] = values['\t'] = values['\r'] = values['\n'] = -2;
	}
	return values;
}

/* What is left of a group of four at its end: RFC 4648 section 3.2. */
static int end_base64(struct input_state *state, uint8_t *into, size_t *ret_length)
{
	state->ended = true;
	*ret_length = 0;
	switch (state->characters) {
	case 0:
		return 0;
	case 2:
		into[0] = (uint8_t)(state->bits >> 4);
		*ret_length = 1;
		return 0;
	case 3:
		into[0] = (uint8_t)(state->bits >> 10);
		into[1] = (uint8_t)(state->bits >> 2);
		*ret_length = 2;
		return 0;
	}
	return ERR_BAD_CMS;
}

/* Decodes from the raw bytes at hand; `size` is at least 3. */
static int decode(struct input_state *state, uint8_t *into, size_t size, size_t *ret_length)
{
	const int8_t *values = base64_values();
	size_t length = 0;

	while (state->raw_at < state->raw_end && length + 3 <= size) {
		uint8_t c = state->raw[state->raw_at++];
		int8_t value = values[c];

		if (value == -2)
			continue;
		if (c == '=' || (c == '-' && !state->characters)) {
			size_t tail = 0;
			int rc = end_base64(state, into + length, &tail);

			*ret_length = length + tail;
			return rc;
		}
		if (value < 0 && !length)
			return ERR_BAD_CMS;
		if (value < 0) {
			state->raw_at--; /* first what is before it */
			break;
		}
		state->bits = state->bits << 6 | (uint32_t)value;
		if (++state->characters < 4)
			continue;
		into[length++] = (uint8_t)(state->bits >> 16);
		into[length++] = (uint8_t)(state->bits >> 8);
		into[length++] = (uint8_t)state->bits;
		state->bits = 0;
		state->characters = 0;
	}
	*ret_length = length;
	return 0;
}

static int read_base64(struct input *input, uint8_t *into, size_t size, size_t *ret_length)
{
	struct input_state *state = &input->state;
	size_t length = 0;

	while (!length && !state->ended) {
		int rc = state->raw_at == state->raw_end ? fill(input) : 0;

		if (rc)
			return rc;
		if (state->raw_at == state->raw_end)
			rc = end_base64(state, into, &length);
		else
			rc = decode(state, into, size, &length);
		if (rc)
			return rc;
	}
	*ret_length = length;
	return 0;
}

static int read_plain(struct input *input, uint8_t *into, size_t size, size_t *ret_length)
{
	struct input_state *state = &input->state;
	size_t at_hand = state->raw_end - state->raw_at;
	int rc = at_hand ? 0 : fill(input);

	if (rc)
		return rc;
	at_hand = state->raw_end - state->raw_at;
	if (size > at_hand)
		size = at_hand;
	memcpy(into, state->raw + state->raw_at, size);
	state->raw_at += size;
	*ret_length = size;
	return 0;
}

/* Base64 comes in threes: a smaller request is served from here. */
static int read_few(struct input *input, uint8_t *into, size_t size, size_t *ret_length)
{
	struct input_state *state = &input->state;

	if (!state->few) {
		size_t got = 0;
		int rc = read_base64(input, state->spare, sizeof state->spare, &got);

		if (rc)
			return rc;
		state->few = (unsigned int)got;
		state->few_at = 0;
	}
	if (size > state->few)
		size = state->few;
	memcpy(into, state->spare + state->few_at, size);
	state->few_at += (unsigned int)size;
	state->few -= (unsigned int)size;
	*ret_length = size;
	return 0;
}

int input_read(struct input *input, void *into, size_t size, size_t *ret_length)
{
	struct input_state *state = &input->state;
	size_t length = 0;
	int rc;

	if (state->encoding == INPUT_PLAIN)
		rc = read_plain(input, into, size, &length);
	else if (state->few || size < 3)
		rc = read_few(input, into, size, &length);
	else
		rc = read_base64(input, into, size, &length);
	if (rc)
		return rc;
	state->total += length;
	if (input->progress)
		input->progress(input->progress_context, state->total);
	*ret_length = length;
	return 0;
}

int input_read_all(struct input *input, void *into, size_t size)
{
	uint8_t *at = into;

	while (size) {
		size_t got = 0;
		int rc = input_read(input, at, size, &got);

		if (rc)
			return rc;
		if (!got)
			return ERR_BAD_CMS;
		at += got;
		size -= got;
	}
	return 0;
}

struct input_state *input_mark(const struct input *input)
{
	struct input_state *mark = malloc(sizeof *mark);

	if (mark)
		*mark = input->state;
	return mark;
}

int input_return(struct input *input, const struct input_state *mark)
{
	if (!input->seekable || lseek(input->fd, mark->next, SEEK_SET) != mark->next)
		return ERR_READ;
	input->state = *mark;
	return 0;
}
