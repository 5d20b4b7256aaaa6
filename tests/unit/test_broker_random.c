/* SPDX-License-Identifier: ISC
 *
 * Random events against the broker alone: what clients ask, what token processes, prompts, the store and the watcher answer
 * or do not, deaths, time, reloads, cards. Every request is answered once, no table of states is violated, and the broker
 * survives. SMIME_RANDOM_EVENTS sets how many events, SMIME_RANDOM_SEED the seed, which is printed.
 */
#include "certificate_store.h"
#include "key_operation.h"
#include "pincache.h"
#include "stage.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS 2000
#define CLIENTS_MAX 12
#define CALLS_MAX 256

/* What a worker asked and has no answer to yet. */
struct client {
	pid_t worker;
	uint32_t id; /* 0: nothing */
};

/* What another process was asked and has not answered yet. */
struct call {
	pid_t child;
	enum message_type type;
	uint32_t id;
};

static struct client clients[CLIENTS_MAX];
static struct call calls[CALLS_MAX];
static unsigned int call_count, answers;
static uint32_t next_id = 1;
static uint64_t random_state;

static uint32_t any(uint32_t limit)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % limit;
}

static struct child *child_of(pid_t pid)
{
	for (struct child *child = fake_children(); child; child = child->next)
		if (child->pid == pid)
			return child;
	return NULL;
}

static struct client *client_of(pid_t worker)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].worker == worker)
			return &clients[i];
	return NULL;
}

/* Everything that the broker sent: answers are counted off, questions are kept for later. */
static void hear_all(void)
{
	struct message message;

	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].worker && !child_of(clients[i].worker))
			clients[i] = (struct client){0};
	for (struct child *child = fake_children(); child; child = child->next)
		while (fake_hear(child, &message)) {
			if (child->kind == PROCESS_WORKER) {
				struct client *client = client_of(child->pid);

				if (message.type != MSG_RESULT)
					continue;
				assert_non_null(client);
				assert_int_not_equal(client->id, 0); /* it asked, and this is the first answer */
				assert_int_equal(client->id, message.id);
				client->id = 0;
				answers++;
			} else if (call_count < CALLS_MAX) {
				calls[call_count++] = (struct call){child->pid, message.type, message.id};
			}
		}
}

static const char *const labels[] = {"Card", "Card", "Soft", "Other"};
static const char *const slots[] = {"Reader 0", "Reader 1 00 00", "Slot 1", "Slot 2"};
static const char *const key_sets[] = {"", "a", "ab", "abC", "C", "defg"};

static bool report_tokens(struct child *process, uint32_t id, int err)
{
	struct stage_token tokens[4] = {{0}};
	unsigned int count = any(4);

	for (unsigned int i = 0; i < count; i++)
		tokens[i] = (struct stage_token){labels[any(4)], slots[any(4)],
						 (any(2) ? TOKEN_LOGIN_REQUIRED : 0) | (any(3) ? 0 : TOKEN_LOGGED_IN) |
							 (any(8) ? 0 : TOKEN_PIN_FINAL_TRY) | (any(8) ? 0 : TOKEN_PIN_COUNT_LOW) |
							 (any(16) ? 0 : TOKEN_UNREAD) | (any(16) ? 0 : TOKEN_PROTECTED_PATH),
						 key_sets[any(6)]};
	return stage_report(process, id, tokens, err);
}

static int any_error(void)
{
	static const int errs[] = {0, 0, 0, 0, ERR_TOKEN, ERR_TOKEN_REMOVED, ERR_KEY_STALE, ERR_NOT_LOGGED_IN, ERR_PIN_WRONG,
				   ERR_PIN_LAST_TRY, ERR_PIN_LOCKED, ERR_PIN_NEEDED, ERR_CANCELLED, ERR_MODULE, ERR_INTERNAL};

	return errs[any(sizeof errs / sizeof errs[0])];
}

static void answer_process(struct child *child, const struct call *call)
{
	struct msg_result unclear = {.error = (uint32_t)-ERR_TOKEN, .form = FORM_UNCLEAR};

	if (call->type == MSG_LOOK)
		report_tokens(child, call->id, any(6) ? 0 : any_error());
	else if (call->type == MSG_LOGIN && any(2))
		report_tokens(child, call->id, any_error());
	else if (call->type == MSG_DECRYPT && !any(4))
		FAKE_SAY(child, RESULT, call->id, result, &unclear);
	else
		fake_result(child, call->id, call->type == MSG_START && any(8) ? 0 : any_error());
}

static void answer_prompt(struct child *child, const struct call *call)
{
	static const char *const texts[] = {"123456", "111111", "222222", ""};
	struct msg_pins pins = {.first = view_string(texts[any(4)]), .second = view_string(any(2) ? "654321" : "")};

	if (any(3))
		FAKE_SAY(child, PINS, call->id, pins, &pins);
	else
		fake_result(child, call->id, any(2) ? ERR_CANCELLED : ERR_PINENTRY);
}

/* One of the questions that are open is answered, not always the oldest. */
static void answer_one(void)
{
	unsigned int which = call_count ? any(call_count) : 0;
	struct call call = calls[which];
	struct child *child = call_count ? child_of(call.child) : NULL;

	if (!call_count)
		return;
	calls[which] = calls[--call_count];
	if (!child)
		return;
	if (child->kind == PROCESS_TOKEN)
		answer_process(child, &call);
	else if (child->kind == PROCESS_PROMPT)
		answer_prompt(child, &call);
	else
		fake_result(child, call.id, any_error());
}

static void ask_key(struct child *worker, uint32_t id)
{
	static const char letters[] = "abCdefgz";

	stage_sign(worker, id, letters[any(sizeof letters - 1)]);
}

static void ask_anything(struct child *worker, uint32_t id)
{
	static const struct msg_nothing nothing;
	struct msg_list list = {(uint8_t)any(4)};
	struct msg_unlock unlock = {any(2) ? 0 : any(40)};
	struct msg_admin admin = {.verb = (uint8_t)(1 + any(ADMIN_VERB_LIMIT - 1)), .token = view_string(any(2) ? labels[any(4)] : "")};
	struct msg_store_find find = {.by = STORE_ALL};
	struct msg_password password = {(uint8_t)any(2)};

	switch (any(9)) {
	case 0:
		FAKE_SAY(worker, LIST, id, list, &list);
		break;
	case 1:
		FAKE_SAY(worker, UNLOCK, id, unlock, &unlock);
		break;
	case 2:
		FAKE_SAY(worker, LOCK, id, nothing, &nothing);
		break;
	case 3:
		FAKE_SAY(worker, STATUS, id, nothing, &nothing);
		break;
	case 4:
		FAKE_SAY(worker, ADMIN, id, admin, &admin);
		break;
	case 5:
		FAKE_SAY(worker, STORE_FIND, id, store_find, &find);
		break;
	case 6:
		FAKE_SAY(worker, PASSWORD, id, password, &password);
		break;
	case 7:
		FAKE_SAY(worker, ANCHORS, id, nothing, &nothing);
		break;
	default:
		FAKE_SAY(worker, RELOAD, id, nothing, &nothing);
	}
}

static struct client *any_client(void)
{
	struct client *client = &clients[any(CLIENTS_MAX)];

	return client->worker && child_of(client->worker) ? client : NULL;
}

static void client_asks(void)
{
	struct client *client = any_client();

	if (!client || client->id)
		return;
	client->id = next_id++;
	if (any(3))
		ask_key(child_of(client->worker), client->id);
	else
		ask_anything(child_of(client->worker), client->id);
}

static void client_comes(void)
{
	struct client *client = client_of(0);
	struct child *worker = client ? stage_client() : NULL;
	struct msg_terminal terminal = {.tty = view_string("/dev/pts/0")};

	if (!worker)
		return;
	*client = (struct client){.worker = worker->pid};
	if (any(2))
		FAKE_SAY(worker, TERMINAL, 0, terminal, &terminal);
}

static void client_goes(void)
{
	struct client *client = any_client();

	if (!client)
		return;
	if (any(2) && !((const struct peer *)child_of(client->worker)->context)->hung_up)
		stage_hang_up(child_of(client->worker));
	else
		fake_die(child_of(client->worker));
}

/* A process that is not the worker of a client dies, or breaks the protocol. */
static void process_fails(void)
{
	static const enum process kinds[] = {PROCESS_TOKEN, PROCESS_PROMPT, PROCESS_ADMIN, PROCESS_STORE, PROCESS_WATCH};
	struct child *child = fake_child(kinds[any(5)]);
	static const uint8_t garbage[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	if (!child)
		return;
	if (any(2))
		fake_die(child);
	else
		(void)fake_say(child, any(2) ? MSG_RESULT : MSG_TOKEN, any(1000), (struct view){garbage, any(9)}, -1);
}

static void readers_change(void)
{
	struct child *watcher = fake_child(PROCESS_WATCH);
	struct msg_reader reader = {.name = view_string(any(2) ? "Reader 0" : "Reader 1"), .state = (uint8_t)any(4),
				    .cards = (uint16_t)any(8)};
	struct msg_pcsc service = {.state = (uint8_t)any(4)};

	if (!watcher)
		return;
	if (any(6))
		FAKE_SAY(watcher, READER, 0, reader, &reader);
	else
		FAKE_SAY(watcher, PCSC, 0, pcsc, &service);
}

static void reload(void)
{
	static const char *const configs[] = {
		"module /one.so\nmodule /two.so\npin-cache-ttl 20\n",
		"module /two.so\nprompt-timeout 5\n",
		"module /one.so\noperation-timeout 1\nkeep-pin-on-removal yes\n",
		"module /three.so\nmodule /one.so\npin-cache-max 10\n",
	};

	stage_reload(configs[any(4)]);
}

static void refuse_some(void)
{
	static const unsigned int kinds[] = {0, 0, 0, PROCESS_TOKEN, PROCESS_PROMPT, PROCESS_WORKER, PROCESS_STORE, PROCESS_WATCH};

	fake_refuse_children(kinds[any(8)]);
}

static void time_passes(void)
{
	uint64_t next = fake_next_timer();

	fake_advance(any(2) || next > 3600000 ? any(700) : next);
}

static void one_event(void)
{
	uint32_t what = any(100);

	if (what < 35)
		answer_one();
	else if (what < 60)
		client_asks();
	else if (what < 67)
		client_comes();
	else if (what < 70)
		client_goes();
	else if (what < 76)
		process_fails();
	else if (what < 84)
		readers_change();
	else if (what < 86)
		reload();
	else if (what < 88)
		refuse_some();
	else
		time_passes();
	hear_all();
}

/* Nothing waits for ever. */
static void everything_is_answered(void)
{
	fake_refuse_children(0);
	for (int i = 0; i < 3000; i++) {
		answer_one();
		fake_advance(1000);
		hear_all();
	}
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].worker && clients[i].id)
			fail_msg("the request %u was not answered", clients[i].id);
	assert_int_equal(key_operations_count(), 0);
}

static void random_events(void **state)
{
	const char *seed = getenv("SMIME_RANDOM_SEED"), *count = getenv("SMIME_RANDOM_EVENTS");
	unsigned long events = count ? strtoul(count, NULL, 10) : EVENTS;

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 10) : 11;
	print_message("seed %llu, %lu events\n", (unsigned long long)random_state, events);
	stage_begin("module /one.so\nmodule /two.so\n");
	for (unsigned long i = 0; i < events; i++)
		one_event();
	everything_is_answered();
	print_message("%u requests were answered\n", answers);
	assert_true(answers > events / 40);
	assert_int_equal(state_refusals(), 0);
	stage_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_events),
	};

	return cmocka_run_group_tests_name("random events", tests, NULL, NULL);
}
