/* SPDX-License-Identifier: ISC
 *
 * The life of a PIN in the agent. It is never logged, and leaves only in a LOGIN or a key operation for the token process
 * of its own token.
 */
#include "pincache.h"

#include "log.h"
#include "loop.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* No token takes more wrong PINs than this before it locks. */
#define REFUSED_MAX 16
/* The operation that a PIN was entered for comes before its end; but a stream of them is cut off here. */
#define DEFER_MS 20
#define DEFER_MAX 50
/* So many wrong PINs are compared with the cached one at once, and after them one in each pause. */
#define GUESSES_MAX 3
#define GUESS_PAUSE_MS 300000

/* A token's SO PIN and its user PIN are two things, and so is what is known of them. */
enum pin_kind { PIN_OF_USER, PIN_OF_SO };

struct entry {
	struct entry *next;
	uint32_t ref; /* a token's or a key's */
	enum pin_kind kind;
	struct secret *pin; /* cached */
	struct loop_timer expiry;
	uint64_t since;	       /* ms, when the cached PIN was entered */
	unsigned int holds;    /* operations that go on */
	unsigned int deferred; /* how often the end was put off for them */
	unsigned int locks;
	struct secret *refused[REFUSED_MAX]; /* since the last that worked */
	unsigned int next_refused;
	bool unclear; /* the last of them may have been right */
	bool cleared; /* it was that, once since the last use */
	unsigned int guesses; /* wrong PINs that clients gave for an open token */
	uint64_t guess_time;  /* ms, of the last */
	bool source_failed;   /* pin-source's PIN was wrong */
};

static struct entry *entries;
static void (*on_expired)(uint32_t token);

static struct entry *find_kind(uint32_t ref, enum pin_kind kind)
{
	for (struct entry *entry = entries; entry; entry = entry->next)
		if (entry->ref == ref && entry->kind == kind)
			return entry;
	return NULL;
}

static struct entry *find_entry(uint32_t ref)
{
	return find_kind(ref, PIN_OF_USER);
}

/* NULL without memory: then nothing is remembered. */
static struct entry *get_kind(uint32_t ref, enum pin_kind kind)
{
	struct entry *entry = find_kind(ref, kind);

	if (entry)
		return entry;
	entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->ref = ref;
	entry->kind = kind;
	entry->next = entries;
	entries = entry;
	return entry;
}

static struct entry *get_entry(uint32_t ref)
{
	return get_kind(ref, PIN_OF_USER);
}

static void forget_pin(struct entry *entry)
{
	loop_timer_clear(&entry->expiry);
	secret_free(TAKE(entry->pin));
}

static void forget_refused(struct entry *entry)
{
	for (unsigned int i = 0; i < REFUSED_MAX; i++)
		secret_free(TAKE(entry->refused[i]));
}

static void entry_free(struct entry *entry)
{
	forget_pin(entry);
	forget_refused(entry);
	free(entry);
}

static bool is_refused(uint32_t ref, enum pin_kind kind, const struct secret *pin)
{
	const struct entry *entry = find_kind(ref, kind);

	for (unsigned int i = 0; entry && i < REFUSED_MAX; i++)
		if (secret_equal(entry->refused[i], pin))
			return true;
	return false;
}

/* The list takes the PIN, and forgets the oldest for it when full. */
static void refuse(uint32_t ref, enum pin_kind kind, struct secret *pin)
{
	struct entry *entry = pin && !is_refused(ref, kind, pin) ? get_kind(ref, kind) : NULL;

	if (!entry) {
		secret_free(pin);
		return;
	}
	secret_free(entry->refused[entry->next_refused]);
	entry->refused[entry->next_refused] = pin;
	entry->next_refused = (entry->next_refused + 1) % REFUSED_MAX;
}

void pincache_refuse(const struct token *token, struct secret *pin)
{
	refuse(token->ref, PIN_OF_USER, pin);
}

bool pincache_is_refused(const struct token *token, const struct secret *pin)
{
	return is_refused(token->ref, PIN_OF_USER, pin);
}

void pincache_refuse_cached(const struct token *token)
{
	struct entry *entry = find_entry(token->ref);

	if (!entry)
		return;
	loop_timer_clear(&entry->expiry);
	refuse(token->ref, PIN_OF_USER, TAKE(entry->pin));
}

void pincache_refuse_so(const struct token *token, struct secret *pin)
{
	refuse(token->ref, PIN_OF_SO, pin);
}

bool pincache_is_refused_so(const struct token *token, const struct secret *pin)
{
	return is_refused(token->ref, PIN_OF_SO, pin);
}

void pincache_refuse_key(const struct key *key, struct secret *pin, bool unclear)
{
	struct entry *entry = get_entry(key->ref);

	refuse(key->ref, PIN_OF_USER, pin);
	if (entry)
		entry->unclear = unclear;
}

bool pincache_is_refused_key(const struct key *key, const struct secret *pin)
{
	return is_refused(key->ref, PIN_OF_USER, pin);
}

bool pincache_key_has_refused(const struct key *key)
{
	const struct entry *entry = find_entry(key->ref);

	for (unsigned int i = 0; entry && i < REFUSED_MAX; i++)
		if (entry->refused[i])
			return true;
	return false;
}

void pincache_accepted_key(const struct key *key)
{
	struct entry *entry = find_entry(key->ref);

	if (!entry)
		return;
	forget_refused(entry);
	entry->unclear = entry->cleared = false;
}

void pincache_when_expired(void (*expired)(uint32_t token))
{
	on_expired = expired;
}

static void time_over(void *context)
{
	struct entry *entry = context;

	if (entry->holds && entry->deferred++ < DEFER_MAX)
		loop_timer_set(&entry->expiry, DEFER_MS, time_over, entry);
	else
		on_expired(entry->ref);
}

/* The earlier of "since last use" and "in all". */
static void arm_expiry(struct entry *entry)
{
	uint64_t ttl = (uint64_t)settings()->pin_cache_ttl * 1000;
	uint64_t most = (uint64_t)settings()->pin_cache_max * 1000;
	uint64_t age = loop_now() - entry->since;
	uint64_t left = age < most ? most - age : 0;

	entry->deferred = 0;
	loop_timer_set(&entry->expiry, ttl < left ? ttl : left, time_over, entry);
}

void pincache_put(const struct token *token, struct secret *pin)
{
	struct entry *entry = get_entry(token->ref);

	if (!entry) {
		secret_free(pin);
		return;
	}
	secret_free(entry->pin);
	entry->pin = pin;
	entry->since = loop_now();
	arm_expiry(entry);
}

const struct secret *pincache_get(const struct token *token)
{
	const struct entry *entry = find_entry(token->ref);

	return entry ? entry->pin : NULL;
}

void pincache_used(const struct token *token)
{
	struct entry *entry = find_entry(token->ref);
	uint64_t ttl = (uint64_t)settings()->pin_cache_ttl * 1000;

	/* Not at each signature: a second is fine enough. */
	if (entry && entry->expiry.armed && entry->expiry.due + 1000 < loop_now() + ttl)
		arm_expiry(entry);
}

void pincache_hold(uint32_t token)
{
	struct entry *entry = get_entry(token);

	if (entry)
		entry->holds++;
}

void pincache_release(uint32_t token)
{
	struct entry *entry = find_entry(token);

	if (entry && entry->holds)
		entry->holds--;
}

void pincache_forget(const struct token *token)
{
	struct entry *entry = find_entry(token->ref);

	if (entry)
		forget_pin(entry);
}

void pincache_lock(const struct token *token)
{
	struct entry *entry = get_entry(token->ref);

	if (!entry)
		return;
	entry->locks++;
	forget_pin(entry);
}

unsigned int pincache_locks(const struct token *token)
{
	const struct entry *entry = find_entry(token->ref);

	return entry ? entry->locks : 0;
}

unsigned int pincache_count(void)
{
	unsigned int count = 0;

	for (const struct entry *entry = entries; entry; entry = entry->next)
		count += entry->pin != NULL;
	return count;
}

/* Once for each time that somebody gave it: a card whose keys have a PIN of their own is not to lose that to the user's. */
static void clear_key(const struct key *key, const struct secret *pin, bool entered)
{
	struct entry *entry = find_entry(key->ref);

	if (!entry || !pin || !entry->unclear || (entry->cleared && !entered) || !is_refused(key->ref, PIN_OF_USER, pin))
		return;
	for (unsigned int i = 0; i < REFUSED_MAX; i++)
		if (secret_equal(entry->refused[i], pin))
			secret_free(TAKE(entry->refused[i]));
	entry->unclear = false;
	entry->cleared = true;
}

void pincache_accepted(const struct token *token, const struct secret *pin, bool entered)
{
	struct entry *entry = find_entry(token->ref);

	for (const struct key *key = token->keys; key; key = key->next)
		clear_key(key, pin, entered);
	if (!entry)
		return;
	forget_refused(entry);
	entry->guesses = entered ? 0 : entry->guesses;
}

void pincache_renewed(const struct token *token)
{
	struct entry *entry = find_entry(token->ref);

	if (!entry)
		return;
	forget_pin(entry);
	forget_refused(entry);
	entry->source_failed = false;
}

/* The token is open, so that the PIN has no use but to be right. What is compared costs no try, so that guesses are
 * counted here: nothing but a correct PIN that somebody entered sets the count back. */
int pincache_compare(const struct token *token, const struct secret *pin)
{
	struct entry *entry = find_entry(token->ref);

	if (!entry || !entry->pin)
		return 0;
	if (entry->guesses >= GUESSES_MAX && loop_now() < entry->guess_time + GUESS_PAUSE_MS)
		return ERR_FORBIDDEN;
	if (secret_equal(entry->pin, pin)) {
		entry->guesses = 0;
		return 0;
	}
	entry->guesses += entry->guesses < GUESSES_MAX;
	entry->guess_time = loop_now();
	return ERR_PIN_WRONG;
}

void pincache_check(void)
{
	for (struct entry **at = &entries; *at;) {
		struct entry *entry = *at;
		const struct token *token = keyring_token(entry->ref);

		if (token || keyring_key(entry->ref)) {
			if (token && keyring_is_absent(token) && !settings()->keep_pin_on_removal)
				forget_pin(entry);
			at = &entry->next;
			continue;
		}
		*at = entry->next;
		entry_free(entry);
	}
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
	const struct entry *entry = find_entry(token->ref);

	if (entry && entry->source_failed)
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

void pincache_source_failed(const struct token *token)
{
	struct entry *entry = get_entry(token->ref);

	if (entry)
		entry->source_failed = true;
}

void pincache_settings_changed(void)
{
	for (struct entry *entry = entries; entry; entry = entry->next) {
		entry->source_failed = false;
		if (entry->expiry.armed)
			arm_expiry(entry);
	}
}
