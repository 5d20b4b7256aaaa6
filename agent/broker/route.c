/* SPDX-License-Identifier: ISC
 *
 * Key operations. Each is attempted at most twice (signing and unwrapping can be repeated): after
 * the host died, the key's handle went stale, or the token turned out to be logged out.
 */
#include "route.h"

#include "insertion.h"
#include "log.h"
#include "login.h"
#include "pincache.h"
#include "policy.h"
#include "readers.h"
#include "recover.h"
#include "settings.h"
#include "use.h"

#include <stdio.h>
#include <string.h>

#define BYSTANDING_MAX 2
/* Time limits of an operation that a request waits for its module's process to be there again. */
#define WAITS_MAX 2
/* For a token that is absent, and may be there. A card that was just reset is seen after a moment. */
#define LOOKS_MAX 3
#define LOOK_PAUSE_MS 300

static struct request *requests;

static const char *action(enum message_type type)
{
	return type == MSG_SIGN ? "sign" : type == MSG_DECRYPT ? "decrypt" : "derive";
}

/* One line for each use of a key: who, key, action, result. */
static void record(const struct request *request, const struct key *key, int err)
{
	const struct peer *peer = peer_find(request->peer);

	log_info("process %d (%s) %s%s with key %u (%s) of token %s: %s", peer ? peer->pid : 0,
		 peer ? log_quote(peer->program) : "gone", action(request->type),
		 request->door == DOOR_KEYS ? " (PKCS#11)" : "", request->key,
		 key && buf_terminate((struct buf *)(uintptr_t)&key->label) == 0
			 ? log_quote((const char *)key->label.data)
			 : "",
		 key ? log_quote(key->token->label) : "", err ? error_name(err) : "ok");
}

static void request_free(struct request *request)
{
	for (struct request **at = &requests; *at; at = &(*at)->next)
		if (*at == request) {
			*at = request->next;
			break;
		}
	loop_timer_clear(&request->verdict);
	loop_timer_clear(&request->wait);
	buf_done(&request->payload);
	secret_free(request->pin);
	if (request->pin_fd >= 0)
		close(request->pin_fd);
	free(request);
}

/* To which token it happened, and where it is the module's fault, to which module. */
static struct view detail(const struct key *key, int err, char *into, size_t size)
{
	if (!key || (err != ERR_MODULE && err != ERR_TOKEN_CRASHED) || !key->token->host)
		return view_string(key ? key->token->label : NULL);
	snprintf(into, size, "%s, module %s", key->token->label, key->token->host->name);
	return view_string(into);
}

void route_finish(struct request *request, int cause, const struct msg_result *from)
{
	struct key *key = keyring_key(request->key);
	int err = recover_is_removal(request, key, cause) ? ERR_TOKEN_REMOVED : cause;
	struct msg_result result = {.error = (uint32_t)-err, .form = from ? from->form : FORM_KEY};
	char which[300];

	if (err)
		result.detail = detail(key, err, which, sizeof which);
	else if (from)
		result.data = from->data;
	if (key && !err)
		pincache_used(key->token);
	if (key && !err && request->pin)
		use_succeeded(key);
	peer_reply_result(request->peer, request->peer_id, &result);
	record(request, key, err); /* the client need not wait for it */
	request_free(request);
}

static void got_pin(void *context, int err, struct secret *pin)
{
	struct request *request = context;
	struct key *key = keyring_key(request->key);

	if (err == ERR_PIN_WRONG && key && request->pin_fd < 0 && request->asked < ASK_MAX) {
		request->last_err = err;
		route_ask_pin(request, key);
		return;
	}
	if (err) {
		route_finish(request, err, NULL);
		return;
	}
	secret_free(request->pin);
	request->pin = pin;
	request->pin_ready = true;
	route_run(request);
}

void route_ask_pin(struct request *request, struct key *key)
{
	request->asked++;
	request->pin_ready = false;
	request->told = request->pin_fd < 0 && (key->token->flags & TOKEN_PIN_FINAL_TRY);
	use_ask_pin(key, request->peer, request->pin_fd, request->last_err, got_pin, request);
}

void route_looked(void *context, int err, const struct msg_result *result)
{
	(void)err;
	(void)result;
	route_run(context);
}

static void waited_enough(void *context)
{
	struct request *request = context;

	route_finish(request, request->concluding ? request->last_err : ERR_TOKEN_CRASHED, NULL);
}

void route_wait_for_host(struct request *request, struct host *host)
{
	host_revive(host);
	if (host->state == HOST_FAILED) {
		route_finish(request, ERR_MODULE, NULL);
		return;
	}
	request->waits_for = host;
	/* However often its process fails meanwhile. */
	loop_timer_set(&request->wait, WAITS_MAX * settings()->operation_timeout * 1000ull, waited_enough, request);
}

static void logged_in(void *context, int err)
{
	struct request *request = context;
	const struct key *key = keyring_key(request->key);

	if (!err)
		route_run(request);
	else if (err == ERR_TOKEN && key && !key->token->absent)
		recover_await_verdict(request, key->token, err);
	else
		route_finish(request, err, NULL);
}

/* An operation that came to nothing through another token's trouble is not held against it, so often. */
static bool was_bystander(struct request *request)
{
	const struct key *key = keyring_key(request->key);

	return key && key->token->host && key->token->host->restarting && request->bystanding++ < BYSTANDING_MAX;
}

static void answered(void *context, int err, const struct msg_result *result)
{
	struct request *request = context;

	/* A call that ran out of time ended its host. Once is a hang that may pass; twice is not. */
	if (err == ERR_TIMEOUT)
		err = ERR_TOKEN_CRASHED;
	else if (err == ERR_TOKEN_CRASHED && was_bystander(request))
		request->attempts--;
	/* Perhaps bad padding: to try again would tell by the time it takes. */
	if (err == ERR_TOKEN && result && result->form == FORM_UNCLEAR) {
		route_finish(request, err, result);
		return;
	}
	if (err && recover_from(request, keyring_key(request->key), err, result && result->form == FORM_UNCLEAR))
		return;
	route_finish(request, err, result);
}

static void inserted(void *context, int err)
{
	struct request *request = context;

	if (err)
		route_finish(request, err, NULL);
	else
		route_run(request);
}

/* One that was begun with a card does not wait for it to come back; neither does a program that knows
 * by itself which cards there are. */
static void ask_for_card(struct request *request, const struct token *token)
{
	if (request->attempts || request->door == DOOR_KEYS)
		route_finish(request, ERR_TOKEN_REMOVED, NULL);
	else
		insertion_ask(token, request->peer, inserted, request);
}

static void send(struct request *request, struct key *key, struct msg_key_op *message)
{
	struct host *host = key->token->host;
	uint32_t timeout = settings()->operation_timeout * 1000;
	uint32_t id;

	if (request->pin_ready && !request->pin)
		timeout += settings()->prompt_timeout * 1000;
	id = host_expect(host, HOST_CALL_PLAIN, key->token->ref, timeout, answered, request);
	if (!id) {
		route_finish(request, ERR_NO_MEMORY, NULL);
		return;
	}
	request->attempts++;
	message->key = key->host_ref;
	message->last_try = request->told;
	if (request->pin)
		message->pin = (struct view){request->pin->data, request->pin->length};
	switch (request->type) {
	case MSG_SIGN:
		child_send(host->child, SIGN, id, key_op, message, -1);
		break;
	case MSG_DECRYPT:
		child_send(host->child, DECRYPT, id, key_op, message, -1);
		break;
	default:
		child_send(host->child, DERIVE, id, key_op, message, -1);
	}
}

static void look(void *context)
{
	struct request *request = context;
	const struct key *key = keyring_key(request->key);

	if (key && key->token->host)
		host_look(key->token->host, false, key->token->ref, route_looked, request);
	else
		route_run(request);
}

/* A module may also have misread which card is in the reader. */
static unsigned int looks_of(const struct token *token)
{
	if (!token->absent || readers_may_have(token))
		return LOOKS_MAX;
	return readers_have_card(token) ? 1 : 0;
}

/* A card that is in its reader, or a key on it, and that its module does not see: its next process looks. */
static bool doubt(struct token *token, const struct key *key)
{
	if (token->absent ? !keyring_is_missing(token) : key->missing_since != token->host->starts)
		return false;
	token->doubted = token->absent;
	return host_distrust(token->host);
}

void route_run(struct request *request)
{
	struct key *key = keyring_key(request->key);
	struct token *token = key ? key->token : NULL;
	struct msg_key_op message;
	int refused = 0;

	if (token && request->anew)
		token->flags &= ~(uint32_t)TOKEN_LOGGED_IN;
	request->anew = false;
	if (token && !request->attempts && !request->logins) {
		request->removals = token->removals;
		request->cards = readers_count(token);
	}
	if (!request->peer) {
		route_finish(request, ERR_CLOSED, NULL); /* nobody waits for it */
	} else if (request->concluding && (!token || !recover_after_event(request, token))) {
		route_finish(request, request->last_err, NULL);
	} else if (!key || !token->host) {
		route_finish(request, ERR_KEY_STALE, NULL);
	} else if (token->host->state != HOST_READY) {
		route_wait_for_host(request, token->host);
	} else if (!token->host_ref && request->looks < looks_of(token)) {
		loop_timer_set(&request->wait, request->looks++ ? LOOK_PAUSE_MS : 0, look, request);
	} else if (doubt(token, key)) {
		route_wait_for_host(request, token->host);
	} else if (token->absent) {
		ask_for_card(request, token);
	} else if (!token->host_ref) {
		route_finish(request, ERR_TOKEN_REMOVED, NULL);
	} else if ((token->flags & TOKEN_LOGIN_REQUIRED) && !(token->flags & TOKEN_LOGGED_IN)) {
		if (request->logins++ >= ATTEMPTS_MAX) {
			route_finish(request, ERR_NOT_LOGGED_IN, NULL);
			return;
		}
		login_token(token, request->peer, logged_in, request);
	} else if ((key->flags & CERT_ALWAYS_AUTH) && !request->pin_ready) {
		route_ask_pin(request, key);
	} else if (decode_key_op(buf_view(&request->payload), &message)) {
		route_finish(request, ERR_INTERNAL, NULL);
	} else if ((refused = policy_check(peer_find(request->peer), key, request->type, request->door))) {
		route_finish(request, refused, NULL); /* only now is it known what the key is for */
	} else {
		send(request, key, &message);
	}
}

/* The next whose turn it is. */
static struct request *next_resumed(const struct host *host)
{
	struct request *request = requests;

	while (request && request->resumes != host)
		request = request->next;
	return request;
}

void route_host_changed(struct host *host)
{
	struct request *request;

	/* route_run() may end any of them, or make it wait again: each has one turn. */
	for (request = requests; request; request = request->next)
		if (request->waits_for == host) {
			request->waits_for = NULL;
			request->resumes = host;
			loop_timer_clear(&request->wait);
		}
	while ((request = next_resumed(host))) {
		request->resumes = NULL;
		if (host->state == HOST_FAILED)
			route_finish(request, ERR_MODULE, NULL);
		else
			route_run(request);
	}
}

int route_key_op(struct peer *peer, struct message *message)
{
	struct request *request;
	struct msg_key_op op;
	struct key *key;
	int rc = decode_key_op(message->payload, &op);

	/* A worker has no PIN to send, but perhaps where the client has one. */
	if (rc || op.pin.length || op.door > DOOR_KEYS || (message->fd >= 0 && op.door != DOOR_KEYS))
		return ERR_PROTOCOL;
	request = calloc(1, sizeof *request);
	if (!request)
		return ERR_NO_MEMORY;
	*request = (struct request){.next = requests,
				    .peer = peer->number,
				    .peer_id = message->id,
				    .type = message->type,
				    .key = op.key,
				    .door = op.door,
				    .pin_fd = -1,
				    .payload = BUF_INIT(BUF_MESSAGE_MAX)};
	rc = buf_add(&request->payload, message->payload.data, message->payload.length);
	if (rc) {
		free(request);
		return rc;
	}
	request->pin_fd = TAKE_FD(message->fd);
	requests = request;
	key = keyring_key(op.key);
	rc = key ? policy_check(peer, key, request->type, request->door) : 0;
	if (rc)
		route_finish(request, rc, NULL);
	else
		route_run(request);
	return 0;
}

void route_token_left(const struct token *token)
{
	for (struct request *request = requests; request; request = request->next) {
		const struct key *key = keyring_key(request->key);

		if (key && key->token == token && request->verdict.armed)
			recover_hurry_verdict(request);
	}
}

void route_peer_gone(uint32_t peer)
{
	for (struct request *request = requests; request; request = request->next)
		if (request->peer == peer)
			request->peer = 0;
}

bool route_uses(const struct token *token)
{
	for (const struct request *request = requests; request; request = request->next) {
		const struct key *key = keyring_key(request->key);

		if (key && key->token == token)
			return true;
	}
	return false;
}

unsigned int route_count(void)
{
	unsigned int count = 0;

	for (const struct request *request = requests; request; request = request->next)
		count++;
	return count;
}
