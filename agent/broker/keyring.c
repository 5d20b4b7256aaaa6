/* SPDX-License-Identifier: ISC
 *
 * Merges what the hosts report into the list that workers are given. Refs of the hosts are
 * theirs; refs given to workers are never used twice.
 */
#include "keyring.h"

#include "host.h"
#include "log.h"
#include "pincache.h"

#include <string.h>

/* As many as a host reports at most, times a few hosts. */
#define KEYS_MAX 8192
#define TOKENS_MAX 256

static struct token *tokens;
static uint32_t next_ref = 1;
static unsigned int token_count, key_count;
static bool changed;

struct token *keyring_tokens(void)
{
	return tokens;
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
	bad_pins_done(&key->bad_pins);
	free(key);
	key_count--;
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
	free(token);
	token_count--;
}

void keyring_begin(struct host *host)
{
	changed = false;
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

	if (token_count >= TOKENS_MAX)
		return NULL;
	token = calloc(1, sizeof *token);
	if (!token)
		return NULL;
	token_count++;
	token->ref = next_ref++;
	token->host = host;
	token->label = view_dup(row->label);
	token->manufacturer = view_dup(row->manufacturer);
	token->model = view_dup(row->model);
	token->serial = view_dup(row->serial);
	if (!token->label || !token->manufacturer || !token->model || !token->serial) {
		token_free(token);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = token;
	changed = true;
	return token;
}

int keyring_take_token(struct host *host, const struct msg_token *row)
{
	struct token *token = find_token(host, row);

	token = token ? token : add_token(host, row);
	if (!token)
		return ERR_NO_MEMORY;
	token->seen = true;
	token->host_ref = row->ref;
	token->flags = row->flags;
	for (struct key *key = token->keys; key; key = key->next)
		key->seen = false;
	return 0;
}

static struct key *add_key(struct token *token, const struct msg_cert *row)
{
	struct key *key, **at = &token->keys;

	if (key_count >= KEYS_MAX)
		return NULL;
	key = calloc(1, sizeof *key);
	if (!key)
		return NULL;
	key_count++;
	key->ref = next_ref++;
	key->token = token;
	key->id = key->label = key->der = BUF_INIT(BUF_MESSAGE_MAX);
	if (buf_add(&key->id, row->id.data, row->id.length) ||
	    buf_add(&key->label, row->label.data, row->label.length) ||
	    buf_add(&key->der, row->der.data, row->der.length)) {
		key_free(key);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = key;
	changed = true;
	return key;
}

int keyring_take_cert(struct host *host, const struct msg_cert *row)
{
	struct token *token = keyring_host_token(host, row->token);
	struct key *key;

	if (!token || !token->seen)
		return ERR_PROTOCOL;
	for (key = token->keys; key; key = key->next)
		if (!key->seen && view_equal(buf_view(&key->id), row->id) &&
		    view_equal(buf_view(&key->der), row->der))
			break;
	key = key ? key : add_key(token, row);
	if (!key)
		return ERR_NO_MEMORY;
	if (key->flags != row->flags)
		changed = true;
	key->seen = true;
	key->host_ref = row->ref;
	key->flags = row->flags;
	return 0;
}

static void forget_unseen_keys(struct token *token)
{
	for (struct key **at = &token->keys; *at;) {
		struct key *key = *at;

		if (key->seen) {
			at = &key->next;
			continue;
		}
		*at = key->next;
		key_free(key);
		changed = true;
	}
}

/* A token in the middle of a login stays until that has ended. */
static void forget_token(struct token **at)
{
	struct token *token = *at;

	token->host_ref = 0;
	token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	if (token->login)
		return;
	*at = token->next;
	token_free(token);
	changed = true;
}

bool keyring_end(struct host *host, bool partial)
{
	for (struct token **at = &tokens; *at;) {
		struct token *token = *at;

		if (token->host == host && token->seen)
			forget_unseen_keys(token);
		else if ((token->host == host && !partial) || !token->host)
			forget_token(at);
		if (*at == token)
			at = &token->next;
	}
	return changed;
}

void keyring_host_down(struct host *host)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host) {
			token->host_ref = 0;
			token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
		}
}

void keyring_forget_host(struct host *host)
{
	keyring_begin(host);
	keyring_end(host, false);
	/* Those that a login still holds go at the next report. */
	for (struct token *token = tokens; token; token = token->next)
		if (token->host == host)
			token->host = NULL;
}
