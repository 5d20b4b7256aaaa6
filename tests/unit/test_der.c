/* SPDX-License-Identifier: ISC
 *
 * Lengths of every size, there and back.
 */
#include "der.h"

#include "cleanup.h"
#include "fixture.h"

#include <string.h>

static void lengths(void **state)
{
	static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		CLEAN_BUF struct buf bytes = BUF_INIT(2000000);
		struct view from, whole, inside;

		assert_int_equal(der_add_header(&bytes, 0x30, sizes[i]), 0);
		assert_int_equal(bytes.length + sizes[i], der_element_size(sizes[i]));
		assert_int_equal(buf_reserve(&bytes, sizes[i] + 3), 0);
		memset(bytes.data + bytes.length, 7, sizes[i] + 3);
		bytes.length += sizes[i] + 3;
		from = buf_view(&bytes);
		assert_int_equal(der_take(&from, &whole, &inside), 0);
		assert_int_equal(inside.length, sizes[i]);
		assert_int_equal(whole.length, der_element_size(sizes[i]));
		assert_int_equal(from.length, 3);
	}
}

static void too_short(void **state)
{
	static const uint8_t bytes[] = {0x30, 0x82, 0x01, 0x00, 0x05};
	struct view whole, inside;

	(void)state;
	for (size_t length = 0; length <= sizeof bytes; length++) {
		struct view from = {bytes, length};

		assert_int_equal(der_take(&from, &whole, &inside), ERR_INTERNAL);
	}
}

static int keep(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static void segments(void **state)
{
	CLEAN_BUF struct buf got = BUF_INIT(1000);
	static struct output output;

	(void)state;
	output_init_sink(&output, keep, &got);
	assert_int_equal(der_write_segment(&output, "abc", 3), 0);
	assert_int_equal(der_write_segment(&output, NULL, 0), 0);
	assert_int_equal(got.length, 0);
	assert_int_equal(output_flush(&output), 0);
	assert_int_equal(got.length, 7);
	assert_memory_equal(got.data, "\x04\x03" "abc" "\x04\x00", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(too_short),
		cmocka_unit_test(segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
