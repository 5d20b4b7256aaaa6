/* SPDX-License-Identifier: ISC
 *
 * Decrypting mails: finds the CMS message in the mail, and joins the outer header with the entity
 * that comes out.
 */
#include "mail_decrypt.h"

#include "cms_decrypt.h"
#include "protected_header.h"
#include "smime_part.h"

#include <string.h>
#include <strings.h>

struct joining {
	struct view outer; /* header fields */
	struct output *output;
	struct buf start; /* of the entity, until its header is whole */
	bool joined;
};

/* A CMS message that is not said to be something else. */
static bool is_encrypted(const struct mime_field *type)
{
	char name[64], kind[64];

	mime_token(type->value, name, sizeof name);
	return smime_part_is_cms(name, type->value) &&
	       (!mime_parameter(type->value, "smime-type", kind, sizeof kind) ||
		!strcasecmp(kind, "enveloped-data") || !strcasecmp(kind, "authEnveloped-data"));
}

static int open_body(struct input *input, struct view header)
{
	struct mime_field field;

	if (!mime_find_field(header, "Content-Type", &field) || !is_encrypted(&field))
		return ERR_WRONG_TYPE;
	return smime_part_decode(input, header);
}

static int put(struct output *output, struct view bytes)
{
	return output_write(output, bytes.data, bytes.length);
}

/* A field with the line ends of what follows. */
static int put_field(struct output *output, struct view field, const char *line_end)
{
	struct view line;
	int rc = 0;

	while (!rc && view_line(&field, &line)) {
		line.length -= line.length && line.data[line.length - 1] == '\r' ? 1 : 0;
		rc = put(output, line);
		rc = rc ? rc : output_text(output, line_end);
	}
	return rc;
}

static bool is_about_body(const struct mime_field *field)
{
	return mime_name_begins(field, "Content-") || mime_name_is(field, "MIME-Version");
}

/* What mail servers write. From inside, where anybody can put anything, it would be a lie. */
static bool is_trace(const struct mime_field *field)
{
	static const char *const starts[] = {"Received", "Return-Path", "Delivered-To", "Authentication-Results",
					     "ARC-",	 "DKIM-",	"Resent-",	"X-"};

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (mime_name_begins(field, starts[i]))
			return true;
	return false;
}

static bool has_field(struct view header, const struct mime_field *like)
{
	struct mime_field field;

	while (mime_next_field(&header, &field))
		if (field.name.length == like->name.length &&
		    !strncasecmp((const char *)field.name.data, (const char *)like->name.data, like->name.length))
			return true;
	return false;
}

/* A protected field is the one to be shown (RFC 9788 section 4.4), and takes the place of what stands outside.
 * Not the sender: whoever encrypts to a person can put anybody there, and nobody signed for it. */
static bool takes_over(struct view payload, const struct mime_field *field)
{
	return header_protection(payload) != HEADER_NOT_PROTECTED && header_is_protected(field) && !is_trace(field) &&
	       !mime_name_is(field, "From") && !mime_name_is(field, "Sender") && has_field(payload, field);
}

/* The outer header's fields as they are, then the entity's: those about its body, and those that the
 * outer header lacks (a whole mail was encrypted). Nothing inside replaces what stands outside, but for what
 * was protected. */
static int join(struct joining *joining, struct view inner, struct view payload, const char *line_end)
{
	struct view rest = joining->outer;
	struct mime_field field;
	int rc = 0;

	while (!rc && mime_next_field(&rest, &field))
		if (!is_about_body(&field) && !takes_over(payload, &field))
			rc = put_field(joining->output, field.whole, line_end);
	rest = payload;
	while (!rc && mime_next_field(&rest, &field))
		if (takes_over(payload, &field))
			rc = put_field(joining->output, field.whole, line_end);
	if (!rc && !mime_find_field(inner, "MIME-Version", &field)) {
		rc = output_text(joining->output, "MIME-Version: 1.0");
		rc = rc ? rc : output_text(joining->output, line_end);
	}
	while (!rc && mime_next_field(&inner, &field))
		if (is_about_body(&field) || (!is_trace(&field) && !mime_name_is(&field, "HP-Outer") &&
					      !has_field(joining->outer, &field) && !takes_over(payload, &field)))
			rc = put(joining->output, field.whole);
	return rc ? rc : output_text(joining->output, line_end);
}

/* The fields of a header of that length, which ends with an empty line. */
static struct view without_empty_line(struct view start, size_t length)
{
	struct view header = {start.data, length};

	if (header.length)
		header.length--;
	if (header.length && header.data[header.length - 1] == '\r')
		header.length--;
	return header;
}

/* The header of the first part of multipart/signed: what was protected stands in what was signed. False
 * where the bytes do not have all of it yet. */
static bool find_signed_header(struct view header, struct view body, struct view *ret_payload)
{
	char name[64] = "", delimiter[80] = "--";
	struct mime_field type;
	const uint8_t *found;
	size_t length;

	*ret_payload = header;
	if (!mime_find_field(header, "Content-Type", &type))
		return true;
	mime_token(type.value, name, sizeof name);
	if (strcmp(name, "multipart/signed") ||
	    !mime_parameter(type.value, "boundary", delimiter + 2, sizeof delimiter - 2))
		return true;
	found = body.length ? memmem(body.data, body.length, delimiter, strlen(delimiter)) : NULL;
	found = found ? memchr(found, '\n', body.length - (size_t)(found - body.data)) : NULL;
	if (!found)
		return false;
	body = (struct view){found + 1, body.length - (size_t)(found + 1 - body.data)};
	length = mime_header_length(body);
	*ret_payload = length ? without_empty_line(body, length) : header;
	return length;
}

/* Joins once the entity's header is there, and that of what was signed in it, or cannot come any more. */
static int join_start(struct joining *joining, bool at_end)
{
	struct view start = buf_view(&joining->start), header, payload;
	size_t length = mime_header_length(start);
	const uint8_t *first_end = start.length ? memchr(start.data, '\n', start.length) : NULL;
	bool crlf = first_end && first_end > start.data && first_end[-1] == '\r';
	bool headless = length && (start.data[0] == '\r' || start.data[0] == '\n');
	bool enough = at_end || start.length >= MIME_HEADER_MAX;
	int rc;

	if (!length && !enough)
		return 0;
	/* Bytes that are no entity are taken for its body. */
	if (!headless && !mime_is_field(start))
		length = 0;
	header = headless ? (struct view){start.data, 0} : without_empty_line(start, length);
	if (!find_signed_header(header, (struct view){start.data + length, start.length - length}, &payload) &&
	    !enough)
		return 0;
	joining->joined = true;
	rc = join(joining, header, payload, crlf ? "\r\n" : "\n");
	rc = rc ? rc : put(joining->output, (struct view){start.data + length, start.length - length});
	buf_clear(&joining->start);
	return rc;
}

static int take_plaintext(void *context, const void *data, size_t length)
{
	struct joining *joining = context;
	int rc;

	if (joining->joined)
		return output_write(joining->output, data, length);
	rc = buf_add(&joining->start, data, length);
	return rc ? rc : join_start(joining, false);
}

int mail_decrypt(struct input *input, struct output *output, const char *name)
{
	CLEAN_BUF struct buf header = BUF_INIT(MIME_HEADER_MAX);
	/* Plaintext comes in pieces of up to 1 MiB. */
	struct joining joining = {.output = output, .start = BUF_INIT(4 * 1024 * 1024)};
	int rc = mime_read_header(input, &header);

	joining.outer = buf_view(&header);
	rc = rc ? rc : open_body(input, joining.outer);
	rc = rc ? rc : cms_decrypt(input, name, take_plaintext, &joining);
	if (!rc && !joining.joined)
		rc = join_start(&joining, true);
	buf_done(&joining.start);
	return rc ? rc : output_flush(output);
}
