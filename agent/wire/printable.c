/* SPDX-License-Identifier: ISC
 *
 * Text that may come from a token, a certificate or a path, for a terminal and for programs that read JSON.
 */
#include "printable.h"

#include <string.h>

/* The length of the UTF-8 sequence at the front (RFC 3629 section 4), or 0. */
static size_t utf8_length(struct view text)
{
	uint8_t first = text.data[0];
	size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : (first & 0xf0) == 0xe0 ? 3
				       : first >= 0xf0 && first < 0xf5	 ? 4
									 : 0;

	if (!length || length > text.length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
	if ((first == 0xe0 && text.data[1] < 0xa0) || (first == 0xed && text.data[1] > 0x9f) ||
	    (first == 0xf0 && text.data[1] < 0x90) || (first == 0xf4 && text.data[1] > 0x8f))
		return 0;
	return length;
}

static uint32_t code_point(struct view text, size_t length)
{
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t value = text.data[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		value = value << 6 | (text.data[i] & 0x3f);
	return value;
}

/* Controls, and what separates or reorders lines (Unicode's bidirectional formatting). */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static int add_json_character(struct buf *into, struct view text, size_t length)
{
	uint8_t c = text.data[0];

	if (!length)
		return buf_add(into, "\xef\xbf\xbd", 3);
	if (c == '"' || c == '\\')
		return buf_add_format(into, "\\%c", c);
	/* JSON is read by people, too. */
	if (length < 4 && is_unsafe(code_point(text, length)))
		return buf_add_format(into, "\\u%04x", code_point(text, length));
	return buf_add(into, text.data, length);
}

int printable_json(struct buf *into, struct view text)
{
	int rc = buf_add_u8(into, '"');

	while (text.length && !rc) {
		size_t length = utf8_length(text), step = length ? length : 1;

		rc = add_json_character(into, text, length);
		text.data += step;
		text.length -= step;
	}
	return rc ? rc : buf_add_u8(into, '"');
}

int printable_plain(struct buf *into, struct view text)
{
	int rc = 0;

	while (text.length && !rc) {
		size_t length = utf8_length(text), step = length ? length : 1;

		rc = !length || is_unsafe(code_point(text, length)) ? buf_add_u8(into, '?')
								     : buf_add(into, text.data, length);
		text.data += step;
		text.length -= step;
	}
	return rc;
}

int printable_field(struct buf *into, const char *name, struct view value)
{
	int rc = buf_add_format(into, "%s\"%s\":", into->data[into->length - 1] == '{' ? "" : ",", name);

	return rc ? rc : printable_json(into, value);
}

int printable_text_field(struct buf *into, const char *name, const char *value)
{
	return printable_field(into, name, view_string(value));
}

int printable_lines_field(struct buf *into, const char *name, struct view lines)
{
	int rc = buf_add_format(into, ",\"%s\":[", name);
	struct view line;

	for (bool first = true; !rc && view_line(&lines, &line); first = false) {
		rc = first ? 0 : buf_add_u8(into, ',');
		rc = rc ? rc : printable_json(into, line);
	}
	return rc ? rc : buf_add_u8(into, ']');
}

int printable_line(struct buf *into, const char *name, struct view value)
{
	int rc = buf_add_format(into, "  %-12s ", name);

	rc = rc ? rc : printable_plain(into, value);
	return rc ? rc : buf_add_u8(into, '\n');
}
