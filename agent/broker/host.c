/* SPDX-License-Identifier: ISC
 *
 * The life of the token hosts. A host that crashes or lets a call's time run out is killed and
 * started again, with growing pauses; what was in flight is told, and repeated by those who asked.
 */
#include "host.h"

#include "hosts.h"
#include "insertion.h"
#include "keyring.h"
#include "log.h"
#include "peer.h"
#include "route.h"
#include "settings.h"

#include <string.h>

/* Loading a module, or reading every object of a full card, may take this long even where operations may
 * not. */
#define START_MIN_MS 5000
/* A host that has run for this long starts with a clean slate. */
#define PEACE_MS 60000
#define CRASHES_MAX 6
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
	struct host *host;
	enum host_call kind;
	uint32_t id;
	uint32_t token;
	bool removed; /* its token was pulled meanwhile */
	bool forgiven; /* if it hangs, that is no crash */
	uint32_t timeout_ms;
	uint64_t since;
	struct loop_timer timer;
	host_done done;
	void *context;
};

static void call_timed_out(void *context);

static uint32_t start_timeout(void)
{
	uint32_t timeout = settings()->operation_timeout * 1000;

	return timeout > START_MIN_MS ? timeout : START_MIN_MS;
}

static uint32_t next_call = 1;

static struct call *take_call(struct host *host, uint32_t id)
{
	for (struct call **at = &host->calls; *at; at = &(*at)->next)
		if ((*at)->id == id) {
			struct call *call = *at;

			*at = call->next;
			loop_timer_clear(&call->timer);
			return call;
		}
	return NULL;
}

static void fail_calls(struct call *calls, int err)
{
	while (calls) {
		struct call *next = calls->next;

		loop_timer_clear(&calls->timer);
		calls->done(calls->context, calls->removed ? ERR_TOKEN_REMOVED : err, NULL);
		free(calls);
		calls = next;
	}
}

uint32_t host_expect(struct host *host, enum host_call kind, uint32_t token, uint32_t timeout_ms,
		     host_done done, void *context)
{
	struct call *call = calloc(1, sizeof *call);

	if (!call)
		return 0;
	call->host = host;
	call->kind = kind;
	call->token = token;
	call->id = next_call++ ? next_call - 1 : next_call++;
	call->done = done;
	call->context = context;
	call->timeout_ms = timeout_ms;
	call->since = loop_now();
	call->next = host->calls;
	host->calls = call;
	if (kind == HOST_CALL_LOOK)
		keyring_looks(host);
	loop_timer_set(&call->timer, timeout_ms, call_timed_out, call);
	return call->id;
}

/* The rows of one report come together: the first of them opens it. */
static void open_report(struct host *host, uint32_t id)
{
	if (host->report == id)
		return;
	host->report = id;
	keyring_begin(host);
}

/* ykcs11 looks no more, before its next process, at a card that did not answer at first. */
static void look_for_missing(void *context)
{
	struct host *host = context;

	if (host->state != HOST_READY || !keyring_has_missing(host))
		return;
	if (host_distrust(host))
		keyring_doubt(host);
	else
		loop_timer_set(&host->again, DISTRUST_PAUSE_MS, look_for_missing, host);
}

static void close_report(struct host *host, const struct call *call, int err)
{
	if (call->kind == HOST_CALL_PLAIN || (call->kind == HOST_CALL_LOOK && err))
		return;
	open_report(host, call->id);
	host->report = 0;
	if (keyring_end(host, call->kind == HOST_CALL_LOGIN))
		peers_keys_changed();
	if (keyring_has_missing(host) && !host->again.armed)
		loop_timer_set(&host->again, MISSING_MS, look_for_missing, host);
	insertions_check();
}

static int take_result(struct host *host, const struct message *message)
{
	struct msg_result result;
	struct call *call;
	int err, rc = decode_result(message->payload, &result);

	if (rc)
		return rc;
	call = take_call(host, message->id);
	if (!call)
		return ERR_PROTOCOL;
	host->heard = loop_now();
	err = error_from_wire(result.error);
	/* Some modules (ykcs11) call a removal a failure like any other. */
	if (err == ERR_TOKEN && call->removed)
		err = ERR_TOKEN_REMOVED;
	close_report(host, call, err);
	call->done(call->context, err, &result);
	free(call);
	return 0;
}

static int hear(void *context, struct message *message)
{
	struct host *host = context;
	struct msg_token token;
	struct msg_cert cert;
	int rc;

	switch (message->type) {
	case MSG_RESULT:
		return take_result(host, message);
	case MSG_TOKEN:
		open_report(host, message->id);
		rc = decode_token(message->payload, &token);
		return rc ? rc : keyring_take_token(host, &token);
	case MSG_CERT:
		rc = decode_cert(message->payload, &cert);
		return rc ? rc : keyring_take_cert(host, &cert);
	default:
		return ERR_PROTOCOL;
	}
}

static void start(void *context);

static void set_problem(struct host *host, char *problem)
{
	free(host->problem);
	host->problem = problem;
}

static void late(void *context)
{
	struct host *host = context;

	host->late = true;
	if (host->state == HOST_STARTING) {
		log_warn("module %s: does not answer since it was started; what it has is not listed yet", host->name);
		set_problem(host, strdup("it does not answer since it was started"));
	}
	hosts_check_settled();
}

static void no_longer_late(struct host *host)
{
	loop_timer_clear(&host->patience);
	host->late = false;
}

static void host_failed(struct host *host)
{
	no_longer_late(host);
	host->state = HOST_FAILED;
	child_kill(TAKE(host->child));
	keyring_host_down(host);
	fail_calls(TAKE(host->calls), ERR_MODULE);
	route_host_changed(host);
	hosts_check_settled();
}

static void gone(void *context)
{
	struct host *host = context;
	struct call *lost = TAKE(host->calls);
	uint64_t now = loop_now();

	no_longer_late(host);
	host->child = NULL;
	host->state = HOST_DOWN;
	keyring_host_down(host);
	host->crashes = now - host->last_crash > PEACE_MS ? 1 : host->crashes + 1;
	host->last_crash = now;
	log_error("module %s: its process ended unasked (%u in a row)", host->name, host->crashes);
	if (host->crashes > CRASHES_MAX) {
		log_error("module %s: crashes too often and is left alone", host->name);
		set_problem(host, strdup("it crashes too often"));
		host_failed(host);
	} else if (host->crashes == 1) {
		start(host);
	} else {
		loop_timer_set(&host->restart, PAUSE_MS << (host->crashes - 2), start, host);
	}
	fail_calls(lost, ERR_TOKEN_CRASHED);
	hosts_check_settled(); /* who waited for its first start waits no longer */
}

/* The host counts as gone before anybody hears of it: who asks again is to meet the next one. */
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
	take_call(host, call->id);
	child_kill(TAKE(host->child));
	gone(host);
	call->done(call->context, ERR_TIMEOUT, NULL);
	free(call);
}

static void first_look_done(void *context, int err, const struct msg_result *result)
{
	struct host *host = context;

	if (!result)
		return; /* it died; gone() has the next step */
	if (err)
		log_warn("module %s: its tokens cannot be listed: %s", host->name, error_text(err));
	no_longer_late(host);
	host->state = HOST_READY;
	set_problem(host, NULL);
	route_host_changed(host);
	hosts_check_settled();
}

static void started(void *context, int err, const struct msg_result *result)
{
	static const struct msg_look deep = {1};
	struct host *host = context;
	uint32_t id;

	if (!result)
		return;
	if (err) {
		set_problem(host, result->detail.length ? view_dup(result->detail) : strdup(error_text(err)));
		log_error("module %s: %s", host->name, log_quote(host->problem));
		host_failed(host);
		return;
	}
	id = host_expect(host, HOST_CALL_LOOK, 0, start_timeout(), first_look_done, host);
	if (!id) {
		host_failed(host);
		return;
	}
	child_send(host->child, LOOK, id, look, &deep, -1);
}

static void start(void *context)
{
	struct host *host = context;
	struct msg_module module = {view_string(host->name), view_string(host->path)};
	struct msg_hello hello = settings_hello();
	uint32_t id;

	loop_timer_clear(&host->restart);
	host->starts++;
	keyring_looks(host); /* some do as they are initialised */
	host->child = child_spawn(PROCESS_HOST, hello, -1, hear, gone, host);
	id = host->child ? host_expect(host, HOST_CALL_PLAIN, 0, start_timeout(), started, host) : 0;
	if (!id) {
		host_failed(host);
		return;
	}
	host->state = HOST_STARTING;
	loop_timer_set(&host->patience, LATE_MS, late, host);
	child_send(host->child, START, id, module, &module, -1);
}

void host_revive(struct host *host)
{
	if (host->state == HOST_FAILED || (host->state == HOST_DOWN && !host->restart.armed)) {
		host->crashes = 0;
		start(host);
	}
}

/* Ends the process, through no fault of what it was doing; the next one is started at once, or in `most_ms`. */
void host_pause(struct host *host, uint32_t most_ms)
{
	struct call *lost = TAKE(host->calls);

	no_longer_late(host);
	child_kill(TAKE(host->child));
	host->state = HOST_DOWN;
	host->crashes = 0;
	keyring_host_down(host);
	if (most_ms) {
		loop_timer_set(&host->restart, most_ms, start, host);
		loop_timer_set(&host->patience, LATE_MS, late, host);
	} else {
		start(host);
	}
	host->restarting = true;
	fail_calls(lost, ERR_TOKEN_CRASHED);
	host->restarting = false;
}

void host_restart(struct host *host)
{
	host_pause(host, 0);
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

static void stuck(void *context)
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
			loop_timer_set(&call->timer, REMOVED_MS, stuck, call);
		}
}

static void looked(void *context, int err, const struct msg_result *result)
{
	(void)context;
	(void)err;
	(void)result;
}

static void noticed(void *context, int err, const struct msg_result *result)
{
	struct host *host = context;

	(void)err;
	host->noticing = false;
	if (!result)
		host->notice_again = false; /* the next process begins with a look */
	if (host->notice_again)
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
	if (removed && !host->calls && !keyring_has_present(host)) {
		host_restart(host);
		return;
	}
	host->notice_again = host->noticing;
	if (host->noticing)
		return;
	id = host_expect(host, HOST_CALL_LOOK, 0, removed ? REMOVED_LOOK_MS : start_timeout(), noticed, host);
	host->noticing = id;
	if (!id)
		return;
	host->calls->forgiven = removed; /* the newest call; OpenSC may hang there */
	child_send(host->child, LOOK, id, look, &message, -1);
}

void host_look(struct host *host, bool deep, uint32_t token, host_done done, void *context)
{
	struct msg_look message = {deep};
	uint32_t id;

	if (host->state != HOST_READY) {
		host_revive(host);
		if (done)
			done(context, ERR_MODULE, NULL);
		return;
	}
	id = host_expect(host, HOST_CALL_LOOK, token, start_timeout(), done ? done : looked, context);
	if (id)
		child_send(host->child, LOOK, id, look, &message, -1);
	else if (done)
		done(context, ERR_NO_MEMORY, NULL);
}

struct host *host_new(const char *name, const char *path)
{
	struct host *host = calloc(1, sizeof *host);

	if (!host)
		return NULL;
	host->name = strdup(name);
	host->path = strdup(path);
	if (host->name && host->path)
		return host;
	free(host->name);
	free(host->path);
	free(host);
	return NULL;
}

void host_start(struct host *host)
{
	start(host);
}

void host_free(struct host *host)
{
	loop_timer_clear(&host->restart);
	loop_timer_clear(&host->again);
	no_longer_late(host);
	child_kill(TAKE(host->child));
	fail_calls(TAKE(host->calls), ERR_MODULE);
	keyring_forget_host(host);
	route_host_changed(host);
	free(host->name);
	free(host->path);
	free(host->problem);
	free(host);
}
