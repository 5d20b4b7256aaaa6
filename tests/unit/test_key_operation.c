/* SPDX-License-Identifier: ISC
 *
 * The way of a key operation through the broker: what it waits for, what it survives, and that it is answered once.
 */
#include "key_operation.h"

#include "pincache.h"
#include "stage.h"
#include "state.h"

#define CONFIG "module /one.so\noperation-timeout 10\nprompt-timeout 30\n"

static const struct stage_token soft[] = {{"Soft", "Slot 1", 0, "ab"}, {0}};
static const struct stage_token card[] = {{"Card", "Reader 0", 0, "ab"}, {0}};
static const struct stage_token locked_card[] = {{"Card", "Reader 0", TOKEN_LOGIN_REQUIRED, "aB"}, {0}};
static const struct stage_token open_card[] = {{"Card", "Reader 0", TOKEN_LOGIN_REQUIRED | TOKEN_LOGGED_IN, "aB"}, {0}};
static const struct stage_token nothing[] = {{0}};

static struct child *process, *worker;
static pid_t first_pid; /* of the process */

static void begin(const struct stage_token *tokens)
{
	stage_begin(CONFIG);
	stage_reader(READER_CARD, 2);
	process = fake_child(PROCESS_TOKEN);
	first_pid = process->pid;
	stage_start(process, tokens);
	worker = stage_client();
}

static int set_up(void **state)
{
	(void)state;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_end();
	return state_refusals() != 0;
}

/* The process gets the operation, and answers it. */
static void answer_sign(int err)
{
	struct message message = fake_expect(process, MSG_SIGN);

	assert_true(fake_result(process, message.id, err));
}

static void a_signature(void **state)
{
	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'a');
	assert_int_equal(stage_answer(worker, 7), 1);
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
	assert_int_equal(key_operations_count(), 0);
}

static void an_unknown_key(void **state)
{
	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'z');
	assert_int_equal(stage_answer(worker, 7), ERR_KEY_STALE);
}

/* It waits for the next process, once. */
static void a_crash(void **state)
{
	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'a');
	fake_expect(process, MSG_SIGN);
	fake_die(process);
	assert_int_equal(stage_answer(worker, 7), 1);
	fake_advance(0);
	process = fake_child(PROCESS_TOKEN);
	stage_start(process, soft);
	fake_expect(process, MSG_SIGN);
	fake_die(process);
	assert_int_equal(stage_answer(worker, 7), ERR_TOKEN_CRASHED);
}

/* While its process is down or starts, an operation waits, and has its time limit. */
static void a_process_that_does_not_come_back(void **state)
{
	(void)state;
	begin(soft);
	fake_die(process);
	stage_sign(worker, 7, 'a');
	fake_advance(0);
	assert_int_equal(stage_answer(worker, 7), 1);
	fake_advance(19000);
	assert_int_equal(stage_answer(worker, 7), 1);
	fake_advance(2000);
	assert_int_equal(stage_answer(worker, 7), ERR_TOKEN_CRASHED);
}

static void a_process_that_cannot_be_started(void **state)
{
	(void)state;
	begin(soft);
	fake_refuse_children(PROCESS_TOKEN);
	fake_die(process);
	stage_sign(worker, 7, 'a');
	fake_advance(0);
	assert_int_equal(stage_answer(worker, 7), ERR_MODULE);
	stage_sign(worker, 8, 'a'); /* each asks again */
	assert_int_equal(stage_answer(worker, 8), ERR_MODULE);
}

/* A hang is ended, and attempted again. */
static void a_hang(void **state)
{
	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'a');
	fake_expect(process, MSG_SIGN);
	fake_advance(10000);
	process = fake_child(PROCESS_TOKEN);
	stage_start(process, soft);
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
}

/* Reloading takes its module away in the middle. */
static void a_module_that_is_configured_no_more(void **state)
{
	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'a');
	fake_expect(process, MSG_SIGN);
	stage_reload("module /two.so\noperation-timeout 10\n");
	assert_int_equal(stage_answer(worker, 7), ERR_MODULE);
	assert_null(keyring_tokens());
}

static void a_module_that_goes_while_it_is_waited_for(void **state)
{
	(void)state;
	begin(soft);
	fake_die(process);
	stage_sign(worker, 7, 'a');
	stage_reload("module /two.so\noperation-timeout 10\n");
	assert_int_equal(stage_answer(worker, 7), ERR_KEY_STALE);
}

/* The client goes: nothing is answered, and nothing is left. */
static void a_client_that_goes(void **state)
{
	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'a');
	fake_die(worker);
	assert_int_equal(key_operations_count(), 1);
	answer_sign(0);
	assert_int_equal(key_operations_count(), 0);
}

static void a_stale_handle(void **state)
{
	struct message message;

	(void)state;
	begin(soft);
	stage_sign(worker, 7, 'a');
	answer_sign(ERR_KEY_STALE);
	message = fake_expect(process, MSG_LOOK);
	assert_true(stage_report(process, message.id, soft, 0));
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
}

/* The card is pulled while the token has the operation. */
static void a_card_that_is_pulled(void **state)
{
	struct message message;

	(void)state;
	begin(card);
	stage_sign(worker, 7, 'a');
	message = fake_expect(process, MSG_SIGN);
	stage_reader(READER_EMPTY, 3);
	assert_int_equal(keyring_tokens()->state, TOKEN_PULLED);
	assert_int_equal(stage_answer(worker, 7), 1);
	assert_true(fake_result(process, message.id, ERR_TOKEN));
	assert_int_equal(stage_answer(worker, 7), ERR_TOKEN_REMOVED);
}

/* The module does not come back from a call about a card that was pulled. */
static void a_module_that_hangs_after_a_removal(void **state)
{
	(void)state;
	begin(card);
	stage_sign(worker, 7, 'a');
	fake_expect(process, MSG_SIGN);
	stage_reader(READER_EMPTY, 3);
	fake_advance(999);
	assert_int_equal(stage_answer(worker, 7), 1);
	fake_advance(2);
	assert_int_equal(stage_answer(worker, 7), ERR_TOKEN_REMOVED);
	assert_int_not_equal(fake_child(PROCESS_TOKEN)->pid, first_pid);
}

/* It failed for good, and a moment later the reader says that the card was pulled. */
static void a_removal_that_is_told_late(void **state)
{
	struct message message;

	(void)state;
	begin(card);
	stage_sign(worker, 7, 'a');
	answer_sign(ERR_TOKEN);
	message = fake_expect(process, MSG_LOOK);
	assert_true(stage_report(process, message.id, card, 0));
	answer_sign(ERR_TOKEN);
	assert_int_equal(stage_answer(worker, 7), 1);
	stage_reader(READER_EMPTY, 3);
	fake_advance(0);
	assert_int_equal(stage_answer(worker, 7), ERR_TOKEN_REMOVED);
}

/* It failed for good and nothing happened to the card: the module's next process looks, and it is the card's own failure. */
static void a_failure_of_the_card_itself(void **state)
{
	struct message message;

	(void)state;
	begin(card);
	stage_sign(worker, 7, 'a');
	answer_sign(ERR_TOKEN);
	message = fake_expect(process, MSG_LOOK);
	assert_true(stage_report(process, message.id, card, 0));
	answer_sign(ERR_TOKEN);
	fake_advance(1000);
	assert_int_not_equal(fake_child(PROCESS_TOKEN)->pid, first_pid);
	process = fake_child(PROCESS_TOKEN);
	stage_start(process, card);
	assert_int_equal(stage_answer(worker, 7), ERR_TOKEN);
}

/* The same, but the reader's count moved: pcscd took the card's power, and the operation is attempted once more. */
static void a_card_that_pcscd_noticed_late(void **state)
{
	struct message message;

	(void)state;
	begin(card);
	stage_sign(worker, 7, 'a');
	answer_sign(ERR_TOKEN);
	message = fake_expect(process, MSG_LOOK);
	assert_true(stage_report(process, message.id, card, 0));
	answer_sign(ERR_TOKEN);
	stage_reader(READER_CARD, 3);
	fake_advance(1000);
	process = fake_child(PROCESS_TOKEN);
	stage_start(process, card);
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
}

/* A card that its module does not show, though its reader has one: the next process looks. */
static void a_card_that_the_module_does_not_see(void **state)
{
	struct message message;

	(void)state;
	begin(card);
	stage_reader(READER_EMPTY, 3);
	fake_advance(0);
	process = fake_child(PROCESS_TOKEN);
	stage_start(process, nothing); /* without a card it starts afresh */
	stage_reader(READER_CARD, 4);
	message = fake_expect(process, MSG_LOOK);
	assert_true(stage_report(process, message.id, nothing, 0));
	stage_sign(worker, 7, 'a');
	for (int i = 0; i < 3; i++) {
		fake_advance(300);
		message = fake_expect(process, MSG_LOOK);
		assert_int_equal(stage_report(process, message.id, nothing, 0), i < 2); /* then it is ended */
	}
	assert_int_equal(keyring_tokens()->state, TOKEN_DOUBTED);
	process = fake_child(PROCESS_TOKEN);
	stage_start(process, card);
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
}

static void a_login_on_the_way(void **state)
{
	struct msg_pins pins = {.first = view_string("123456")};
	struct message message;

	(void)state;
	begin(locked_card);
	stage_sign(worker, 7, 'a');
	fake_expect(fake_child(PROCESS_PROMPT), MSG_PROMPT);
	FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &pins);
	message = fake_expect(process, MSG_LOGIN);
	assert_true(stage_report(process, message.id, open_card, 0));
	assert_non_null(pincache_get(keyring_tokens()));
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
}

/* A PIN that nobody gives in time, or that somebody refuses to give. */
static void a_person_who_does_not_answer(void **state)
{
	(void)state;
	begin(locked_card);
	stage_sign(worker, 7, 'a');
	fake_expect(fake_child(PROCESS_PROMPT), MSG_PROMPT);
	fake_advance(31000);
	assert_int_equal(stage_answer(worker, 7), ERR_TIMEOUT);
	assert_null(fake_child(PROCESS_PROMPT));
	stage_sign(worker, 8, 'a');
	fake_result(fake_child(PROCESS_PROMPT), 1, ERR_CANCELLED);
	assert_int_equal(stage_answer(worker, 8), ERR_CANCELLED);
}

/* A key's own PIN: wrong once, and right then. */
static void a_pin_for_each_use(void **state)
{
	struct msg_pins wrong = {.first = view_string("111111")}, right = {.first = view_string("222222")};
	struct message message;

	(void)state;
	begin(open_card);
	stage_sign(worker, 7, 'B');
	FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &wrong);
	answer_sign(ERR_PIN_WRONG);
	message = fake_expect(process, MSG_LOOK); /* how many tries are left */
	assert_true(stage_report(process, message.id, open_card, 0));
	FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &wrong); /* it is not sent again */
	assert_false(fake_hear(process, &message));
	FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &right);
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 7), 0);
}

static void log_in(void)
{
	struct msg_pins pins = {.first = view_string("123456")};
	struct message message;

	stage_sign(worker, 1, 'a');
	if (fake_child(PROCESS_PROMPT))
		FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &pins);
	message = fake_expect(process, MSG_LOGIN);
	assert_true(stage_report(process, message.id, open_card, 0));
	answer_sign(0);
	assert_int_equal(stage_answer(worker, 1), 0);
}

/* What a client hears that gives a PIN for the token, which is open. */
static int guess(const char *pin)
{
	struct msg_pins pins = {.first = view_string(pin)};
	CLEAN_BUF struct buf payload = BUF_INIT(64);
	struct msg_unlock unlock = {0};

	assert_int_equal(encode_unlock(&payload, &unlock), 0);
	assert_true(fake_say(worker, MSG_UNLOCK, 2, buf_view(&payload), fixture_file("x", 1)));
	FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &pins);
	return stage_answer(worker, 2);
}

/* Neither a restart nor a login from the cache gives more guesses: one in five minutes. */
static void guesses(void **state)
{
	unsigned int judged = 0;

	(void)state;
	begin(locked_card);
	log_in();
	for (int i = 0; i < 50; i++) {
		int err = guess("000000");

		judged += err == ERR_PIN_WRONG;
		assert_true(err == ERR_PIN_WRONG || err == ERR_FORBIDDEN);
		if (i % 5)
			continue;
		token_process_restart(token_process_first());
		process = fake_child(PROCESS_TOKEN);
		stage_start(process, locked_card);
		log_in();
	}
	assert_int_equal(judged, 3);
	assert_int_equal(guess("123456"), ERR_FORBIDDEN);
	fake_advance(300000);
	assert_int_equal(guess("000000"), ERR_PIN_WRONG);
	assert_int_equal(guess("000000"), ERR_FORBIDDEN);
	fake_advance(300000);
	assert_int_equal(guess("123456"), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(guess("000000"), ERR_PIN_WRONG);
	assert_int_equal(guess("123456"), ERR_FORBIDDEN);
}

/* The PIN's time is over in the middle of an operation, which comes first. */
static void a_pin_that_expires(void **state)
{
	struct msg_pins pins = {.first = view_string("123456")};
	struct message message;

	(void)state;
	begin(locked_card);
	stage_reload(CONFIG "pin-cache-ttl 5\n");
	stage_sign(worker, 7, 'a');
	FAKE_SAY(fake_child(PROCESS_PROMPT), PINS, 1, pins, &pins);
	message = fake_expect(process, MSG_LOGIN);
	assert_true(stage_report(process, message.id, open_card, 0));
	message = fake_expect(process, MSG_SIGN);
	fake_advance(5500);
	assert_non_null(pincache_get(keyring_tokens()));
	assert_true(fake_result(process, message.id, 0));
	fake_advance(5500);
	assert_null(pincache_get(keyring_tokens()));
	fake_expect(process, MSG_LOGOUT);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(a_signature),
		STAGED(an_unknown_key),
		STAGED(a_crash),
		STAGED(a_process_that_does_not_come_back),
		STAGED(a_process_that_cannot_be_started),
		STAGED(a_hang),
		STAGED(a_module_that_is_configured_no_more),
		STAGED(a_module_that_goes_while_it_is_waited_for),
		STAGED(a_client_that_goes),
		STAGED(a_stale_handle),
		STAGED(a_card_that_is_pulled),
		STAGED(a_module_that_hangs_after_a_removal),
		STAGED(a_removal_that_is_told_late),
		STAGED(a_failure_of_the_card_itself),
		STAGED(a_card_that_pcscd_noticed_late),
		STAGED(a_card_that_the_module_does_not_see),
		STAGED(a_login_on_the_way),
		STAGED(a_person_who_does_not_answer),
		STAGED(a_pin_for_each_use),
		STAGED(guesses),
		STAGED(a_pin_that_expires),
	};

	return cmocka_run_group_tests_name("key operations", tests, NULL, NULL);
}
