/* SPDX-License-Identifier: ISC
 *
 * Address lists as To, Cc and Bcc have them, good and hostile.
 */
#include "address.h"

#include "fixture.h"

#include <stdio.h>
#include <string.h>

/* The addresses with blanks between; "?" for one that cannot be read. */
static void collect(const char *text, char *into, size_t size)
{
	struct view list = view_string(text);
	char address[ADDRESS_SIZE];
	size_t length = 0;

	*into = 0;
	while (address_next(&list, address))
		length += (size_t)snprintf(into + length, size - length, "%s%s", length ? " " : "",
					   *address ? address : "?");
	assert_int_equal(list.length, 0);
}

static void lists(void **state)
{
	static const char *const table[][2] = {
		{"", ""},
		{" \r\n\t", ""},
		{"a@b", "a@b"},
		{" a@b.example , c@d", "a@b.example c@d"},
		{"Name <a@b>", "a@b"},
		{"Some Name <a@b>, <c@d>", "a@b c@d"},
		{"\"Last, First\" <a@b>,\r\n\t\"x@y\" <c@d>", "a@b c@d"},
		{"(comment, with x@y (nested)) a@b (more)", "a@b"},
		{"friends: a@b, Name <c@d>;", "a@b c@d"},
		{"undisclosed-recipients:;", ""},
		{"friends: a@b;, c@d", "a@b c@d"},
		{",,a@b,,", "a@b"},
		{"< a@b >", "a@b"},
		{"\xc3\xbc@\xc3\xa4.example", "\xc3\xbc@\xc3\xa4.example"},
		{"a@b, nobody, c@d", "a@b ? c@d"},
		{"\"a b\"@c", "?"},
		{"<@x,@y:a@b>", "?"},
		{"a@b c@d", "?"},
		{"<a@b> <c@d>", "?"},
		{"<a@b>x", "?"},
		{"a@", "?"},
		{"@b", "?"},
		{"a@b@c", "?"},
		{"<a b@c>", "?"},
		{"\"never closed <a@b>", "?"},
		{"(never closed a@b", ""},
		{"<a@b", "a@b"},
		{"a@b\\", "?"},
		{"a@b c", "?"},
		{"a@b\tc, d@e", "? d@e"},
		{"c a@b", "a@b"},
		{"x@y: a@b, <c@d>;", "? c@d"},
		{"x@y\rFrom: <a@b>", "?"},
		{"name only", "?"},
	};
	char got[1000];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		collect(table[i][0], got, sizeof got);
		assert_string_equal(got, table[i][1]);
	}
}

static void nul_is_no_address(void **state)
{
	static const char text[] = "a@b\0.example, <c@d\0>";
	struct view list = {(const uint8_t *)text, sizeof text - 1};
	char address[ADDRESS_SIZE];

	(void)state;
	while (address_next(&list, address))
		assert_true(!*address || !strcmp(address, "a@b"));
}

static void long_ones(void **state)
{
	char text[600], address[ADDRESS_SIZE];
	struct view list;

	(void)state;
	for (size_t length = 250; length < 260; length++) {
		memset(text, 'a', length);
		text[1] = '@';
		text[length] = 0;
		list = view_string(text);
		assert_true(address_next(&list, address));
		assert_int_equal(strlen(address), length < ADDRESS_SIZE ? length : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(nul_is_no_address),
		cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
