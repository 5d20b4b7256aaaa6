/* SPDX-License-Identifier: ISC
 *
 * What the broker keeps of a module's reports: keys that one of them leaves out, and where they stay known.
 */
#include "keyring.h"

#include "cleanup.h"
#include "fixture.h"
#include "host.h"
#include "pincache.h"
#include "readers.h"
#include "settings.h"

#include <string.h>

static struct reader the_reader = {.name = "Reader 0", .state = READER_CARD};
static bool reader_known;
static struct host host = {.name = (char *)"module", .starts = 1};

/* Of the rest of the broker. */

const struct reader *readers_of(const struct token *token)
{
	return reader_known && !strcmp(token->reader, the_reader.name) ? &the_reader : NULL;
}

uint16_t readers_count(const struct token *token)
{
	return readers_of(token) ? the_reader.cards : 0;
}

bool readers_may_have(const struct token *token)
{
	return readers_of(token);
}

const struct config *settings(void)
{
	static const struct config config;

	return &config;
}

void pincache_forget(struct token *token)
{
	(void)token;
}

void bad_pins_done(struct bad_pins *list)
{
	(void)list;
}

/* One key's row: 'a' to 'z' with a certificate, 'A' to 'Z' the public half alone of the same key. */
static void take_key(char name)
{
	uint8_t id = (uint8_t)name & 0x1f;
	bool bare = name < 'a';
	struct msg_cert row = {.ref = id, .token = 1, .flags = CERT_KEY, .id = {&id, 1}, .label = view_string("key")};
	struct view half = {(const uint8_t *)&name, 1};

	*(bare ? &row.public_value : &row.der) = half;
	assert_int_equal(keyring_take_cert(&host, &row), 0);
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

	keyring_begin(&host);
	assert_int_equal(keyring_take_token(&host, &row), 0);
	for (; *names; names++)
		take_key(*names);
	(void)keyring_end(&host, false);
}

static void report_nothing(void)
{
	keyring_begin(&host);
	(void)keyring_end(&host, false);
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
		strcat(shown, key->host_ref ? name : "");
	}
	strcat(strcat(found, "/"), shown);
	assert_string_equal(found, expected);
}

static int set_up(void **state)
{
	(void)state;
	reader_known = true;
	host.starts = 1;
	report("Reader 0", "abc", 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	keyring_forget_host(&host);
	return keyring_tokens() != NULL;
}

static void next_process(void)
{
	host.starts++;
	keyring_host_down(&host);
	keyring_looks(&host);
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
	reader_known = false;
	report("Reader 0", "", 0);
	assert_keys("abc/");
	report_nothing();
	assert_true(keyring_tokens()->absent);
	assert_keys("abc/");
	reader_known = true;
	next_process();
	report("Reader 0", "abc", 0);
	assert_keys("abc/abc");
}

/* Nor is it a time to send a PIN. */
static void pcscd_is_gone_and_keys_are_missing(void **state)
{
	(void)state;
	reader_known = false;
	report("Reader 0", "a", 0);
	assert_true(keyring_is_missing(keyring_tokens()));
	assert_true(keyring_has_missing(&host));
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
	tear_down(state);
	report("SoftHSM slot ID 0x1", "abc", 0);
	report("SoftHSM slot ID 0x1", "c", 0);
	assert_keys("c/c");
	assert_false(keyring_has_missing(&host));
}

/* A module may find a card before pcscd has noticed it, which then takes its power. */
static void the_count_is_that_of_when_the_module_looked(void **state)
{
	const struct token *token = keyring_tokens();

	(void)state;
	the_reader.cards = 4;
	report_nothing();
	keyring_looks(&host);
	the_reader.cards = 5;
	report("Reader 0", "abc", 0);
	keyring_looks(&host);
	assert_true(token->meeting);
	assert_int_equal(token->met, 4);
	next_process();
	the_reader.cards = 6;
	keyring_looks(&host); /* once for the start of the process, and once for its first look */
	report("Reader 0", "abc", 0);
	assert_int_equal(token->met, 5);
	report_nothing();
	assert_false(token->meeting);
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
		KEYRING_TEST(the_count_is_that_of_when_the_module_looked),
	};

	return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
