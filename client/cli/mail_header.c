/* SPDX-License-Identifier: ISC
 *
 * Parsers of what a mail program wrote. They never guess: a list of addresses that is not understood is said
 * to be that, since an address that is overlooked would get a mail that is not for it, or none.
 */
#include "mail_header.h"

#include <string.h>
#include <strings.h>

/* The length of the line at the front, its end included. */
static size_t line_length(struct text text)
{
	const char *end = memchr(text.data, '\n', text.length);

	return end ? (size_t)(end - text.data) + 1 : text.length;
}

static bool is_empty_line(struct text text)
{
	return text.length && (*text.data == '\n' || (text.length > 1 && text.data[0] == '\r' && text.data[1] == '\n'));
}

static void skip(struct text *text, size_t length)
{
	text->data += length;
	text->length -= length;
}

/* The length of a field's name at the front, or 0; *ret_colon is where its colon is. */
static size_t name_length(struct text text, size_t *ret_colon)
{
	size_t length = 0, colon;

	while (length < text.length && text.data[length] > 32 && text.data[length] < 127 && text.data[length] != ':')
		length++;
	for (colon = length; colon < text.length && (text.data[colon] == ' ' || text.data[colon] == '\t');)
		colon++;
	*ret_colon = colon;
	return colon < text.length && text.data[colon] == ':' ? length : 0;
}

size_t mail_header_length(struct text bytes, bool last)
{
	struct text rest = bytes;
	size_t colon;

	if (!name_length(rest, &colon))
		return 0;
	while (rest.length && !is_empty_line(rest))
		skip(&rest, line_length(rest));
	if (!rest.length)
		return last ? bytes.length : 0;
	return bytes.length - rest.length + line_length(rest);
}

bool mail_next_field(struct text *header, struct mail_field *ret_field)
{
	struct text start = *header;
	size_t length, colon, name = name_length(start, &colon), ignored;

	if (!name || is_empty_line(start))
		return false;
	do {
		skip(header, line_length(*header));
	} while (header->length && !is_empty_line(*header) && !name_length(*header, &ignored));
	length = start.length - header->length;
	ret_field->whole = (struct text){start.data, length};
	ret_field->name = (struct text){start.data, name};
	if (start.data[length - 1] == '\n')
		length -= length > 1 && start.data[length - 2] == '\r' ? 2 : 1;
	ret_field->value = (struct text){start.data + colon + 1, length > colon + 1 ? length - colon - 1 : 0};
	return true;
}

bool mail_field_is(const struct mail_field *field, const char *name)
{
	return strlen(name) == field->name.length && !strncasecmp(name, field->name.data, field->name.length);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A comment, nested ones included. False where it does not end. */
static bool skip_comment(struct text *list)
{
	unsigned int depth = 0;

	do {
		char c = *list->data;

		if (c == '\\' && list->length > 1)
			skip(list, 1);
		depth += c == '(';
		depth -= c == ')';
		skip(list, 1);
	} while (depth && list->length);
	return !depth;
}

/* An address as it is collected. Where there are angle brackets, only what is in them counts. */
struct collected {
	char text[MAIL_ADDRESS_MAX + 1];
	size_t length;
	bool angle, closed; /* "<" was seen; its ">" too */
	bool some;	    /* anything but blanks and comments was */
	bool gap;	    /* a blank or comment came after what was collected */
	bool unfit;	    /* too long, or words side by side: a name, or nothing that all read alike */
};

static void collect(struct collected *address, char c)
{
	char before = address->length ? address->text[address->length - 1] : '.';

	/* Blanks may be around a dot and the @. */
	if (address->gap && !strchr(".@", before) && !strchr(".@", c))
		address->unfit = true;
	address->gap = false;
	address->some = true;
	if (address->length == MAIL_ADDRESS_MAX || (unsigned char)c < 32 || c == 127)
		address->unfit = true;
	else
		address->text[address->length++] = c;
}

/* A quoted string: part of an address, or of a name before angle brackets. False where it does not end. */
static bool take_quoted(struct text *list, struct collected *address)
{
	bool escaped = false;
	char c = 0;

	collect(address, '"');
	for (skip(list, 1); list->length && (c != '"' || escaped); skip(list, 1)) {
		escaped = c == '\\' && !escaped;
		c = *list->data;
		address->gap = false;
		collect(address, c);
	}
	return c == '"' && !escaped;
}

/* A route before the address (RFC 5322 section 4.4: "@a,@b:") is no part of it. */
static const char *without_route(const struct collected *address)
{
	const char *colon = *address->text == '@' ? strchr(address->text, ':') : NULL;

	return colon ? colon + 1 : address->text;
}

static bool give(struct collected *address, mail_address_taker take, void *context)
{
	bool ok = !address->some || (!address->unfit && address->angle == address->closed);

	address->text[address->length] = 0;
	/* "<>" is nobody's. */
	if (ok && address->some)
		ok = *without_route(address) && take(context, without_route(address));
	*address = (struct collected){0};
	return ok;
}

/* One mark of the list that is not a comment, a blank or quoted. */
static bool take_mark(char c, struct collected *address)
{
	bool again = address->angle;

	if (c == '<') {
		*address = (struct collected){.angle = true, .some = true};
		return !again;
	}
	if (address->closed)
		return false;
	if (c == '>') {
		address->closed = true;
		return again;
	}
	collect(address, c);
	return true;
}

struct list {
	struct text rest;
	struct collected address;
	bool group; /* "name: address, ...;" */
	mail_address_taker take;
	void *context;
};

static bool take_next(struct list *list)
{
	struct collected *address = &list->address;
	char c = *list->rest.data;
	bool inside = address->angle && !address->closed;

	if (c == '(' || is_blank(c)) {
		address->gap = true;
		if (c == '(')
			return skip_comment(&list->rest);
		skip(&list->rest, 1);
		return true;
	}
	if (c == '"')
		return !address->closed && take_quoted(&list->rest, address);
	skip(&list->rest, 1);
	if (c == ':' && !address->angle && !list->group) {
		*address = (struct collected){0};
		list->group = true;
		return true;
	}
	if (!inside && (c == ',' || (c == ';' && list->group))) {
		list->group = list->group && c == ',';
		return give(address, list->take, list->context);
	}
	return take_mark(c, address);
}

bool mail_each_address(struct text text, mail_address_taker take, void *context)
{
	struct list list = {.rest = text, .take = take, .context = context};
	bool ok = true;

	while (list.rest.length && ok)
		ok = take_next(&list);
	return ok && !list.group && give(&list.address, take, context);
}

void mail_first_word(struct text value, char *into, size_t size)
{
	size_t at = 0;

	while (value.length && is_blank(*value.data))
		skip(&value, 1);
	for (; value.length && !is_blank(*value.data) && *value.data != ';' && at + 1 < size; skip(&value, 1))
		into[at++] = *value.data >= 'A' && *value.data <= 'Z' ? (char)(*value.data + 32) : *value.data;
	into[at] = 0;
}
