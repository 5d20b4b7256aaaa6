/* SPDX-License-Identifier: ISC
 *
 * What `smime keys`, `tokens` and `status` print.
 */
#include "report.h"

#include "ask.h"
#include "keys.h"
#include "printable.h"
#include "status_text.h"
#include "uri.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

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
	char type[32], before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];
	int rc = buf_add_u8(into, '{');

	cert_key_type(key->cert, type, sizeof type);
	cert_time(X509_get0_notBefore(key->cert), TIME_RFC3339, before);
	cert_time(X509_get0_notAfter(key->cert), TIME_RFC3339, after);
	rc = rc ? rc : key_uri(key, &uri);
	rc = rc ? rc : cert_addresses(key->cert, &addresses);
	rc = rc ? rc : cert_subject(key->cert, &subject);
	rc = rc ? rc : printable_text_field(into, "fingerprint", key->fingerprint);
	rc = rc ? rc : printable_field(into, "label", buf_view(&key->label));
	rc = rc ? rc : printable_field(into, "uri", buf_view(&uri));
	rc = rc ? rc : printable_lines_field(into, "addresses", buf_view(&addresses));
	rc = rc ? rc : printable_field(into, "subject", buf_view(&subject));
	rc = rc ? rc : printable_text_field(into, "type", type);
	rc = rc ? rc : printable_lines_field(into, "uses", view_string(uses_lines(key)));
	rc = rc ? rc : printable_text_field(into, "not_before", before);
	rc = rc ? rc : printable_text_field(into, "not_after", after);
	rc = rc ? rc : printable_text_field(into, "token", key->token->label);
	rc = rc ? rc : printable_text_field(into, "state", keys_state(key));
	return rc ? rc : buf_add_u8(into, '}');
}

static int add_key_text(struct buf *into, const struct key *key)
{
	CLEAN_BUF struct buf addresses = BUF_INIT(65536);
	CLEAN_BUF struct buf subject = BUF_INIT(65536);
	CLEAN_BUF struct buf uri = BUF_INIT(8192);
	char type[32], after[TIME_TEXT_SIZE];
	int rc = cert_addresses(key->cert, &addresses);

	cert_key_type(key->cert, type, sizeof type);
	cert_time(X509_get0_notAfter(key->cert), TIME_RFC3339, after);
	buf_join_lines(&addresses, ' ');
	rc = rc ? rc : cert_subject(key->cert, &subject);
	rc = rc ? rc : key_uri(key, &uri);
	rc = rc ? rc : buf_add_format(into, "%s\n", key->fingerprint);
	rc = rc ? rc : printable_line(into, "label", buf_view(&key->label));
	rc = rc ? rc : printable_line(into, "addresses", buf_view(&addresses));
	rc = rc ? rc : printable_line(into, "subject", buf_view(&subject));
	rc = rc ? rc : printable_line(into, "type", view_string(type));
	rc = rc ? rc
		: printable_line(into, "uses",
			   view_string(key->uses == 3 ? "sign, decrypt" : uses_lines(key)));
	rc = rc ? rc : printable_line(into, "not after", view_string(after));
	rc = rc ? rc : printable_line(into, "token", view_string(key->token->label));
	rc = rc ? rc : printable_line(into, "state", view_string(keys_state(key)));
	return rc ? rc : printable_line(into, "uri", buf_view(&uri));
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
		rc = rc ? rc : add_token(into, token, json ? printable_field : printable_line);
		rc = rc || !json ? rc : buf_add_u8(into, '}');
	}
	return rc || !json ? rc : buf_add_format(into, "]\n");
}

static int take_note(void *context, const struct msg_note *note)
{
	return status_text_add(context, note->name, note->value);
}

int report_status(struct buf *into, bool json)
{
	CLEAN_STATUS_TEXT struct status_text status;
	int rc = status_text_begin(&status, into, json);

	rc = rc ? rc : ask_status(take_note, &status);
	return rc ? rc : status_text_end(&status);
}
