/* SPDX-License-Identifier: ISC
 *
 * Merges what the hosts report into the list that workers are given. Refs of the hosts are
 * theirs; refs given to workers are never used twice.
 */
#include "keyring.h"

#include "host.h"
#include "log.h"
#include "pincache.h"
#include "readers.h"
#include "settings.h"
#include "uri.h"

#include <string.h>

/* Of one host. More is left out: one module's many must not cost another its few. */
#define KEYS_MAX 4096
#define TOKENS_MAX 64
/* PKCS#11 has 32 characters at most, UTF-8. */
#define FIELD_MAX 64
/* Tokens that went and may come back; more are forgotten, the longest known first. */
#define ABSENT_MAX 64

static struct token *tokens;
static uint32_t next_ref = 1;

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

struct token *keyring_host_token(const struct host *host, uint32_t host_ref)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host && token->host_ref == host_ref && host_ref)
			return token;
	return NULL;
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
	bad_pins_done(&key->bad_pins);
	free(key);
}

static void token_free(struct token *token)
{
	while (token->keys) {
		struct key *next = token->keys->next;

		key_free(token->keys);
		token->keys = next;
	}
	pincache_forget(token);
	bad_pins_done(&token->bad_pins);
	free(token->label);
	free(token->manufacturer);
	free(token->model);
	free(token->serial);
	free(token->reader);
	free(token);
}

void keyring_begin(struct host *host)
{
	host->changed = false;
	host->tokens = host->keys = 0;
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host)
			token->seen = false;
}

static bool is_text(struct view view, const char *text)
{
	return view_equal(view, view_string(text));
}

static struct token *find_token(const struct host *host, const struct msg_token *row)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host && !token->seen && is_text(row->label, token->label) &&
		    is_text(row->manufacturer, token->manufacturer) && is_text(row->model, token->model) &&
		    is_text(row->serial, token->serial))
			return token;
	return NULL;
}

static struct token *add_token(struct host *host, const struct msg_token *row)
{
	struct token *token, **at = &tokens;

	token = calloc(1, sizeof *token);
	if (!token)
		return NULL;
	token->ref = next_ref++;
	token->host = host;
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
	host->changed = true;
	return token;
}

/* It is in a slot, perhaps in another one than before. */
static int show(struct host *host, struct token *token, struct view reader)
{
	if (!is_text(reader, token->reader)) {
		free(token->reader);
		token->reader = view_dup(reader);
		host->changed = true;
	}
	token->carded = token->carded || (token->reader && readers_of(token));
	if (token->absent) {
		log_info("token %s: it is back", log_quote(token->label));
		token->absent = token->pulled = token->doubted = false;
		for (struct key *key = token->keys; key; key = key->next)
			key->missing_since = 0;
		host->changed = true;
	}
	return token->reader ? 0 : ERR_NO_MEMORY;
}

int keyring_take_token(struct host *host, const struct msg_token *row)
{
	struct token *token;

	if (row->label.length > FIELD_MAX || row->manufacturer.length > FIELD_MAX ||
	    row->model.length > FIELD_MAX || row->serial.length > FIELD_MAX || row->reader.length > FIELD_MAX)
		return ERR_PROTOCOL;
	if (++host->tokens > TOKENS_MAX)
		return 0;
	token = find_token(host, row);
	token = token ? token : add_token(host, row);
	if (!token)
		return ERR_NO_MEMORY;
	token->seen = true;
	token->host_ref = row->ref;
	/* Logins are no news: many programs would look. That tries were spent or given back is. */
	host->changed = host->changed || ((token->flags ^ row->flags) & ~(uint32_t)TOKEN_LOGGED_IN);
	token->flags = row->flags;
	for (struct key *key = token->keys; key; key = key->next)
		key->seen = false;
	return show(host, token, row->reader);
}

static int copy(struct buf *to, struct view from)
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
static void set_flags(struct host *host, struct key *key, uint16_t flags)
{
	bool silent = !(flags & (CERT_KEY | CERT_NO_KEY));

	if (flags == key->flags || (silent && (key->flags & CERT_KEY)))
		return;
	key->flags = flags;
	host->changed = true;
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
	if (copy(&key->id, row->id) || copy(&key->label, row->label) || copy(&key->der, row->der) ||
	    copy(&key->parameters, row->parameters) || copy(&key->public_value, row->public_value)) {
		key_free(key);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = key;
	token->host->changed = true;
	return key;
}

int keyring_take_cert(struct host *host, const struct msg_cert *row)
{
	struct token *token = keyring_host_token(host, row->token);
	struct key *key;

	/* Of a token that was left out. */
	if (!token && host->tokens > TOKENS_MAX)
		return 0;
	if (!token || !token->seen)
		return ERR_PROTOCOL;
	if (++host->keys > KEYS_MAX)
		return 0;
	for (key = token->keys; key; key = key->next)
		if (!key->seen && is_key(key, row))
			break;
	key = key ? key : add_key(token, row);
	if (!key)
		return ERR_NO_MEMORY;
	key->seen = true;
	key->missing_since = 0;
	key->host_ref = row->ref;
	set_flags(host, key, row->flags);
	return 0;
}

/* By its certificate. Another certificate may be another card's: see may_be_there. */
static bool is_replaced(const struct token *token, const struct key *key)
{
	for (const struct key *other = token->keys; other; other = other->next)
		if (other->seen && (!key->der.length || !other->der.length) && view_equal(buf_view(&other->id), buf_view(&key->id)))
			return true;
	return false;
}

/* ykcs11 leaves out what it failed to read as a card or pcscd came or went, and says nothing; once its sessions were lost
 * it may show what is on the card in another reader. Only what its next process does not see either is not there. */
static bool may_be_there(const struct host *host, const struct token *token, struct key *key)
{
	if (!token->carded || is_replaced(token, key) ||
	    (key->missing_since && key->missing_since != host->starts))
		return false;
	if (!key->missing_since)
		log_info("token %s: key %u is not shown by process %u of its module, and may be there", log_quote(token->label),
			 key->ref, host->starts);
	key->missing_since = host->starts;
	return true;
}

/* Of a token that could not be read they stay known, to be looked for when they are used. */
static void forget_unseen_keys(struct host *host, struct token *token)
{
	if (token->flags & TOKEN_UNREAD) {
		for (struct key *key = token->keys; key; key = key->next)
			key->host_ref = key->seen ? key->host_ref : 0;
		return;
	}
	for (struct key **at = &token->keys; *at;) {
		struct key *key = *at;

		if (key->seen || may_be_there(host, token, key)) {
			key->host_ref = key->seen ? key->host_ref : 0;
			at = &key->next;
			continue;
		}
		log_info("token %s: key %u is not there any more", log_quote(token->label), key->ref);
		*at = key->next;
		key_free(key);
		host->changed = true;
	}
}

void keyring_looks(const struct host *host)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host && !token->host_ref && !token->meeting) {
			token->meeting = true;
			token->met = readers_count(token);
		}
}

void keyring_absent(struct token *token)
{
	token->host_ref = 0;
	token->meeting = false;
	token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	token->absent = true;
	token->removals++;
	if (!settings()->keep_pin_on_removal)
		pincache_forget(token);
}

/* A token in the middle of a login stays until that has ended. */
static void forget_token(struct token **at)
{
	struct token *token = *at;

	if (token->login)
		return;
	*at = token->next;
	token_free(token);
}

static void forget_longest_absent(void)
{
	struct token **oldest = NULL;
	unsigned int count = 0;

	for (struct token **at = &tokens; *at; at = &(*at)->next)
		if ((*at)->absent && !(*at)->login && !count++)
			oldest = at;
	if (count > ABSENT_MAX)
		forget_token(oldest);
}

static void take_absence(struct host *host, struct token *token)
{
	token->meeting = false;
	if (token->absent)
		return;
	log_info("token %s: no longer there", log_quote(token->label));
	keyring_absent(token);
	host->changed = true;
}

bool keyring_end(struct host *host, bool partial)
{
	for (struct token **at = &tokens; *at;) {
		struct token *token = *at;

		if (!token->host)
			forget_token(at);
		else if (token->host == host && token->seen)
			forget_unseen_keys(host, token);
		else if (token->host == host && !partial)
			take_absence(host, token);
		if (*at == token)
			at = &token->next;
	}
	forget_longest_absent();
	if (host->tokens > TOKENS_MAX || host->keys > KEYS_MAX)
		log_warn("module %s: it has more than %d tokens or %d certificates; the rest is left out",
			 host->name, TOKENS_MAX, KEYS_MAX);
	return host->changed;
}

void keyring_host_down(struct host *host)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host) {
			token->host_ref = 0;
			token->meeting = false;
			token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
		}
}

void keyring_forget_host(struct host *host)
{
	for (struct token **at = &tokens; *at;) {
		struct token *token = *at;

		if (token->host == host) {
			keyring_absent(token);
			token->host = NULL;
			/* One that a login still holds goes at the next report. */
			forget_token(at);
		}
		if (*at == token)
			at = &token->next;
	}
}

bool keyring_has_present(const struct host *host)
{
	for (const struct token *token = tokens; token; token = token->next)
		if (token->host == host && !token->absent)
			return true;
	return false;
}

bool keyring_has_readerless(const struct host *host)
{
	for (const struct token *token = tokens; token; token = token->next)
		if (token->host == host && !token->absent && !readers_of(token))
			return true;
	return false;
}

bool keyring_is_missing(const struct token *token)
{
	if (token->absent)
		return !token->doubted && readers_of(token) && readers_may_have(token);
	for (const struct key *key = token->keys; key; key = key->next)
		if (key->missing_since == token->host->starts)
			return true;
	return false;
}

bool keyring_has_missing(const struct host *host)
{
	for (const struct token *token = tokens; token; token = token->next)
		if (token->host == host && keyring_is_missing(token))
			return true;
	return false;
}

void keyring_doubt(const struct host *host)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host && token->absent && keyring_is_missing(token))
			token->doubted = true;
}

static bool goes_first(const struct host *host, const struct host *other)
{
	while (host && host != other)
		host = host->next;
	return host;
}

static bool same_card(const struct token *a, const struct token *b)
{
	const struct reader *reader = readers_of(a);

	if (reader || readers_of(b))
		return reader == readers_of(b);
	return *a->serial && !strcmp(a->serial, b->serial) && !strcmp(a->label, b->label) &&
	       !strcmp(a->model, b->model) && !strcmp(a->manufacturer, b->manufacturer);
}

/* The module that is configured first, unless it knows nothing on the card and the other does. */
bool keyring_shadowed(const struct token *token)
{
	for (const struct token *other = tokens; other; other = other->next) {
		if (!token->host || !other->host || other->host == token->host || other->absent ||
		    !same_card(token, other))
			continue;
		if (!other->keys != !token->keys ? !token->keys : goes_first(other->host, token->host))
			return true;
	}
	return false;
}
