/* SPDX-License-Identifier: ISC
 *
 * The life of the token processes. A token process that crashes or lets a call's time run out is killed and
 * started again, with growing pauses; what was in flight is told, and repeated by those who asked.
 * Those hear of it in the loop's next turn: whoever ends a process here is not called back before it returns.
 */
#include "token_process.h"

#include "keyring.h"
#include "log.h"
#include "pincache.h"
#include "settings.h"
#include "state.h"

#include <string.h>

/* Loading a module, or reading every object of a full card, may take this long even where operations may
 * not. */
#define START_MIN_MS 5000
/* A token process that has run for this long starts with a clean slate. */
#define PEACE_MS 60000
#define CRASHES_MAX 6
#define TOKEN_PROCESSES_MAX 64
/* A call may wait for this many time limits while the token process answers other calls. */
#define QUEUED_MAX 4
#define PAUSE_MS 500
/* After its card was pulled, a call ends within this, or is stuck. */
#define REMOVED_MS 1000
/* A look that has only a removal to find touches no card. */
#define REMOVED_LOOK_MS 1500
/* Others are not kept waiting for longer than this by a module that starts, or is paused: a hang in C_Initialize or
 * C_InitToken, at worst. */
#define LATE_MS 5000
/* Modules that fail are started again this often in a row, and then once in each pause. */
#define DISTRUST_MAX 6
#define DISTRUST_PAUSE_MS 10000
/* What a module does not see any more may be on its way out. */
#define MISSING_MS 1000

struct call {
	struct call *next;
	struct token_process *process; /* NULL once it ended */
	enum call_kind kind;
	uint32_t id;
	uint32_t token;
	bool removed; /* its token was pulled meanwhile */
	bool forgiven; /* if it hangs, that is no crash */
	uint32_t timeout_ms;
	uint64_t since;
	struct loop_timer timer;
	struct report report; /* its rows so far */
	call_done done;
	void *context;
	/* of one that ended without an answer */
	int err;
	bool bystander;
};

static const char *const state_names[] = {"down", "starting", "ready", "failed"};
static const uint32_t states_after[] = {
	[TOKEN_PROCESS_DOWN] = STATE_BIT(TOKEN_PROCESS_STARTING) | STATE_BIT(TOKEN_PROCESS_FAILED),
	[TOKEN_PROCESS_STARTING] = STATE_BIT(TOKEN_PROCESS_DOWN) | STATE_BIT(TOKEN_PROCESS_READY) | STATE_BIT(TOKEN_PROCESS_FAILED),
	[TOKEN_PROCESS_READY] = STATE_BIT(TOKEN_PROCESS_DOWN),
	[TOKEN_PROCESS_FAILED] = STATE_BIT(TOKEN_PROCESS_DOWN),
};
static const struct state_table states = {"token process", state_names, states_after};

static const struct token_process_events *events;
static struct token_process *processes;
static uint32_t next_number = 1, next_call = 1;
/* Calls that ended without an answer, until they are told. */
static struct call *ended;
static struct loop_event ended_event, state_event;

static void call_timed_out(void *context);

static uint32_t start_timeout(void)
{
	uint32_t timeout = settings()->operation_timeout * 1000;

	return timeout > START_MIN_MS ? timeout : START_MIN_MS;
}

void token_process_when(const struct token_process_events *table)
{
	events = table;
}

struct token_process *token_process_first(void)
{
	return processes;
}

struct token_process *token_process_find(uint32_t number)
{
	for (struct token_process *process = processes; process; process = process->next)
		if (process->number == number)
			return process;
	return NULL;
}

static void tell_state(void *context)
{
	(void)context;
	events->state();
}

static void token_process_become(struct token_process *process, enum token_process_state state)
{
	if (state_may_change(&states, process->state, state))
		process->state = state;
	loop_post(&state_event, tell_state, NULL);
}

static void call_free(struct call *call)
{
	loop_timer_clear(&call->timer);
	report_done(&call->report);
	free(call);
}

static struct call *find_call(const struct token_process *process, uint32_t id)
{
	struct call *call = process->calls;

	while (call && call->id != id)
		call = call->next;
	return call;
}

static void unlink_call(struct call *call)
{
	for (struct call **at = &call->process->calls; *at; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			break;
		}
	call->next = NULL;
	loop_timer_clear(&call->timer);
}

static void tell_ended(void *context)
{
	(void)context;
	while (ended) {
		struct call *call = ended;
		struct outcome outcome = {NULL, call->bystander};

		ended = call->next;
		call->done(call->context, call->err, &outcome);
		call_free(call);
	}
}

/* No answer will come. */
static void end_call(struct call *call, int err, bool bystander)
{
	struct call **at = &ended;

	call->process = NULL;
	call->next = NULL;
	loop_timer_clear(&call->timer);
	call->err = call->removed ? ERR_TOKEN_REMOVED : err;
	call->bystander = bystander;
	while (*at)
		at = &(*at)->next;
	*at = call;
	loop_post(&ended_event, tell_ended, NULL);
}

static void end_calls(struct token_process *process, int err, bool bystander)
{
	struct call *calls = TAKE(process->calls);

	while (calls) {
		struct call *next = calls->next;

		end_call(calls, err, bystander);
		calls = next;
	}
}

static struct call *call_new(call_done done, void *context)
{
	struct call *call = calloc(1, sizeof *call);

	if (call) {
		call->done = done;
		call->context = context;
	}
	return call;
}

uint32_t token_process_expect(struct token_process *process, enum call_kind kind, uint32_t token, uint32_t timeout_ms,
		     call_done done, void *context)
{
	struct call *call = call_new(done, context);

	if (!call)
		return 0;
	call->process = process;
	call->kind = kind;
	call->token = token;
	call->id = next_call++ ? next_call - 1 : next_call++;
	call->timeout_ms = timeout_ms;
	call->since = loop_now();
	call->next = process->calls;
	process->calls = call;
	if (kind == CALL_LOOK)
		keyring_process_looks(process->number);
	loop_timer_set(&call->timer, timeout_ms, call_timed_out, call);
	return call->id;
}

/* ykcs11 looks no more, before its next process, at a card that did not answer at first. */
static void look_for_missing(void *context)
{
	struct token_process *process = context;

	if (process->state != TOKEN_PROCESS_READY || !keyring_has_missing(process->number))
		return;
	if (token_process_distrust(process))
		keyring_doubt_all(process->number);
	else
		loop_timer_set(&process->again, DISTRUST_PAUSE_MS, look_for_missing, process);
}

/* In the loop's turn, and before the call's own answer: who has that finds the list as it is now. */
static int take_report(struct token_process *process, const struct call *call, int err)
{
	bool changed;
	int rc;

	if (call->kind == CALL_PLAIN || (call->kind == CALL_LOOK && err))
		return 0;
	if (call->kind == CALL_LOGIN && !call->report.first)
		return 0;
	rc = keyring_take_report(process->number, &call->report, call->kind == CALL_LOGIN, &changed);
	if (report_is_cut(&call->report))
		log_warn("module %s: it has more than %d tokens or %d certificates; the rest is left out",
			 process->name, REPORT_TOKENS_MAX, REPORT_KEYS_MAX);
	pincache_check();
	if (keyring_has_missing(process->number) && !process->again.armed)
		loop_timer_set(&process->again, MISSING_MS, look_for_missing, process);
	events->report(changed);
	return rc;
}

static int take_result(struct token_process *process, const struct message *message)
{
	struct msg_result result;
	struct outcome outcome = {.result = &result};
	struct call *call = find_call(process, message->id);
	int err, rc = call ? decode_result(message->payload, &result) : ERR_PROTOCOL;

	if (rc)
		return rc;
	unlink_call(call);
	process->heard = loop_now();
	err = error_from_wire(result.error);
	/* Some modules (ykcs11) call a removal a failure like any other. */
	if (err == ERR_TOKEN && call->removed)
		err = ERR_TOKEN_REMOVED;
	rc = take_report(process, call, err);
	call->done(call->context, rc ? rc : err, &outcome);
	call_free(call);
	return 0;
}

static int take_row(struct token_process *process, const struct message *message)
{
	struct call *call = find_call(process, message->id);

	if (!call || call->kind == CALL_PLAIN)
		return ERR_PROTOCOL;
	return report_add(&call->report, message->type, message->payload);
}

static int hear_token_process(void *context, struct message *message)
{
	switch (message->type) {
	case MSG_RESULT:
		return take_result(context, message);
	case MSG_TOKEN:
	case MSG_CERT:
		return take_row(context, message);
	default:
		return ERR_PROTOCOL;
	}
}

static void token_process_start(void *context);

static void set_problem(struct token_process *process, char *problem)
{
	free(process->problem);
	process->problem = problem;
}

static void become_late(void *context)
{
	struct token_process *process = context;

	process->late = true;
	if (process->state == TOKEN_PROCESS_STARTING) {
		log_warn("module %s: does not answer since it was started; what it has is not listed yet", process->name);
		set_problem(process, strdup("it does not answer since it was started"));
	}
	loop_post(&state_event, tell_state, NULL);
}

/* From the first moment at which it is not ready, however often its process is started until it is. */
static void await_process(struct token_process *process)
{
	if (!process->late && !process->patience.armed)
		loop_timer_set(&process->patience, LATE_MS, become_late, process);
}

static void no_longer_late(struct token_process *process)
{
	loop_timer_clear(&process->patience);
	process->late = false;
}

static void token_process_fail(struct token_process *process)
{
	no_longer_late(process);
	child_kill(TAKE(process->child));
	keyring_process_ended(process->number);
	end_calls(process, ERR_MODULE, false);
	token_process_become(process, TOKEN_PROCESS_FAILED);
}

/* Its process is no more. */
static void token_process_crashed(struct token_process *process)
{
	uint64_t now = loop_now();

	keyring_process_ended(process->number);
	end_calls(process, ERR_TOKEN_CRASHED, false);
	token_process_become(process, TOKEN_PROCESS_DOWN);
	process->crashes = now - process->last_crash > PEACE_MS ? 1 : process->crashes + 1;
	process->last_crash = now;
	log_error("module %s: its process ended unasked (%u in a row)", process->name, process->crashes);
	if (process->crashes > CRASHES_MAX) {
		log_error("module %s: crashes too often and is left alone", process->name);
		set_problem(process, strdup("it crashes too often"));
		token_process_fail(process);
		return;
	}
	await_process(process);
	loop_timer_set(&process->restart, process->crashes == 1 ? 0 : PAUSE_MS << (process->crashes - 2), token_process_start, process);
}

static void token_process_gone(void *context)
{
	struct token_process *process = context;

	process->child = NULL;
	token_process_crashed(process);
}

static void call_timed_out(void *context)
{
	struct call *call = context;
	struct token_process *process = call->process;
	uint64_t now = loop_now();

	/* It answers others: this call may have waited for its turn, but not for ever. */
	if (now - process->heard < call->timeout_ms && now - call->since < (uint64_t)call->timeout_ms * QUEUED_MAX) {
		loop_timer_set(&call->timer, call->timeout_ms, call_timed_out, call);
		return;
	}
	log_error("module %s: hangs; its process %d is ended", process->name, process->child->pid);
	if (call->forgiven) {
		token_process_restart(process);
		return;
	}
	unlink_call(call);
	child_kill(TAKE(process->child));
	token_process_crashed(process);
	end_call(call, ERR_TIMEOUT, false);
}

static void first_look_done(void *context, int err, const struct outcome *outcome)
{
	struct token_process *process = context;

	if (!outcome->result)
		return; /* it died, and is started again */
	if (err)
		log_warn("module %s: its tokens cannot be listed: %s", process->name, error_text(err));
	no_longer_late(process);
	set_problem(process, NULL);
	token_process_become(process, TOKEN_PROCESS_READY);
}

static void module_loaded(void *context, int err, const struct outcome *outcome)
{
	static const struct msg_look deep = {1};
	struct token_process *process = context;
	uint32_t id;

	if (!outcome->result)
		return;
	if (err) {
		set_problem(process, outcome->result->detail.length ? view_dup(outcome->result->detail)
								 : strdup(error_text(err)));
		log_error("module %s: %s", process->name, log_quote(process->problem));
		token_process_fail(process);
		return;
	}
	id = token_process_expect(process, CALL_LOOK, 0, start_timeout(), first_look_done, process);
	if (!id) {
		token_process_fail(process);
		return;
	}
	child_send(process->child, LOOK, id, &deep, -1);
}

static void token_process_start(void *context)
{
	struct token_process *process = context;
	struct msg_module module = {view_string(process->name), view_string(process->path)};
	struct msg_hello hello = settings_hello();
	uint32_t id;

	loop_timer_clear(&process->restart);
	token_process_become(process, TOKEN_PROCESS_DOWN);
	keyring_process_starts(process->number);
	process->child = child_spawn(PROCESS_TOKEN, hello, -1, hear_token_process, token_process_gone, process);
	id = process->child ? token_process_expect(process, CALL_PLAIN, 0, start_timeout(), module_loaded, process) : 0;
	if (!id) {
		token_process_fail(process);
		return;
	}
	token_process_become(process, TOKEN_PROCESS_STARTING);
	await_process(process);
	child_send(process->child, START, id, &module, -1);
}

void token_process_revive(struct token_process *process)
{
	if (process->state == TOKEN_PROCESS_FAILED || (process->state == TOKEN_PROCESS_DOWN && !process->restart.armed)) {
		process->crashes = 0;
		token_process_start(process);
	}
}

void token_process_pause(struct token_process *process, uint32_t most_ms)
{
	child_kill(TAKE(process->child));
	process->crashes = 0;
	keyring_process_ended(process->number);
	end_calls(process, ERR_TOKEN_CRASHED, true);
	token_process_become(process, TOKEN_PROCESS_DOWN);
	if (most_ms) {
		await_process(process);
		loop_timer_set(&process->restart, most_ms, token_process_start, process);
	} else {
		token_process_start(process);
	}
}

void token_process_restart(struct token_process *process)
{
	token_process_pause(process, 0);
}

void token_process_forgive(struct token_process *process)
{
	process->distrusts = 0;
}

bool token_process_distrust(struct token_process *process)
{
	uint64_t pauses = (loop_now() - process->last_distrust) / DISTRUST_PAUSE_MS;

	process->distrusts = pauses < process->distrusts ? process->distrusts - (unsigned int)pauses : 0;
	if (process->distrusts >= DISTRUST_MAX)
		return false;
	process->distrusts++;
	process->last_distrust = loop_now();
	log_warn("module %s: started again after its failure", process->name);
	token_process_restart(process);
	return true;
}

static void call_is_stuck(void *context)
{
	struct call *call = context;

	log_error("module %s: a call does not end though its card was removed; its process %d is ended",
		  call->process->name, call->process->child->pid);
	token_process_restart(call->process);
}

void token_process_token_left(struct token_process *process, uint32_t token)
{
	for (struct call *call = process->calls; call; call = call->next)
		if (call->token == token && !call->removed) {
			call->removed = true;
			loop_timer_set(&call->timer, REMOVED_MS, call_is_stuck, call);
		}
}

static void noticed(void *context, int err, const struct outcome *outcome)
{
	struct token_process *process = token_process_find((uint32_t)(uintptr_t)context);
	bool due = process && process->notice == NOTICE_DUE && outcome->result; /* the next process begins with a look */

	(void)err;
	if (process)
		process->notice = NOTICE_NONE;
	if (due)
		token_process_notice(process, false);
}

void token_process_notice(struct token_process *process, bool removed)
{
	struct msg_look message = {0};
	uint32_t id;

	if (process->state != TOKEN_PROCESS_READY) {
		token_process_revive(process);
		return;
	}
	/* Without a card a module can as well start afresh: OpenSC may hang in its look for what was pulled. */
	if (removed && !process->calls && !keyring_has_present(process->number)) {
		token_process_restart(process);
		return;
	}
	if (process->notice != NOTICE_NONE) {
		process->notice = NOTICE_DUE;
		return;
	}
	id = token_process_expect(process, CALL_LOOK, 0, removed ? REMOVED_LOOK_MS : start_timeout(), noticed,
			 (void *)(uintptr_t)process->number);
	if (!id)
		return;
	process->notice = NOTICE_LOOKING;
	process->calls->forgiven = removed; /* the newest call; OpenSC may hang there */
	child_send(process->child, LOOK, id, &message, -1);
}

void token_process_look(struct token_process *process, bool deep, uint32_t token, call_done done, void *context)
{
	struct msg_look message = {deep};
	struct call *call;
	uint32_t id;

	if (process->state == TOKEN_PROCESS_READY) {
		id = token_process_expect(process, CALL_LOOK, token, start_timeout(), done, context);
		if (id)
			child_send(process->child, LOOK, id, &message, -1);
		else
			done(context, ERR_NO_MEMORY, &(struct outcome){0});
		return;
	}
	token_process_revive(process);
	call = call_new(done, context);
	if (call)
		end_call(call, ERR_MODULE, false);
	else
		done(context, ERR_NO_MEMORY, &(struct outcome){0});
}

static void token_process_release(struct token_process *process)
{
	free(process->name);
	free(process->path);
	free(process->problem);
	free(process);
}

struct token_process *token_process_add(const char *name, const char *path)
{
	struct token_process *process = calloc(1, sizeof *process), **at = &processes;
	unsigned int count = 0;

	if (!process)
		return NULL;
	process->name = strdup(name);
	process->path = strdup(path);
	if (!process->name || !process->path) {
		token_process_release(process);
		return NULL;
	}
	process->number = next_number++;
	for (; *at; at = &(*at)->next)
		count++;
	*at = process;
	if (count < TOKEN_PROCESSES_MAX) {
		token_process_start(process);
	} else {
		log_error("module %s: more than %d modules", name, TOKEN_PROCESSES_MAX);
		token_process_fail(process);
	}
	return process;
}

void token_process_want(struct token_process *process, bool wanted)
{
	process->wanted = wanted;
}

void token_process_free(struct token_process *process)
{
	for (struct token_process **at = &processes; *at; at = &(*at)->next)
		if (*at == process) {
			*at = process->next;
			break;
		}
	loop_timer_clear(&process->restart);
	loop_timer_clear(&process->again);
	no_longer_late(process);
	child_kill(TAKE(process->child));
	end_calls(process, ERR_MODULE, false);
	keyring_forget_process(process->number);
	pincache_check();
	loop_post(&state_event, tell_state, NULL);
	token_process_release(process);
}
