/* SPDX-License-Identifier: ISC
 *
 * Headers as mail programs write them, and as nobody should: fields, and addresses, or the word that a list
 * is not understood.
 */
#include "mail_header.h"

#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct text text(const char *string)
{
	return (struct text){string, strlen(string)};
}

static bool append(void *context, const char *address)
{
	strcat(context, address);
	strcat(context, "|");
	return true;
}

static const char *const understood[][2] = {
	{"", ""},
	{" \r\n", ""},
	{"a@x.org", "a@x.org|"},
	{"<a@x.org>", "a@x.org|"},
	{" Alice <a@x.org>, b@x.org", "a@x.org|b@x.org|"},
	{"Alice\r\n <a@x.org>\r\n\t, b@x.org", "a@x.org|b@x.org|"},
	{"\"Doe, John\" <j@x.org>", "j@x.org|"},
	{"\"a \\\"b\\\" <c@x.org>\" <j@x.org>", "j@x.org|"},
	{"\"a\\\\\" <j@x.org>", "j@x.org|"},
	{"Alice (at home, (really) \\) ) <a@x.org> (a)", "a@x.org|"},
	{"(nobody) a@x.org (Alice)", "a@x.org|"},
	{"a @ x . org", "a@x.org|"},
	{"\"a b\"@x.org", "\"a b\"@x.org|"},
	{"friends: a@x.org, B <b@x.org>; , c@x.org", "a@x.org|b@x.org|c@x.org|"},
	{"undisclosed-recipients:;", ""},
	{"<@one,@two:a@x.org>", "a@x.org|"},
	{",,a@x.org,,", "a@x.org|"},
	{"root", "root|"},
	{"J\xc3\xbcrgen M\xc3\xbcller <j@x.org>", "j@x.org|"},
	{"=?utf-8?q?a=2C_b?= <j@x.org>", "j@x.org|"},
	{"Dr. Who <w@x.org>", "w@x.org|"},
	{"a;b@x.org", "a;b@x.org|"},
};

static void lists_that_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof understood / sizeof understood[0]; i++) {
		char got[2000] = "";

		if (!mail_each_address(text(understood[i][0]), append, got) || strcmp(got, understood[i][1]))
			fail_msg("%s: %s", understood[i][0], got);
	}
}

static const char *const odd[] = {
	"a@x.org b@x.org",
	"Alice a@x.org",
	"<a@x.org",
	"a@x.org>",
	"<a@x.org> <b@x.org>",
	"<a@x.org> b",
	"<<a@x.org>>",
	"\"a@x.org",
	"(a@x.org",
	"\"a\\\"@x.org",
	"<>",
	"friends: a@x.org",
	"a: b: c@x.org;;",
	"a@x.org\001",
	"\"a\r\n b\"@x.org",
	"<a b@x.org>",
	"Doe, John <j@x.org>, <",
};

static void lists_that_are_not(void **state)
{
	char list[400] = "";

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		char got[2000] = "";

		if (mail_each_address(text(odd[i]), append, got))
			fail_msg("%s: %s", odd[i], got);
	}
	memset(list, 'a', MAIL_ADDRESS_MAX + 1);
	assert_false(mail_each_address(text(list), append, (char[2000]){0}));
	list[MAIL_ADDRESS_MAX] = 0;
	assert_true(mail_each_address(text(list), append, (char[2000]){0}));
	assert_false(mail_each_address((struct text){"a\0b@x.org", 9}, append, (char[2000]){0}));
}

static bool refuse(void *context, const char *address)
{
	(void)address;
	return --*(int *)context > 0;
}

static void a_refusal_ends_it(void **state)
{
	int more = 2;

	(void)state;
	assert_false(mail_each_address(text("a@x, b@x, c@x, d@x"), refuse, &more));
	assert_int_equal(more, 0);
}

static void fields_one_by_one(void **state)
{
	struct text header = text("From: a\nSubject :\r\n folded\r\n no field\r\nX-Empty:\nLast: b");
	struct mail_field field;

	(void)state;
	assert_true(mail_next_field(&header, &field));
	assert_true(mail_field_is(&field, "from") && field.whole.length == 8 && field.value.length == 2);
	assert_true(mail_next_field(&header, &field));
	assert_true(mail_field_is(&field, "Subject") && !mail_field_is(&field, "Subjec"));
	assert_int_equal(field.whole.length, 11 + 9 + 11);
	assert_true(mail_next_field(&header, &field));
	assert_true(mail_field_is(&field, "X-Empty") && !field.value.length);
	assert_true(mail_next_field(&header, &field));
	assert_true(mail_field_is(&field, "Last") && field.value.length == 2 && field.whole.length == 7);
	assert_false(mail_next_field(&header, &field));
}

static void where_a_header_ends(void **state)
{
	(void)state;
	assert_int_equal(mail_header_length(text("A: b\n\nbody"), true), 6);
	assert_int_equal(mail_header_length(text("A: b\r\n\r\nbody"), false), 8);
	assert_int_equal(mail_header_length(text("A: b\n"), true), 5);
	assert_int_equal(mail_header_length(text("A: b\n"), false), 0);
	assert_int_equal(mail_header_length(text("A: b\nodd\n\nbody"), true), 10);
	assert_int_equal(mail_header_length(text("\nA: b\n\n"), true), 0);
	assert_int_equal(mail_header_length(text("hello\n\n"), true), 0);
	assert_int_equal(mail_header_length(text("From a@x Mon\nA: b\n\n"), true), 0);
	assert_int_equal(mail_header_length(text(""), true), 0);
}

static void first_words(void **state)
{
	char word[8];

	(void)state;
	mail_first_word(text(" Text/Plain; a=b"), word, sizeof word);
	assert_string_equal(word, "text/pl");
	mail_first_word(text("\r\n A"), word, sizeof word);
	assert_string_equal(word, "a");
	mail_first_word(text(""), word, sizeof word);
	assert_string_equal(word, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_that_are_understood), cmocka_unit_test(lists_that_are_not),
		cmocka_unit_test(a_refusal_ends_it),	     cmocka_unit_test(fields_one_by_one),
		cmocka_unit_test(where_a_header_ends),	     cmocka_unit_test(first_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
