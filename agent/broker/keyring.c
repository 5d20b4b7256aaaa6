/* SPDX-License-Identifier: ISC
 *
 * Merges the token processes' reports into the list that workers are given. Refs of token processes are theirs; refs given
 * to workers are never used twice.
 */
#include "keyring.h"

#include "log.h"
#include "readers.h"
#include "state.h"
#include "uri.h"

#include <string.h>

/* Tokens that went and may come back; more are forgotten, the longest known first. */
#define ABSENT_MAX 64

static const char *const state_names[] = {"shown", "unshown", "gone", "pulled", "doubted"};
static const uint32_t states_after[] = {
	[TOKEN_SHOWN] = STATE_BIT(TOKEN_UNSHOWN) | STATE_BIT(TOKEN_GONE) | STATE_BIT(TOKEN_PULLED),
	[TOKEN_UNSHOWN] = STATE_BIT(TOKEN_SHOWN) | STATE_BIT(TOKEN_GONE),
	[TOKEN_GONE] = STATE_BIT(TOKEN_SHOWN) | STATE_BIT(TOKEN_DOUBTED),
	[TOKEN_PULLED] = STATE_BIT(TOKEN_SHOWN) | STATE_BIT(TOKEN_DOUBTED),
	[TOKEN_DOUBTED] = STATE_BIT(TOKEN_SHOWN) | STATE_BIT(TOKEN_GONE),
};
static const struct state_table states = {"token", state_names, states_after};

static struct token *tokens;
static uint32_t next_ref = 1;
static uint32_t report_number; /* of the last one */

static bool token_become(struct token *token, enum token_state state)
{
	if (!state_may_change(&states, token->state, state))
		return false;
	token->state = state;
	return true;
}

struct token *keyring_tokens(void)
{
	return tokens;
}

bool keyring_is_named(const struct token *token, const char *name)
{
	struct uri uri;
	bool match;

	if (strncmp(name, "pkcs11:", 7))
		return !strcmp(name, token->label);
	if (uri_parse(name, &uri)) {
		uri_done(&uri);
		return false;
	}
	match = uri_match_token(&uri, token->label, token->manufacturer, token->model, token->serial);
	uri_done(&uri);
	return match;
}

bool keyring_is_absent(const struct token *token)
{
	return token->state >= TOKEN_GONE;
}

struct token *keyring_token(uint32_t ref)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->ref == ref)
			return token;
	return NULL;
}

struct key *keyring_key(uint32_t ref)
{
	for (struct token *token = tokens; token; token = token->next)
		for (struct key *key = token->keys; key; key = key->next)
			if (key->ref == ref)
				return key;
	return NULL;
}

const struct reader *keyring_reader(const struct token *token)
{
	return readers_of(token->reader);
}

uint16_t keyring_reader_count(const struct token *token)
{
	const struct reader *reader = keyring_reader(token);

	return reader ? reader->cards : 0;
}

bool keyring_reader_has_card(const struct token *token)
{
	const struct reader *reader = keyring_reader(token);

	return reader && reader_has_card(reader);
}

bool keyring_may_be_there(const struct token *token)
{
	const struct reader *reader = keyring_reader(token);

	/* Another card; of one that shows nothing, ykcs11 may have misread the serial number, too. */
	for (const struct token *other = tokens; other && reader; other = other->next)
		if (other->process == token->process && !keyring_is_absent(other) && other->keys &&
		    keyring_reader(other) == reader)
			return false;
	return reader ? reader_has_card(reader) : token->state == TOKEN_GONE;
}

static void key_free(struct key *key)
{
	if (!key)
		return;
	buf_done(&key->id);
	buf_done(&key->label);
	buf_done(&key->der);
	buf_done(&key->parameters);
	buf_done(&key->public_value);
	free(key);
}

static void token_free(struct token *token)
{
	while (token->keys) {
		struct key *next = token->keys->next;

		key_free(token->keys);
		token->keys = next;
	}
	free(token->label);
	free(token->manufacturer);
	free(token->model);
	free(token->serial);
	free(token->reader);
	free(token);
}

static bool is_text(struct view view, const char *text)
{
	return view_equal(view, view_string(text));
}

/* By what it says of itself; one that this report has shown already is another of the same kind. */
static struct token *find_token(uint32_t process, const struct msg_token *row)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->process == process && token->report != report_number && is_text(row->label, token->label) &&
		    is_text(row->manufacturer, token->manufacturer) && is_text(row->model, token->model) &&
		    is_text(row->serial, token->serial))
			return token;
	return NULL;
}

static struct token *add_token(uint32_t process, const struct msg_token *row)
{
	struct token *token, **at = &tokens;

	token = calloc(1, sizeof *token);
	if (!token)
		return NULL;
	token->ref = next_ref++;
	token->process = process;
	token->looked = -1;
	token->label = view_dup(row->label);
	token->manufacturer = view_dup(row->manufacturer);
	token->model = view_dup(row->model);
	token->serial = view_dup(row->serial);
	token->reader = view_dup(row->reader);
	if (!token->label || !token->manufacturer || !token->model || !token->serial || !token->reader) {
		token_free(token);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = token;
	return token;
}

static int set_slot(struct token *token, struct view reader, bool *changed)
{
	char *copy;

	if (!is_text(reader, token->reader)) {
		copy = view_dup(reader);
		if (!copy)
			return ERR_NO_MEMORY;
		free(token->reader);
		token->reader = copy;
		*changed = true;
	}
	if (keyring_reader(token))
		token->place = PLACE_READER;
	return 0;
}

/* It is in a slot, perhaps in another one than before. */
static int show_token(struct token *token, const struct msg_token *row, bool *changed)
{
	if (keyring_is_absent(token)) {
		log_info("token %s: it is back", log_quote(token->label));
		for (struct key *key = token->keys; key; key = key->next)
			key->state = KEY_SHOWN; /* this process has not had a chance to leave it out */
		*changed = true;
	}
	if (!token_become(token, TOKEN_SHOWN))
		return ERR_INTERNAL;
	/* Logins are no news: many programs would look. That tries were spent or given back is. */
	*changed = *changed || ((token->flags ^ row->flags) & ~(uint32_t)TOKEN_LOGGED_IN);
	token->report = report_number;
	token->process_ref = row->ref;
	token->flags = row->flags;
	return set_slot(token, row->reader, changed);
}

static int take_token(uint32_t process, const struct msg_token *row, bool *changed)
{
	struct token *token = find_token(process, row);

	if (!token) {
		token = add_token(process, row);
		*changed = true;
	}
	return token ? show_token(token, row, changed) : ERR_NO_MEMORY;
}

static int copy_bytes(struct buf *to, struct view from)
{
	*to = BUF_INIT(BUF_MESSAGE_MAX);
	return buf_add(to, from.data, from.length);
}

static bool is_key(const struct key *key, const struct msg_cert *row)
{
	return view_equal(buf_view(&key->id), row->id) && view_equal(buf_view(&key->der), row->der) &&
	       view_equal(buf_view(&key->parameters), row->parameters) &&
	       view_equal(buf_view(&key->public_value), row->public_value);
}

/* Before a login a token does not say which keys it has: one that was seen stays known; one that was not
 * may have come since. */
static void set_key_flags(struct key *key, uint16_t flags, bool *changed)
{
	bool silent = !(flags & (CERT_KEY | CERT_NO_KEY));

	if (flags == key->flags || (silent && (key->flags & CERT_KEY)))
		return;
	key->flags = flags;
	*changed = true;
}

static struct key *add_key(struct token *token, const struct msg_cert *row)
{
	struct key *key, **at = &token->keys;

	key = calloc(1, sizeof *key);
	if (!key)
		return NULL;
	key->ref = next_ref++;
	key->token = token;
	key->type = row->type;
	if (copy_bytes(&key->id, row->id) || copy_bytes(&key->label, row->label) || copy_bytes(&key->der, row->der) ||
	    copy_bytes(&key->parameters, row->parameters) || copy_bytes(&key->public_value, row->public_value)) {
		key_free(key);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = key;
	return key;
}

/* The token that this report showed by that ref. */
static struct token *shown_token(uint32_t process, uint32_t process_ref)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->process == process && token->report == report_number && token->process_ref == process_ref)
			return token;
	return NULL;
}

static int take_cert(uint32_t process, const struct msg_cert *row, bool *changed)
{
	struct token *token = shown_token(process, row->token);
	struct key *key;

	if (!token)
		return ERR_INTERNAL; /* a report has no certificate without its token */
	for (key = token->keys; key; key = key->next)
		if (key->report != report_number && is_key(key, row))
			break;
	if (!key) {
		key = add_key(token, row);
		*changed = true;
	}
	if (!key)
		return ERR_NO_MEMORY;
	key->report = report_number;
	key->state = KEY_SHOWN;
	key->process_ref = row->ref;
	set_key_flags(key, row->flags, changed);
	return 0;
}

/* By its certificate. Another certificate may be another card's: see may_be_left_out. */
static bool is_replaced(const struct token *token, const struct key *key)
{
	for (const struct key *other = token->keys; other; other = other->next)
		if (other->report == report_number && (!key->der.length || !other->der.length) &&
		    view_equal(buf_view(&other->id), buf_view(&key->id)))
			return true;
	return false;
}

/* ykcs11 leaves out what it failed to read as a card or pcscd came or went, and says nothing; once its sessions were lost
 * it may show what is on the card in another reader. Only what its next process does not see either is not there. */
static bool may_be_left_out(const struct token *token, struct key *key)
{
	if (token->place != PLACE_READER || is_replaced(token, key) || key->state == KEY_LEFT_OUT_BEFORE)
		return false;
	if (key->state == KEY_SHOWN)
		log_info("token %s: its module does not show key %u any more, and may have misread it",
			 log_quote(token->label), key->ref);
	key->state = KEY_LEFT_OUT;
	return true;
}

/* Of a token that could not be read the keys stay known, to be looked for when they are used. */
static void forget_unshown_keys(struct token *token, bool *changed)
{
	for (struct key **at = &token->keys; *at;) {
		struct key *key = *at;

		if (key->report == report_number) {
			at = &key->next;
		} else if ((token->flags & TOKEN_UNREAD) || may_be_left_out(token, key)) {
			key->process_ref = 0;
			at = &key->next;
		} else {
			log_info("token %s: key %u is not there any more", log_quote(token->label), key->ref);
			*at = key->next;
			key_free(key);
			*changed = true;
		}
	}
}

void keyring_process_starts(uint32_t process)
{
	for (struct token *token = tokens; token; token = token->next)
		for (struct key *key = token->keys; key && token->process == process; key = key->next)
			if (key->state == KEY_LEFT_OUT)
				key->state = KEY_LEFT_OUT_BEFORE;
	keyring_process_looks(process); /* some do as they are initialised */
}

void keyring_process_looks(uint32_t process)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->process == process && !token->process_ref && token->looked < 0)
			token->looked = keyring_reader_count(token);
}

/* It is in no slot any more: its keys stay known. */
static bool leave(struct token *token, enum token_state state)
{
	if (!token_become(token, state))
		return false;
	token->process_ref = 0;
	token->looked = -1;
	token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	token->removals++;
	return true;
}

void keyring_pull(struct token *token)
{
	(void)leave(token, TOKEN_PULLED);
}

static void take_absence(struct token *token, bool *changed)
{
	token->looked = -1;
	if (keyring_is_absent(token))
		return;
	log_info("token %s: no longer there", log_quote(token->label));
	*changed = leave(token, TOKEN_GONE) || *changed;
}

static void forget_token(struct token **at)
{
	struct token *token = *at;

	*at = token->next;
	token_free(token);
}

void keyring_forget_token(struct token *token)
{
	for (struct token **at = &tokens; *at; at = &(*at)->next)
		if (*at == token) {
			forget_token(at);
			return;
		}
}

static void forget_longest_absent(void)
{
	struct token **oldest = NULL;
	unsigned int count = 0;

	for (struct token **at = &tokens; *at; at = &(*at)->next)
		if (keyring_is_absent(*at) && !count++)
			oldest = at;
	if (count > ABSENT_MAX)
		forget_token(oldest);
}

static int take_row(uint32_t process, const struct report_row *row, bool *changed)
{
	struct msg_token token;
	struct msg_cert cert;
	int rc;

	if (row->type == MSG_TOKEN) {
		rc = decode_token(buf_view(&row->payload), &token);
		return rc ? rc : take_token(process, &token, changed);
	}
	rc = decode_cert(buf_view(&row->payload), &cert);
	return rc ? rc : take_cert(process, &cert, changed);
}

int keyring_take_report(uint32_t process, const struct report *report, bool partial, bool *ret_changed)
{
	bool changed = false;
	int rc = 0;

	report_number++;
	for (const struct report_row *row = report->first; row && !rc; row = row->next)
		rc = take_row(process, row, &changed);
	/* What was not taken, for want of memory, is not known to be gone. */
	for (struct token *token = tokens; token && !rc; token = token->next) {
		if (token->process == process && token->report == report_number)
			forget_unshown_keys(token, &changed);
		else if (token->process == process && !partial)
			take_absence(token, &changed);
	}
	forget_longest_absent();
	*ret_changed = changed;
	return rc;
}

void keyring_process_ended(uint32_t process)
{
	for (struct token *token = tokens; token; token = token->next) {
		if (token->process != process)
			continue;
		if (token->state == TOKEN_SHOWN)
			token_become(token, TOKEN_UNSHOWN);
		token->process_ref = 0;
		token->looked = -1;
		token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	}
}

void keyring_forget_process(uint32_t process)
{
	for (struct token **at = &tokens; *at;)
		if ((*at)->process == process)
			forget_token(at);
		else
			at = &(*at)->next;
}

void keyring_set_login(struct token *token, bool logged_in)
{
	token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	token->flags |= logged_in ? TOKEN_LOGGED_IN : 0;
}

void keyring_reader_filled(const struct reader *reader)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->state == TOKEN_DOUBTED && keyring_reader(token) == reader)
			token_become(token, TOKEN_GONE);
}

bool keyring_has_present(uint32_t process)
{
	for (const struct token *token = tokens; token; token = token->next)
		if (token->process == process && !keyring_is_absent(token))
			return true;
	return false;
}

bool keyring_has_readerless(uint32_t process)
{
	for (const struct token *token = tokens; token; token = token->next)
		if (token->process == process && !keyring_is_absent(token) && !keyring_reader(token))
			return true;
	return false;
}

bool keyring_is_missing(const struct token *token)
{
	if (keyring_is_absent(token))
		return token->state != TOKEN_DOUBTED && keyring_reader(token) && keyring_may_be_there(token);
	for (const struct key *key = token->keys; key; key = key->next)
		if (key->state == KEY_LEFT_OUT)
			return true;
	return false;
}

bool keyring_has_missing(uint32_t process)
{
	for (const struct token *token = tokens; token; token = token->next)
		if (token->process == process && keyring_is_missing(token))
			return true;
	return false;
}

void keyring_doubt(struct token *token)
{
	if (keyring_is_absent(token))
		token_become(token, TOKEN_DOUBTED);
}

void keyring_doubt_all(uint32_t process)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->process == process && keyring_is_absent(token) && keyring_is_missing(token))
			keyring_doubt(token);
}

static bool same_card(const struct token *a, const struct token *b)
{
	const struct reader *reader = keyring_reader(a);

	if (reader || keyring_reader(b))
		return reader == keyring_reader(b);
	return *a->serial && !strcmp(a->serial, b->serial) && !strcmp(a->label, b->label) &&
	       !strcmp(a->model, b->model) && !strcmp(a->manufacturer, b->manufacturer);
}

/* The module that is configured first (processes are numbered in that order), unless it knows nothing on the card and the
 * other does. */
bool keyring_shadowed(const struct token *token)
{
	for (const struct token *other = tokens; other; other = other->next) {
		if (other->process == token->process || keyring_is_absent(other) || !same_card(token, other))
			continue;
		if (!other->keys != !token->keys ? !token->keys : other->process < token->process)
			return true;
	}
	return false;
}
