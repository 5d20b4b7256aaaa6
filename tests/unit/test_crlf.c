/* SPDX-License-Identifier: ISC
 *
 * Lines made to end with CRLF: the same text whatever the borders of what comes and of what is asked for.
 */
#include "crlf.h"

#include "cleanup.h"
#include "fixture.h"

#include <string.h>

static const char *const pairs[][2] = {
	{"", ""},
	{"a", "a"},
	{"\n", "\r\n"},
	{"\r\n", "\r\n"},
	{"\n\n\r\n\n", "\r\n\r\n\r\n\r\n"},
	{"a\nb\r\nc\rd\r\r\ne", "a\r\nb\r\nc\rd\r\r\ne"},
	{"\r", "\r"},
	{"a\n\r", "a\r\n\r"},
};

static void check(const char *from, const char *to, size_t step, size_t size)
{
	static struct input input;
	static struct crlf crlf;
	CLEAN_FD int fd = fixture_drip(from, strlen(from), step);
	CLEAN_BUF struct buf all = BUF_INIT(1000);
	size_t got = 1;

	input_init(&input, fd);
	crlf_init(&crlf, &input);
	while (got) {
		char bytes[16];

		assert_int_equal(crlf_read(&crlf, bytes, size, &got), 0);
		assert_true(got <= size);
		assert_int_equal(buf_add(&all, bytes, got), 0);
	}
	crlf_done(&crlf);
	assert_true(view_equal(buf_view(&all), view_string(to)));
}

static void any_border(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		for (size_t step = 1; step < 5; step++)
			for (size_t size = 1; size < 5; size++)
				check(pairs[i][0], pairs[i][1], step, size);
}

static void a_failed_read_is_told(void **state)
{
	static struct input input;
	static struct crlf crlf;
	char bytes[16];
	size_t got = 7;

	(void)state;
	input_init(&input, -1);
	crlf_init(&crlf, &input);
	assert_int_equal(crlf_read(&crlf, bytes, sizeof bytes, &got), ERR_READ);
	assert_int_equal(got, 7);
	crlf_done(&crlf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_border),
		cmocka_unit_test(a_failed_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
