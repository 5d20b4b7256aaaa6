/* SPDX-License-Identifier: ISC
 *
 * What `smime keys`, `tokens` and `status` print. Names come from tokens and certificates: they are
 * escaped in both forms.
 */
#include "report.h"

#include "ask.h"
#include "keys.h"
#include "uri.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 sequence at the front (RFC 3629 section 4), or 0. */
static size_t utf8_length(struct view text)
{
	uint8_t first = text.data[0];
	size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : (first & 0xf0) == 0xe0 ? 3
				       : first >= 0xf0 && first < 0xf5	 ? 4
									 : 0;

	if (!length || length > text.length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
	if ((first == 0xe0 && text.data[1] < 0xa0) || (first == 0xed && text.data[1] > 0x9f) ||
	    (first == 0xf0 && text.data[1] < 0x90) || (first == 0xf4 && text.data[1] > 0x8f))
		return 0;
	return length;
}

static uint32_t code_point(struct view text, size_t length)
{
	static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t value = text.data[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		value = value << 6 | (text.data[i] & 0x3f);
	return value;
}

/* Controls, and what separates or reorders lines (Unicode's bidirectional formatting). */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static int add_json_character(struct buf *into, struct view text, size_t length)
{
	uint8_t c = text.data[0];

	if (!length)
		return buf_add(into, "\xef\xbf\xbd", 3);
	if (c == '"' || c == '\\')
		return buf_add_format(into, "\\%c", c);
	/* JSON is read by people, too. */
	if (length < 4 && is_unsafe(code_point(text, length)))
		return buf_add_format(into, "\\u%04x", code_point(text, length));
	return buf_add(into, text.data, length);
}

int report_json_string(struct buf *into, struct view text)
{
	int rc = buf_add_u8(into, '"');

	while (text.length && !rc) {
		size_t length = utf8_length(text), step = length ? length : 1;

		rc = add_json_character(into, text, length);
		text.data += step;
		text.length -= step;
	}
	return rc ? rc : buf_add_u8(into, '"');
}

int report_plain(struct buf *into, struct view text)
{
	int rc = 0;

	while (text.length && !rc) {
		size_t length = utf8_length(text), step = length ? length : 1;

		rc = !length || is_unsafe(code_point(text, length)) ? buf_add_u8(into, '?')
								     : buf_add(into, text.data, length);
		text.data += step;
		text.length -= step;
	}
	return rc;
}

int report_field(struct buf *into, const char *name, struct view value)
{
	int rc = buf_add_format(into, "%s\"%s\":", into->data[into->length - 1] == '{' ? "" : ",", name);

	return rc ? rc : report_json_string(into, value);
}

int report_text_field(struct buf *into, const char *name, const char *value)
{
	return report_field(into, name, view_string(value));
}

int report_lines_field(struct buf *into, const char *name, struct view lines)
{
	int rc = buf_add_format(into, ",\"%s\":[", name);
	bool first = true;

	while (lines.length && !rc) {
		const uint8_t *end = memchr(lines.data, '\n', lines.length);
		size_t length = end ? (size_t)(end - lines.data) : lines.length;

		rc = first ? 0 : buf_add_u8(into, ',');
		rc = rc ? rc : report_json_string(into, (struct view){lines.data, length});
		first = false;
		length += end ? 1 : 0;
		lines.data += length;
		lines.length -= length;
	}
	return rc ? rc : buf_add_u8(into, ']');
}

static const char *uses_lines(const struct key *key)
{
	static const char *const lines[] = {"", "sign", "decrypt", "sign\ndecrypt"};

	return lines[key->uses & 3];
}

static int key_uri(const struct key *key, struct buf *into)
{
	const struct token *token = key->token;

	return uri_format(into, token->label, token->manufacturer, token->model, token->serial,
			  buf_view(&key->label), buf_view(&key->id));
}

static int add_key_json(struct buf *into, const struct key *key)
{
	CLEAN_BUF struct buf uri = BUF_INIT(8192);
	CLEAN_BUF struct buf addresses = BUF_INIT(65536);
	CLEAN_BUF struct buf subject = BUF_INIT(65536);
	char type[32], before[32], after[32];
	int rc = buf_add_u8(into, '{');

	cert_key_type(key->cert, type, sizeof type);
	cert_time(X509_get0_notBefore(key->cert), before, sizeof before);
	cert_time(X509_get0_notAfter(key->cert), after, sizeof after);
	rc = rc ? rc : key_uri(key, &uri);
	rc = rc ? rc : cert_addresses(key->cert, &addresses);
	rc = rc ? rc : cert_subject(key->cert, &subject);
	rc = rc ? rc : report_text_field(into, "fingerprint", key->fingerprint);
	rc = rc ? rc : report_field(into, "label", buf_view(&key->label));
	rc = rc ? rc : report_field(into, "uri", buf_view(&uri));
	rc = rc ? rc : report_lines_field(into, "addresses", buf_view(&addresses));
	rc = rc ? rc : report_field(into, "subject", buf_view(&subject));
	rc = rc ? rc : report_text_field(into, "type", type);
	rc = rc ? rc : report_lines_field(into, "uses", view_string(uses_lines(key)));
	rc = rc ? rc : report_text_field(into, "not_before", before);
	rc = rc ? rc : report_text_field(into, "not_after", after);
	rc = rc ? rc : report_text_field(into, "token", key->token->label);
	rc = rc ? rc : report_text_field(into, "state", keys_state(key));
	return rc ? rc : buf_add_u8(into, '}');
}

int report_line(struct buf *into, const char *name, struct view value)
{
	int rc = buf_add_format(into, "  %-12s ", name);

	rc = rc ? rc : report_plain(into, value);
	return rc ? rc : buf_add_u8(into, '\n');
}

static int add_key_text(struct buf *into, const struct key *key)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(65536);
	CLEAN_BUF struct buf subject = BUF_INIT(65536);
	CLEAN_BUF struct buf uri = BUF_INIT(8192);
	char type[32], after[32];
	int rc = cert_addresses(key->cert, &addresses);

	cert_key_type(key->cert, type, sizeof type);
	cert_time(X509_get0_notAfter(key->cert), after, sizeof after);
	for (size_t i = 0; i < addresses.length; i++)
		if (addresses.data[i] == '\n')
			addresses.data[i] = ' ';
	rc = rc ? rc : cert_subject(key->cert, &subject);
	rc = rc ? rc : key_uri(key, &uri);
	rc = rc ? rc : buf_add_format(into, "%s\n", key->fingerprint);
	rc = rc ? rc : report_line(into, "label", buf_view(&key->label));
	rc = rc ? rc : report_line(into, "addresses", buf_view(&addresses));
	rc = rc ? rc : report_line(into, "subject", buf_view(&subject));
	rc = rc ? rc : report_line(into, "type", view_string(type));
	rc = rc ? rc
		: report_line(into, "uses",
			   view_string(key->uses == 3 ? "sign, decrypt" : uses_lines(key)));
	rc = rc ? rc : report_line(into, "not after", view_string(after));
	rc = rc ? rc : report_line(into, "token", view_string(key->token->label));
	rc = rc ? rc : report_line(into, "state", view_string(keys_state(key)));
	return rc ? rc : report_line(into, "uri", buf_view(&uri));
}

/* CA certificates are no keys; they show with the tokens' chains only. */
static bool is_listed(const struct key *key)
{
	return !X509_check_ca(key->cert) || (key->flags & CERT_KEY);
}

int report_keys(struct buf *into, bool json)
{
	bool first = true;
	int rc = keys_refresh(LIST_OBJECTS);

	rc = rc || !json ? rc : buf_add_u8(into, '[');
	for (const struct key *key = rc ? NULL : keys_first(); key && !rc; key = key->next) {
		if (!is_listed(key))
			continue;
		if (!first)
			rc = buf_add_format(into, json ? ",\n" : "\n");
		first = false;
		rc = rc ? rc : json ? add_key_json(into, key) : add_key_text(into, key);
	}
	return rc || !json ? rc : buf_add_format(into, "]\n");
}

static const char *token_state(const struct token *token)
{
	if (!(token->flags & TOKEN_INITIALISED))
		return "uninitialised";
	if (token->flags & TOKEN_PIN_LOCKED)
		return "pin-locked";
	if (token->flags & TOKEN_LOGGED_IN)
		return "unlocked";
	return token->flags & TOKEN_LOGIN_REQUIRED ? "locked" : "open";
}

static const char *token_pin(const struct token *token)
{
	if (token->flags & TOKEN_PIN_LOCKED)
		return "locked";
	if (token->flags & TOKEN_PIN_FINAL_TRY)
		return "last-try";
	if (token->flags & TOKEN_PIN_COUNT_LOW)
		return "few-tries";
	if (token->flags & TOKEN_PIN_TO_BE_CHANGED)
		return "to-be-changed";
	return token->flags & TOKEN_PIN_SET ? "ok" : "not-set";
}

typedef int (*add_value)(struct buf *into, const char *name, struct view value);

static int add_token(struct buf *into, const struct token *token, add_value add)
{
	CLEAN_BUF struct buf uri = BUF_INIT(8192);
	struct view none = {NULL, 0};
	int rc = uri_format(&uri, token->label, token->manufacturer, token->model, token->serial, none, none);

	rc = rc ? rc : add(into, "label", view_string(token->label));
	rc = rc ? rc : add(into, "manufacturer", view_string(token->manufacturer));
	rc = rc ? rc : add(into, "model", view_string(token->model));
	rc = rc ? rc : add(into, "serial", view_string(token->serial));
	rc = rc ? rc : add(into, "module", view_string(token->module));
	rc = rc ? rc : add(into, "reader", view_string(token->reader));
	rc = rc ? rc : add(into, "state", view_string(token_state(token)));
	rc = rc ? rc : add(into, "pin", view_string(token_pin(token)));
	return rc ? rc : add(into, "uri", buf_view(&uri));
}

int report_tokens(struct buf *into, bool json)
{
	int rc = keys_refresh(LIST_OBJECTS);

	rc = rc || !json ? rc : buf_add_u8(into, '[');
	for (const struct token *token = rc ? NULL : keys_tokens(); token && !rc; token = token->next) {
		if (token != keys_tokens())
			rc = buf_add_format(into, json ? ",\n" : "\n");
		rc = rc || !json ? rc : buf_add_u8(into, '{');
		rc = rc ? rc : add_token(into, token, json ? report_field : report_line);
		rc = rc || !json ? rc : buf_add_u8(into, '}');
	}
	return rc || !json ? rc : buf_add_format(into, "]\n");
}

/* Facts of which there may be several are arrays in JSON, under these names. */
static const struct {
	const char *name, *plural;
} several[] = {{"module", "modules"}, {"module_problem", "module_problems"}, {"reader", "readers"}};

#define SEVERAL (sizeof several / sizeof several[0])

struct status {
	struct buf *into;
	bool json;
	struct buf lines[SEVERAL];
};

static int take_note(void *context, const struct msg_note *note)
{
	struct status *status = context;
	char name[32];
	int rc;

	if (note->name.length >= sizeof name)
		return ERR_PROTOCOL;
	memcpy(name, note->name.data, note->name.length);
	name[note->name.length] = 0;
	for (size_t i = 0; i < SEVERAL && status->json; i++)
		if (!strcmp(name, several[i].name)) {
			rc = status->lines[i].length ? buf_add_u8(&status->lines[i], '\n') : 0;
			return rc ? rc : buf_add(&status->lines[i], note->value.data, note->value.length);
		}
	return status->json ? report_field(status->into, name, note->value)
			    : report_line(status->into, name, note->value);
}

int report_status(struct buf *into, bool json)
{
	struct status status = {.into = into, .json = json};
	int rc = json ? buf_add_u8(into, '{') : 0;

	for (size_t i = 0; i < SEVERAL; i++)
		status.lines[i] = BUF_INIT(65536);
	rc = rc ? rc : ask_status(take_note, &status);
	for (size_t i = 0; i < SEVERAL; i++) {
		rc = rc || !json ? rc : report_lines_field(into, several[i].plural, buf_view(&status.lines[i]));
		buf_done(&status.lines[i]);
	}
	return rc || !json ? rc : buf_add_format(into, "}\n");
}
