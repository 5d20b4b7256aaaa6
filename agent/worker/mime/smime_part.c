/* SPDX-License-Identifier: ISC
 *
 * Recognises, and decodes.
 */
#include "smime_part.h"

#include <string.h>
#include <strings.h>

bool smime_part_is_signed(struct view type)
{
	char protocol[64];

	return mime_parameter(type, "protocol", protocol, sizeof protocol) &&
	       (!strcasecmp(protocol, "application/pkcs7-signature") ||
		!strcasecmp(protocol, "application/x-pkcs7-signature"));
}

bool smime_part_is_cms(const char *name, struct view type)
{
	char file[256];

	/* Certificates for whom it may concern: nothing is signed. */
	if (mime_parameter(type, "smime-type", file, sizeof file) && !strcasecmp(file, "certs-only"))
		return false;
	if (!strcmp(name, "application/pkcs7-mime") || !strcmp(name, "application/x-pkcs7-mime"))
		return true;
	/* What some gateways make of it (RFC 8551 section 3.9). */
	return !strcmp(name, "application/octet-stream") && mime_parameter(type, "name", file, sizeof file) &&
	       strlen(file) > 4 && !strcasecmp(file + strlen(file) - 4, ".p7m");
}

int smime_part_decode(struct input *input, struct view header)
{
	struct mime_field field;
	char encoding[32];

	if (!mime_find_field(header, "Content-Transfer-Encoding", &field))
		return 0;
	mime_token(field.value, encoding, sizeof encoding);
	if (!strcmp(encoding, "base64"))
		input_decode_base64(input);
	else if (*encoding && strcmp(encoding, "binary") && strcmp(encoding, "8bit") && strcmp(encoding, "7bit"))
		return ERR_NOT_SUPPORTED;
	return 0;
}

/* Reads to the end; whether there was anything but blanks, and base64's padding. */
static int pass(struct input *input, bool *more)
{
	static const char nothing[] = " \t\r\n=";
	size_t got = 1;
	int rc = 0;

	while (!rc && got) {
		uint8_t bytes[4096];

		rc = input_read(input, bytes, sizeof bytes, &got);
		for (size_t i = 0; !rc && i < got; i++)
			*more = *more || !memchr(nothing, bytes[i], sizeof nothing - 1);
	}
	return rc;
}

/* The last line of PEM, whose first dash may have ended the base64. */
static int pass_armor_end(struct input *body)
{
	uint8_t line[128];
	const uint8_t *end;
	struct view start;
	size_t at = 0;
	int rc = input_peek(body, sizeof line, &start);

	if (rc)
		return rc;
	if (start.length > sizeof line)
		start.length = sizeof line;
	while (at < start.length && memchr(" \t\r\n=-", start.data[at], 6))
		at++;
	if (start.length - at < 4 || memcmp(start.data + at, "END ", 4))
		return 0;
	end = memchr(start.data + at, '\n', start.length - at);
	return input_read_all(body, line, end ? (size_t)(end - start.data) + 1 : start.length);
}

int smime_part_pass_rest(struct input *body, struct input *cms, bool *ret_more)
{
	bool more = false;
	int rc = pass(cms, &more);

	/* What is no base64 is a text. */
	more = more || rc == ERR_BAD_CMS;
	rc = rc == ERR_BAD_CMS ? 0 : rc;
	input_leave_base64(body);
	rc = rc ? rc : pass_armor_end(body);
	rc = rc ? rc : pass(body, &more);
	if (!rc)
		*ret_more = more;
	return rc;
}

static struct view without_blanks(struct view text)
{
	while (text.length && memchr(" \t\r\n", text.data[0], 4)) {
		text.data++;
		text.length--;
	}
	while (text.length && memchr(" \t\r\n", text.data[text.length - 1], 4))
		text.length--;
	return text;
}

bool smime_part_is_usual_preamble(struct view text)
{
	static const char *const usual[] = {
		"",
		"This is an S/MIME signed message",
		"This is an S/MIME signed message.",
		"This is a cryptographically signed message in MIME format.",
		"This is a multi-part message in MIME format.",
		"This is a multipart message in MIME format.",
		"This is a MIME-formatted message.",
	};

	text = without_blanks(text);
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (view_equal(text, view_string(usual[i])))
			return true;
	return false;
}
