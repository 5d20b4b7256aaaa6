/* SPDX-License-Identifier: ISC
 *
 * Looks for delimiters in what the input has at hand, and gives out what is before them. Pure: bytes
 * in, bytes out; nothing is allocated.
 */
#include "multipart.h"

#include <stdio.h>
#include <string.h>

/* A delimiter with its line ends and padding, and the two bytes before it. */
#define LOOK (MULTIPART_BOUNDARY_MAX + MULTIPART_PADDING_MAX + 16)

enum line { LINE_CONTENT, LINE_DELIMITER, LINE_CLOSE, LINE_CUT };

int multipart_begin(struct multipart *multipart, struct input *input, const char *boundary)
{
	size_t length = strlen(boundary);

	*multipart = (struct multipart){.input = input, .at_start = true};
	if (!length)
		return ERR_NOT_MAIL;
	if (length > MULTIPART_BOUNDARY_MAX)
		return ERR_TOO_LARGE;
	multipart->delimiter_length =
		(size_t)snprintf(multipart->delimiter, sizeof multipart->delimiter, "\n--%s", boundary);
	return 0;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* What the line that begins here is, and how long with its line end. CUT: more bytes would tell. */
static enum line look_at_line(const struct multipart *multipart, struct view line, bool at_end,
			      size_t *ret_length)
{
	size_t at = multipart->delimiter_length - 1, start = at;
	bool close;

	if (line.length < at)
		return !memcmp(line.data, multipart->delimiter + 1, line.length) && !at_end ? LINE_CUT : LINE_CONTENT;
	if (memcmp(line.data, multipart->delimiter + 1, at))
		return LINE_CONTENT;
	if (line.length < at + 2 && !at_end)
		return LINE_CUT;
	close = line.length >= at + 2 && !memcmp(line.data + at, "--", 2);
	at += close ? 2 : 0;
	while (at < line.length && is_blank(line.data[at]))
		at++;
	if (at - start > MULTIPART_PADDING_MAX)
		return LINE_CUT;
	if (at < line.length && line.data[at] == '\r')
		at++;
	if (at < line.length && line.data[at] != '\n')
		return LINE_CONTENT;
	if (at == line.length && !at_end)
		return LINE_CUT;
	*ret_length = at < line.length ? at + 1 : at;
	return close ? LINE_CLOSE : LINE_DELIMITER;
}

/* Where the line begins that may be a delimiter: behind an LF, or at once. */
static const uint8_t *find_line(const struct multipart *multipart, struct view bytes, size_t from)
{
	const uint8_t *found;

	if (!from && multipart->at_start)
		return bytes.data;
	found = memmem(bytes.data + from, bytes.length - from, multipart->delimiter, multipart->delimiter_length);
	return found ? found + 1 : NULL;
}

/* The bytes of the part before a line break that is a delimiter's, or might be. */
static size_t before_line_end(struct view bytes, size_t line)
{
	if (line && bytes.data[line - 1] == '\n')
		line--;
	return line && bytes.data[line - 1] == '\r' ? line - 1 : line;
}

/* Without a delimiter in sight, its beginning may stand at the end of what is at hand. */
static size_t hold_back(const struct multipart *multipart, struct view bytes)
{
	size_t tail = bytes.length > multipart->delimiter_length ? bytes.length - multipart->delimiter_length : 0;
	const uint8_t *line_end = memrchr(bytes.data + tail, '\n', bytes.length - tail);

	if (!line_end)
		return bytes.data[bytes.length - 1] == '\r' ? bytes.length - 1 : bytes.length;
	return before_line_end(bytes, (size_t)(line_end - bytes.data) + 1);
}

static int look(struct multipart *multipart)
{
	struct view bytes;
	size_t from = 0, length = 0;
	const uint8_t *line;
	bool at_end;
	int rc = input_peek(multipart->input, LOOK, &bytes);

	if (rc)
		return rc;
	at_end = bytes.length < LOOK;
	while ((line = find_line(multipart, bytes, from))) {
		size_t at = (size_t)(line - bytes.data);
		enum line what = multipart->closed ? LINE_CONTENT
						   : look_at_line(multipart,
								  (struct view){line, bytes.length - at}, at_end,
								  &length);

		if (what != LINE_CONTENT) {
			multipart->clear = before_line_end(bytes, at);
			multipart->part_ended = !multipart->clear && what != LINE_CUT;
			return what == LINE_CUT && !multipart->clear ? ERR_TOO_LARGE : 0;
		}
		multipart->at_start = false;
		from = at;
	}
	multipart->clear = at_end || !bytes.length ? bytes.length : hold_back(multipart, bytes);
	multipart->part_ended = !bytes.length;
	return 0;
}

static bool has_text(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_blank(bytes[i]) && bytes[i] != '\r' && bytes[i] != '\n')
			return true;
	return false;
}

int multipart_read(void *context, void *into, size_t size, size_t *ret_length)
{
	struct multipart *multipart = context;
	int rc = multipart->clear || multipart->part_ended ? 0 : look(multipart);

	*ret_length = 0;
	if (rc || multipart->part_ended)
		return rc;
	rc = input_read(multipart->input, into, size < multipart->clear ? size : multipart->clear, ret_length);
	if (rc)
		return rc;
	multipart->clear -= *ret_length;
	multipart->at_start = false;
	multipart->text = multipart->text || has_text(into, *ret_length);
	return 0;
}

/* Reads the delimiter that stands next, with the line end before it. */
static int pass_delimiter(struct multipart *multipart, bool *ret_more)
{
	struct view bytes;
	uint8_t line[LOOK];
	size_t length = 0, skip = 0;
	enum line what;
	int rc = input_peek(multipart->input, LOOK, &bytes);

	*ret_more = false;
	multipart->had_text = multipart->text;
	multipart->text = false;
	if (rc || !bytes.length)
		return rc;
	if (!multipart->at_start)
		skip = bytes.data[0] == '\r' ? 2 : 1;
	what = look_at_line(multipart, (struct view){bytes.data + skip, bytes.length - skip},
			    bytes.length < LOOK, &length);
	multipart->closed = what == LINE_CLOSE;
	*ret_more = what == LINE_DELIMITER;
	multipart->part_ended = false;
	multipart->at_start = true;
	return input_read_all(multipart->input, line, skip + length);
}

int multipart_next(struct multipart *multipart, bool *ret_more)
{
	uint8_t rest[4096];
	size_t got = 1;
	int rc = 0;

	while (!rc && got)
		rc = multipart_read(multipart, rest, sizeof rest, &got);
	return rc ? rc : pass_delimiter(multipart, ret_more);
}
