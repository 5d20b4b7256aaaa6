/* SPDX-License-Identifier: ISC
 *
 * Header fields are copied as they stand; none is decoded or folded anew. Legacy Display Elements
 * (RFC 9788 section 2.1.2) are not made: they would change the text.
 */
#include "protect.h"

#include <string.h>

#define DEFAULT_TYPE "Content-Type: text/plain; charset=us-ascii"

static bool is_structural(const struct mime_field *field)
{
	return mime_name_begins(field, "Content-") || mime_name_is(field, "MIME-Version");
}

static bool is_bcc(const struct mime_field *field)
{
	return mime_name_is(field, "Bcc") || mime_name_is(field, "Resent-Bcc");
}

/* What others than the writer put there, what none but the writer may see, and what would be a lie. */
static bool is_private(const struct mime_field *field)
{
	static const char *const starts[] = {"Received", "Return-Path", "Delivered-To", "Authentication-Results",
					     "ARC-",	 "DKIM-",	"Resent-",	"HP-Outer"};

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (mime_name_begins(field, starts[i]))
			return true;
	return is_bcc(field);
}

static bool is_protected(const struct mime_field *field)
{
	return !is_structural(field) && !is_private(field);
}

/* RFC 9788 section 3.2.1, hcp_baseline. */
static bool is_hidden(const struct mime_field *field)
{
	return mime_name_is(field, "Comments") || mime_name_is(field, "Keywords");
}

/* The value of Content-Type without a semicolon and blanks at its end. */
static struct view type_value(const struct mime_field *field)
{
	struct view value = field->value;

	while (value.length && strchr(" \t\r\n;", value.data[value.length - 1]) && value.data[value.length - 1])
		value.length--;
	return value;
}

static int write_type(struct view value, enum protection protection, mime_sink sink, void *context)
{
	const char *parameter = protection == PROTECT_CLEAR ? ";\r\n hp=\"clear\"\r\n" : ";\r\n hp=\"cipher\"\r\n";
	uint8_t last = 0;
	int rc = mime_canonical(value, &last, sink, context);

	return rc ? rc : sink(context, parameter, strlen(parameter));
}

static int collect(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

/* A parameter at its end may stand in a quoted string or comment that was never closed. */
static bool takes_parameter(struct view value)
{
	CLEAN_BUF struct buf text = BUF_INIT(2 * MIME_HEADER_MAX);
	char hp[16];

	return !mime_parameter(value, "hp", hp, sizeof hp) &&
	       !write_type(value, PROTECT_CLEAR, collect, &text) &&
	       mime_parameter(buf_view(&text), "hp", hp, sizeof hp) && !strcmp(hp, "clear");
}

enum protection protect_choose(struct view header, enum protection wanted)
{
	struct mime_field field;
	bool something = false;

	if (mime_find_field(header, "Content-Type", &field) && !takes_parameter(type_value(&field)))
		return PROTECT_NONE;
	while (mime_next_field(&header, &field))
		something = something || is_protected(&field);
	return something ? wanted : PROTECT_NONE;
}

static int write_field(const struct mime_field *field, mime_sink sink, void *context)
{
	uint8_t last = 0;
	int rc = mime_canonical(field->whole, &last, sink, context);

	return rc || last == '\n' ? rc : sink(context, "\r\n", 2);
}

/* The field as it stands outside; `before` goes in front of it. */
static int write_outer_field(const struct mime_field *field, enum protection protection, const char *before,
			     mime_sink sink, void *context)
{
	static const char hidden[] = "Subject: [...]\r\n";
	int rc;

	if (protection == PROTECT_HIDE && is_hidden(field))
		return 0;
	rc = *before ? sink(context, before, strlen(before)) : 0;
	if (rc || protection != PROTECT_HIDE || !mime_name_is(field, "Subject"))
		return rc ? rc : write_field(field, sink, context);
	return sink(context, hidden, sizeof hidden - 1);
}

static int write_protected(struct view header, enum protection protection, mime_sink sink, void *context)
{
	struct view rest = header;
	struct mime_field field;
	int rc = 0;

	while (!rc && mime_next_field(&rest, &field))
		if (is_protected(&field))
			rc = write_field(&field, sink, context);
	while (!rc && protection != PROTECT_CLEAR && mime_next_field(&header, &field))
		if (is_protected(&field))
			rc = write_outer_field(&field, protection, "HP-Outer: ", sink, context);
	return rc;
}

int protect_write_payload(struct view header, enum protection protection, mime_sink sink, void *context)
{
	struct mime_field field;
	bool typed = false;
	int rc = protection ? write_protected(header, protection, sink, context) : 0;

	while (!rc && mime_next_field(&header, &field)) {
		if (!mime_name_begins(&field, "Content-"))
			continue;
		if (!protection || typed || !mime_name_is(&field, "Content-Type")) {
			rc = write_field(&field, sink, context);
			continue;
		}
		typed = true;
		rc = sink(context, field.name.data, field.name.length);
		rc = rc ? rc : sink(context, ":", 1);
		rc = rc ? rc : write_type(type_value(&field), protection, sink, context);
	}
	/* RFC 2045 section 5.2 */
	if (!rc && protection && !typed)
		rc = write_type(view_string(DEFAULT_TYPE), protection, sink, context);
	return rc;
}

int protect_write_outer(struct view header, enum protection protection, bool keep_bcc, mime_sink sink,
			void *context)
{
	struct mime_field field;
	int rc = 0;

	while (!rc && mime_next_field(&header, &field))
		if (!is_structural(&field) && (keep_bcc || !is_bcc(&field)))
			rc = write_outer_field(&field, protection, "", sink, context);
	return rc;
}
