/* SPDX-License-Identifier: ISC
 *
 * Properties are found line by line; only KEY's value is unfolded and kept.
 */
#include "vcard.h"

#include <string.h>
#include <strings.h>

static bool begins(struct view text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && !strncasecmp((const char *)text.data, word, length);
}

static void skip(struct view *text, size_t length)
{
	text->data += length;
	text->length -= length;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool vcard_is(struct view bytes)
{
	if (begins(bytes, "\xef\xbb\xbf"))
		skip(&bytes, 3);
	while (bytes.length && (is_blank(*bytes.data) || *bytes.data == '\r' || *bytes.data == '\n'))
		skip(&bytes, 1);
	return begins(bytes, "BEGIN:VCARD");
}

/* One line as it stands, without its end; none at the end. */
static struct view take_line(struct view *text)
{
	struct view line = {text->data, 0};

	if (view_line(text, &line) && line.length && line.data[line.length - 1] == '\r')
		line.length--;
	return line;
}

/* Up to the separator, which is not inside quotes; *line goes on behind it. *ret_separator: which, 0 at
 * the line's end. */
static struct view take_part(struct view *line, const char *separators, char *ret_separator)
{
	struct view part = {line->data, 0};
	bool quoted = false;

	for (; part.length < line->length; part.length++) {
		char c = (char)line->data[part.length];

		if (c == '"')
			quoted = !quoted;
		else if (!quoted && c && strchr(separators, c))
			break;
	}
	*ret_separator = part.length < line->length ? (char)line->data[part.length] : 0;
	skip(line, part.length + (*ret_separator ? 1 : 0));
	return part;
}

static bool is(struct view text, const char *word)
{
	return text.length == strlen(word) && begins(text, word);
}

/* A name with or without its group, as in "item1.KEY". */
static bool is_key(struct view name)
{
	for (size_t i = name.length; i-- > 0;)
		if (name.data[i] == '.') {
			skip(&name, i + 1);
			break;
		}
	return is(name, "KEY");
}

/* Whether the line is a KEY property; *line is its value then, *ret_base64 what its parameters say. */
static bool take_key(struct view *line, bool *ret_base64)
{
	char separator;
	struct view name = take_part(line, ";:", &separator);

	*ret_base64 = false;
	if (!separator || !is_key(name))
		return false;
	while (separator == ';') {
		struct view parameter = take_part(line, ";:", &separator);

		if (is(parameter, "ENCODING=B") || is(parameter, "ENCODING=BASE64") || is(parameter, "BASE64") ||
		    is(parameter, "ENCODING=\"B\""))
			*ret_base64 = true;
	}
	return separator == ':';
}

/* The property's value with the lines that it is folded into. */
static int unfold(struct view first, struct view *text, struct buf *value)
{
	int rc = buf_add(value, first.data, first.length);

	while (!rc && text->length && is_blank(*text->data)) {
		struct view line = take_line(text);

		rc = buf_add(value, line.data + 1, line.length - (line.length ? 1 : 0));
	}
	return rc;
}

/* data:application/pkix-cert;base64,MIIB... (RFC 2397): what is behind the comma. */
static bool strip_data_uri(struct buf *value)
{
	struct view whole = buf_view(value), head = whole;
	const uint8_t *comma = value->length ? memchr(value->data, ',', value->length) : NULL;

	if (!comma || !begins(whole, "data:"))
		return false;
	head.length = (size_t)(comma - value->data);
	if (head.length < 7 || strncasecmp((const char *)comma - 7, ";base64", 7))
		return false;
	value->length -= head.length + 1;
	memmove(value->data, comma + 1, value->length);
	return true;
}

int vcard_next(struct view *text, struct buf *value, enum vcard_key *ret_kind)
{
	buf_clear(value);
	while (text->length) {
		struct view line = take_line(text);
		bool base64;
		int rc;

		if (!take_key(&line, &base64))
			continue;
		rc = unfold(line, text, value);
		if (rc)
			return rc;
		base64 = strip_data_uri(value) || base64;
		*ret_kind = base64 ? VCARD_BASE64 : VCARD_ELSEWHERE;
		return 0;
	}
	*ret_kind = VCARD_END;
	return 0;
}
