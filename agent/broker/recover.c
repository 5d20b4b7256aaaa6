/* SPDX-License-Identifier: ISC
 *
 * What follows when an operation failed: the gentlest step that may help, and the operation once more; or
 * else what to tell the person, which is not what the module said where the card was pulled.
 */
#include "recover.h"

#include "keyring.h"
#include "pincache.h"
#include "readers.h"

/* pcscd looks for cards every 400 ms, with readers that do not tell it. */
#define VERDICT_MS 1000

static void concluded(void *context, int err, const struct msg_result *result)
{
	struct request *request = context;

	(void)err;
	(void)result;
	route_finish(request, request->last_err, NULL);
}

static void verdict(void *context)
{
	struct request *request = context;
	const struct key *key = keyring_key(request->key);
	struct host *host = key && !key->token->absent ? key->token->host : NULL;
	bool restarted = host && (host->state != HOST_READY || host_distrust(host));

	if (!host || !readers_of(key->token)) {
		route_finish(request, request->last_err, NULL);
	} else if (restarted) {
		request->concluding = true;
		route_wait_for_host(request, host);
	} else {
		host_look(host, false, key->token->ref, concluded, request);
	}
}

/* Perhaps the card was pulled, and pcscd has yet to notice; or another one came before it did, which the module's
 * next process sees. Until then it is not known what to tell the person. */
void recover_await_verdict(struct request *request, const struct token *token, int err)
{
	request->last_err = err;
	if (token->meeting && request->cards == readers_count(token))
		request->cards = token->met;
	loop_timer_set(&request->verdict, readers_of(token) ? VERDICT_MS : 0, verdict, request);
}

void recover_hurry_verdict(struct request *request)
{
	loop_timer_set(&request->verdict, 0, verdict, request);
}

static void look_or_wait(struct request *request, const struct token *token, bool deep, int err)
{
	if (request->attempts < ATTEMPTS_MAX)
		host_look(token->host, deep, token->ref, route_looked, request);
	else
		recover_await_verdict(request, token, err);
}

bool recover_from(struct request *request, struct key *key, int err, bool unclear)
{
	struct token *token = key ? key->token : NULL;
	bool again = request->attempts < ATTEMPTS_MAX;

	if (!token || !token->host)
		return false;
	switch (err) {
	case ERR_PIN_NEEDED:
		if (request->pin_ready || request->asked >= ASK_MAX)
			return false;
		route_ask_pin(request, key);
		return true;
	case ERR_PIN_WRONG: /* a key with its own PIN; OpenSC drops the whole login with it */
		bad_pins_add(&key->bad_pins, TAKE(request->pin));
		key->pin_unclear = unclear;
		token->flags &= ~(uint32_t)(unclear ? TOKEN_LOGGED_IN : 0);
		if (request->asked >= ASK_MAX || request->pin_fd >= 0)
			return false;
		request->attempts = 0;
		request->last_err = err;
		request->pin_ready = false;
		host_look(token->host, false, token->ref, route_looked, request); /* how many tries are left */
		return true;
	case ERR_PIN_LAST_TRY: /* news: the PIN was not sent, and the person is asked again */
		if (request->told || request->pin_fd >= 0 || request->asked >= ASK_MAX)
			return false;
		secret_free(TAKE(request->pin));
		request->attempts = 0;
		request->pin_ready = false;
		host_look(token->host, false, token->ref, route_looked, request);
		return true;
	case ERR_NOT_LOGGED_IN:
		token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
		if (again)
			route_run(request);
		else
			recover_await_verdict(request, token, err); /* it logs in, and knows nothing of it */
		return true;
	case ERR_KEY_STALE:
		if (!again && !(token->flags & TOKEN_UNREAD) && !readers_of(token))
			return false;
		look_or_wait(request, token, true, token->flags & TOKEN_UNREAD ? ERR_TOKEN : err);
		return true;
	case ERR_TOKEN_CRASHED:
		if (again)
			route_run(request);
		return again;
	case ERR_TOKEN:
	case ERR_TOKEN_REMOVED: /* or it was, and is back; or another program reset it */
		if (token->absent)
			return false;
		/* ykcs11 says so of a derivation where a reset lost the login that it still believes in. */
		request->anew = request->type == MSG_DERIVE && readers_of(token) && pincache_get(token);
		look_or_wait(request, token, false, err);
		return true;
	}
	return false;
}

/* A module may call a removal a failure like any other (ykcs11), or notice what it lost with the card first. */
bool recover_is_removal(const struct request *request, const struct key *key, int err)
{
	if (!key || (err != ERR_TOKEN && err != ERR_KEY_STALE && err != ERR_NOT_LOGGED_IN))
		return false;
	return key->token->removals != request->removals || (key->token->absent && err != ERR_NOT_LOGGED_IN);
}

/* pcscd takes the card's power when it notices it, perhaps in the middle of what a module does that was quicker, or
 * after it; ykcs11 then needs a new process. That is no failure of the operation's. */
bool recover_after_event(struct request *request, const struct token *token)
{
	uint16_t cards = readers_count(token);

	request->concluding = false;
	if (token->absent || token->removals != request->removals || cards == request->cards)
		return false;
	request->cards = cards;
	request->attempts = request->logins = ATTEMPTS_MAX - 1;
	return true;
}
