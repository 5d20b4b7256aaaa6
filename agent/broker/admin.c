/* SPDX-License-Identifier: ISC
 *
 * Administration of tokens: which module, whose PINs, and afterwards another look. The work is
 * done by smime-agent-admin, which ends with it.
 */
#include "admin.h"

#include "keyring.h"
#include "modules.h"
#include "log.h"
#include "pincache.h"
#include "prompt.h"
#include "settings.h"
#include "uri.h"

#include <stdio.h>
#include <string.h>

struct task {
	struct task *next;
	uint32_t peer, id; /* peer 0: it went */
	uint32_t process; /* the number of its token process */
	struct child *child;
	struct buf request; /* ADMIN's payload as it came */
	struct buf result;  /* RESULT's payload as it came */
	enum admin_verb verb;
	int pin_fd; /* owned; -1 */
	uint32_t token;
	struct secret *pin; /* that was sent */
	bool patient;	    /* the token may be a slow module's */
	bool told;	    /* the person knows that this is the last try */
	bool paused;	    /* the token process is, and is to be started by the end */
	struct loop_timer limit;
};

/* An RSA-4096 key takes a card minutes; longer is a hang. */
#define TASK_TIMEOUT_MS 600000

static struct task *tasks;

static void task_free(struct task *task)
{
	struct token_process *process = token_process_find(task->process);

	for (struct task **at = &tasks; *at; at = &(*at)->next)
		if (*at == task) {
			*at = task->next;
			break;
		}
	loop_timer_clear(&task->limit);
	child_kill(task->child);
	if (task->paused && process)
		token_process_restart(process);
	secret_free(task->pin);
	if (task->pin_fd >= 0)
		close(task->pin_fd);
	buf_done(&task->request);
	buf_done(&task->result);
	free(task);
}

static void task_end(struct task *task, int err, const char *detail)
{
	peer_reply(task->peer, task->id, err, detail, -1);
	task_free(task);
}

static void task_reply(void *context)
{
	struct task *task = context;
	struct msg_result result;

	if (decode_result(buf_view(&task->result), &result))
		result = (struct msg_result){.error = (uint32_t)-ERR_INTERNAL};
	peer_reply_result(task->peer, task->id, &result);
	task_free(task);
}

static void looked(void *context, int err, const struct outcome *outcome)
{
	(void)err;
	(void)outcome;
	task_reply(context);
}

/* The task was done by another process. Some modules see what changed only when they are loaded anew:
 * SoftHSM tokens and PINs, tpm2-pkcs11 objects too. A CSR changes nothing. */
static void look_again(struct task *task)
{
	struct token_process *process = token_process_find(task->process);

	if (process && task->verb == ADMIN_CSR) {
		token_process_look(process, true, 0, looked, task);
		return;
	}
	task->paused = false;
	if (process)
		token_process_restart(process);
	if (modules_when_settled(task_reply, task, false))
		task_reply(task);
}

static bool is_refused(const struct task *task, const struct token *token, const struct secret *pin)
{
	return task->verb == ADMIN_INIT ? pincache_is_refused_so(token, pin) : pincache_is_refused(token, pin);
}

/* The PIN that was sent is wrong. */
static void refuse_pin(struct task *task, const struct token *token)
{
	if (task->verb == ADMIN_INIT) {
		pincache_refuse_so(token, TAKE(task->pin));
		return;
	}
	if (secret_equal(pincache_get(token), task->pin))
		pincache_refuse_cached(token);
	pincache_refuse(token, TAKE(task->pin));
}

/* What the task says of the token, and of the PIN that was sent. */
static void learn(struct task *task, int err)
{
	struct token *token = keyring_token(task->token);

	if (!token)
		return;
	if (err == ERR_PIN_WRONG)
		refuse_pin(task, token);
	else if (!err && task->verb == ADMIN_CHANGE_PIN)
		pincache_renewed(token);
	if (err || task->verb != ADMIN_INIT)
		return;
	/* It has another name now, and the old one is nobody's. */
	keyring_forget_token(token);
	pincache_check();
}

static void ask_pins(struct task *task, struct token *token);

/* The admin process reads what the broker does not know: this would be the SO PIN's last try. */
static bool ask_for_last_try(struct task *task, int err)
{
	struct token *token = keyring_token(task->token);

	if (task->verb != ADMIN_INIT || err != ERR_PIN_LAST_TRY || task->told || task->pin_fd >= 0 || !token)
		return false;
	buf_done(&task->result);
	secret_free(TAKE(task->pin));
	task->told = true;
	ask_pins(task, token);
	return true;
}

static int hear_admin(void *context, struct message *message)
{
	struct task *task = context;
	struct msg_result result;
	int err, rc;

	if (message->type != MSG_RESULT)
		return ERR_PROTOCOL;
	rc = buf_add(&task->result, message->payload.data, message->payload.length);
	if (rc)
		return rc;
	rc = decode_result(buf_view(&task->result), &result);
	if (rc)
		return rc;
	child_kill(TAKE(task->child));
	loop_timer_clear(&task->limit);
	err = error_from_wire(result.error);
	if (ask_for_last_try(task, err))
		return 0;
	learn(task, err);
	look_again(task);
	return 0;
}

static void admin_gone(void *context)
{
	struct task *task = context;

	task->child = NULL;
	task_end(task, ERR_TOKEN_CRASHED, NULL);
}

static void timed_out(void *context)
{
	log_error("an administrative task hangs and is ended");
	task_end(context, ERR_TIMEOUT, NULL);
}

/* Takes pin. */
static void task_run(struct task *task, struct secret *pin, const struct secret *new_pin)
{
	struct msg_hello hello = settings_hello();
	CLEAN_BUF struct buf uri = BUF_INIT(4096);
	struct view none = {NULL, 0};
	struct msg_admin message;

	struct token *token = keyring_token(task->token);
	struct token_process *process = token_process_find(task->process);
	int err = decode_admin(buf_view(&task->request), &message) ? ERR_INTERNAL : 0;

	task->pin = pin;
	if (!err && (!token || !process))
		err = ERR_TOKEN_REMOVED;
	if (!err && pin && is_refused(task, token, pin))
		err = ERR_PIN_WRONG;
	/* The very token that was found: its PIN is for no other of that label. */
	if (!err && (message.token.length || (token->flags & TOKEN_INITIALISED)))
		err = uri_format(&uri, token->label, token->manufacturer, token->model, token->serial, none, none);
	if (err) {
		task_end(task, err, NULL);
		return;
	}
	message.module = view_string(process->path);
	message.token = buf_view(&uri);
	message.last_try = task->told;
	if (pin)
		message.pin = (struct view){pin->data, pin->length};
	if (new_pin)
		message.new_pin = (struct view){new_pin->data, new_pin->length};
	/* C_InitToken wants no session on the token, of whatever process. */
	task->paused = task->verb == ADMIN_INIT && token->flags & TOKEN_INITIALISED;
	if (task->paused)
		token_process_pause(process, TASK_TIMEOUT_MS);
	task->child = child_spawn(PROCESS_ADMIN, hello, -1, hear_admin, admin_gone, task);
	if (!task->child) {
		task_end(task, ERR_SPAWN, NULL);
		return;
	}
	loop_timer_set(&task->limit, TASK_TIMEOUT_MS, timed_out, task);
	child_send(task->child, ADMIN, 1, &message, -1);
}

static void got_pins(void *context, int err, struct secret *first, struct secret *second)
{
	struct task *task = context;

	if (err)
		task_end(task, err, NULL);
	else
		task_run(task, TAKE(first), second);
	secret_free(first);
	secret_free(second);
}

static void ask_pins(struct task *task, struct token *token)
{
	const struct peer *peer = peer_find(task->peer);
	const struct secret *known = pincache_get(token);
	char first[900];
	struct prompt prompt = {.peer = task->peer, .fd = task->pin_fd, .title = "Token", .first = first};
	const char *what = "The PIN of the token";

	/* A PIN that is known and worked need not be asked for again. */
	if (task->pin_fd < 0 && known && task->verb != ADMIN_INIT && task->verb != ADMIN_CHANGE_PIN) {
		task_run(task, secret_new((struct view){known->data, known->length}), NULL);
		return;
	}
	if (task->verb == ADMIN_INIT) {
		prompt.second = "Choose the user PIN of the new token.";
		prompt.repeat = PROMPT_REPEAT_SECOND;
		what = "The SO PIN (not the user PIN) of the token, which loses everything on it,";
		if (!(token->flags & TOKEN_INITIALISED)) {
			what = "Choose the SO PIN, with which a locked PIN can be unblocked, of the new token";
			prompt.repeat |= PROMPT_REPEAT_FIRST;
		}
	} else if (task->verb == ADMIN_CHANGE_PIN) {
		what = "The present PIN of the token";
		prompt.second = "The token's new PIN";
		prompt.repeat = PROMPT_REPEAT_SECOND;
	}
	if (task->verb != ADMIN_INIT)
		task->told = task->pin_fd < 0 && (token->flags & TOKEN_PIN_FINAL_TRY);
	snprintf(first, sizeof first, "%s\n  %s (%s)\nfor %s (process %d).\n%s", what,
		 log_quote(token->flags & TOKEN_INITIALISED ? token->label : ""), log_quote(token->serial),
		 peer ? log_quote(peer->program) : "a program", peer ? peer->pid : 0,
		 task->told ? "This is the LAST TRY before the PIN locks." : "");
	prompt_ask(&prompt, got_pins, task);
}

/* By label or URI; for INIT without one, the first token that is not initialised. */
static struct token *find_token(const struct msg_admin *message, int *ret_err)
{
	CLEAN_FREE char *name = view_dup(message->token);
	struct token *found = NULL;
	bool init = message->verb == ADMIN_INIT, any_blank = init && !message->token.length;

	*ret_err = name ? ERR_NO_TOKEN : ERR_NO_MEMORY;
	for (struct token *token = keyring_tokens(); token && name; token = token->next) {
		if (!token->process_ref)
			continue;
		if (any_blank && !(token->flags & TOKEN_INITIALISED))
			return token;
		if (any_blank || (*name && !keyring_is_named(token, name)) ||
		    (!init && !(token->flags & TOKEN_INITIALISED)))
			continue;
		if (found) {
			*ret_err = ERR_AMBIGUOUS_TOKEN;
			return NULL;
		}
		found = token;
	}
	return found;
}

static void task_begin(void *context)
{
	struct task *task = context;
	struct token *token = NULL;
	struct msg_admin request;
	int err = decode_admin(buf_view(&task->request), &request);

	if (!task->peer) {
		task_end(task, ERR_CLOSED, NULL);
		return;
	}
	token = err ? NULL : find_token(&request, &err);
	if (err == ERR_NO_TOKEN && !token && !task->patient) {
		task->patient = true;
		if (modules_when_settled(task_begin, task, true))
			task_end(task, ERR_NO_MEMORY, NULL);
		return;
	}
	if (!token) {
		task_end(task, err, NULL);
		return;
	}
	task->process = token->process;
	task->token = token->ref;
	log_info("token administration %u on %s", task->verb, log_quote(token->label));
	ask_pins(task, token);
}

int answer_admin(struct peer *peer, struct message *message)
{
	struct msg_admin request;
	struct task *task;
	int rc = decode_admin(message->payload, &request);

	if (rc || request.pin.length || request.new_pin.length || !request.verb ||
	    request.verb >= ADMIN_VERB_LIMIT)
		return ERR_PROTOCOL;
	task = calloc(1, sizeof *task);
	if (!task)
		return ERR_NO_MEMORY;
	*task = (struct task){.peer = peer->number,
			      .id = message->id,
			      .verb = (enum admin_verb)request.verb,
			      .request = BUF_INIT(BUF_MESSAGE_MAX),
			      .result = BUF_INIT(BUF_MESSAGE_MAX),
			      .pin_fd = TAKE_FD(message->fd)};
	rc = buf_add(&task->request, message->payload.data, message->payload.length);
	task->next = tasks;
	tasks = task;
	if (rc) {
		task_free(task);
		return rc;
	}
	if (modules_when_settled(task_begin, task, false))
		task_end(task, ERR_NO_MEMORY, NULL);
	return 0;
}

void admin_peer_gone(uint32_t peer)
{
	/* What waits for something else ends when that comes. */
	for (struct task *task = tasks, *next; task; task = next) {
		next = task->next;
		if (task->peer != peer)
			continue;
		task->peer = 0;
		if (!task->child)
			continue;
		log_warn("a token administration is ended, since the client that asked for it went");
		child_kill(TAKE(task->child));
		loop_timer_clear(&task->limit);
		look_again(task);
	}
}
