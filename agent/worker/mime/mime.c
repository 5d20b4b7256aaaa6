/* SPDX-License-Identifier: ISC
 *
 * Pure parsers of mail headers. What they see is hostile; each has a bound and refuses beyond it.
 */
#include "mime.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* RFC 5322 section 2.2: printable characters but the colon. */
static bool is_name(uint8_t c)
{
	return c > ' ' && c < 127 && c != ':';
}

/* Blanks before the colon are obsolete, and seen. */
bool mime_is_field(struct view line)
{
	size_t i = 0;

	while (i < line.length && is_name(line.data[i]))
		i++;
	if (!i)
		return false;
	while (i < line.length && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	return i < line.length && line.data[i] == ':';
}

static bool is_empty_line(struct view line)
{
	return (line.length == 1 && line.data[0] == '\n') ||
	       (line.length == 2 && line.data[0] == '\r' && line.data[1] == '\n');
}

/* The first line with its end; all there is where no line end is. */
static struct view first_line(struct view bytes)
{
	const uint8_t *end = bytes.length ? memchr(bytes.data, '\n', bytes.length) : NULL;

	return (struct view){bytes.data, end ? (size_t)(end - bytes.data) + 1 : bytes.length};
}

static struct view after(struct view bytes, size_t length)
{
	return (struct view){bytes.data + length, bytes.length - length};
}

size_t mime_header_length(struct view bytes)
{
	struct view rest = bytes;

	while (rest.length) {
		struct view line = first_line(rest);

		rest = after(rest, line.length);
		if (is_empty_line(line))
			return bytes.length - rest.length;
	}
	return 0;
}

static int take_line(struct input *input, struct buf *block)
{
	struct view bytes, line;
	int rc;

	do {
		size_t got;

		rc = input_peek(input, 1, &bytes);
		if (rc || !bytes.length)
			return rc;
		line = first_line(bytes);
		rc = buf_reserve(block, line.length);
		rc = rc ? rc : input_read(input, block->data + block->length, line.length, &got);
		if (rc)
			return rc;
		block->length += got;
	} while (block->data[block->length - 1] != '\n');
	return 0;
}

/* The line before a mail in an mbox, which procmail and others hand on with it. It is none of the mail. */
static bool is_mbox_line(struct view line)
{
	return line.length > 5 && !memcmp(line.data, "From ", 5);
}

int mime_read_header(struct input *input, struct buf *block)
{
	for (bool first = true;; first = false) {
		size_t start = block->length;
		struct view line;
		int rc = take_line(input, block);

		if (rc)
			return rc;
		if (block->length == start)
			return start ? 0 : ERR_NOT_MAIL; /* all header, no body */
		line = (struct view){block->data + start, block->length - start};
		if (is_empty_line(line)) {
			block->length = start;
			return 0;
		}
		if (first && is_mbox_line(line))
			block->length = 0;
		else if (!start && !mime_is_field(line))
			return ERR_NOT_MAIL;
	}
}

static struct view without_end(struct view line)
{
	while (line.length && (line.data[line.length - 1] == '\n' || line.data[line.length - 1] == '\r'))
		line.length--;
	return line;
}

bool mime_next_field(struct view *block, struct mime_field *ret_field)
{
	struct view rest = *block, line;
	size_t colon = 0, name;

	if (!rest.length)
		return false;
	do {
		line = first_line(rest);
		rest = after(rest, line.length);
	} while (rest.length && !mime_is_field(first_line(rest)));
	ret_field->whole = (struct view){block->data, block->length - rest.length};
	while (colon < ret_field->whole.length && ret_field->whole.data[colon] != ':')
		colon++;
	name = colon;
	while (name && (block->data[name - 1] == ' ' || block->data[name - 1] == '\t'))
		name--;
	ret_field->name = (struct view){block->data, name};
	ret_field->value = ret_field->whole.length > colon
				   ? without_end(after(ret_field->whole, colon + 1))
				   : (struct view){NULL, 0};
	*block = rest;
	return true;
}

bool mime_name_is(const struct mime_field *field, const char *name)
{
	return field->name.length == strlen(name) &&
	       !strncasecmp((const char *)field->name.data, name, field->name.length);
}

bool mime_name_begins(const struct mime_field *field, const char *start)
{
	return field->name.length >= strlen(start) &&
	       !strncasecmp((const char *)field->name.data, start, strlen(start));
}

bool mime_find_field(struct view block, const char *name, struct mime_field *ret_field)
{
	struct mime_field field;

	while (mime_next_field(&block, &field))
		if (mime_name_is(&field, name)) {
			*ret_field = field;
			return true;
		}
	return false;
}

/* To some programs a CR is a line's end by itself, and a NUL the end of it all. */
bool mime_has_stray(struct view header)
{
	for (size_t i = 0; i < header.length; i++)
		if (!header.data[i] || (header.data[i] == '\r' && (i + 1 == header.length || header.data[i + 1] != '\n')))
			return true;
	return false;
}

bool mime_is_ambiguous(struct view header)
{
	struct mime_field field;
	unsigned int types = 0, encodings = 0;

	if (mime_has_stray(header))
		return true;
	while (mime_next_field(&header, &field)) {
		types += mime_name_is(&field, "Content-Type");
		encodings += mime_name_is(&field, "Content-Transfer-Encoding");
	}
	return types > 1 || encodings > 1;
}

/* Skips white space, folds and (nested) comments: RFC 5322 section 3.2.2. */
static void skip_blanks(struct view *value)
{
	unsigned int depth = 0;

	while (value->length) {
		uint8_t c = value->data[0];

		if (c == '(')
			depth++;
		else if (c == ')' && depth)
			depth--;
		else if (c == '\\' && depth && value->length > 1)
			*value = after(*value, 1);
		else if (!depth && !isspace(c))
			return;
		*value = after(*value, 1);
	}
}

void mime_token(struct view value, char *into, size_t size)
{
	size_t length = 0;

	skip_blanks(&value);
	while (value.length && !isspace(value.data[0]) && value.data[0] != ';' && value.data[0] != '(') {
		if (length + 1 < size)
			into[length++] = (char)(value.data[0] ? tolower(value.data[0]) : '?');
		value = after(value, 1);
	}
	into[length] = 0;
}

bool mime_is_encoded(struct view header)
{
	struct mime_field field;
	char type[64] = "", encoding[32] = "";

	if (mime_find_field(header, "Content-Type", &field))
		mime_token(field.value, type, sizeof type);
	if (strncmp(type, "multipart/", 10) && strncmp(type, "message/", 8))
		return false;
	if (mime_find_field(header, "Content-Transfer-Encoding", &field))
		mime_token(field.value, encoding, sizeof encoding);
	return *encoding && strcmp(encoding, "7bit") && strcmp(encoding, "8bit") && strcmp(encoding, "binary");
}

/* From behind the opening quote to behind the closing one. */
static void skip_quoted(struct view *value)
{
	while (value->length && value->data[0] != '"')
		*value = after(*value, value->data[0] == '\\' && value->length > 1 ? 2 : 1);
	if (value->length)
		*value = after(*value, 1);
}

/* Goes behind the next semicolon that is in no quoted string or comment. */
static bool skip_to_parameter(struct view *value)
{
	while (value->length) {
		uint8_t c = value->data[0];

		if (c == '(') {
			skip_blanks(value);
			continue;
		}
		*value = after(*value, 1);
		if (c == ';')
			return true;
		if (c == '"')
			skip_quoted(value);
	}
	return false;
}

static bool take_value(struct view value, char *into, size_t size)
{
	bool quoted = value.length && value.data[0] == '"';
	size_t length = 0;

	if (quoted)
		value = after(value, 1);
	while (value.length) {
		uint8_t c = value.data[0];

		if (quoted ? c == '"' : isspace(c) || c == ';' || c == '(')
			break;
		if (quoted && c == '\\' && value.length > 1) {
			value = after(value, 1);
			c = value.data[0];
		}
		if (!c || length + 1 >= size)
			return false;
		into[length++] = (char)c;
		value = after(value, 1);
	}
	into[length] = 0;
	return true;
}

/* Goes to what stands behind the next parameter's name that begins so. */
static bool next_parameter(struct view *value, const char *name, struct view *ret_behind)
{
	size_t length = strlen(name);

	while (skip_to_parameter(value)) {
		struct view at = *value;

		skip_blanks(&at);
		if (at.length <= length || strncasecmp((const char *)at.data, name, length))
			continue;
		at = after(at, length);
		skip_blanks(&at);
		*ret_behind = at;
		return true;
	}
	return false;
}

bool mime_parameter(struct view value, const char *name, char *into, size_t size)
{
	struct view at;

	while (next_parameter(&value, name, &at)) {
		if (!at.length || at.data[0] != '=')
			continue;
		at = after(at, 1);
		skip_blanks(&at);
		return take_value(at, into, size);
	}
	return false;
}

unsigned int mime_parameter_count(struct view value, const char *name)
{
	struct view at;
	unsigned int count = 0;

	while (next_parameter(&value, name, &at))
		count += at.length && (at.data[0] == '=' || at.data[0] == '*');
	return count;
}

static bool is_address_character(uint8_t c)
{
	return c > ' ' && c < 127 && !strchr("<>,;\"()", c);
}

/* The run of address characters around the first @ of the text. */
static bool take_address(struct view text, char *into, size_t size)
{
	const uint8_t *at = text.length ? memchr(text.data, '@', text.length) : NULL;
	size_t start, end, middle;

	if (!at)
		return false;
	start = end = middle = (size_t)(at - text.data);
	while (start && is_address_character(text.data[start - 1]))
		start--;
	while (end < text.length && is_address_character(text.data[end]))
		end++;
	if (end - start >= size || start == middle || end == middle + 1)
		return false;
	memcpy(into, text.data + start, end - start);
	into[end - start] = 0;
	return true;
}

static struct view in_brackets(struct view value)
{
	const uint8_t *end = memchr(value.data, '>', value.length);

	return (struct view){value.data + 1, (end ? (size_t)(end - value.data) : value.length) - 1};
}

/* RFC 5322 section 3.4. Quoted strings and comments may hold anything, addresses too. */
bool mime_address(struct view value, char *into, size_t size)
{
	struct view plain = {NULL, 0};

	while (value.length && !(value.data[0] == ',' && plain.length)) {
		uint8_t c = value.data[0];
		size_t word = 0;

		if (c == '<')
			return take_address(in_brackets(value), into, size);
		if (c == '(') {
			skip_blanks(&value);
			continue;
		}
		while (word < value.length && is_address_character(value.data[word]))
			word++;
		if (!plain.length && word && memchr(value.data, '@', word))
			plain = (struct view){value.data, word};
		value = after(value, word ? word : 1);
		if (c == '"')
			skip_quoted(&value);
	}
	return take_address(plain, into, size);
}

int mime_canonical(struct view bytes, uint8_t *last, mime_sink sink, void *context)
{
	size_t from = 0;

	for (size_t i = 0; i < bytes.length; i++) {
		const uint8_t *found = memchr(bytes.data + i, '\n', bytes.length - i);
		size_t at;
		int rc;

		if (!found)
			break;
		at = i = (size_t)(found - bytes.data);
		if ((at ? bytes.data[at - 1] : *last) == '\r')
			continue;
		rc = at > from ? sink(context, bytes.data + from, at - from) : 0;
		rc = rc ? rc : sink(context, "\r", 1);
		if (rc)
			return rc;
		from = at;
	}
	if (bytes.length)
		*last = bytes.data[bytes.length - 1];
	return bytes.length > from ? sink(context, bytes.data + from, bytes.length - from) : 0;
}
