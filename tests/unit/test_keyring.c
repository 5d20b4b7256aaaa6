/* SPDX-License-Identifier: ISC
 *
 * What the broker keeps of a module's reports: keys that one of them leaves out, and where they stay known.
 */
#include "keyring.h"

#include "cleanup.h"
#include "fake_broker.h"
#include "readers.h"
#include "state.h"

#include <string.h>

#define PROCESS 1

static struct report rows;
static bool changed;

static void ignore_reader(const struct reader *reader)
{
	(void)reader;
}

static void ignore_change(bool removed)
{
	(void)removed;
}

static void ignore_service(void)
{
}

static const struct reader_events no_events = {ignore_reader, ignore_reader, ignore_change, ignore_service};

static void tell_reader(enum reader_state reader_state, uint16_t cards)
{
	struct msg_reader message = {.name = view_string("Reader 0"), .state = (uint8_t)reader_state, .cards = cards};

	assert_true(FAKE_SAY(fake_child(PROCESS_WATCH), READER, 0, reader, &message));
}

static void add_row(enum message_type type, struct buf *payload)
{
	assert_int_equal(report_add(&rows, type, buf_view(payload)), 0);
	buf_done(payload);
}

/* One key's row: 'a' to 'z' with a certificate, 'A' to 'Z' the public half alone of the same key. */
static void take_key(char name)
{
	uint8_t id = (uint8_t)name & 0x1f;
	bool bare = name < 'a';
	struct msg_cert row = {.ref = id, .token = 1, .flags = CERT_KEY, .id = {&id, 1}, .label = view_string("key")};
	struct view half = {(const uint8_t *)&name, 1};

	struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);

	*(bare ? &row.public_value : &row.der) = half;
	assert_int_equal(encode_cert(&payload, &row), 0);
	add_row(MSG_CERT, &payload);
}

/* A report of one token, in this slot, with these keys. */
static void report(const char *slot, const char *names, uint32_t flags)
{
	struct msg_token row = {.ref = 1,
				.flags = flags,
				.label = view_string("Card"),
				.manufacturer = view_string("Maker"),
				.model = view_string("Model"),
				.serial = view_string("1"),
				.reader = view_string(slot)};
	struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);

	assert_int_equal(encode_token(&payload, &row), 0);
	add_row(MSG_TOKEN, &payload);
	for (; *names; names++)
		take_key(*names);
	assert_int_equal(keyring_take_report(PROCESS, &rows, false, &changed), 0);
	report_done(&rows);
}

static void report_nothing(void)
{
	assert_int_equal(keyring_take_report(PROCESS, &rows, false, &changed), 0);
}

/* Those that are known, and after a stroke those that are shown. */
static void assert_keys(const char *expected)
{
	const struct token *token = keyring_tokens();
	char found[64] = "", shown[32] = "";

	assert_non_null(token);
	assert_null(token->next);
	for (const struct key *key = token->keys; key; key = key->next) {
		char name[2] = {(char)(key->der.length ? key->der.data : key->public_value.data)[0], 0};

		strcat(found, name);
		strcat(shown, key->process_ref ? name : "");
	}
	strcat(strcat(found, "/"), shown);
	assert_string_equal(found, expected);
}

static int set_up(void **state)
{
	(void)state;
	readers_start(&no_events);
	tell_reader(READER_CARD, 0);
	keyring_process_starts(PROCESS);
	report("Reader 0", "abc", 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	keyring_forget_process(PROCESS);
	readers_end();
	fake_end();
	return keyring_tokens() != NULL;
}

static void next_process(void)
{
	keyring_process_ended(PROCESS);
	keyring_process_starts(PROCESS);
}

static void left_out_keys_stay_until_the_next_process(void **state)
{
	(void)state;
	assert_keys("abc/abc");
	assert_false(keyring_is_missing(keyring_tokens()));
	report("Reader 0", "b", 0);
	assert_keys("abc/b");
	assert_true(keyring_is_missing(keyring_tokens()));
	report("Reader 0", "b", 0); /* the same process again */
	assert_keys("abc/b");
	next_process();
	report("Reader 0", "bc", 0);
	assert_keys("bc/bc");
	assert_false(keyring_is_missing(keyring_tokens()));
}

static void keys_that_are_shown_again_were_never_missed(void **state)
{
	(void)state;
	report("Reader 0", "", 0);
	next_process();
	report("Reader 0", "abc", 0);
	assert_keys("abc/abc");
	next_process();
	report("Reader 0", "ab", 0);
	assert_keys("abc/ab");
}

/* A module's last words as pcscd ends: it may show the card, and nothing on it. */
static void pcscd_is_gone(void **state)
{
	(void)state;
	tell_reader(READER_GONE, 0);
	report("Reader 0", "", 0);
	assert_keys("abc/");
	report_nothing();
	assert_true(keyring_is_absent(keyring_tokens()));
	assert_keys("abc/");
	tell_reader(READER_CARD, 0);
	next_process();
	report("Reader 0", "abc", 0);
	assert_keys("abc/abc");
}

/* Nor is it a time to send a PIN. */
static void pcscd_is_gone_and_keys_are_missing(void **state)
{
	(void)state;
	tell_reader(READER_GONE, 0);
	report("Reader 0", "a", 0);
	assert_true(keyring_is_missing(keyring_tokens()));
	assert_true(keyring_has_missing(PROCESS));
}

static void returned_cards_begin_anew(void **state)
{
	(void)state;
	report("Reader 0", "ab", 0);
	report_nothing();
	next_process();
	report("Reader 0", "a", 0); /* this process has not had a chance before */
	assert_keys("abc/a");
}

static void unread_tokens_lose_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		report("Reader 0", "", TOKEN_UNREAD);
		assert_keys("abc/");
		next_process();
	}
}

static void another_half_of_a_key_takes_its_place(void **state)
{
	(void)state;
	report("Reader 0", "aBc", 0);
	assert_keys("acB/acB");
	report("Reader 0", "abc", 0);
	assert_keys("acb/acb");
}

static void tokens_in_no_reader_are_what_they_say(void **state)
{
	(void)state;
	keyring_forget_process(PROCESS);
	report("SoftHSM slot ID 0x1", "abc", 0);
	report("SoftHSM slot ID 0x1", "c", 0);
	assert_keys("c/c");
	assert_false(keyring_has_missing(PROCESS));
}

/* A module may find a card before pcscd has noticed it, which then takes its power. */
static void the_count_is_that_of_when_the_module_looked(void **state)
{
	const struct token *token = keyring_tokens();

	(void)state;
	tell_reader(READER_CARD, 4);
	report_nothing();
	keyring_process_looks(PROCESS);
	tell_reader(READER_CARD, 5);
	report("Reader 0", "abc", 0);
	keyring_process_looks(PROCESS);
	assert_int_equal(token->looked, 4);
	next_process();
	tell_reader(READER_CARD, 6);
	keyring_process_looks(PROCESS); /* once for the start of the process, and once for its first look */
	report("Reader 0", "abc", 0);
	assert_int_equal(token->looked, 5);
	report_nothing();
	assert_int_equal(token->looked, -1);
}

static void pulled_tokens_come_back(void **state)
{
	struct token *token = keyring_tokens();
	unsigned int before = state_refusals();

	(void)state;
	keyring_set_login(token, true);
	keyring_pull(token);
	assert_int_equal(token->state, TOKEN_PULLED);
	assert_int_equal(token->process_ref, 0);
	assert_int_equal(token->removals, 1);
	assert_false(token->flags & TOKEN_LOGGED_IN);
	report_nothing();
	assert_int_equal(token->state, TOKEN_PULLED); /* it is still what its reader said */
	assert_int_equal(token->removals, 1);
	assert_true(keyring_is_missing(token));
	keyring_doubt(token);
	assert_false(keyring_is_missing(token)); /* once */
	keyring_reader_filled(keyring_reader(token));
	assert_true(keyring_is_missing(token));
	report("Reader 0", "abc", 0);
	assert_int_equal(token->state, TOKEN_SHOWN);
	assert_int_equal(state_refusals(), before);
}

static void a_change_that_is_not_allowed_is_refused(void **state)
{
	struct token *token = keyring_tokens();
	unsigned int before = state_refusals();

	(void)state;
	keyring_process_ended(PROCESS);
	keyring_pull(token); /* nobody shows it, so that nobody can say that it went */
	assert_int_equal(token->state, TOKEN_UNSHOWN);
	assert_int_equal(token->removals, 0);
	assert_int_equal(state_refusals(), before + 1);
}

static void a_report_of_one_token_leaves_the_others(void **state)
{
	struct report one = {0};
	struct token *token = keyring_tokens();

	(void)state;
	assert_int_equal(keyring_take_report(PROCESS, &one, true, &changed), 0);
	assert_false(changed);
	assert_int_equal(token->state, TOKEN_SHOWN);
	assert_keys("abc/abc");
}

#define KEYRING_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEYRING_TEST(left_out_keys_stay_until_the_next_process),
		KEYRING_TEST(keys_that_are_shown_again_were_never_missed),
		KEYRING_TEST(pcscd_is_gone),
		KEYRING_TEST(pcscd_is_gone_and_keys_are_missing),
		KEYRING_TEST(returned_cards_begin_anew),
		KEYRING_TEST(unread_tokens_lose_nothing),
		KEYRING_TEST(another_half_of_a_key_takes_its_place),
		KEYRING_TEST(tokens_in_no_reader_are_what_they_say),
		KEYRING_TEST(pulled_tokens_come_back),
		KEYRING_TEST(a_change_that_is_not_allowed_is_refused),
		KEYRING_TEST(a_report_of_one_token_leaves_the_others),
		KEYRING_TEST(the_count_is_that_of_when_the_module_looked),
	};

	return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
