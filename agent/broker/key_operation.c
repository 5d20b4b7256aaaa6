/* SPDX-License-Identifier: ISC
 *
 * Key operations. Each is attempted at most twice (signing and unwrapping can be repeated): after its token process died,
 * the key's handle went stale, or the token turned out to be logged out. What helps is recover.c's to say.
 */
#include "key_operation.h"

#include "token_process.h"
#include "insertion.h"
#include "log.h"
#include "login.h"
#include "pincache.h"
#include "policy.h"
#include "recover.h"
#include "settings.h"
#include "state.h"
#include "key_pin.h"

#include <stdio.h>
#include <string.h>

#define BYSTANDING_MAX 2
/* Time limits of an operation that a request waits for its token process to be there again. */
#define WAITS_MAX 2
/* For a token that is absent, and may be there. A card that was just reset is seen after a moment. */
#define LOOKS_MAX 3
#define LOOK_PAUSE_MS 300
/* After a failure, until it is known whether the card was pulled: pcscd looks for cards every 400 ms, with readers that do
 * not tell it. */
#define VERDICT_MS 1000

enum operation_state {
	OPERATION_STEPS,     /* its next step is being taken */
	OPERATION_WAITS,     /* for its token process to be ready */
	OPERATION_LOOKS,     /* for its token, or a moment before */
	OPERATION_ASKS_CARD, /* a person is asked to insert the card */
	OPERATION_LOGS_IN,
	OPERATION_ASKS_PIN, /* for this use */
	OPERATION_SENT,	    /* the token has it */
	OPERATION_FAILED,   /* for good, and waits in case its card was pulled */
	OPERATION_CONCLUDES, /* waits for its module's next process, or for a look, to say whether the card is there */
};

static const char *const state_names[] = {"steps",   "waits",		  "looks", "asks for the card", "logs in",
					  "asks for the PIN", "sent",  "failed", "concludes"};
static const uint32_t states_after[] = {
	[OPERATION_STEPS] = STATE_BIT(OPERATION_WAITS) | STATE_BIT(OPERATION_LOOKS) | STATE_BIT(OPERATION_ASKS_CARD) |
			    STATE_BIT(OPERATION_LOGS_IN) | STATE_BIT(OPERATION_ASKS_PIN) | STATE_BIT(OPERATION_SENT),
	[OPERATION_WAITS] = STATE_BIT(OPERATION_STEPS),
	[OPERATION_LOOKS] = STATE_BIT(OPERATION_STEPS),
	[OPERATION_ASKS_CARD] = STATE_BIT(OPERATION_STEPS),
	[OPERATION_LOGS_IN] = STATE_BIT(OPERATION_STEPS) | STATE_BIT(OPERATION_FAILED),
	[OPERATION_ASKS_PIN] = STATE_BIT(OPERATION_STEPS),
	[OPERATION_SENT] = STATE_BIT(OPERATION_STEPS) | STATE_BIT(OPERATION_LOOKS) | STATE_BIT(OPERATION_ASKS_PIN) |
			   STATE_BIT(OPERATION_FAILED),
	[OPERATION_FAILED] = STATE_BIT(OPERATION_CONCLUDES),
	[OPERATION_CONCLUDES] = STATE_BIT(OPERATION_STEPS),
};
static const struct state_table states = {"key operation", state_names, states_after};

struct operation {
	struct operation *next;
	enum operation_state state;
	uint32_t peer, peer_id; /* peer 0: it went */
	enum message_type type;
	uint32_t key;
	uint32_t held; /* the token whose PIN it holds in the cache; 0 */
	struct buf payload; /* KEY_OP as it came */
	uint32_t process; /* that it waits for */
	enum door door;
	struct secret *pin; /* for this use */
	int pin_fd;	    /* where the client has it; -1 */
	bool pin_ready;	    /* pin is to be used, even if NULL (PIN pad) */
	bool told;	    /* the person knows that this is the last try */
	bool login_again;   /* before it is attempted again */
	unsigned int attempts, asked, logins;
	unsigned int bystanding; /* attempts that ended since another token's trouble ended the process */
	unsigned int looks;	 /* for its token, which was absent */
	int last_err; /* of the PIN that was asked for, or of the operation */
	struct loop_timer timer;
	struct sight began; /* its count is that of when the process that failed found the card, where that is another one */
};

static struct operation *operations;

static void operation_step(struct operation *operation);

static bool operation_become(struct operation *operation, enum operation_state state)
{
	if (!state_may_change(&states, operation->state, state))
		return false;
	operation->state = state;
	return true;
}

static const char *action(enum message_type type)
{
	return type == MSG_SIGN ? "sign" : type == MSG_DECRYPT ? "decrypt" : "derive";
}

/* One line for each use of a key: who, key, action, result. */
static void record(const struct operation *operation, const struct key *key, int err)
{
	const struct peer *peer = peer_find(operation->peer);
	CLEAN_FREE char *label = key ? view_dup(buf_view(&key->label)) : NULL;

	log_info("process %d (%s) %s%s with key %u (%s) of token %s: %s", peer ? peer->pid : 0,
		 peer ? log_quote(peer->program) : "gone", action(operation->type),
		 operation->door == DOOR_KEYS ? " (PKCS#11)" : "", operation->key, label ? log_quote(label) : "",
		 key ? log_quote(key->token->label) : "", err ? error_name(err) : "ok");
}

static void operation_free(struct operation *operation)
{
	for (struct operation **at = &operations; *at; at = &(*at)->next)
		if (*at == operation) {
			*at = operation->next;
			break;
		}
	loop_timer_clear(&operation->timer);
	pincache_release(operation->held);
	buf_done(&operation->payload);
	secret_free(operation->pin);
	if (operation->pin_fd >= 0)
		close(operation->pin_fd);
	free(operation);
}

/* To which token it happened, and where it is the module's fault, to which module. */
static struct view detail(const struct key *key, int err, char *into, size_t size)
{
	const struct token_process *process = key ? token_process_find(key->token->process) : NULL;

	if (!process || (err != ERR_MODULE && err != ERR_TOKEN_CRASHED))
		return view_string(key ? key->token->label : NULL);
	snprintf(into, size, "%s, module %s", key->token->label, process->name);
	return view_string(into);
}

static struct sight look_at(const struct token *token)
{
	return (struct sight){token->removals, keyring_reader_count(token), keyring_is_absent(token)};
}

static bool was_removed(const struct operation *operation, const struct key *key, int err)
{
	struct sight now;

	if (!key)
		return false;
	now = look_at(key->token);
	return recover_is_removal(err, &operation->began, &now);
}

/* Answers, and frees it. `from` may be NULL. */
static void operation_finish(struct operation *operation, int cause, const struct msg_result *from)
{
	struct key *key = keyring_key(operation->key);
	int err = was_removed(operation, key, cause) ? ERR_TOKEN_REMOVED : cause;
	struct msg_result result = {.error = (uint32_t)-err, .form = from ? from->form : FORM_KEY};
	char which[300];

	if (err)
		result.detail = detail(key, err, which, sizeof which);
	else if (from)
		result.data = from->data;
	if (key && !err)
		pincache_used(key->token);
	if (key && !err && operation->pin)
		pincache_accepted_key(key);
	peer_reply_result(operation->peer, operation->peer_id, &result);
	record(operation, key, err); /* the client need not wait for it */
	operation_free(operation);
}

static void ask_pin(struct operation *operation, const struct key *key);

static void got_pin(void *context, int err, struct secret *pin)
{
	struct operation *operation = context;
	const struct key *key = keyring_key(operation->key);

	operation_become(operation, OPERATION_STEPS);
	if (err == ERR_PIN_WRONG && key && operation->pin_fd < 0 && operation->asked < ASK_MAX) {
		operation->last_err = err;
		ask_pin(operation, key);
		return;
	}
	if (err) {
		operation_finish(operation, err, NULL);
		return;
	}
	secret_free(operation->pin);
	operation->pin = pin;
	operation->pin_ready = true;
	operation_step(operation);
}

static void ask_pin(struct operation *operation, const struct key *key)
{
	operation_become(operation, OPERATION_ASKS_PIN);
	operation->asked++;
	operation->pin_ready = false;
	operation->told = operation->pin_fd < 0 && (key->token->flags & TOKEN_PIN_FINAL_TRY);
	key_pin_ask(key, operation->peer, operation->pin_fd, operation->last_err, got_pin, operation);
}

static void waited_enough(void *context)
{
	struct operation *operation = context;

	operation_finish(operation, operation->state == OPERATION_CONCLUDES ? operation->last_err : ERR_TOKEN_CRASHED,
			 NULL);
}

/* In OPERATION_WAITS or OPERATION_CONCLUDES. */
static void wait_for_process(struct operation *operation, struct token_process *process)
{
	token_process_revive(process);
	if (process->state == TOKEN_PROCESS_FAILED) {
		operation_finish(operation, ERR_MODULE, NULL);
		return;
	}
	operation->process = process->number;
	/* However often its process fails meanwhile. */
	loop_timer_set(&operation->timer, WAITS_MAX * settings()->operation_timeout * 1000ull, waited_enough, operation);
}

static void concluded(void *context, int err, const struct outcome *outcome)
{
	struct operation *operation = context;

	(void)err;
	(void)outcome;
	operation_finish(operation, operation->last_err, NULL);
}

static void conclude(void *context)
{
	struct operation *operation = context;
	const struct key *key = keyring_key(operation->key);
	struct token_process *process = key && !keyring_is_absent(key->token) ? token_process_find(key->token->process) : NULL;
	bool restarted = process && (process->state != TOKEN_PROCESS_READY || token_process_distrust(process));

	if (!process || !keyring_reader(key->token)) {
		operation_finish(operation, operation->last_err, NULL);
		return;
	}
	operation_become(operation, OPERATION_CONCLUDES);
	if (restarted)
		wait_for_process(operation, process);
	else
		token_process_look(process, false, key->token->ref, concluded, operation);
}

/* Perhaps the card was pulled, and pcscd has yet to notice; or another one came before it did, which the module's
 * next process sees. Until then it is not known what to tell the person. */
static void await_verdict(struct operation *operation, const struct token *token, int err)
{
	operation_become(operation, OPERATION_FAILED);
	operation->last_err = err;
	if (token->looked >= 0 && operation->began.cards == keyring_reader_count(token))
		operation->began.cards = (uint16_t)token->looked;
	loop_timer_set(&operation->timer, keyring_reader(token) ? VERDICT_MS : 0, conclude, operation);
}

static void logged_in(void *context, int err)
{
	struct operation *operation = context;
	const struct key *key = keyring_key(operation->key);

	if (!err) {
		operation_become(operation, OPERATION_STEPS);
		operation_step(operation);
	} else if (err == ERR_TOKEN && key && !keyring_is_absent(key->token)) {
		await_verdict(operation, key->token, err);
	} else {
		operation_finish(operation, err, NULL);
	}
}

static void looked(void *context, int err, const struct outcome *outcome)
{
	struct operation *operation = context;

	(void)err;
	(void)outcome;
	operation_become(operation, OPERATION_STEPS);
	operation_step(operation);
}

static struct failure describe(const struct operation *operation, const struct key *key, int err, bool unclear)
{
	const struct token *token = key ? key->token : NULL;

	return (struct failure){
		.err = err,
		.unclear = unclear,
		.attempts = operation->attempts,
		.asked = operation->asked,
		.pin_sent = operation->pin_ready,
		.pin_given = operation->pin_fd >= 0,
		.told = operation->told,
		.token_known = token && token_process_find(token->process),
		.token_absent = token && keyring_is_absent(token),
		.token_unread = token && (token->flags & TOKEN_UNREAD),
		.token_in_reader = token && keyring_reader(token),
	};
}

/* What the failure says of the PIN and the login. */
static void learn(struct operation *operation, const struct key *key, const struct failure *failure)
{
	switch (failure->err) {
	case ERR_PIN_WRONG: /* a key with its own PIN; OpenSC drops the whole login with it */
		pincache_refuse_key(key, TAKE(operation->pin), failure->unclear);
		if (failure->unclear)
			keyring_set_login(key->token, false);
		break;
	case ERR_PIN_LAST_TRY:
		secret_free(TAKE(operation->pin));
		break;
	case ERR_NOT_LOGGED_IN:
		keyring_set_login(key->token, false);
		return;
	case ERR_TOKEN:
	case ERR_TOKEN_REMOVED:
		/* ykcs11 says so of a derivation where a reset lost the login that it still believes in. */
		operation->login_again = operation->type == MSG_DERIVE && failure->token_in_reader &&
					 pincache_get(key->token);
		return;
	default:
		return;
	}
	/* The PIN was not right, or not sent: the operation itself has not been attempted. */
	operation->attempts = 0;
	operation->last_err = failure->err == ERR_PIN_WRONG ? failure->err : operation->last_err;
	operation->pin_ready = false;
}

static void look_for(struct operation *operation, const struct token *token, bool deep)
{
	operation_become(operation, OPERATION_LOOKS);
	token_process_look(token_process_find(token->process), deep, token->ref, looked, operation);
}

static void recover_from(struct operation *operation, const struct failure *failure, const struct msg_result *from)
{
	struct key *key = keyring_key(operation->key);
	enum step step = recover_step(failure);

	if (failure->token_known)
		learn(operation, key, failure);
	switch (step) {
	case STEP_FINISH:
		operation_finish(operation, failure->err, from);
		break;
	case STEP_AGAIN:
		operation_become(operation, OPERATION_STEPS);
		operation_step(operation);
		break;
	case STEP_LOOK:
	case STEP_LOOK_DEEP:
		look_for(operation, key->token, step == STEP_LOOK_DEEP);
		break;
	case STEP_ASK_PIN:
		ask_pin(operation, key);
		break;
	case STEP_AWAIT:
		await_verdict(operation, key->token,
			      failure->err == ERR_KEY_STALE && failure->token_unread ? ERR_TOKEN : failure->err);
		break;
	}
}

static void answered(void *context, int err, const struct outcome *outcome)
{
	struct operation *operation = context;
	const struct msg_result *result = outcome->result;
	bool unclear = result && result->form == FORM_UNCLEAR;
	struct failure failure;

	/* A call that ran out of time ended its process. Once is a hang that may pass; twice is not. */
	if (err == ERR_TIMEOUT)
		err = ERR_TOKEN_CRASHED;
	/* What came to nothing through another token's trouble is not held against it, so often. */
	else if (err == ERR_TOKEN_CRASHED && outcome->bystander && operation->bystanding++ < BYSTANDING_MAX)
		operation->attempts--;
	/* Perhaps bad padding: to try again would tell by the time it takes. */
	if (!err || (err == ERR_TOKEN && unclear)) {
		operation_finish(operation, err, result);
		return;
	}
	failure = describe(operation, keyring_key(operation->key), err, unclear);
	recover_from(operation, &failure, result);
}

static void inserted(void *context, int err)
{
	struct operation *operation = context;

	operation_become(operation, OPERATION_STEPS);
	if (err)
		operation_finish(operation, err, NULL);
	else
		operation_step(operation);
}

/* One that was begun with a card does not wait for it to come back; neither does a program that knows
 * by itself which cards there are. */
static void ask_for_card(struct operation *operation, const struct token *token)
{
	if (operation->attempts || operation->door == DOOR_KEYS) {
		operation_finish(operation, ERR_TOKEN_REMOVED, NULL);
		return;
	}
	operation_become(operation, OPERATION_ASKS_CARD);
	insertion_ask(token, operation->peer, inserted, operation);
}

static void send_operation(struct operation *operation, const struct key *key, struct token_process *process,
			   struct msg_key_op *message)
{
	uint32_t timeout = settings()->operation_timeout * 1000;
	uint32_t id;

	if (operation->pin_ready && !operation->pin)
		timeout += settings()->prompt_timeout * 1000;
	id = token_process_expect(process, CALL_PLAIN, key->token->ref, timeout, answered, operation);
	if (!id) {
		operation_finish(operation, ERR_NO_MEMORY, NULL);
		return;
	}
	operation_become(operation, OPERATION_SENT);
	operation->attempts++;
	message->key = key->process_ref;
	message->last_try = operation->told;
	if (operation->pin)
		message->pin = (struct view){operation->pin->data, operation->pin->length};
	switch (operation->type) {
	case MSG_SIGN:
		child_send(process->child, SIGN, id, message, -1);
		break;
	case MSG_DECRYPT:
		child_send(process->child, DECRYPT, id, message, -1);
		break;
	default:
		child_send(process->child, DERIVE, id, message, -1);
	}
}

static void look_now(void *context)
{
	struct operation *operation = context;
	const struct key *key = keyring_key(operation->key);

	if (key && token_process_find(key->token->process))
		look_for(operation, key->token, false);
	else
		looked(operation, 0, NULL);
}

/* A module may also have misread which card is in the reader. */
static unsigned int looks_of(const struct token *token)
{
	if (!keyring_is_absent(token) || keyring_may_be_there(token))
		return LOOKS_MAX;
	return keyring_reader_has_card(token) ? 1 : 0;
}

/* A card that is in its reader, or a key on it, and that its module does not see: its next process looks. */
static bool look_with_next_process(struct token *token, const struct key *key, struct token_process *process)
{
	if (keyring_is_absent(token) ? !keyring_is_missing(token) : key->state != KEY_LEFT_OUT)
		return false;
	keyring_doubt(token);
	return token_process_distrust(process);
}

/* The module's next process is there, after a failure: whether the operation is attempted once more. */
static bool resume_concluding(struct operation *operation, const struct token *token)
{
	struct sight now;

	if (!token)
		return false;
	now = look_at(token);
	if (!recover_after_event(&operation->began, &now))
		return false;
	operation->began.cards = now.cards;
	operation->attempts = operation->logins = ATTEMPTS_MAX - 1;
	return true;
}

/* What the key needs before it can be used: a login, a PIN. Whether nothing is needed any more. */
static bool is_open(struct operation *operation, struct key *key)
{
	struct token *token = key->token;

	if (operation->login_again)
		keyring_set_login(token, false);
	operation->login_again = false;
	if ((token->flags & TOKEN_LOGIN_REQUIRED) && !(token->flags & TOKEN_LOGGED_IN)) {
		if (operation->logins++ >= ATTEMPTS_MAX) {
			operation_finish(operation, ERR_NOT_LOGGED_IN, NULL);
		} else {
			operation_become(operation, OPERATION_LOGS_IN);
			login_token(token, operation->peer, logged_in, operation);
		}
		return false;
	}
	if ((key->flags & CERT_ALWAYS_AUTH) && !operation->pin_ready) {
		ask_pin(operation, key);
		return false;
	}
	return true;
}

/* Only now is it known what the key is for. */
static void use_key(struct operation *operation, struct key *key, struct token_process *process)
{
	struct msg_key_op message;
	int rc = decode_key_op(buf_view(&operation->payload), &message);

	rc = rc ? ERR_INTERNAL : policy_check(peer_find(operation->peer), key, operation->type, operation->door);
	if (rc)
		operation_finish(operation, rc, NULL);
	else
		send_operation(operation, key, process, &message);
}

/* Takes the next step, whatever that is now. In OPERATION_STEPS. */
static void operation_step(struct operation *operation)
{
	struct key *key = keyring_key(operation->key);
	struct token *token = key ? key->token : NULL;
	struct token_process *process = token ? token_process_find(token->process) : NULL;

	if (token && !operation->attempts && !operation->logins)
		operation->began = look_at(token);
	if (!operation->peer) {
		operation_finish(operation, ERR_CLOSED, NULL); /* nobody waits for it */
	} else if (!process) {
		operation_finish(operation, ERR_KEY_STALE, NULL);
	} else if (process->state != TOKEN_PROCESS_READY) {
		operation_become(operation, OPERATION_WAITS);
		wait_for_process(operation, process);
	} else if (!token->process_ref && operation->looks < looks_of(token)) {
		operation_become(operation, OPERATION_LOOKS);
		loop_timer_set(&operation->timer, operation->looks++ ? LOOK_PAUSE_MS : 0, look_now, operation);
	} else if (look_with_next_process(token, key, process)) {
		operation_become(operation, OPERATION_WAITS);
		wait_for_process(operation, process);
	} else if (keyring_is_absent(token)) {
		ask_for_card(operation, token);
	} else if (!token->process_ref) {
		operation_finish(operation, ERR_TOKEN_REMOVED, NULL);
	} else if (is_open(operation, key)) {
		use_key(operation, key, process);
	}
}

/* Whether the process that it waits for is ready, failed, or no longer configured. */
static bool may_resume(const struct operation *operation)
{
	const struct token_process *process = token_process_find(operation->process);

	return operation->process && (!process || process->state == TOKEN_PROCESS_READY || process->state == TOKEN_PROCESS_FAILED);
}

static void resume(struct operation *operation)
{
	const struct token_process *process = token_process_find(operation->process);
	const struct key *key = keyring_key(operation->key);
	bool concludes = operation->state == OPERATION_CONCLUDES;

	operation->process = 0;
	loop_timer_clear(&operation->timer);
	operation_become(operation, OPERATION_STEPS);
	if (process && process->state == TOKEN_PROCESS_FAILED)
		operation_finish(operation, ERR_MODULE, NULL);
	else if (concludes && !resume_concluding(operation, key ? key->token : NULL))
		operation_finish(operation, operation->last_err, NULL);
	else
		operation_step(operation);
}

void key_operations_resume(void)
{
	/* A step may end any of them, or make it wait again, which is for a process that is not ready. */
	for (struct operation *operation = operations; operation;) {
		if (!may_resume(operation)) {
			operation = operation->next;
			continue;
		}
		resume(operation);
		operation = operations;
	}
}

static struct operation *operation_new(const struct peer *peer, const struct message *message, const struct msg_key_op *op)
{
	struct operation *operation = calloc(1, sizeof *operation);
	const struct key *key = keyring_key(op->key);

	if (!operation)
		return NULL;
	*operation = (struct operation){.peer = peer->number,
					.peer_id = message->id,
					.type = message->type,
					.key = op->key,
					.held = key ? key->token->ref : 0,
					.door = op->door,
					.pin_fd = -1,
					.payload = BUF_INIT(BUF_MESSAGE_MAX)};
	if (buf_add(&operation->payload, message->payload.data, message->payload.length)) {
		free(operation);
		return NULL;
	}
	if (operation->held)
		pincache_hold(operation->held);
	operation->next = operations;
	operations = operation;
	return operation;
}

int key_operation_take(struct peer *peer, struct message *message)
{
	struct operation *operation;
	struct msg_key_op op;
	struct key *key;
	int rc = decode_key_op(message->payload, &op);

	/* A worker has no PIN to send, but perhaps where the client has one. */
	if (rc || op.pin.length || op.door > DOOR_KEYS || (message->fd >= 0 && op.door != DOOR_KEYS))
		return ERR_PROTOCOL;
	operation = operation_new(peer, message, &op);
	if (!operation)
		return ERR_NO_MEMORY;
	operation->pin_fd = TAKE_FD(message->fd);
	key = keyring_key(op.key);
	rc = key ? policy_check(peer, key, operation->type, operation->door) : 0;
	if (rc)
		operation_finish(operation, rc, NULL);
	else
		operation_step(operation);
	return 0;
}

void key_operations_token_left(const struct token *token)
{
	for (struct operation *operation = operations; operation; operation = operation->next) {
		const struct key *key = keyring_key(operation->key);

		if (key && key->token == token && operation->state == OPERATION_FAILED)
			loop_timer_set(&operation->timer, 0, conclude, operation);
	}
}

void key_operations_peer_gone(uint32_t peer)
{
	for (struct operation *operation = operations; operation; operation = operation->next)
		if (operation->peer == peer)
			operation->peer = 0;
}

unsigned int key_operations_count(void)
{
	unsigned int count = 0;

	for (const struct operation *operation = operations; operation; operation = operation->next)
		count++;
	return count;
}
