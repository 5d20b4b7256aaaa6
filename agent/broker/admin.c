/* SPDX-License-Identifier: ISC
 *
 * Administration of tokens: which module, whose PINs, and afterwards another look. The work is
 * done by smime-agent-admin, which ends with it.
 */
#include "admin.h"

#include "keyring.h"
#include "host.h"
#include "log.h"
#include "prompt.h"
#include "settings.h"

#include <string.h>

struct task {
	uint32_t peer, id;
	struct host *host;
	struct child *child;
	struct buf request; /* ADMIN's payload as it came */
	struct buf result;  /* RESULT's payload as it came */
	enum admin_verb verb;
	int pin_fd; /* owned; -1 */
};

static void task_free(struct task *task)
{
	child_kill(task->child);
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

static void reply(void *context)
{
	struct task *task = context;
	struct msg_result result;

	if (decode_result(buf_view(&task->result), &result))
		result = (struct msg_result){.error = (uint32_t)-ERR_INTERNAL};
	peer_reply_result(task->peer, task->id, &result);
	task_free(task);
}

static void looked(void *context, int err, const struct msg_result *result)
{
	(void)err;
	(void)result;
	reply(context);
}

static bool host_exists(const struct host *wanted)
{
	for (const struct host *host = hosts_first(); host; host = host->next)
		if (host == wanted)
			return true;
	return false;
}

/* The task was done by another process. Some modules (SoftHSM) see new tokens only when they are
 * loaded anew; objects are seen by all. */
static void look_again(struct task *task)
{
	if (!host_exists(task->host)) {
		reply(task);
	} else if (task->verb == ADMIN_INIT) {
		host_restart(task->host);
		hosts_when_settled(reply, task);
	} else {
		host_look(task->host, true, looked, task);
	}
}

static int hear(void *context, struct message *message)
{
	struct task *task = context;
	int rc;

	if (message->type != MSG_RESULT)
		return ERR_PROTOCOL;
	rc = buf_add(&task->result, message->payload.data, message->payload.length);
	if (rc)
		return rc;
	child_kill(TAKE(task->child));
	look_again(task);
	return 0;
}

static void gone(void *context)
{
	struct task *task = context;

	task->child = NULL;
	task_end(task, ERR_TOKEN_CRASHED, NULL);
}

static void run(struct task *task, const struct secret *pin, const struct secret *new_pin)
{
	struct msg_hello hello = settings_hello();
	struct msg_admin message;

	if (decode_admin(buf_view(&task->request), &message)) {
		task_end(task, ERR_INTERNAL, NULL);
		return;
	}
	if (!host_exists(task->host)) {
		task_end(task, ERR_MODULE, NULL);
		return;
	}
	message.module = view_string(task->host->path);
	if (pin)
		message.pin = (struct view){pin->data, pin->length};
	if (new_pin)
		message.new_pin = (struct view){new_pin->data, new_pin->length};
	task->child = child_spawn(PROCESS_ADMIN, &hello, -1, hear, gone, task);
	if (task->child)
		child_send(task->child, ADMIN, 1, admin, &message, -1);
	else
		task_end(task, ERR_SPAWN, NULL);
}

static void got_pins(void *context, int err, struct secret *first, struct secret *second)
{
	struct task *task = context;

	if (err)
		task_end(task, err, NULL);
	else
		run(task, first, second);
	secret_free(first);
	secret_free(second);
}

static void ask_pins(struct task *task, struct token *token)
{
	struct prompt prompt = {.peer = task->peer, .fd = task->pin_fd, .title = "Token"};

	switch (task->verb) {
	case ADMIN_INIT:
		prompt.first = "Choose the SO PIN of the new token, with which its PIN can be unblocked.";
		prompt.second = "Choose the user PIN of the new token.";
		prompt.repeat = PROMPT_REPEAT_FIRST | PROMPT_REPEAT_SECOND;
		break;
	case ADMIN_CHANGE_PIN:
		prompt.first = "The token's present PIN";
		prompt.second = "The token's new PIN";
		prompt.repeat = PROMPT_REPEAT_SECOND;
		break;
	default:
		prompt.first = "The token's PIN";
		/* A PIN that is known and worked need not be asked for again. */
		if (task->pin_fd < 0 && token->pin) {
			run(task, token->pin, NULL);
			return;
		}
	}
	prompt_ask(&prompt, got_pins, task);
}

/* By label; for INIT, the first token that is not initialised. */
static struct token *find_token(const struct msg_admin *message, int *ret_err)
{
	struct token *found = NULL;
	bool init = message->verb == ADMIN_INIT && !message->token.length;

	*ret_err = ERR_NO_TOKEN;
	for (struct token *token = keyring_tokens(); token; token = token->next) {
		if (!token->host_ref || !token->host)
			continue;
		if (init && !(token->flags & TOKEN_INITIALISED))
			return token;
		if (init || (message->token.length && !view_equal(message->token, view_string(token->label))) ||
		    !(token->flags & TOKEN_INITIALISED))
			continue;
		if (found) {
			*ret_err = ERR_AMBIGUOUS;
			return NULL;
		}
		found = token;
	}
	return found;
}

static void begin(void *context)
{
	struct task *task = context;
	struct token *token = NULL;
	struct msg_admin request;
	int err = decode_admin(buf_view(&task->request), &request);

	token = err ? NULL : find_token(&request, &err);
	if (!token) {
		task_end(task, err, NULL);
		return;
	}
	task->host = token->host;
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
	if (rc) {
		task_free(task);
		return rc;
	}
	hosts_when_settled(begin, task);
	return 0;
}
