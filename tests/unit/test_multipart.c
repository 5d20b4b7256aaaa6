/* SPDX-License-Identifier: ISC
 *
 * Parts of a multipart, byte for byte, whatever the pieces in which they come and are read.
 */
#include "multipart.h"

#include "cleanup.h"
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct input input;

/* All parts, the preamble first and the epilogue last, each in brackets; the error, or 0. */
static int take_apart(const char *body, size_t length, size_t step, size_t piece, struct buf *into)
{
	CLEAN_FD int fd = step ? fixture_drip(body, length, step) : fixture_file(body, length);
	struct multipart multipart;
	char bytes[512];
	bool more = true;
	int rc;

	input_init(&input, fd);
	rc = multipart_begin(&multipart, &input, "b =?");
	while (!rc && more) {
		size_t got = 1;

		assert_int_equal(buf_add_u8(into, '['), 0);
		while (!rc && got) {
			rc = multipart_read(&multipart, bytes, piece, &got);
			if (!rc)
				assert_int_equal(buf_add(into, bytes, got), 0);
		}
		assert_int_equal(buf_add_u8(into, ']'), 0);
		rc = rc ? rc : multipart_next(&multipart, &more);
	}
	return rc;
}

static void check(const char *body, const char *expected)
{
	static const size_t steps[] = {0, 1, 7};

	for (size_t i = 0; i < 3; i++)
		for (size_t piece = 1; piece < 70; piece += 17) {
			CLEAN_BUF struct buf got = BUF_INIT(100000);

			assert_int_equal(take_apart(body, strlen(body), steps[i], piece, &got), 0);
			assert_int_equal(buf_terminate(&got), 0);
			assert_string_equal((const char *)got.data, expected);
		}
}

static void parts_are_exact(void **state)
{
	(void)state;
	check("pre\r\n--b =?\r\nA: b\r\n\r\none\r\n--b =?\r\n\r\ntwo\r\n--b =?--\r\npost", "[pre][A: b\r\n\r\none][\r\ntwo]");
	check("--b =?\none\n\n--b =?\ntwo\r\n--b =?--", "[][one\n][two]");
	/* A blank line, a CR and a CRCRLF before the delimiter are the part's but for the last line end. */
	check("--b =?\n\r\n\r\n--b =?--\n", "[][\r\n]");
	check("--b =?\nx\r\r\n--b =?--\n", "[][x\r]");
	check("--b =?\n--b =?\n--b =?--\n", "[][][]");
	check("--b =?\n\n--b =?--\n", "[][]");
}

static void what_is_no_delimiter_is_content(void **state)
{
	(void)state;
	check("--b =?\n--b =\n--b =?x\n --b =?\n--b =?-\n-- b =?\n--b =?---\nx--b =?--\n--b =?--",
	      "[][--b =\n--b =?x\n --b =?\n--b =?-\n-- b =?\n--b =?---\nx--b =?--]");
	check("--b =?\r\nx\r--b =?--\r\n--b =?-- \t\r\nlast", "[][x\r--b =?--]");
}

static void an_end_ends_a_part_too(void **state)
{
	(void)state;
	check("", "[]");
	check("no delimiter\n", "[no delimiter\n]");
	check("--b =?\nnever closed\r\n", "[][never closed\r\n]");
	check("--b =?", "[][]");
	check("--b =?  \nx\n--b =?--", "[][x]");
	/* After the close delimiter nothing is a part. */
	check("--b =?--\nx\n--b =?\ny\n", "[]");
}

static void long_parts_pass(void **state)
{
	CLEAN_BUF struct buf body = BUF_INIT(400000), got = BUF_INIT(400000);

	(void)state;
	assert_int_equal(buf_add_format(&body, "--b =?\n"), 0);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(buf_add_format(&body, "\n--b =%d", i), 0);
	assert_int_equal(buf_add_format(&body, "\r\n--b =?--\n"), 0);
	assert_int_equal(take_apart((const char *)body.data, body.length, 0, 512, &got), 0);
	assert_int_equal(got.length, body.length - 7 - 11 + 4);
	assert_memory_equal(got.data + 3, body.data + 7, body.length - 7 - 11);
}

static void limits_refuse(void **state)
{
	CLEAN_BUF struct buf body = BUF_INIT(10000), got = BUF_INIT(10000);
	char boundary[MULTIPART_BOUNDARY_MAX + 2];
	struct multipart multipart;

	(void)state;
	memset(boundary, 'x', sizeof boundary);
	boundary[sizeof boundary - 1] = 0;
	assert_int_equal(multipart_begin(&multipart, &input, boundary), ERR_TOO_LARGE);
	assert_int_equal(multipart_begin(&multipart, &input, ""), ERR_NOT_MAIL);
	/* A delimiter with more blanks than anybody writes would be none to others. */
	assert_int_equal(buf_add_format(&body, "--b =?%2000s\nx\n--b =?--\n", ""), 0);
	assert_int_equal(take_apart((const char *)body.data, body.length, 0, 512, &got), ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_exact),
		cmocka_unit_test(what_is_no_delimiter_is_content),
		cmocka_unit_test(an_end_ends_a_part_too),
		cmocka_unit_test(long_parts_pass),
		cmocka_unit_test(limits_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
