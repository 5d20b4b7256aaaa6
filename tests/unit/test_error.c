/* SPDX-License-Identifier: ISC
 *
 * The table of errors: every row is found again from each of its names, and no two are alike.
 */
#include "error.h"
#include "fixture.h"

#include <ctype.h>
#include <string.h>

struct row {
	const char *name;
	unsigned int number, gpg;
	int status;
	const char *text;
};

static const struct row rows[] = {
#define E(name, number, status, gpg, text) {#name, number, gpg, status, text},
#include "error.def"
#undef E
};

#define ROWS (sizeof rows / sizeof rows[0])

static void rows_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(rows[i].number, rows[j].number);
			assert_int_not_equal(rows[i].gpg, rows[j].gpg);
			assert_string_not_equal(rows[i].name, rows[j].name);
			assert_string_not_equal(rows[i].text, rows[j].text);
		}
}

static void rows_are_in_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		size_t length = strlen(rows[i].text);

		assert_true(rows[i].number >= 1 && rows[i].number <= 9999);
		assert_true(rows[i].gpg >= 1 && rows[i].gpg <= 0xffff);
		assert_true(rows[i].status >= 1 && rows[i].status <= 4);
		assert_true(length > 3 && rows[i].text[length - 1] != '.' &&
			    rows[i].text[length - 1] != '\n');
		assert_true(!isupper(rows[i].text[0]) || isupper(rows[i].text[1])); /* PIN, CMS */
	}
}

static void round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		int err = -(int)rows[i].number;

		assert_string_equal(error_name(err), rows[i].name);
		assert_string_equal(error_text(err), rows[i].text);
		assert_int_equal(error_status(err), rows[i].status);
		assert_int_equal(error_to_gpg(err), rows[i].gpg);
		assert_int_equal(error_from_gpg(rows[i].gpg), err);
		/* with the source bits of some program */
		assert_int_equal(error_from_gpg(rows[i].gpg | 5u << 24), err);
		assert_int_equal(error_from_wire(rows[i].number), err);
	}
}

static void no_error(void **state)
{
	(void)state;
	assert_string_equal(error_name(0), "NONE");
	assert_string_equal(error_text(0), "done");
	assert_int_equal(error_status(0), 0);
	assert_int_equal(error_to_gpg(0), 0);
	assert_int_equal(error_from_gpg(0), 0);
	assert_int_equal(error_from_gpg(5u << 24), 0);
	assert_int_equal(error_from_wire(0), 0);
}

static void numbers_without_row(void **state)
{
	static const unsigned int wire[] = {9999, 10000, 0x7fffffff, 0x80000000u, 0xffffffffu};
	static const int errors[] = {-9999, 1, 5, -2147483647 - 1, 2147483647};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(error_from_wire(wire[i]), ERR_PROTOCOL);
		assert_string_equal(error_name(errors[i]), "NONE");
		assert_string_equal(error_text(errors[i]), "unknown error");
		assert_int_equal(error_status(errors[i]), 3);
		assert_int_equal(error_to_gpg(errors[i]), error_to_gpg(ERR_INTERNAL));
	}
}

/* Each positive number of the wire is a row's, or ERR_PROTOCOL: never 0, never a number of nobody. */
static void every_wire_number(void **state)
{
	unsigned int found = 0;

	(void)state;
	for (unsigned int number = 1; number <= 10000; number++) {
		int err = error_from_wire(number);

		assert_true(err < 0);
		if (err == -(int)number)
			found++;
		else
			assert_int_equal(err, ERR_PROTOCOL);
	}
	assert_int_equal(found, ROWS);
}

static void foreign_codes(void **state)
{
	(void)state;
	assert_int_equal(error_from_gpg(175), ERR_USAGE); /* GPG_ERR_UNKNOWN_COMMAND */
	assert_int_equal(error_from_gpg(276), ERR_USAGE); /* GPG_ERR_ASS_SYNTAX */
	assert_int_equal(error_from_gpg(281), ERR_USAGE);
	assert_int_equal(error_from_gpg(282), ERR_INTERNAL);
	assert_int_equal(error_from_gpg(0xffff), ERR_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_unique),     cmocka_unit_test(rows_are_in_range),
		cmocka_unit_test(round_trips),	       cmocka_unit_test(no_error),
		cmocka_unit_test(numbers_without_row), cmocka_unit_test(every_wire_number),
		cmocka_unit_test(foreign_codes),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
