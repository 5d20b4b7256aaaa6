/* SPDX-License-Identifier: ISC
 *
 * smime-agent-admin: does one administrative task on one token, answers, and ends. libp11 keeps
 * PINs in plain memory; so does this process, for as long as the task takes: it is not dumpable,
 * writes no core, and lives for nothing else. Trusts the broker and the module.
 */
#include "channel.h"
#include "csr.h"
#include "keygen.h"
#include "log.h"
#include "module.h"
#include "secret.h"

#include <stdio.h>
#include <string.h>

#define REQUEST_MAX 16384

/* The request's words as C strings. */
struct task {
	char *token, *label, *key_type, *subject, *address;
	struct secret *pin, *new_pin;
	struct view data;
	bool last_try;
};

static void task_done(struct task *task)
{
	free(task->token);
	free(task->label);
	free(task->key_type);
	free(task->subject);
	free(task->address);
	secret_free(task->pin);
	secret_free(task->new_pin);
}

static int task_init(struct task *task, const struct msg_admin *request)
{
	*task = (struct task){
		.token = view_dup(request->token),
		.label = view_dup(request->label),
		.key_type = view_dup(request->key_type),
		.subject = view_dup(request->subject),
		.address = view_dup(request->address),
		.pin = secret_new(request->pin),
		.new_pin = secret_new(request->new_pin),
		.data = request->data,
		.last_try = request->last_try,
	};
	return task->token && task->label && task->key_type && task->subject && task->address && task->pin &&
			       task->new_pin
		       ? 0
		       : ERR_NO_MEMORY;
}

static const char *pin(const struct secret *secret)
{
	return (const char *)secret->data;
}

/* C_InitToken takes a label of this size, padded with blanks; libp11 hands on what it is given. */
#define TOKEN_LABEL_SIZE 32

/* The last try is spent only where the person was told; a token that is blank has no SO PIN yet. */
static int check_so_tries(const struct module *module, bool last_try)
{
	const PKCS11_TOKEN *token = module->slot->token;

	if (!token->initialized)
		return 0;
	if (token->soPinLocked)
		return ERR_PIN_LOCKED;
	return token->soPinFinalTry && !last_try ? ERR_PIN_LAST_TRY : 0;
}

static int init_token(struct module *module, const struct task *task)
{
	char label[TOKEN_LABEL_SIZE + 1];
	size_t length = strlen(task->label);
	int rc = length && length <= TOKEN_LABEL_SIZE ? module_find(module, task->token, true)
						      : ERR_USAGE;

	rc = rc ? rc : check_so_tries(module, task->last_try);
	if (rc)
		return rc;
	snprintf(label, sizeof label, "%-*s", TOKEN_LABEL_SIZE, task->label);
	if (PKCS11_init_token(module->slot->token, pin(task->pin), label))
		return module_error();
	rc = module_login(module, true, pin(task->pin), false);
	if (!rc && PKCS11_init_pin(module->slot->token, pin(task->new_pin)))
		rc = module_error();
	return rc;
}

static int change_pin(struct module *module, const struct task *task)
{
	int rc = module_login(module, false, pin(task->pin), task->last_try);

	if (!rc && PKCS11_change_pin(module->slot, pin(task->pin), pin(task->new_pin)))
		rc = module_error();
	return rc;
}

static int run_task(struct module *module, enum admin_verb verb, const struct task *task, struct buf *into)
{
	int rc;

	if (verb == ADMIN_INIT)
		return init_token(module, task);
	rc = module_find(module, task->token, false);
	if (rc)
		return rc;
	if (verb == ADMIN_CHANGE_PIN)
		return change_pin(module, task);
	rc = module_login(module, false, pin(task->pin), task->last_try);
	if (rc)
		return rc;
	switch (verb) {
	case ADMIN_KEYGEN:
		return keygen(module, task->key_type, view_string(task->label));
	case ADMIN_CSR:
		return csr_make(module, task->label, task->subject, task->address, pin(task->pin), into);
	case ADMIN_IMPORT_CERT:
		return csr_store(module, task->data, task->label);
	default:
		return ERR_PROTOCOL;
	}
}

static int answer_admin(struct channel *channel, const struct message *message)
{
	CLEAN_BUF struct buf into = BUF_INIT(REQUEST_MAX);
	struct msg_admin request;
	struct msg_result result = {0};
	struct module module = {0};
	struct task task = {0};
	int rc = decode_admin(message->payload, &request);

	rc = rc ? rc : task_init(&task, &request);
	rc = rc ? rc : module_open(&module, request.module);
	rc = rc ? rc : run_task(&module, (enum admin_verb)request.verb, &task, &into);
	result.error = (uint32_t)-rc;
	result.detail = view_string(rc && module.slot && module.slot->token ? module.slot->token->label : NULL);
	result.data = buf_view(&into);
	rc = send_RESULT(channel, message->id, &result, -1);
	module_close(&module);
	task_done(&task);
	return rc;
}

int main(void)
{
	struct channel *channel;
	struct message message;
	struct msg_hello hello;

	channel = channel_to_broker(PROCESS_ADMIN, &hello, NULL);
	if (!channel || channel_receive(channel, true, &message) || message.type != MSG_ADMIN)
		return 1;
	return answer_admin(channel, &message) ? 1 : 0;
}
