/* SPDX-License-Identifier: ISC
 *
 * The life of a PIN in the agent. It is never logged, and leaves only in a LOGIN or a key
 * operation for the host of its own token.
 */
#include "pincache.h"

#include "host.h"
#include "log.h"
#include "readers.h"
#include "route.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LOGOUT_TIMEOUT_MS 10000
#define DEFER_MS 20
#define DEFER_MAX 50
/* Wrong PINs that are compared with the cached one before none is compared for a while. */
#define GUESSES_MAX 3
#define GUESS_PAUSE_MS 300000

bool bad_pins_have(const struct bad_pins *list, const struct secret *pin)
{
	for (unsigned int i = 0; i < BAD_PINS_MAX; i++)
		if (secret_equal(list->pins[i], pin))
			return true;
	return false;
}

bool bad_pins_any(const struct bad_pins *list)
{
	for (unsigned int i = 0; i < BAD_PINS_MAX; i++)
		if (list->pins[i])
			return true;
	return false;
}

void bad_pins_add(struct bad_pins *list, struct secret *pin)
{
	if (!pin || bad_pins_have(list, pin)) {
		secret_free(pin);
		return;
	}
	secret_free(list->pins[list->next]);
	list->pins[list->next] = pin;
	list->next = (list->next + 1) % BAD_PINS_MAX;
}

static void bad_pins_drop(struct bad_pins *list, const struct secret *pin)
{
	for (unsigned int i = 0; i < BAD_PINS_MAX; i++)
		if (secret_equal(list->pins[i], pin))
			secret_free(TAKE(list->pins[i]));
}

void bad_pins_done(struct bad_pins *list)
{
	for (unsigned int i = 0; i < BAD_PINS_MAX; i++)
		secret_free(TAKE(list->pins[i]));
}

static bool in_use(const struct host *host)
{
	for (const struct token *token = keyring_tokens(); token; token = token->next)
		if (token->host == host && (token->flags & TOKEN_LOGGED_IN))
			return true;
	return host->calls;
}

/* Locked is locked: a module that does not log out is ended. So is one that holds a card and nothing else
 * that is open: many (OpenSC and ykcs11 with PIV) send the card nothing at a logout, so that it stays open
 * for other programs until it is let go of. */
static void logged_out(void *context, int err, const struct msg_result *result)
{
	struct token *token = keyring_token((uint32_t)(uintptr_t)context);

	if (!result || !token || !token->host)
		return;
	if (err)
		log_warn("token %s: logging out failed: %s", log_quote(token->label), error_text(err));
	if (err || (readers_of(token) && !in_use(token->host)))
		host_restart(token->host);
}

static void log_out(struct token *token)
{
	struct msg_token_ref message = {token->host_ref};
	uint32_t id;

	if (!(token->flags & TOKEN_LOGGED_IN) || !token->host_ref)
		return;
	token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	id = host_expect(token->host, HOST_CALL_PLAIN, token->ref, LOGOUT_TIMEOUT_MS, logged_out,
			 (void *)(uintptr_t)token->ref);
	if (id)
		child_send(token->host->child, LOGOUT, id, token_ref, &message, -1);
}

void pincache_lock(struct token *token)
{
	token->locks++;
	pincache_forget(token);
	log_out(token);
}

static void expired(void *context)
{
	struct token *token = context;

	/* The operation that the PIN was entered for comes first; but a stream of them ends here. */
	if (route_uses(token) && token->deferred++ < DEFER_MAX) {
		loop_timer_set(&token->expiry, DEFER_MS, expired, token);
		return;
	}
	log_info("token %s: locked, its PIN's time is over", log_quote(token->label));
	pincache_lock(token);
}

/* The earlier of "since last use" and "in all". */
static void arm(struct token *token)
{
	uint64_t ttl = (uint64_t)settings()->pin_cache_ttl * 1000;
	uint64_t most = (uint64_t)settings()->pin_cache_max * 1000;
	uint64_t age = loop_now() - token->pin_since;
	uint64_t left = age < most ? most - age : 0;

	token->deferred = 0;
	loop_timer_set(&token->expiry, ttl < left ? ttl : left, expired, token);
}

void pincache_put(struct token *token, struct secret *pin)
{
	if (token->pin != pin)
		secret_free(token->pin);
	token->pin = pin;
	token->pin_since = loop_now();
	arm(token);
}

/* Once for each time that somebody gave it: a card whose keys have a PIN of their own is not to lose that to the user's. */
void pincache_proved(struct token *token, const struct secret *pin, bool given)
{
	for (struct key *key = token->keys; key; key = key->next)
		if (key->pin_unclear && (given || !key->pin_cleared) && bad_pins_have(&key->bad_pins, pin)) {
			bad_pins_drop(&key->bad_pins, pin);
			key->pin_unclear = false;
			key->pin_cleared = true;
		}
}

const struct secret *pincache_get(const struct token *token)
{
	return token->pin;
}

/* The token is open, so that the PIN has no use but to be right. What is compared costs no try, so that
 * guesses are counted here. */
int pincache_compare(struct token *token, const struct secret *pin)
{
	if (!token->pin)
		return 0;
	if (token->guesses >= GUESSES_MAX && loop_now() < token->guess_time + GUESS_PAUSE_MS)
		return ERR_FORBIDDEN;
	if (secret_equal(token->pin, pin)) {
		token->guesses = 0;
		return 0;
	}
	token->guesses = token->guesses >= GUESSES_MAX ? 1 : token->guesses + 1;
	token->guess_time = loop_now();
	return ERR_PIN_WRONG;
}

void pincache_used(struct token *token)
{
	uint64_t ttl = (uint64_t)settings()->pin_cache_ttl * 1000;

	/* Not at each signature: a second is fine enough. */
	if (token->expiry.armed && token->expiry.due + 1000 < loop_now() + ttl)
		arm(token);
}

void pincache_forget(struct token *token)
{
	loop_timer_clear(&token->expiry);
	secret_free(TAKE(token->pin));
}

void pincache_failed(struct token *token)
{
	bad_pins_add(&token->bad_pins, TAKE(token->pin));
	pincache_forget(token);
}

void pincache_lock_all(void)
{
	for (struct token *token = keyring_tokens(); token; token = token->next)
		pincache_lock(token);
}

/* A PIN is not to go to a card that only has the same label: OpenSC labels them by their person. */
static bool names_another(const char *name, const struct token *token)
{
	for (const struct token *other = keyring_tokens(); other; other = other->next)
		if (other != token && keyring_is_named(other, name) && !keyring_shadowed(other))
			return true;
	return false;
}

static int open_credential(const char *name)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (!directory || strchr(name, '/') ||
	    snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int open_source(const char *source)
{
	int fd = !strncmp(source, "file:", 5) ? open(source + 5, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
					      : open_credential(source + strlen("credential:"));

	if (fd < 0)
		log_error("pin-source %s: %s", source, strerror(errno));
	return fd;
}

int pincache_open_source(const struct token *token)
{
	if (token->source_failed)
		return -1;
	for (const struct config_list *item = settings()->pin_sources; item; item = item->next) {
		if (!keyring_is_named(token, item->value))
			continue;
		if (!names_another(item->value, token))
			return open_source(item->second);
		log_warn("pin-source %s: more than one token has this name, and none gets the PIN; name one by its URI",
			 log_quote(item->value));
	}
	return -1;
}

void pincache_settings_changed(void)
{
	for (struct token *token = keyring_tokens(); token; token = token->next) {
		token->source_failed = false;
		if (token->expiry.armed)
			arm(token);
	}
}
