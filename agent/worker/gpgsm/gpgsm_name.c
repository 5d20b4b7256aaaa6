/* SPDX-License-Identifier: ISC
 *
 * Parses names, which come from a client.
 */
#include "gpgsm_name.h"

#include <stdio.h>
#include <string.h>

#define SHA1_DIGITS 40
#define SHA256_DIGITS 64

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static int digit_value(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

void gpgsm_unescape(char *word)
{
	char *to = word;

	for (const char *from = word; *from; from++) {
		if (*from == '%' && is_digit(from[1]) && is_digit(from[2])) {
			char c = (char)(digit_value(from[1]) << 4 | digit_value(from[2]));

			*to++ = c ? c : '?'; /* a NUL would end the name here, and not for who looks at the line */
			from += 2;
		} else {
			*to++ = *from == '+' ? ' ' : *from;
		}
	}
	*to = 0;
}

/* The digits of a fingerprint, in upper case; colons and blanks between them do not count. 0 for anything
 * else. */
static size_t take_digits(const char *text, char into[CERT_NAME_SIZE])
{
	size_t count = 0;

	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	for (; *text; text++) {
		if (count && (*text == ':' || *text == ' '))
			continue;
		if (!is_digit(*text))
			return 0;
		into[count++] = (char)(*text >= 'a' ? *text - 0x20 : *text);
	}
	into[count] = 0;
	return count;
}

static bool parse_digits(const char *text, struct cert_name *name)
{
	size_t count = take_digits(text + (*text == '&'), name->text);

	if (*text == '&')
		name->kind = CERT_NAME_KEYGRIP;
	else if (count == SHA256_DIGITS)
		name->kind = CERT_NAME_SHA256;
	else
		name->kind = count == SHA1_DIGITS ? CERT_NAME_SHA1 : CERT_NAME_KEY_ID;
	return *text == '&' ? count == SHA1_DIGITS
			    : count == SHA1_DIGITS || count == SHA256_DIGITS || count == 16 || count == 8;
}

/* "<a@b>" or "A B <a@b>". */
static bool parse_address(const char *text, struct cert_name *name)
{
	const char *open = strrchr(text, '<');
	size_t length = open ? strlen(open) : 0;

	if (length < 3 || open[length - 1] != '>')
		return false;
	name->kind = CERT_NAME_ADDRESS;
	snprintf(name->text, sizeof name->text, "%.*s", (int)(length - 2), open + 1);
	return true;
}

static bool parse_serial(const char *text, struct cert_name *name)
{
	size_t length = strcspn(text + 1, "/");

	if (*text != '#' || !text[1 + length])
		return false;
	name->kind = CERT_NAME_SERIAL;
	snprintf(name->serial, sizeof name->serial, "%.*s", (int)length, text + 1);
	strcpy(name->text, text + 1 + length + 1);
	return true;
}

int gpgsm_name_parse(const char *text, struct cert_name *ret_name)
{
	text += strspn(text, " ");
	if (strlen(text) >= CERT_NAME_SIZE)
		return ERR_TOO_LARGE;
	if (!*text)
		return ERR_USAGE;
	*ret_name->serial = 0;
	if (parse_digits(text, ret_name) || parse_address(text, ret_name) || parse_serial(text, ret_name))
		return 0;
	ret_name->kind = *text == '/' ? CERT_NAME_SUBJECT : CERT_NAME_PART;
	strcpy(ret_name->text, text + (*text == '/' || *text == '*' || *text == '='));
	return 0;
}
