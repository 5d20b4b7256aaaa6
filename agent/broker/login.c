/* SPDX-License-Identifier: ISC
 *
 * One login at a time for each token, as a small state machine: find a PIN, send it, keep or
 * forget it, ask again.
 */
#include "login.h"

#include "modules.h"
#include "lock.h"
#include "log.h"
#include "peer.h"
#include "pincache.h"
#include "prompt.h"
#include "prompt_text.h"
#include "settings.h"

/* As gpg-agent and ssh do. */
#define ASK_MAX 3

enum source { SOURCE_NONE, SOURCE_CACHE, SOURCE_FILE, SOURCE_GIVEN, SOURCE_PIN_PAD, SOURCE_PERSON };

struct waiter {
	struct waiter *next;
	uint32_t peer;
	struct secret *pin; /* that it gave, to be sent in its turn; or NULL */
	login_done done;
	void *context;
};

struct login {
	struct login *next;
	uint32_t token;
	uint32_t peer;
	enum source source;
	unsigned int asked;
	bool told; /* the person knows that this is the last try */
	bool asking; /* a prompt is under way */
	bool again; /* after the module's process was started anew */
	uint32_t tries; /* the token's TOKEN_PIN_ flags, when the PIN was sent */
	int last_err;
	struct secret *pin; /* in use */
	unsigned int locks; /* the token's, when it began */
	struct waiter *waiters;
};

static struct login *logins;

static void next_source(struct login *login);

static struct login *login_of(const struct token *token)
{
	struct login *login = logins;

	while (login && login->token != token->ref)
		login = login->next;
	return login;
}

static void login_free(struct login *login)
{
	for (struct login **at = &logins; *at; at = &(*at)->next)
		if (*at == login) {
			*at = login->next;
			break;
		}
	secret_free(login->pin);
	free(login);
}

/* All who waited hear of it. But a PIN that one client gave and that was wrong is no answer to the others, who
 * begin anew; and who gave one hears of that. */
static void login_finish(struct login *login, int err)
{
	struct token *token = keyring_token(login->token);
	struct waiter *waiters = TAKE(login->waiters);
	uint32_t giver = err && token && login->source == SOURCE_GIVEN ? login->peer : 0;

	login_free(login);
	while (waiters) {
		struct waiter *next = waiters->next;

		if (token && waiters->pin)
			login_with_pin(token, waiters->peer, TAKE(waiters->pin), waiters->done, waiters->context);
		else if (giver && waiters->peer != giver)
			login_token(token, waiters->peer, waiters->done, waiters->context);
		else
			waiters->done(waiters->context, err);
		secret_free(waiters->pin);
		free(waiters);
		waiters = next;
	}
}

static void keep(struct login *login, struct token *token)
{
	bool cached = login->source == SOURCE_CACHE;

	keyring_set_login(token, true);
	pincache_accepted(token, cached ? pincache_get(token) : login->pin, login->source >= SOURCE_GIVEN);
	if (cached && login->locks != pincache_locks(token)) {
		/* Locked while the cached PIN was on its way. */
		lock_token(token);
		login_finish(login, ERR_NOT_LOGGED_IN);
		return;
	}
	if (!cached)
		pincache_put(token, TAKE(login->pin));
	log_info("token %s: logged in", log_quote(token->label));
	login_finish(login, 0);
}

static void pin_failed(struct login *login, struct token *token)
{
	log_warn("token %s: %s", log_quote(token->label), error_text(login->last_err));
	if (login->source == SOURCE_CACHE)
		pincache_refuse_cached(token);
	pincache_refuse(token, TAKE(login->pin));
	if (login->source == SOURCE_FILE)
		pincache_source_failed(token);
	if (login->source == SOURCE_GIVEN ||
	    (login->source == SOURCE_PERSON && login->asked >= ASK_MAX))
		login_finish(login, login->last_err);
	else
		next_source(login);
}

/* The person was not told, since the other tries were spent elsewhere: is told now. */
static bool last_try_is_news(const struct login *login)
{
	return login->source < SOURCE_GIVEN ||
	       (login->source == SOURCE_PERSON && !login->told && login->asked < ASK_MAX);
}

#define TRIES_FLAGS (TOKEN_PIN_COUNT_LOW | TOKEN_PIN_FINAL_TRY | TOKEN_PIN_LOCKED)

static void send_login(struct login *login, struct token *token, const struct secret *pin);

static void send_again(void *context)
{
	struct login *login = context;
	struct token *token = keyring_token(login->token);
	const struct secret *pin = login->pin;

	if (token && !pin && login->source == SOURCE_CACHE)
		pin = pincache_get(token);
	if (!token || keyring_is_absent(token))
		login_finish(login, ERR_TOKEN_REMOVED);
	else if (!token->process_ref)
		login_finish(login, ERR_TOKEN_CRASHED);
	else if (!pin || (token->flags & TRIES_FLAGS) != login->tries)
		login_finish(login, login->last_err);
	else
		send_login(login, token, pin);
}

/* The module failed before the card could judge the PIN, as ykcs11 does with a card that was changed for
 * another. Not where a try is at stake that matters. */
static bool may_send_again(const struct login *login, const struct token *token, int err)
{
	if ((err != ERR_TOKEN && err != ERR_TOKEN_REMOVED) || login->again || keyring_is_absent(token))
		return false;
	return login->source != SOURCE_PIN_PAD && !(login->tries & TOKEN_PIN_FINAL_TRY);
}

static void wait_until_settled(struct login *login, void (*settled)(void *context))
{
	if (modules_when_settled(settled, login, true))
		login_finish(login, ERR_NO_MEMORY);
}

static void answered(void *context, int err, const struct outcome *outcome)
{
	struct login *login = context;
	struct token *token = keyring_token(login->token);
	struct token_process *process = token ? token_process_find(token->process) : NULL;

	(void)outcome;
	/* A call that ran out of time ended its process; at a PIN pad it is the person who took long. */
	if (err == ERR_TIMEOUT && login->source != SOURCE_PIN_PAD)
		err = ERR_TOKEN_CRASHED;
	login->last_err = err;
	if (!token)
		login_finish(login, ERR_TOKEN_REMOVED);
	else if (!err)
		keep(login, token);
	else if (err == ERR_PIN_WRONG || err == ERR_PIN_LENGTH)
		pin_failed(login, token);
	else if (err == ERR_PIN_LAST_TRY && last_try_is_news(login))
		next_source(login);
	else if (may_send_again(login, token, err) && process && token_process_distrust(process)) {
		login->again = true;
		wait_until_settled(login, send_again);
	} else {
		login_finish(login, err);
	}
}

/* A PIN that is known to be wrong is not sent; nor to a card that may be another one (ykcs11): the next process looks.
 * Whether this is the end of the login, or it goes on by itself. */
static bool must_not_send(struct login *login, struct token *token, struct token_process *process, const struct secret *pin)
{
	if (pin && pincache_is_refused(token, pin)) {
		answered(login, ERR_PIN_WRONG, NULL);
		return true;
	}
	if (!process) {
		login_finish(login, ERR_TOKEN_REMOVED);
		return true;
	}
	if (!keyring_is_absent(token) && keyring_is_missing(token) && (login->again || !token_process_distrust(process))) {
		login_finish(login, ERR_TOKEN);
		return true;
	}
	/* The PIN came while the module's process is started again, as after a lock. */
	if (!token->process_ref && !keyring_is_absent(token) && !login->again) {
		login->again = true;
		login->last_err = ERR_TOKEN_REMOVED;
		wait_until_settled(login, send_again);
		return true;
	}
	if (!token->process_ref) {
		login_finish(login, ERR_TOKEN_REMOVED);
		return true;
	}
	return false;
}

/* pin NULL: typed at the reader, which takes as long as a person takes. */
static void send_login(struct login *login, struct token *token, const struct secret *pin)
{
	struct token_process *process = token_process_find(token->process);
	struct msg_login message = {
		.last_try = login->told,
		.pin = pin ? (struct view){pin->data, pin->length} : (struct view){NULL, 0},
	};
	uint32_t timeout = (settings()->operation_timeout + (pin ? 0 : settings()->prompt_timeout)) * 1000;
	uint32_t id;

	login->tries = token->flags & TRIES_FLAGS;
	if (must_not_send(login, token, process, pin))
		return;
	message.token = token->process_ref;
	id = token_process_expect(process, CALL_LOGIN, token->ref, timeout, answered, login);
	if (!id)
		login_finish(login, ERR_NO_MEMORY);
	else
		child_send(process->child, LOGIN, id, &message, -1);
}

static bool peer_there(uint32_t number)
{
	const struct peer *peer = peer_find(number);

	return peer && !peer->hung_up;
}

/* The client that the person was asked for went, but others wait: asked for one of them. */
static bool next_asker(struct login *login)
{
	if (login->source != SOURCE_PERSON || peer_there(login->peer))
		return false;
	for (const struct waiter *waiter = login->waiters; waiter; waiter = waiter->next)
		if (peer_there(waiter->peer)) {
			login->peer = waiter->peer;
			login->asked--;
			return true;
		}
	return false;
}

static void got_pin(void *context, int err, struct secret *first, struct secret *second)
{
	struct login *login = context;
	struct token *token = keyring_token(login->token);

	login->asking = false;
	secret_free(second);
	/* A source that cannot be read leaves the person. */
	if (err && token && (login->source == SOURCE_FILE || next_asker(login))) {
		next_source(login);
		return;
	}
	if (err || !token) {
		secret_free(first);
		login_finish(login, err ? err : ERR_TOKEN_REMOVED);
		return;
	}
	secret_free(login->pin);
	login->pin = first;
	send_login(login, token, first);
}

static void ask_person(struct login *login, struct token *token)
{
	char text[PROMPT_TEXT_MAX];
	struct prompt prompt = {.peer = login->peer, .fd = -1, .title = "PIN", .first = text};

	prompt_text_login(token, login->peer, text);
	if (login->last_err == ERR_PIN_WRONG)
		prompt.error = "Wrong PIN. Try again.";
	else if (login->last_err == ERR_PIN_LENGTH)
		prompt.error = "The token takes no PIN of this length. Try again.";
	login->told = token->flags & TOKEN_PIN_FINAL_TRY;
	login->asked++;
	login->asking = true;
	prompt_ask(&prompt, got_pin, login);
}

static void read_from(struct login *login, int fd)
{
	struct prompt prompt = {.peer = login->peer, .fd = fd, .title = "", .first = "PIN"};

	login->asking = true;
	prompt_ask(&prompt, got_pin, login);
}

static void confirmed(void *context, int err, struct secret *first, struct secret *second)
{
	struct login *login = context;
	struct token *token = keyring_token(login->token);

	login->asking = false;
	secret_free(first);
	secret_free(second);
	if (err || !token)
		login_finish(login, err ? err : ERR_TOKEN_REMOVED);
	else
		send_login(login, token, NULL);
}

/* The reader asks; only what it cannot know, that a try is the last, is told on the screen. */
static void use_pin_pad(struct login *login, struct token *token)
{
	char text[PROMPT_TEXT_MAX];
	struct prompt prompt = {.peer = login->peer, .fd = -1, .title = "PIN", .first = text, .confirm = true};

	login->source = SOURCE_PIN_PAD;
	login->told = token->flags & TOKEN_PIN_FINAL_TRY;
	if (login->asked++) {
		login_finish(login, login->last_err);
	} else if (login->told) {
		prompt_text_pin_pad(token, text);
		login->asking = true;
		prompt_ask(&prompt, confirmed, login);
	} else {
		send_login(login, token, NULL);
	}
}

/* The PIN of a client that waits with one: nobody has to be asked. */
static bool send_given(struct login *login, struct token *token)
{
	struct waiter *waiter = login->waiters;

	while (waiter && !waiter->pin)
		waiter = waiter->next;
	if (!waiter)
		return false;
	secret_free(login->pin);
	login->pin = TAKE(waiter->pin);
	login->peer = waiter->peer;
	login->source = SOURCE_GIVEN;
	login->told = false;
	send_login(login, token, login->pin);
	return true;
}

/* Goes to the first source, after the one that was tried, that has a PIN. */
static void next_source(struct login *login)
{
	struct token *token = keyring_token(login->token);

	if (token->flags & TOKEN_PIN_LOCKED) {
		login_finish(login, ERR_PIN_LOCKED);
		return;
	}
	if (login->source < SOURCE_CACHE && pincache_get(token)) {
		login->source = SOURCE_CACHE;
		send_login(login, token, pincache_get(token));
		return;
	}
	if (login->source < SOURCE_FILE) {
		CLEAN_FD int fd = pincache_open_source(token);

		if (fd >= 0) {
			login->source = SOURCE_FILE;
			read_from(login, fd);
			return;
		}
	}
	if (send_given(login, token))
		return;
	if (token->flags & TOKEN_PROTECTED_PATH) {
		use_pin_pad(login, token);
		return;
	}
	login->source = SOURCE_PERSON;
	ask_person(login, token);
}

static int add_waiter(struct login *login, uint32_t peer, login_done done, void *context)
{
	struct waiter *waiter = calloc(1, sizeof *waiter);

	if (!waiter)
		return ERR_NO_MEMORY;
	*waiter = (struct waiter){login->waiters, peer, NULL, done, context};
	login->waiters = waiter;
	return 0;
}

static struct login *login_new(struct token *token, uint32_t peer, login_done done, void *context)
{
	struct login *login = calloc(1, sizeof *login);

	if (!login || add_waiter(login, peer, done, context)) {
		free(login);
		return NULL;
	}
	login->token = token->ref;
	login->peer = peer;
	login->locks = pincache_locks(token);
	login->next = logins;
	logins = login;
	return login;
}

static void tries_settled(void *context)
{
	struct login *login = context;
	const struct token *token = keyring_token(login->token);

	if (token && !keyring_is_absent(token))
		next_source(login);
	else
		login_finish(login, ERR_TOKEN_REMOVED);
}

static void tries_known(void *context, int err, const struct outcome *outcome)
{
	(void)err;
	(void)outcome;
	tries_settled(context);
}

/* What is known of the tries may be old: somebody unblocked the PIN, or entered the right one elsewhere. */
static void login_begin(struct login *login, struct token *token)
{
	struct token_process *process = token_process_find(token->process);

	if (!(token->flags & TRIES_FLAGS) || !process)
		next_source(login);
	else if (keyring_reader(token) && token_process_distrust(process))
		wait_until_settled(login, tries_settled); /* modules for cards say what they remember */
	else
		token_process_look(process, false, token->ref, tries_known, login);
}

/* A login that asks somebody asks no more; one whose PIN is with the token has its turn first. */
static void join_with_pin(struct login *login, struct token *token, uint32_t peer, struct secret *pin, login_done done,
			  void *context)
{
	if (add_waiter(login, peer, done, context)) {
		secret_free(pin);
		done(context, ERR_NO_MEMORY);
		return;
	}
	login->waiters->pin = pin;
	if (!login->asking)
		return;
	prompt_withdraw(login);
	login->asking = false;
	(void)send_given(login, token);
}

void login_with_pin(struct token *token, uint32_t peer, struct secret *pin, login_done done, void *context)
{
	struct login *login = login_of(token);
	bool open = !login && (token->flags & TOKEN_LOGGED_IN);

	if (open) {
		int err = pincache_compare(token, pin);

		secret_free(pin);
		done(context, err);
		return;
	}
	if (login) {
		join_with_pin(login, token, peer, pin, done, context);
		return;
	}
	login = login_new(token, peer, done, context);
	if (!login) {
		secret_free(pin);
		done(context, ERR_NO_MEMORY);
		return;
	}
	login->source = SOURCE_GIVEN;
	login->pin = pin;
	if (token->flags & TOKEN_PIN_LOCKED)
		login_finish(login, ERR_PIN_LOCKED);
	else
		send_login(login, token, pin);
}

void login_token(struct token *token, uint32_t peer, login_done done, void *context)
{
	struct login *login = login_of(token);

	if (!login && (token->flags & TOKEN_LOGGED_IN)) {
		done(context, 0);
	} else if (login) {
		if (add_waiter(login, peer, done, context))
			done(context, ERR_NO_MEMORY);
	} else {
		login = login_new(token, peer, done, context);
		if (login)
			login_begin(login, token);
		else
			done(context, ERR_NO_MEMORY);
	}
}

void login_token_left(struct token *token)
{
	struct login *login = login_of(token);

	if (!login || !login->asking)
		return;
	prompt_withdraw(login);
	login_finish(login, ERR_TOKEN_REMOVED);
}

void logins_check(void)
{
	for (struct login *login = logins; login;) {
		if (!login->asking || keyring_token(login->token)) {
			login = login->next;
			continue;
		}
		prompt_withdraw(login);
		login_finish(login, ERR_TOKEN_REMOVED);
		login = logins;
	}
}
