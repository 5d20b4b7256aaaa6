/* SPDX-License-Identifier: ISC
 *
 * Buffers and views: limits, growth, numbers at their edges, and that nothing changes on failure.
 */
#include "buf.h"
#include "fixture.h"

#include <string.h>

static void add_and_limit(void **state)
{
	CLEAN_BUF struct buf buf = BUF_INIT(10);

	(void)state;
	assert_int_equal(buf_add(&buf, "01234567", 8), 0);
	assert_int_equal(buf_add(&buf, "abc", 3), ERR_TOO_LARGE);
	assert_int_equal(buf.length, 8);
	assert_int_equal(buf_add(&buf, "89", 2), 0);
	assert_memory_equal(buf.data, "0123456789", 10);
	assert_int_equal(buf_add_u8(&buf, 1), ERR_TOO_LARGE);
	assert_int_equal(buf_add(&buf, NULL, 0), 0);
	assert_int_equal(buf.length, 10);
}

static void reserve(void **state)
{
	CLEAN_BUF struct buf buf = BUF_INIT(1000);

	(void)state;
	assert_int_equal(buf_reserve(&buf, 1001), ERR_TOO_LARGE);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), ERR_TOO_LARGE);
	assert_null(buf.data);
	assert_int_equal(buf_reserve(&buf, 1000), 0);
	assert_true(buf.capacity >= 1000);
	assert_int_equal(buf.length, 0);
	assert_int_equal(buf_add_u8(&buf, 7), 0);
	assert_int_equal(buf_reserve(&buf, 1000), ERR_TOO_LARGE);
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), ERR_TOO_LARGE);
	buf.limit = 0; /* a limit that sank below the content */
	assert_int_equal(buf_reserve(&buf, 0), ERR_TOO_LARGE);
}

/* Content survives every move; `secret` takes the other allocator. */
static void grow(bool secret)
{
	CLEAN_BUF struct buf buf = secret ? BUF_SECRET(100000) : BUF_INIT(100000);

	for (uint32_t i = 0; i < 25000; i++)
		assert_int_equal(buf_add_u32(&buf, i * 2654435761u), 0);
	assert_int_equal(buf.length, 100000);
	for (struct view rest = buf_view(&buf), *at = &rest; at->length;) {
		uint32_t value, index = (uint32_t)((buf.length - at->length) / 4);

		assert_int_equal(view_u32(at, &value), 0);
		assert_int_equal(value, index * 2654435761u);
	}
	buf_clear(&buf);
	assert_int_equal(buf.length, 0);
	assert_int_equal(buf_add(&buf, "x", 1), 0);
	buf_done(&buf);
	assert_null(buf.data);
	assert_int_equal(buf_add(&buf, "y", 1), 0);
}

static void grow_plain(void **state)
{
	(void)state;
	grow(false);
}

static void grow_secret(void **state)
{
	(void)state;
	grow(true);
}

static void clear_wipes_secret(void **state)
{
	CLEAN_BUF struct buf buf = BUF_SECRET(100);
	static const uint8_t zero[6];

	(void)state;
	assert_int_equal(buf_add(&buf, "123456", 6), 0);
	buf_clear(&buf);
	assert_memory_equal(buf.data, zero, 6);
}

static void numbers(void **state)
{
	static const uint64_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x0123456789abcdef, UINT64_MAX};
	uint64_t big;
	uint32_t word;
	uint16_t half;
	uint8_t byte;

	(void)state;
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		CLEAN_BUF struct buf buf = BUF_INIT(15);
		struct view view;

		assert_int_equal(buf_add_u8(&buf, (uint8_t)edges[i]), 0);
		assert_int_equal(buf_add_u16(&buf, (uint16_t)edges[i]), 0);
		assert_int_equal(buf_add_u32(&buf, (uint32_t)edges[i]), 0);
		assert_int_equal(buf_add_u64(&buf, edges[i]), 0);
		view = buf_view(&buf);
		assert_int_equal(view_u8(&view, &byte), 0);
		assert_int_equal(view_u16(&view, &half), 0);
		assert_int_equal(view_u32(&view, &word), 0);
		assert_int_equal(view_u64(&view, &big), 0);
		assert_int_equal(byte, (uint8_t)edges[i]);
		assert_int_equal(half, (uint16_t)edges[i]);
		assert_int_equal(word, (uint32_t)edges[i]);
		assert_true(big == edges[i]);
		assert_int_equal(view.length, 0);
		assert_int_equal(view_u8(&view, &byte), ERR_PROTOCOL);
	}
}

static void numbers_are_big_endian(void **state)
{
	CLEAN_BUF struct buf buf = BUF_INIT(100);

	(void)state;
	assert_int_equal(buf_add_u16(&buf, 0x0102), 0);
	assert_int_equal(buf_add_u32(&buf, 0x03040506), 0);
	assert_int_equal(buf_add_u64(&buf, 0x0708090a0b0c0d0e), 0);
	assert_memory_equal(buf.data, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16", 14);
}

/* A view that is one byte short takes nothing and changes nothing. */
static void short_numbers(void **state)
{
	static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint64_t big = 99;
	uint32_t word = 99;
	uint16_t half = 99;
	struct view view = {bytes, 1};

	(void)state;
	assert_int_equal(view_u16(&view, &half), ERR_PROTOCOL);
	assert_int_equal(view.length, 1);
	view.length = 3;
	assert_int_equal(view_u32(&view, &word), ERR_PROTOCOL);
	assert_int_equal(view.length, 3);
	view.length = 7;
	assert_int_equal(view_u64(&view, &big), ERR_PROTOCOL);
	assert_int_equal(view.length, 7);
	assert_ptr_equal(view.data, bytes);
	assert_int_equal(half, 99);
	assert_int_equal(word, 99);
	assert_true(big == 99);
}

static void byte_strings(void **state)
{
	CLEAN_BUF struct buf buf = BUF_INIT(16);
	struct view view, bytes = {NULL, 0};

	(void)state;
	assert_int_equal(buf_add_bytes(&buf, view_string("hello")), 0);
	assert_int_equal(buf_add_bytes(&buf, view_string(NULL)), 0);
	assert_int_equal(buf.length, 13);
	/* the length alone would fit */
	assert_int_equal(buf_add_bytes(&buf, view_string("x")), ERR_TOO_LARGE);
	assert_int_equal(buf.length, 13);
	view = buf_view(&buf);
	assert_int_equal(view_bytes(&view, &bytes), 0);
	assert_true(view_equal(bytes, view_string("hello")));
	assert_int_equal(view_bytes(&view, &bytes), 0);
	assert_int_equal(bytes.length, 0);
	assert_int_equal(view.length, 0);
	assert_int_equal(view_bytes(&view, &bytes), ERR_PROTOCOL);
}

static void byte_string_longer_than_view(void **state)
{
	static const uint8_t lies[][8] = {{0, 0, 0, 5, 1, 2, 3, 4}, {255, 255, 255, 255, 1, 2, 3, 4}};
	struct view bytes = {NULL, 77};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct view view = {lies[i], 8};

		assert_int_equal(view_bytes(&view, &bytes), ERR_PROTOCOL);
		assert_ptr_equal(view.data, lies[i]);
		assert_int_equal(view.length, 8);
		assert_int_equal(bytes.length, 77);
	}
}

static void format(void **state)
{
	CLEAN_BUF struct buf buf = BUF_INIT(12);

	(void)state;
	assert_int_equal(buf_add_format(&buf, "%s-%d", "abc", 42), 0);
	assert_int_equal(buf.length, 6);
	assert_int_equal(buf_add_format(&buf, "%s", "0123456"), ERR_TOO_LARGE);
	assert_int_equal(buf.length, 6);
	assert_int_equal(buf_add_format(&buf, "%s", "01234"), 0);
	assert_int_equal(buf_terminate(&buf), 0);
	assert_string_equal((char *)buf.data, "abc-4201234");
	assert_int_equal(buf.length, 11);
	assert_int_equal(buf_add_u8(&buf, 'x'), 0);
	assert_int_equal(buf_terminate(&buf), ERR_TOO_LARGE);
}

static void equality(void **state)
{
	struct view none = {NULL, 0}, empty = {(const uint8_t *)"", 0};

	(void)state;
	assert_true(view_equal(none, empty));
	assert_true(view_equal(view_string("a"), view_string("a")));
	assert_false(view_equal(view_string("a"), view_string("b")));
	assert_false(view_equal(view_string("a"), view_string("ab")));
	assert_false(view_equal(view_string("a"), none));
}

static void duplicate(void **state)
{
	CLEAN_FREE char *whole = view_dup(view_string("text"));
	CLEAN_FREE char *cut = view_dup((struct view){(const uint8_t *)"a\0b", 3});
	CLEAN_FREE char *none = view_dup((struct view){NULL, 0});

	(void)state;
	assert_string_equal(whole, "text");
	assert_string_equal(cut, "a");
	assert_string_equal(none, "");
}

static void lines(void **state)
{
	CLEAN_BUF struct buf buf = BUF_INIT(100);
	struct view rest = view_string("one\n\nthree\r\nlast"), line, none = {NULL, 0};
	static const char *const expected[] = {"one", "", "three\r", "last"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(view_line(&rest, &line));
		assert_true(view_equal(line, view_string(expected[i])));
	}
	assert_false(view_line(&rest, &line));
	assert_false(view_line(&none, &line));
	assert_true(view_equal(line, view_string("last"))); /* untouched */
	/* An end of a line at the end begins no other. */
	rest = view_string("a\n");
	assert_true(view_line(&rest, &line) && line.length == 1);
	assert_false(view_line(&rest, &line));
	buf_join_lines(&buf, ',');
	assert_int_equal(buf_add(&buf, "a\nb\n\nc", 6), 0);
	buf_join_lines(&buf, ',');
	assert_memory_equal(buf.data, "a,b,,c", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_and_limit),
		cmocka_unit_test(reserve),
		cmocka_unit_test(grow_plain),
		cmocka_unit_test(grow_secret),
		cmocka_unit_test(clear_wipes_secret),
		cmocka_unit_test(numbers),
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(short_numbers),
		cmocka_unit_test(byte_strings),
		cmocka_unit_test(byte_string_longer_than_view),
		cmocka_unit_test(format),
		cmocka_unit_test(equality),
		cmocka_unit_test(duplicate),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
