/* SPDX-License-Identifier: ISC
 *
 * Times: each form that is written, and what is read.
 */
#include "fixture.h"
#include "time_text.h"

#include <string.h>

static void forms(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	time_text(1795445100, TIME_RFC3339, text);
	assert_string_equal(text, "2026-11-23T14:45:00Z");
	time_text(1795445100, TIME_DATE, text);
	assert_string_equal(text, "2026-11-23");
	time_text(1795445100, TIME_GNUPG, text);
	assert_string_equal(text, "20261123T144500");
	time_text(0, TIME_RFC3339, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	/* What no calendar has, and what has no room. */
	time_text(INT64_MAX, TIME_RFC3339, text);
	assert_string_equal(text, "");
	time_text(INT64_MIN, TIME_GNUPG, text);
	assert_string_equal(text, "");
}

static void what_is_written_is_read(void **state)
{
	static const int64_t times[] = {1, 86400, 951782400, 1795445100, 4102444799, 253402300799};

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		char text[TIME_TEXT_SIZE];
		int64_t seconds = 0;

		time_text(times[i], TIME_RFC3339, text);
		assert_int_equal(time_text_parse(text, &seconds), 0);
		assert_int_equal(seconds, times[i]);
	}
}

static void what_is_read(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} cases[] = {
		{"2026-11-23", 1795392000}, {"@1795445100", 1795445100}, {"@1", 1},
		{"@0", 0}, {"@-5", 0}, {"@", 0}, {"@12x", 0}, {"@99999999999999999999", 0}, {"", 0}, {"x", 0},
		{"1970-01-01", 0}, {"1969-12-31", 0}, {"2026-11-23T14:45:00", 0}, {"2026-11-23T14:45:00ZZ", 0},
		{"2026-13-01", 0}, {"2026-11-23 ", 0}, {"20261123T144500", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t seconds = 7;

		assert_int_equal(time_text_parse(cases[i].text, &seconds), cases[i].seconds ? 0 : ERR_USAGE);
		assert_int_equal(seconds, cases[i].seconds ? cases[i].seconds : 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
