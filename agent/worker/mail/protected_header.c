/* SPDX-License-Identifier: ISC
 *
 * Compares fields without regard to how they are folded.
 */
#include "protected_header.h"

#include "address.h"
#include "mailbox.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A header with more fields is taken for another: the work grows with the square of it. */
#define FIELDS_MAX 1000
/* More authors sign no mail together. */
#define AUTHORS_MAX 50

enum header_protection header_protection(struct view payload)
{
	struct mime_field type;
	char value[16];

	if (!mime_find_field(payload, "Content-Type", &type) ||
	    !mime_parameter(type.value, "hp", value, sizeof value))
		return HEADER_NOT_PROTECTED;
	return !strcasecmp(value, "clear") ? HEADER_CLEAR : !strcasecmp(value, "cipher") ? HEADER_CIPHER
											  : HEADER_NOT_PROTECTED;
}

bool header_is_protected(const struct mime_field *field)
{
	static const char *const others[] = {"Content-",      "MIME-Version", "HP-Outer", "Received",
					     "Return-Path",   "Delivered-To", "Resent-",  "Authentication-Results",
					     "ARC-",	      "DKIM-",	      "Bcc"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (mime_name_begins(field, others[i]))
			return false;
	return field->name.length;
}

/* The next character, a run of white space as one blank; -1 at the end. */
static int next_character(struct view *value)
{
	int c;

	if (!value->length)
		return -1;
	c = value->data[0];
	do {
		value->data++;
		value->length--;
	} while (isspace(c) && value->length && isspace(value->data[0]));
	if (isspace(c))
		return value->length ? ' ' : -1;
	return c;
}

static struct view without_blanks(struct view value)
{
	while (value.length && isspace(value.data[0])) {
		value.data++;
		value.length--;
	}
	return value;
}

static bool same_value(struct view a, struct view b)
{
	int c;

	a = without_blanks(a);
	b = without_blanks(b);
	do {
		c = next_character(&a);
		if (c != next_character(&b))
			return false;
	} while (c >= 0);
	return true;
}

static bool same_name(struct view a, struct view b)
{
	return a.length == b.length && !strncasecmp((const char *)a.data, (const char *)b.data, a.length);
}

/* HP-Outer: "Name: value", as the field stood outside when the mail was sent (RFC 9788 section 2.2). */
static bool find_hp_outer(struct view payload, struct view name, unsigned int rank, struct view *ret_value)
{
	struct mime_field field;

	while (mime_next_field(&payload, &field)) {
		struct view value = without_blanks(field.value);
		const uint8_t *colon = value.length ? memchr(value.data, ':', value.length) : NULL;
		size_t length = colon ? (size_t)(colon - value.data) : 0;

		/* RFC 5322 section 4.5: blanks before the colon are obsolete, and seen. */
		while (colon && length && isspace(value.data[length - 1]))
			length--;
		if (!mime_name_is(&field, "HP-Outer") || !same_name((struct view){value.data, length}, name) || rank--)
			continue;
		*ret_value = (struct view){colon + 1, (size_t)(value.data + value.length - colon) - 1};
		return true;
	}
	return false;
}

static bool find_field(struct view header, struct view name, unsigned int rank, struct view *ret_value)
{
	struct mime_field field;

	while (mime_next_field(&header, &field))
		if (same_name(field.name, name) && !rank--) {
			*ret_value = field.value;
			return true;
		}
	return false;
}

/* How many of its name stand before it: some fields may be there several times, each with its own copy. */
static unsigned int rank_of(struct view payload, const struct mime_field *field)
{
	struct mime_field other;
	unsigned int rank = 0;

	while (mime_next_field(&payload, &other) && other.whole.data != field->whole.data)
		rank += same_name(other.name, field->name);
	return rank;
}

static bool same_addresses(struct view a, struct view b)
{
	char one[ADDRESS_SIZE], other[ADDRESS_SIZE];

	while (address_next(&a, one))
		if (!address_next(&b, other) || !mailbox_equal(one, other))
			return false;
	return !address_next(&b, other);
}

/* Who it is from is judged by what stands outside: nobody may have one sender there and show another. */
static bool is_sender(const struct mime_field *field)
{
	return mime_name_is(field, "From") || mime_name_is(field, "Sender");
}

/* What stands outside may be what is protected, also where it was hidden: a program that decrypted the mail
 * may have put it there. Of a sender no more than the name can be hidden. */
static bool is_as_protected(struct view payload, const struct mime_field *field, bool cipher,
			    struct view outer)
{
	unsigned int rank = rank_of(payload, field);
	struct view expected, stands;

	if (!find_field(outer, field->name, rank, &stands))
		return cipher && !is_sender(field) && !find_hp_outer(payload, field->name, rank, &expected);
	if (same_value(field->value, stands))
		return true;
	return cipher && (!is_sender(field) || same_addresses(field->value, stands)) && find_hp_outer(payload, field->name, rank, &expected) && same_value(expected, stands);
}

static int tell(struct layer *layer, struct view name)
{
	int rc = buf_add_format(&layer->differing, "%s%.*s", layer->differing.length ? "\n" : "", (int)name.length,
				(const char *)name.data);

	layer->notes |= LAYER_HEADER_DIFFERS;
	return rc == ERR_TOO_LARGE ? 0 : rc;
}

/* Whether more fields of that name stand outside than were protected. One that HP-Outer has was put there by
 * the writer. */
static bool is_added(struct view payload, struct view name, bool cipher, struct view outer)
{
	struct view stands, expected;
	unsigned int rank = 0;

	while (find_field(payload, name, rank, &expected))
		rank++;
	for (; find_field(outer, name, rank, &stands); rank++)
		if (!cipher || !find_hp_outer(payload, name, rank, &expected) || !same_value(expected, stands))
			return true;
	return false;
}

/* RFC 9788 section 1.1.1: what programs show. The Sender is judged by itself, and what is sent on by
 * somebody has Resent- fields. */
static int compare_added(struct layer *layer, struct view payload, bool cipher, struct view outer)
{
	static const char *const shown[] = {"From", "To", "Cc", "Subject", "Date", "Reply-To", "Followup-To"};
	int rc = 0;

	for (size_t i = 0; i < sizeof shown / sizeof shown[0] && !rc; i++)
		if (is_added(payload, view_string(shown[i]), cipher, outer))
			rc = tell(layer, view_string(shown[i]));
	return rc;
}

/* The name of the first field that is too many. */
static bool has_too_many(struct view header, struct view *ret_name)
{
	struct mime_field field;
	unsigned int count = 0;

	while (mime_next_field(&header, &field))
		if (++count > FIELDS_MAX) {
			*ret_name = field.name;
			return true;
		}
	return false;
}

int header_compare(struct layer *layer, struct view payload, struct view outer)
{
	enum header_protection protection = header_protection(payload);
	struct view rest = payload, name;
	struct mime_field field;
	int rc = 0;

	if (protection == HEADER_NOT_PROTECTED)
		return 0;
	layer->notes |= LAYER_HEADER_PROTECTED;
	if (has_too_many(payload, &name) || has_too_many(outer, &name))
		return tell(layer, name);
	while (!rc && mime_next_field(&rest, &field))
		if (header_is_protected(&field) &&
		    !is_as_protected(payload, &field, protection == HEADER_CIPHER, outer))
			rc = tell(layer, field.name);
	return rc ? rc : compare_added(layer, payload, protection == HEADER_CIPHER, outer);
}

/* Whether all addresses of the fields of that name are the certificate's; *ret_any: whether there is a
 * field. */
static bool all_are_signers(struct view header, const char *name, X509 *cert, bool *ret_any)
{
	struct mime_field field;
	unsigned int count = 0;

	*ret_any = false;
	while (mime_next_field(&header, &field)) {
		char address[ADDRESS_SIZE];
		struct view value = field.value;

		if (!mime_name_is(&field, name))
			continue;
		*ret_any = true;
		while (address_next(&value, address))
			if (++count > AUTHORS_MAX || !mailbox_in_cert(cert, address))
				return false;
	}
	return count;
}

/* Who signs what is signed by the sender already need not be the sender. */
static bool is_inside_signed(const struct layer *layer)
{
	for (const struct layer *at = layer->inside; at && at->kind != LAYER_FORWARDED; at = at->inside)
		if (at->kind == LAYER_SIGNED)
			return true;
	return false;
}

void header_judge_sender(struct layer *layer, struct view outer)
{
	bool judged_outside = is_inside_signed(layer);

	for (struct signature *s = layer->signatures; s; s = s->next) {
		bool from, sender, is_from;

		if (layer->notes & LAYER_HEADER_DIFFERS)
			s->reasons |= REASON_HEADER_DIFFERS;
		if (!s->cert || judged_outside)
			continue;
		is_from = all_are_signers(outer, "From", s->cert, &from);
		if (from && !is_from && mailbox_any_in_cert(s->cert))
			s->reasons |= REASON_NOT_FROM;
		if (from && !mailbox_any_in_cert(s->cert))
			layer->notes |= LAYER_NO_ADDRESS;
		if (!all_are_signers(outer, "Sender", s->cert, &sender) && sender)
			layer->notes |= LAYER_SENDER_DIFFERS;
	}
}
