/* SPDX-License-Identifier: ISC
 *
 * RFC 7512 section 2. Pure: text in, struct out.
 */
#include "uri.h"

#include <ctype.h>
#include <string.h>

#define SCHEME "pkcs11:"
#define VALUE_MAX 1024

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Section 2.3: pct-encoded octets; the rest stands for itself. */
static int decode(struct view from, struct buf *into)
{
	for (size_t i = 0; i < from.length; i++) {
		uint8_t byte = from.data[i];
		int rc;

		if (byte <= ' ' || byte > '~')
			return ERR_USAGE;
		if (byte == '%') {
			bool whole = from.length - i > 2;
			int high = whole ? hex_digit((char)from.data[i + 1]) : -1;
			int low = whole ? hex_digit((char)from.data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return ERR_USAGE;
			byte = (uint8_t)(high << 4 | low);
			i += 2;
		}
		rc = buf_add_u8(into, byte);
		if (rc)
			return rc;
	}
	return 0;
}

static int set_text(char **field, struct view value)
{
	CLEAN_BUF struct buf text = BUF_INIT(VALUE_MAX);
	int rc;

	if (*field)
		return ERR_USAGE;
	rc = decode(value, &text);
	if (rc)
		return rc == ERR_TOO_LARGE ? ERR_USAGE : rc;
	if (text.length && memchr(text.data, 0, text.length))
		return ERR_USAGE;
	*field = view_dup(buf_view(&text));
	return *field ? 0 : ERR_NO_MEMORY;
}

static int set_id(struct uri *uri, struct view value)
{
	int rc;

	if (uri->has_id)
		return ERR_USAGE;
	uri->has_id = true;
	rc = decode(value, &uri->id);
	return rc == ERR_TOO_LARGE ? ERR_USAGE : rc;
}

static bool is(struct view name, const char *text)
{
	return view_equal(name, view_string(text));
}

static int set_attribute(struct uri *uri, struct view name, struct view value)
{
	if (is(name, "token"))
		return set_text(&uri->token, value);
	if (is(name, "manufacturer"))
		return set_text(&uri->manufacturer, value);
	if (is(name, "model"))
		return set_text(&uri->model, value);
	if (is(name, "serial"))
		return set_text(&uri->serial, value);
	if (is(name, "object"))
		return set_text(&uri->object, value);
	if (is(name, "id"))
		return set_id(uri, value);
	/* A key, its public half and its certificate have one name here. The module is known by its
	 * tokens; a slot's number says nothing that lasts. */
	if (is(name, "type") || is(name, "library-manufacturer") || is(name, "library-description") ||
	    is(name, "library-version"))
		return 0;
	return ERR_USAGE;
}

/* Takes the text up to `end` or the view's end from the front. */
static struct view take_until(struct view *from, char end)
{
	const uint8_t *found = from->length ? memchr(from->data, end, from->length) : NULL;
	size_t length = found ? (size_t)(found - from->data) : from->length;
	struct view taken = {from->data, length};

	from->data += length;
	from->length -= length;
	if (found) {
		from->data++;
		from->length--;
	}
	return taken;
}

static int parse_path(struct uri *uri, struct view path)
{
	if (path.length && path.data[path.length - 1] == ';')
		return ERR_USAGE;
	while (path.length) {
		struct view value = take_until(&path, ';');
		struct view name;
		int rc;

		if (!value.length || !memchr(value.data, '=', value.length))
			return ERR_USAGE;
		name = take_until(&value, '=');
		rc = set_attribute(uri, name, value);
		if (rc)
			return rc;
	}
	return 0;
}

/* module-name and module-path are allowed and mean nothing here. */
static int check_query(struct view query)
{
	while (query.length) {
		struct view value = take_until(&query, '&');
		struct view name = take_until(&value, '=');

		if (!is(name, "module-name") && !is(name, "module-path"))
			return ERR_USAGE;
	}
	return 0;
}

int uri_parse(const char *text, struct uri *ret_uri)
{
	struct view rest = view_string(text);
	struct view path;
	int rc;

	*ret_uri = (struct uri){.id = BUF_INIT(VALUE_MAX)};
	if (strncmp(text, SCHEME, strlen(SCHEME)))
		return ERR_USAGE;
	rest.data += strlen(SCHEME);
	rest.length -= strlen(SCHEME);
	path = take_until(&rest, '?');
	rc = parse_path(ret_uri, path);
	return rc ? rc : check_query(rest);
}

void uri_done(struct uri *uri)
{
	free(uri->token);
	free(uri->manufacturer);
	free(uri->model);
	free(uri->serial);
	free(uri->object);
	buf_done(&uri->id);
	*uri = (struct uri){.has_id = false};
}

static bool fits(const char *wanted, const char *has)
{
	return !wanted || !strcmp(wanted, has);
}

bool uri_match_token(const struct uri *uri, const char *label, const char *manufacturer,
		     const char *model, const char *serial)
{
	return fits(uri->token, label) && fits(uri->manufacturer, manufacturer) &&
	       fits(uri->model, model) && fits(uri->serial, serial);
}

bool uri_match_object(const struct uri *uri, struct view label, struct view id)
{
	return (!uri->object || view_equal(view_string(uri->object), label)) &&
	       (!uri->has_id || view_equal(buf_view(&uri->id), id));
}

static int add_encoded(struct buf *buf, const char *name, struct view value, bool all)
{
	int rc = buf_add_format(buf, "%s%s=", buf->data[buf->length - 1] == ':' ? "" : ";", name);

	for (size_t i = 0; i < value.length && !rc; i++) {
		uint8_t byte = value.data[i];

		if (!all && (isalnum(byte) || strchr("-._~", byte)) && byte && byte < 128)
			rc = buf_add_u8(buf, byte);
		else
			rc = buf_add_format(buf, "%%%02X", byte);
	}
	return rc;
}

int uri_format(struct buf *buf, const char *token, const char *manufacturer, const char *model,
	       const char *serial, struct view object, struct view id)
{
	int rc = buf_add_format(buf, SCHEME);

	if (*model)
		rc = rc ? rc : add_encoded(buf, "model", view_string(model), false);
	if (*manufacturer)
		rc = rc ? rc : add_encoded(buf, "manufacturer", view_string(manufacturer), false);
	if (*serial)
		rc = rc ? rc : add_encoded(buf, "serial", view_string(serial), false);
	rc = rc ? rc : add_encoded(buf, "token", view_string(token), false);
	if (id.length)
		rc = rc ? rc : add_encoded(buf, "id", id, true);
	if (object.length)
		rc = rc ? rc : add_encoded(buf, "object", object, false);
	return rc;
}
