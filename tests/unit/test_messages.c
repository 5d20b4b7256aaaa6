/* SPDX-License-Identifier: ISC
 *
 * Every private message: its row, its directions and sizes, and the codec of its payload, for all
 * rows of messages.def and payloads.def.
 */
#include "messages.h"

#include "fixture.h"
#include "payloads.h"

#include <string.h>

#define WORKER PROCESS_WORKER
#define TOKEN_PROCESS PROCESS_TOKEN
#define ADMIN PROCESS_ADMIN
#define PROMPT PROCESS_PROMPT
#define WATCH PROCESS_WATCH
#define STORE PROCESS_STORE
#define BROKER PROCESS_BROKER
#define SECRET MESSAGE_SECRET
#define FD MESSAGE_FD

#define SEEDS 40
#define PROCESS_BITS 7

static const struct expected {
	unsigned int number, from, to, flags;
	size_t limit;
	const char *name, *payload, *meaning;
} rows[] = {
#define M(number, name, from, to, limit, flags, fields, meaning)                                           \
	{number, from, to, flags, limit, #name, #fields, meaning},
#include "messages.def"
#undef M
};

#define ROWS (sizeof rows / sizeof rows[0])

static void rows_are_unique(void **state)
{
	unsigned int largest = 0;

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(rows[i].number, rows[j].number);
			assert_string_not_equal(rows[i].name, rows[j].name);
		}
		largest = rows[i].number > largest ? rows[i].number : largest;
	}
	assert_int_equal(MSG_LIMIT, largest + 1);
}

static void rows_are_found(void **state)
{
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct message_row *row = message_row(rows[i].number);

		assert_non_null(row);
		assert_string_equal(row->name, rows[i].name);
		assert_string_equal(row->meaning, rows[i].meaning);
		assert_int_equal(row->flags, rows[i].flags);
		assert_int_equal(row->limit, rows[i].limit);
	}
	for (unsigned int number = 0; number < 70000; number++)
		found += message_row(number) != NULL;
	assert_int_equal(found, ROWS);
	assert_null(message_row(0));
	assert_null(message_row(0xffffffffu));
}

/* A limit that its own payload does not fit under, or that no packet can carry, is a wrong row. */
static void limits_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_true(rows[i].limit >= payload_find(rows[i].payload)->smallest);
		assert_true(rows[i].limit <= BUF_MESSAGE_MAX);
		assert_true(strlen(rows[i].meaning) > 3);
	}
}

static void every_direction(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (unsigned int from = 0; from < PROCESS_BITS; from++)
			for (unsigned int to = 0; to < PROCESS_BITS; to++) {
				bool allowed = rows[i].from & 1u << from && rows[i].to & 1u << to;

				assert_int_equal(message_check(rows[i].number, 0, 1u << from, 1u << to),
						 allowed ? 0 : ERR_PROTOCOL);
			}
}

/* Only the broker talks to all; nobody else talks to each other, and nobody to itself. */
static void directions_pass_the_broker(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_true(rows[i].from && rows[i].to);
		assert_true(rows[i].from & BROKER || rows[i].to == BROKER);
		assert_true(rows[i].to & BROKER || rows[i].from == BROKER);
	}
}

static void sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		enum process from = rows[i].from & BROKER ? BROKER : rows[i].from & -rows[i].from;
		enum process to = rows[i].from & BROKER ? rows[i].to & -(rows[i].to & ~BROKER) : BROKER;

		assert_int_equal(message_check(rows[i].number, rows[i].limit, from, to), 0);
		assert_int_equal(message_check(rows[i].number, rows[i].limit + 1, from, to), ERR_PROTOCOL);
		assert_int_equal(message_check(rows[i].number, SIZE_MAX, from, to), ERR_PROTOCOL);
	}
}

static void numbers_without_row(void **state)
{
	static const unsigned int numbers[] = {0, 9, MSG_LIMIT, 0xffff, 0xffffffffu};

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		assert_int_equal(message_check(numbers[i], 0, BROKER, WORKER), ERR_PROTOCOL);
}

static void round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < payload_count; i++)
		for (unsigned int seed = 0; seed < SEEDS; seed++)
			payloads[i].round_trip(seed * 7);
}

/* A payload cut at any byte is refused; so is one with anything behind it. */
static void cut_and_trailing(void **state)
{
	(void)state;
	for (size_t i = 0; i < payload_count; i++)
		for (unsigned int seed = 0; seed < SEEDS; seed++) {
			CLEAN_BUF struct buf buf = BUF_INIT(BUF_MESSAGE_MAX);

			assert_int_equal(payloads[i].example(&buf, seed), 0);
			assert_int_equal(payloads[i].decode(buf_view(&buf)), 0);
			for (size_t length = 0; length < buf.length; length++) {
				CLEAN_FREE uint8_t *exact = malloc(length + 1);

				assert_non_null(exact);
				memcpy(exact, buf.data, length);
				assert_int_equal(payloads[i].decode((struct view){exact, length}),
						 ERR_PROTOCOL);
			}
			assert_int_equal(buf_add_u8(&buf, 0), 0);
			assert_int_equal(payloads[i].decode(buf_view(&buf)), ERR_PROTOCOL);
		}
}

/* No flipped bit makes a decoder read outside (the sanitizers look), and what decodes is no more
 * than what came. */
static void flipped_bits(void **state)
{
	(void)state;
	for (size_t i = 0; i < payload_count; i++) {
		CLEAN_BUF struct buf buf = BUF_INIT(BUF_MESSAGE_MAX);

		assert_int_equal(payloads[i].example(&buf, 1), 0);
		for (size_t bit = 0; bit < buf.length * 8; bit++) {
			int rc;

			buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			rc = payloads[i].decode(buf_view(&buf));
			assert_true(rc == 0 || rc == ERR_PROTOCOL);
			buf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void encoding_stops_at_the_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < payload_count; i++) {
		CLEAN_BUF struct buf whole = BUF_INIT(BUF_MESSAGE_MAX);
		CLEAN_BUF struct buf tight = BUF_INIT(0);

		assert_int_equal(payloads[i].example(&whole, 1), 0);
		tight.limit = whole.length;
		assert_int_equal(payloads[i].example(&tight, 1), 0);
		if (!whole.length)
			continue;
		buf_clear(&tight);
		tight.limit--;
		assert_int_equal(payloads[i].example(&tight, 1), ERR_TOO_LARGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_unique),
		cmocka_unit_test(rows_are_found),
		cmocka_unit_test(limits_fit),
		cmocka_unit_test(every_direction),
		cmocka_unit_test(directions_pass_the_broker),
		cmocka_unit_test(sizes),
		cmocka_unit_test(numbers_without_row),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(cut_and_trailing),
		cmocka_unit_test(flipped_bits),
		cmocka_unit_test(encoding_stops_at_the_limit),
	};

	return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
