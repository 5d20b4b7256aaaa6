/* SPDX-License-Identifier: ISC
 *
 * The life of the token hosts. A host that crashes or lets a call's time run out is killed and
 * started again, with growing pauses; what was in flight is told, and repeated by those who asked.
 * Those hear of it in the loop's next turn: whoever ends a process here is not called back before it returns.
 */
#include "host.h"

#include "keyring.h"
#include "log.h"
#include "pincache.h"
#include "settings.h"
#include "state.h"

#include <string.h>

/* Loading a module, or reading every object of a full card, may take this long even where operations may
 * not. */
#define START_MIN_MS 5000
/* A host that has run for this long starts with a clean slate. */
#define PEACE_MS 60000
#define CRASHES_MAX 6
#define HOSTS_MAX 64
/* A call may wait for this many time limits while the host answers other calls. */
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
	struct host *host; /* NULL once it ended */
	enum host_call kind;
	uint32_t id;
	uint32_t token;
	bool removed; /* its token was pulled meanwhile */
	bool forgiven; /* if it hangs, that is no crash */
	uint32_t timeout_ms;
	uint64_t since;
	struct loop_timer timer;
	struct report report; /* its rows so far */
	host_done done;
	void *context;
	/* of one that ended without an answer */
	int err;
	bool bystander;
};

static const char *const state_names[] = {"down", "starting", "ready", "failed"};
static const uint32_t states_after[] = {
	[HOST_DOWN] = STATE_BIT(HOST_STARTING) | STATE_BIT(HOST_FAILED),
	[HOST_STARTING] = STATE_BIT(HOST_DOWN) | STATE_BIT(HOST_READY) | STATE_BIT(HOST_FAILED),
	[HOST_READY] = STATE_BIT(HOST_DOWN),
	[HOST_FAILED] = STATE_BIT(HOST_DOWN),
};
static const struct state_table states = {"token process", state_names, states_after};

static const struct host_events *events;
static struct host *hosts;
static uint32_t next_number = 1, next_call = 1;
/* Calls that ended without an answer, until they are told. */
static struct call *ended;
static struct loop_event ended_event, state_event, report_event;
static bool report_changed;

static void call_timed_out(void *context);

static uint32_t start_timeout(void)
{
	uint32_t timeout = settings()->operation_timeout * 1000;

	return timeout > START_MIN_MS ? timeout : START_MIN_MS;
}

void host_when(const struct host_events *table)
{
	events = table;
}

struct host *host_first(void)
{
	return hosts;
}

struct host *host_find(uint32_t number)
{
	for (struct host *host = hosts; host; host = host->next)
		if (host->number == number)
			return host;
	return NULL;
}

static void tell_state(void *context)
{
	(void)context;
	events->state();
}

static void host_become(struct host *host, enum host_state state)
{
	if (state_may_change(&states, host->state, state))
		host->state = state;
	loop_post(&state_event, tell_state, NULL);
}

static void tell_report(void *context)
{
	bool changed = report_changed;

	(void)context;
	report_changed = false;
	events->report(changed);
}

static void call_free(struct call *call)
{
	loop_timer_clear(&call->timer);
	report_done(&call->report);
	free(call);
}

static struct call *find_call(const struct host *host, uint32_t id)
{
	struct call *call = host->calls;

	while (call && call->id != id)
		call = call->next;
	return call;
}

static void unlink_call(struct call *call)
{
	for (struct call **at = &call->host->calls; *at; at = &(*at)->next)
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

	call->host = NULL;
	call->next = NULL;
	loop_timer_clear(&call->timer);
	call->err = call->removed ? ERR_TOKEN_REMOVED : err;
	call->bystander = bystander;
	while (*at)
		at = &(*at)->next;
	*at = call;
	loop_post(&ended_event, tell_ended, NULL);
}

static void end_calls(struct host *host, int err, bool bystander)
{
	struct call *calls = TAKE(host->calls);

	while (calls) {
		struct call *next = calls->next;

		end_call(calls, err, bystander);
		calls = next;
	}
}

static struct call *call_new(host_done done, void *context)
{
	struct call *call = calloc(1, sizeof *call);

	if (call) {
		call->done = done;
		call->context = context;
	}
	return call;
}

uint32_t host_expect(struct host *host, enum host_call kind, uint32_t token, uint32_t timeout_ms,
		     host_done done, void *context)
{
	struct call *call = call_new(done, context);

	if (!call)
		return 0;
	call->host = host;
	call->kind = kind;
	call->token = token;
	call->id = next_call++ ? next_call - 1 : next_call++;
	call->timeout_ms = timeout_ms;
	call->since = loop_now();
	call->next = host->calls;
	host->calls = call;
	if (kind == HOST_CALL_LOOK)
		keyring_process_looks(host->number);
	loop_timer_set(&call->timer, timeout_ms, call_timed_out, call);
	return call->id;
}

/* ykcs11 looks no more, before its next process, at a card that did not answer at first. */
static void look_for_missing(void *context)
{
	struct host *host = context;

	if (host->state != HOST_READY || !keyring_has_missing(host->number))
		return;
	if (host_distrust(host))
		keyring_doubt_all(host->number);
	else
		loop_timer_set(&host->again, DISTRUST_PAUSE_MS, look_for_missing, host);
}

static int take_report(struct host *host, const struct call *call, int err)
{
	bool changed;
	int rc;

	if (call->kind == HOST_CALL_PLAIN || (call->kind == HOST_CALL_LOOK && err))
		return 0;
	if (call->kind == HOST_CALL_LOGIN && !call->report.first)
		return 0;
	rc = keyring_take_report(host->number, &call->report, call->kind == HOST_CALL_LOGIN, &changed);
	if (report_is_cut(&call->report))
		log_warn("module %s: it has more than %d tokens or %d certificates; the rest is left out",
			 host->name, REPORT_TOKENS_MAX, REPORT_KEYS_MAX);
	pincache_check();
	report_changed = report_changed || changed;
	loop_post(&report_event, tell_report, NULL);
	if (keyring_has_missing(host->number) && !host->again.armed)
		loop_timer_set(&host->again, MISSING_MS, look_for_missing, host);
	return rc;
}

static int take_result(struct host *host, const struct message *message)
{
	struct msg_result result;
	struct outcome outcome = {.result = &result};
	struct call *call = find_call(host, message->id);
	int err, rc = call ? decode_result(message->payload, &result) : ERR_PROTOCOL;

	if (rc)
		return rc;
	unlink_call(call);
	host->heard = loop_now();
	err = error_from_wire(result.error);
	/* Some modules (ykcs11) call a removal a failure like any other. */
	if (err == ERR_TOKEN && call->removed)
		err = ERR_TOKEN_REMOVED;
	rc = take_report(host, call, err);
	call->done(call->context, rc ? rc : err, &outcome);
	call_free(call);
	return 0;
}

static int take_row(struct host *host, const struct message *message)
{
	struct call *call = find_call(host, message->id);

	if (!call || call->kind == HOST_CALL_PLAIN)
		return ERR_PROTOCOL;
	return report_add(&call->report, message->type, message->payload);
}

static int hear_host(void *context, struct message *message)
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

static void host_start(void *context);

static void set_problem(struct host *host, char *problem)
{
	free(host->problem);
	host->problem = problem;
}

static void become_late(void *context)
{
	struct host *host = context;

	host->late = true;
	if (host->state == HOST_STARTING) {
		log_warn("module %s: does not answer since it was started; what it has is not listed yet", host->name);
		set_problem(host, strdup("it does not answer since it was started"));
	}
	loop_post(&state_event, tell_state, NULL);
}

/* From the first moment at which it is not ready, however often its process is started until it is. */
static void await_host(struct host *host)
{
	if (!host->late && !host->patience.armed)
		loop_timer_set(&host->patience, LATE_MS, become_late, host);
}

static void no_longer_late(struct host *host)
{
	loop_timer_clear(&host->patience);
	host->late = false;
}

static void host_fail(struct host *host)
{
	no_longer_late(host);
	child_kill(TAKE(host->child));
	keyring_process_ended(host->number);
	end_calls(host, ERR_MODULE, false);
	host_become(host, HOST_FAILED);
}

/* Its process is no more. */
static void host_crashed(struct host *host)
{
	uint64_t now = loop_now();

	keyring_process_ended(host->number);
	end_calls(host, ERR_TOKEN_CRASHED, false);
	host_become(host, HOST_DOWN);
	host->crashes = now - host->last_crash > PEACE_MS ? 1 : host->crashes + 1;
	host->last_crash = now;
	log_error("module %s: its process ended unasked (%u in a row)", host->name, host->crashes);
	if (host->crashes > CRASHES_MAX) {
		log_error("module %s: crashes too often and is left alone", host->name);
		set_problem(host, strdup("it crashes too often"));
		host_fail(host);
		return;
	}
	await_host(host);
	loop_timer_set(&host->restart, host->crashes == 1 ? 0 : PAUSE_MS << (host->crashes - 2), host_start, host);
}

static void host_gone(void *context)
{
	struct host *host = context;

	host->child = NULL;
	host_crashed(host);
}

static void call_timed_out(void *context)
{
	struct call *call = context;
	struct host *host = call->host;
	uint64_t now = loop_now();

	/* It answers others: this call may have waited for its turn, but not for ever. */
	if (now - host->heard < call->timeout_ms && now - call->since < (uint64_t)call->timeout_ms * QUEUED_MAX) {
		loop_timer_set(&call->timer, call->timeout_ms, call_timed_out, call);
		return;
	}
	log_error("module %s: hangs; its process %d is ended", host->name, host->child->pid);
	if (call->forgiven) {
		host_restart(host);
		return;
	}
	unlink_call(call);
	child_kill(TAKE(host->child));
	host_crashed(host);
	end_call(call, ERR_TIMEOUT, false);
}

static void first_look_done(void *context, int err, const struct outcome *outcome)
{
	struct host *host = context;

	if (!outcome->result)
		return; /* it died, and is started again */
	if (err)
		log_warn("module %s: its tokens cannot be listed: %s", host->name, error_text(err));
	no_longer_late(host);
	set_problem(host, NULL);
	host_become(host, HOST_READY);
}

static void module_loaded(void *context, int err, const struct outcome *outcome)
{
	static const struct msg_look deep = {1};
	struct host *host = context;
	uint32_t id;

	if (!outcome->result)
		return;
	if (err) {
		set_problem(host, outcome->result->detail.length ? view_dup(outcome->result->detail)
								 : strdup(error_text(err)));
		log_error("module %s: %s", host->name, log_quote(host->problem));
		host_fail(host);
		return;
	}
	id = host_expect(host, HOST_CALL_LOOK, 0, start_timeout(), first_look_done, host);
	if (!id) {
		host_fail(host);
		return;
	}
	child_send(host->child, LOOK, id, look, &deep, -1);
}

static void host_start(void *context)
{
	struct host *host = context;
	struct msg_module module = {view_string(host->name), view_string(host->path)};
	struct msg_hello hello = settings_hello();
	uint32_t id;

	loop_timer_clear(&host->restart);
	host_become(host, HOST_DOWN);
	keyring_process_starts(host->number);
	host->child = child_spawn(PROCESS_HOST, hello, -1, hear_host, host_gone, host);
	id = host->child ? host_expect(host, HOST_CALL_PLAIN, 0, start_timeout(), module_loaded, host) : 0;
	if (!id) {
		host_fail(host);
		return;
	}
	host_become(host, HOST_STARTING);
	await_host(host);
	child_send(host->child, START, id, module, &module, -1);
}

void host_revive(struct host *host)
{
	if (host->state == HOST_FAILED || (host->state == HOST_DOWN && !host->restart.armed)) {
		host->crashes = 0;
		host_start(host);
	}
}

void host_pause(struct host *host, uint32_t most_ms)
{
	child_kill(TAKE(host->child));
	host->crashes = 0;
	keyring_process_ended(host->number);
	end_calls(host, ERR_TOKEN_CRASHED, true);
	host_become(host, HOST_DOWN);
	if (most_ms) {
		await_host(host);
		loop_timer_set(&host->restart, most_ms, host_start, host);
	} else {
		host_start(host);
	}
}

void host_restart(struct host *host)
{
	host_pause(host, 0);
}

void host_forgive(struct host *host)
{
	host->distrusts = 0;
}

bool host_distrust(struct host *host)
{
	uint64_t pauses = (loop_now() - host->last_distrust) / DISTRUST_PAUSE_MS;

	host->distrusts = pauses < host->distrusts ? host->distrusts - (unsigned int)pauses : 0;
	if (host->distrusts >= DISTRUST_MAX)
		return false;
	host->distrusts++;
	host->last_distrust = loop_now();
	log_warn("module %s: started again after its failure", host->name);
	host_restart(host);
	return true;
}

static void call_is_stuck(void *context)
{
	struct call *call = context;

	log_error("module %s: a call does not end though its card was removed; its process %d is ended",
		  call->host->name, call->host->child->pid);
	host_restart(call->host);
}

void host_token_left(struct host *host, uint32_t token)
{
	for (struct call *call = host->calls; call; call = call->next)
		if (call->token == token && !call->removed) {
			call->removed = true;
			loop_timer_set(&call->timer, REMOVED_MS, call_is_stuck, call);
		}
}

static void noticed(void *context, int err, const struct outcome *outcome)
{
	struct host *host = host_find((uint32_t)(uintptr_t)context);
	bool due = host && host->notice == NOTICE_DUE && outcome->result; /* the next process begins with a look */

	(void)err;
	if (host)
		host->notice = NOTICE_NONE;
	if (due)
		host_notice(host, false);
}

void host_notice(struct host *host, bool removed)
{
	struct msg_look message = {0};
	uint32_t id;

	if (host->state != HOST_READY) {
		host_revive(host);
		return;
	}
	/* Without a card a module can as well start afresh: OpenSC may hang in its look for what was pulled. */
	if (removed && !host->calls && !keyring_has_present(host->number)) {
		host_restart(host);
		return;
	}
	if (host->notice != NOTICE_NONE) {
		host->notice = NOTICE_DUE;
		return;
	}
	id = host_expect(host, HOST_CALL_LOOK, 0, removed ? REMOVED_LOOK_MS : start_timeout(), noticed,
			 (void *)(uintptr_t)host->number);
	if (!id)
		return;
	host->notice = NOTICE_LOOKING;
	host->calls->forgiven = removed; /* the newest call; OpenSC may hang there */
	child_send(host->child, LOOK, id, look, &message, -1);
}

void host_look(struct host *host, bool deep, uint32_t token, host_done done, void *context)
{
	struct msg_look message = {deep};
	struct call *call;
	uint32_t id;

	if (host->state == HOST_READY) {
		id = host_expect(host, HOST_CALL_LOOK, token, start_timeout(), done, context);
		if (id)
			child_send(host->child, LOOK, id, look, &message, -1);
		else
			done(context, ERR_NO_MEMORY, &(struct outcome){0});
		return;
	}
	host_revive(host);
	call = call_new(done, context);
	if (call)
		end_call(call, ERR_MODULE, false);
	else
		done(context, ERR_NO_MEMORY, &(struct outcome){0});
}

static void host_release(struct host *host)
{
	free(host->name);
	free(host->path);
	free(host->problem);
	free(host);
}

struct host *host_add(const char *name, const char *path)
{
	struct host *host = calloc(1, sizeof *host), **at = &hosts;
	unsigned int count = 0;

	if (!host)
		return NULL;
	host->name = strdup(name);
	host->path = strdup(path);
	if (!host->name || !host->path) {
		host_release(host);
		return NULL;
	}
	host->number = next_number++;
	for (; *at; at = &(*at)->next)
		count++;
	*at = host;
	if (count < HOSTS_MAX) {
		host_start(host);
	} else {
		log_error("module %s: more than %d modules", name, HOSTS_MAX);
		host_fail(host);
	}
	return host;
}

void host_want(struct host *host, bool wanted)
{
	host->wanted = wanted;
}

void host_free(struct host *host)
{
	for (struct host **at = &hosts; *at; at = &(*at)->next)
		if (*at == host) {
			*at = host->next;
			break;
		}
	loop_timer_clear(&host->restart);
	loop_timer_clear(&host->again);
	no_longer_late(host);
	child_kill(TAKE(host->child));
	end_calls(host, ERR_MODULE, false);
	keyring_forget_process(host->number);
	pincache_check();
	loop_post(&state_event, tell_state, NULL);
	host_release(host);
}
