/* SPDX-License-Identifier: ISC
 *
 * What follows when a key operation failed: each row of recover.c's table, what keeps each row from being taken, and
 * whether a failure was a card's coming or going.
 */
#include "recover.h"

#include "fixture.h"

/* The first attempt of an operation with a token that is there, in a reader. */
static struct failure failed(int err)
{
	return (struct failure){.err = err, .attempts = 1, .token_known = true, .token_in_reader = true};
}

static void assert_step(struct failure failure, enum step step)
{
	assert_int_equal(recover_step(&failure), step);
	failure.token_known = false; /* nothing helps a token that is configured no more */
	assert_int_equal(recover_step(&failure), STEP_FINISH);
}

static void a_pin_is_asked_for(void **state)
{
	struct failure failure = failed(ERR_PIN_NEEDED);

	(void)state;
	assert_step(failure, STEP_ASK_PIN);
	failure.asked = ASK_MAX - 1;
	assert_step(failure, STEP_ASK_PIN);
	failure.asked = ASK_MAX;
	assert_step(failure, STEP_FINISH);
	failure = failed(ERR_PIN_NEEDED);
	failure.pin_sent = true; /* one was sent, and the token wants one all the same */
	assert_step(failure, STEP_FINISH);
}

static void a_wrong_pin_is_asked_for_again(void **state)
{
	struct failure failure = failed(ERR_PIN_WRONG);

	(void)state;
	failure.pin_sent = true;
	failure.asked = 1;
	assert_step(failure, STEP_LOOK);
	failure.attempts = ATTEMPTS_MAX; /* each PIN is an attempt of its own */
	assert_step(failure, STEP_LOOK);
	failure.pin_given = true;
	assert_step(failure, STEP_FINISH);
	failure.pin_given = false;
	failure.asked = ASK_MAX;
	assert_step(failure, STEP_FINISH);
}

static void the_last_try_is_told(void **state)
{
	struct failure failure = failed(ERR_PIN_LAST_TRY);

	(void)state;
	failure.asked = 1;
	assert_step(failure, STEP_LOOK);
	failure.told = true;
	assert_step(failure, STEP_FINISH);
	failure.told = false;
	failure.pin_given = true;
	assert_step(failure, STEP_FINISH);
	failure.pin_given = false;
	failure.asked = ASK_MAX;
	assert_step(failure, STEP_FINISH);
}

static void a_lost_login_is_made_again(void **state)
{
	struct failure failure = failed(ERR_NOT_LOGGED_IN);

	(void)state;
	assert_step(failure, STEP_AGAIN);
	failure.attempts = ATTEMPTS_MAX;
	assert_step(failure, STEP_AWAIT);
}

static void a_stale_key_is_read_again(void **state)
{
	struct failure failure = failed(ERR_KEY_STALE);

	(void)state;
	assert_step(failure, STEP_LOOK_DEEP);
	failure.attempts = ATTEMPTS_MAX;
	assert_step(failure, STEP_AWAIT);
	failure.token_in_reader = false;
	assert_step(failure, STEP_FINISH);
	failure.token_unread = true;
	assert_step(failure, STEP_AWAIT);
}

static void a_crash_is_attempted_again(void **state)
{
	struct failure failure = failed(ERR_TOKEN_CRASHED);

	(void)state;
	assert_step(failure, STEP_AGAIN);
	failure.attempts = ATTEMPTS_MAX;
	assert_step(failure, STEP_FINISH);
}

static void a_failing_token_is_looked_at(void **state)
{
	static const int errs[] = {ERR_TOKEN, ERR_TOKEN_REMOVED};

	(void)state;
	for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
		struct failure failure = failed(errs[i]);

		assert_step(failure, STEP_LOOK);
		failure.attempts = ATTEMPTS_MAX;
		assert_step(failure, STEP_AWAIT);
		failure.token_absent = true;
		assert_step(failure, STEP_FINISH);
		failure.attempts = 1;
		assert_step(failure, STEP_FINISH);
	}
}

/* Every error that has no row. */
static void other_errors_are_final(void **state)
{
	static const int errs[] = {ERR_PIN_NEEDED, ERR_PIN_WRONG,     ERR_PIN_LAST_TRY, ERR_NOT_LOGGED_IN,
				   ERR_KEY_STALE,  ERR_TOKEN_CRASHED, ERR_TOKEN,	ERR_TOKEN_REMOVED};

	(void)state;
	for (uint32_t number = 1; number < 1000; number++) {
		int err = -(int)number;
		bool has_row = false;

		for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++)
			has_row = has_row || errs[i] == err;
		if (!has_row)
			assert_step(failed(err), STEP_FINISH);
	}
}

static void a_removal_explains_what_the_module_says(void **state)
{
	struct sight began = {.removals = 3, .cards = 7}, now = began;

	(void)state;
	assert_false(recover_is_removal(ERR_TOKEN, &began, &now));
	now.removals++;
	assert_true(recover_is_removal(ERR_TOKEN, &began, &now));
	assert_true(recover_is_removal(ERR_KEY_STALE, &began, &now));
	assert_true(recover_is_removal(ERR_NOT_LOGGED_IN, &began, &now));
	assert_false(recover_is_removal(ERR_PIN_WRONG, &began, &now));
	assert_false(recover_is_removal(0, &began, &now));
	now = began;
	now.absent = true;
	assert_true(recover_is_removal(ERR_TOKEN, &began, &now));
	assert_false(recover_is_removal(ERR_NOT_LOGGED_IN, &began, &now));
}

static void a_card_that_came_is_attempted_again(void **state)
{
	struct sight began = {.removals = 3, .cards = 7}, now = began;

	(void)state;
	assert_false(recover_after_event(&began, &now));
	now.cards = 8;
	assert_true(recover_after_event(&began, &now));
	now.absent = true;
	assert_false(recover_after_event(&began, &now));
	now.absent = false;
	now.removals++;
	assert_false(recover_after_event(&began, &now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pin_is_asked_for),
		cmocka_unit_test(a_wrong_pin_is_asked_for_again),
		cmocka_unit_test(the_last_try_is_told),
		cmocka_unit_test(a_lost_login_is_made_again),
		cmocka_unit_test(a_stale_key_is_read_again),
		cmocka_unit_test(a_crash_is_attempted_again),
		cmocka_unit_test(a_failing_token_is_looked_at),
		cmocka_unit_test(other_errors_are_final),
		cmocka_unit_test(a_removal_explains_what_the_module_says),
		cmocka_unit_test(a_card_that_came_is_attempted_again),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
