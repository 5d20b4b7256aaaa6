/* SPDX-License-Identifier: ISC
 *
 * The header's fields, one by one.
 */
#include "sendmail_mail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

bool addresses_add(struct addresses *addresses, const char *address)
{
	char **list = realloc(addresses->list, (addresses->count + 2) * sizeof *list);

	if (!list)
		return false;
	addresses->list = list;
	list[addresses->count] = strdup(address);
	if (!list[addresses->count])
		return false;
	list[++addresses->count] = NULL;
	return true;
}

bool addresses_have(const struct addresses *addresses, const char *address)
{
	for (unsigned int i = 0; i < addresses->count; i++)
		if (!strcasecmp(addresses->list[i], address))
			return true;
	return false;
}

void addresses_done(struct addresses *addresses)
{
	for (unsigned int i = 0; i < addresses->count; i++)
		free(addresses->list[i]);
	free(addresses->list);
	*addresses = (struct addresses){0};
}

static bool take_recipient(void *context, const char *address)
{
	struct addresses *addresses = context;

	return addresses->count < ADDRESSES_MAX && addresses_add(addresses, address);
}

/* The first is whose mail it is. */
static bool take_from(void *context, const char *address)
{
	if (!*(char *)context)
		strcpy(context, address);
	return true;
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

/* Whether it names an envelope. What does not may be signed alone, or anything. */
static bool is_enveloped(struct text value)
{
	static const char word[] = "enveloped-data"; /* also the end of authEnveloped-data */

	for (size_t i = 0; i + sizeof word - 1 <= value.length; i++)
		if (!strncasecmp(value.data + i, word, sizeof word - 1))
			return true;
	return false;
}

static bool is_bcc(const struct mail_field *field)
{
	return mail_field_is(field, "Bcc") || mail_field_is(field, "Resent-Bcc");
}

static void take_field(struct sendmail_mail *mail, const struct mail_field *field)
{
	static const char *const cms[] = {"application/pkcs7-mime", "application/x-pkcs7-mime", NULL};
	bool enveloped = is_enveloped(field->value);
	char type[64];

	if (mail_field_is(field, "From"))
		mail->odd |= !mail_each_address(field->value, take_from, mail->from);
	if (mail_field_is(field, "To") || mail_field_is(field, "Cc"))
		mail->odd |= !mail_each_address(field->value, take_recipient, &mail->open);
	if (mail_field_is(field, "Bcc"))
		mail->odd |= !mail_each_address(field->value, take_recipient, &mail->blind);
	mail->has_bcc |= is_bcc(field);
	mail->has_date |= mail_field_is(field, "Date");
	mail->resent |= field->name.length > 7 && !strncasecmp(field->name.data, "Resent-", 7);
	if (!mail_field_is(field, "Content-Type"))
		return;
	mail_first_word(field->value, type, sizeof type);
	mail->is_signed |= !strcmp(type, "multipart/signed") || (is_one_of(type, cms) && !enveloped);
	mail->is_encrypted |= !strcmp(type, "multipart/encrypted") || (is_one_of(type, cms) && enveloped);
}

/* Reads the front of the spool, as much as a header may have. NULL with errno. */
static char *read_front(const struct spool *spool, size_t *ret_length)
{
	char *front = malloc(MAIL_HEADER_MAX + 1);
	size_t length = 0;
	ssize_t got = 1;

	while (front && got && length <= MAIL_HEADER_MAX) {
		got = pread(spool->fd, front + length, MAIL_HEADER_MAX + 1 - length, (off_t)length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(front);
			return NULL;
		}
		length += (size_t)got;
	}
	*ret_length = length;
	return front;
}

/* Some take a CR by itself for a line's end, and see fields that are none. */
static bool is_ambiguous(struct text head)
{
	for (size_t i = 0; i < head.length; i++)
		if (!head.data[i] || (head.data[i] == '\r' && (i + 1 == head.length || head.data[i + 1] != '\n')))
			return true;
	return false;
}

bool sendmail_mail_read(struct sendmail_mail *mail, const struct spool *spool)
{
	struct mail_field field;
	struct text rest;
	size_t length;
	char *front = read_front(spool, &length);

	*mail = (struct sendmail_mail){0};
	if (!front)
		return false;
	mail->head_length = mail_header_length((struct text){front, length}, length <= MAIL_HEADER_MAX);
	rest = (struct text){front, mail->head_length};
	if (!mail->head_length || mail->head_length > MAIL_HEADER_MAX || is_ambiguous(rest)) {
		free(front);
		return true;
	}
	mail->head = front;
	while (mail_next_field(&rest, &field))
		take_field(mail, &field);
	return true;
}

static bool write_fields(const struct sendmail_mail *mail, bool bcc, struct spool *to, struct text *ret_rest)
{
	struct text rest = {mail->head, mail->head_length};
	struct mail_field field;
	bool ok = true;

	while (ok && mail_next_field(&rest, &field))
		if (is_bcc(&field) == bcc)
			ok = spool_write(to, field.whole.data, field.whole.length);
	*ret_rest = rest;
	return ok;
}

/* RFC 5322 section 3.3. */
static bool write_date(struct spool *to)
{
	char field[64];
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) && strftime(field, sizeof field, "Date: %a, %d %b %Y %H:%M:%S %z\n", &tm) &&
	       spool_write(to, field, strlen(field));
}

bool sendmail_mail_complete(const struct sendmail_mail *mail, const struct spool *from, struct spool *to)
{
	struct text rest;

	return spool_open(to, from->length) && (mail->has_date || write_date(to)) && write_fields(mail, false, to, &rest) &&
	       spool_write(to, rest.data, rest.length) &&
	       lseek(from->fd, (off_t)mail->head_length, SEEK_SET) >= 0 && spool_copy(to, from->fd);
}

bool sendmail_mail_bcc(const struct sendmail_mail *mail, struct spool *to)
{
	struct text rest;

	return write_fields(mail, true, to, &rest);
}

void sendmail_mail_done(struct sendmail_mail *mail)
{
	free(mail->head);
	addresses_done(&mail->open);
	addresses_done(&mail->blind);
	*mail = (struct sendmail_mail){0};
}
