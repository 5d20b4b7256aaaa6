/* SPDX-License-Identifier: ISC
 *
 * Mail headers, good and hostile: fields with folds, parameters with quotes and comments, line ends
 * across the borders of chunks, and limits.
 */
#include "mime.h"

#include "cleanup.h"
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct input input;

static int read_header(const char *mail, size_t step, struct buf *block, struct buf *body)
{
	CLEAN_FD int fd = fixture_drip(mail, strlen(mail), step);
	size_t got = 1;
	int rc;

	input_init(&input, fd);
	rc = mime_read_header(&input, block);
	while (!rc && got) {
		uint8_t piece[50];

		assert_int_equal(input_read(&input, piece, sizeof piece, &got), 0);
		assert_int_equal(buf_add(body, piece, got), 0);
	}
	return rc;
}

static void header_and_body(void **state)
{
	static const char *const mails[][3] = {
		{"A: 1\r\nB: 2\r\n\r\nbody\r\n", "A: 1\r\nB: 2\r\n", "body\r\n"},
		{"A: 1\nB: 2\n\nbody\n", "A: 1\nB: 2\n", "body\n"},
		{"A: 1\r\n fold\r\n\tfold\r\n\r\n\r\nbody", "A: 1\r\n fold\r\n\tfold\r\n", "\r\nbody"},
		{"\r\nbody", "", "body"},
		{"\n\nbody", "", "\nbody"},
		{"A: 1", "A: 1", ""},
		{"A: 1\n", "A: 1\n", ""},
		{"A: 1\nno field\n\nx", "A: 1\nno field\n", "x"},
		{"A: 1\n \n\nx", "A: 1\n \n", "x"}, /* a line of blanks is no empty line */
		{"A : 1\n\r\nx", "A : 1\n", "x"},
		{"From a@b Mon Nov 23 12:00:00 2026\nA: 1\n\nx", "A: 1\n", "x"}, /* from a mailbox */
		{"From a\r\n\r\nx", "", "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++)
		for (size_t step = 1; step < 30; step += 4) {
			CLEAN_BUF struct buf block = BUF_INIT(1000), body = BUF_INIT(1000);

			assert_int_equal(read_header(mails[i][0], step, &block, &body), 0);
			assert_true(view_equal(buf_view(&block), view_string(mails[i][1])));
			assert_true(view_equal(buf_view(&body), view_string(mails[i][2])));
		}
}

static void no_mail(void **state)
{
	static const char *const texts[] = {
		"",	     "no field\n\n",	      ": x\n\n",      " A: 1\n\n", "A\n\n", "A B: 1\n\n",
		"\x30\x80:", "-----BEGIN CMS-----\n", "\xc3\xa4: 1\n",
		"From a@b\n",	     "From a@b\nFrom c@d\nA: 1\n\n"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CLEAN_BUF struct buf block = BUF_INIT(1000), body = BUF_INIT(1000);

		if (read_header(texts[i], 3, &block, &body) != ERR_NOT_MAIL)
			fail_msg("taken: %s", texts[i]);
	}
}

static void header_limit(void **state)
{
	(void)state;
	for (size_t lines = 0; lines < 2; lines++)
		for (int over = 0; over < 2; over++) {
			CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX),
					     mail = BUF_INIT(MIME_HEADER_MAX + 10);
			size_t length = MIME_HEADER_MAX - 2 + (size_t)over;
			CLEAN_FD int fd = -1;

			assert_int_equal(buf_add(&mail, "A: ", 3), 0);
			while (mail.length < length - 1)
				assert_int_equal(
					buf_add(&mail, lines && mail.length % 70 == 1 ? "\n" : " ", 1), 0);
			assert_int_equal(buf_add(&mail, "\n\r\nbody", 7), 0);
			fd = fixture_file(mail.data, mail.length);
			input_init(&input, fd);
			assert_int_equal(mime_read_header(&input, &block), over ? ERR_TOO_LARGE : 0);
			if (!over)
				assert_int_equal(block.length, length);
		}
}

static void reading_fails(void **state)
{
	CLEAN_BUF struct buf block = BUF_INIT(1000);

	(void)state;
	input_init(&input, -1);
	assert_int_equal(mime_read_header(&input, &block), ERR_READ);
}

static void header_length(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {{"A: 1\r\n\r\nx", 8}, {"A: 1\n\nx", 6},  {"\r\nx", 2},	    {"\n", 1},	 {"", 0},
		     {"A: 1\r\n", 0},	   {"A: 1\r\n\r", 0}, {"A: 1\r\n\rx\n", 0}, {"A: 1", 0}, {"\r", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(mime_header_length(view_string(cases[i].text)), cases[i].length);
}

static void field_or_not(void **state)
{
	static const char *const yes[] = {"A:", "Subject: x", "X-1_2!#: ", "A \t: x", "a::"};
	static const char *const no[] = {"",	   ":",	     " A: x",	    "\tA:",   "A",
					 "A B: x", "A\r: x", "\xc3\xa4: x", "A\x7f:", " :"};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(mime_is_field(view_string(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(mime_is_field(view_string(no[i])));
}

static void check_field(struct view *block, const char *name, const char *value, const char *whole)
{
	struct mime_field field;

	assert_true(mime_next_field(block, &field));
	assert_true(view_equal(field.name, view_string(name)));
	assert_true(view_equal(field.value, view_string(value)));
	assert_true(view_equal(field.whole, view_string(whole)));
	assert_true(mime_name_is(&field, name));
}

static void fields_and_folds(void **state)
{
	struct view block =
		view_string("From: a@x\r\nSubject:\r\n folded\r\n\ttwice: not a field\r\nX :  y \r\n"
			    "junk line\r\nEmpty:\r\nLast: z");
	struct mime_field field;

	(void)state;
	check_field(&block, "From", " a@x", "From: a@x\r\n");
	check_field(&block, "Subject", "\r\n folded\r\n\ttwice: not a field",
		    "Subject:\r\n folded\r\n\ttwice: not a field\r\n");
	check_field(&block, "X", "  y \r\njunk line", "X :  y \r\njunk line\r\n");
	check_field(&block, "Empty", "", "Empty:\r\n");
	check_field(&block, "Last", " z", "Last: z");
	assert_false(mime_next_field(&block, &field));
	assert_int_equal(block.length, 0);
}

static void find_field(void **state)
{
	struct view block = view_string("A: 1\nContent-Type: x\nCONTENT-TYPE: y\nContent: z\n");
	struct mime_field field;

	(void)state;
	assert_true(mime_find_field(block, "content-type", &field));
	assert_true(view_equal(field.value, view_string(" x"))); /* the first */
	assert_true(mime_name_begins(&field, "content-"));
	assert_false(mime_name_is(&field, "content-"));
	assert_true(mime_find_field(block, "Content", &field));
	assert_false(mime_name_begins(&field, "Content-"));
	assert_false(mime_find_field(block, "Content-Typ", &field));
	assert_false(mime_find_field(block, "", &field));
	assert_false(mime_find_field((struct view){NULL, 0}, "A", &field));
}

static void tokens(void **state)
{
	static const char *const cases[][2] = {
		{" Text/Plain; x=y", "text/plain"},
		{"\r\n\tText/Plain\r\n ;", "text/plain"},
		{"(a (nested; \\) comment)) base64 (x)", "base64"},
		{"base64(x)", "base64"},
		{"", ""},
		{"(open", ""},
		{"; x", ""},
		{"0123456789012345", "012345678901234"}, /* cut */
	};
	char into[16];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mime_token(view_string(cases[i][0]), into, sizeof into);
		assert_string_equal(into, cases[i][1]);
	}
	mime_token((struct view){(const uint8_t *)"base64\0x", 8}, into, sizeof into);
	assert_string_not_equal(into, "base64");
}

static void parameters(void **state)
{
	static const struct {
		const char *value, *expected; /* of parameter p; NULL: none */
	} cases[] = {
		{"a/b; p=v", "v"},
		{"a/b;p=v;q=w", "v"},
		{"a/b; q=w; P=v", "v"},
		{"a/b;\r\n\tp\r\n =\r\n \"v w\"", "v w"},
		{"a/b; p=\"q\\\"u\\\\o;t\"", "q\"u\\o;t"},
		{"a/b; q=\"; p=no\"; p=yes", "yes"},
		{"a/b; q=\"\\\"; p=no\"; p=yes", "yes"},
		{"a/b (; p=no); p=yes", "yes"},
		{"a/b; (c) p (d) = (e) yes (f)", "yes"},
		{"a/b; p=yes(c)", "yes"},
		{"a/b; p=", ""},
		{"a/b; p=\"\"", ""},
		{"a/b; p=\"open", "open"},
		{"a/b; p=first; p=second", "first"},
		{"a/b; pp=no; xp=no; p*=no; p=yes", "yes"},
		{"a/b; p", NULL},
		{"a/b; p q=v", NULL},
		{"a/b p=v", NULL},
		{"p=v", NULL},
		{"a/b; q=\"; p=no", NULL},
		{"a/b (; p=no", NULL},
		{"a/b; (p=no)", NULL},
		{"", NULL},
		{";", NULL},
		{";;;;p=v", "v"},
		{"a/b; p=012345678901234", "012345678901234"},
		{"a/b; p=0123456789012345", NULL}, /* longer than there is room */
		{"a/b; p=\"0123456789012345\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char into[16] = "untouched";
		bool found = mime_parameter(view_string(cases[i].value), "p", into, sizeof into);

		if (found != !!cases[i].expected || (found && strcmp(into, cases[i].expected)))
			fail_msg("%s: %s", cases[i].value, found ? into : "none");
	}
}

static void ambiguous_headers(void **state)
{
	static const char nul[] = "From: a@b\0\n";
	static const char *const good[] = {"", "A: b\r\nC: d\n", "Content-Type: a/b\nContent-Transfer-Encoding: 7bit\n"};
	static const char *const bad[] = {"A: b\rC: d\r\n", "A: b\r\r\n", "A: b\r", "Content-Type: a/b\nCONTENT-TYPE : c/d\n",
					  "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: 8bit\n"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_false(mime_is_ambiguous(view_string(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_true(mime_is_ambiguous(view_string(bad[i])));
	assert_true(mime_is_ambiguous((struct view){(const uint8_t *)nul, sizeof nul - 1}));
}

static void encoded_multiparts(void **state)
{
	(void)state;
	assert_false(mime_is_encoded(view_string("Content-Transfer-Encoding: base64\n")));
	assert_false(mime_is_encoded(view_string("Content-Type: multipart/mixed\n")));
	assert_false(mime_is_encoded(view_string("Content-Type: multipart/mixed\nContent-Transfer-Encoding: (x) 8BIT\n")));
	assert_true(mime_is_encoded(view_string("Content-Type: Multipart/mixed\nContent-Transfer-Encoding: base64\n")));
	assert_true(mime_is_encoded(view_string("Content-Type: message/rfc822\nContent-Transfer-Encoding: x-own\n")));
}

static void parameter_count(void **state)
{
	static const struct {
		const char *value;
		unsigned int count;
	} cases[] = {
		{"", 0},
		{"t/s; p=a", 1},
		{"t/s; q=a", 0},
		{"t/s; pp=a; xp=b", 0},
		{"t/s; p=a; P = b", 2},
		{"t/s; p=a; p*=us-ascii''b", 2},
		{"t/s; p*0=a; p*1=b", 2},
		{"t/s; q=\"; p=a\"; (; p=b) p=c", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(mime_parameter_count(view_string(cases[i].value), "p"), cases[i].count);
}

static void parameter_with_nul(void **state)
{
	static const char value[] = "a/b; p=\"x\0y\"";
	char into[16];

	(void)state;
	assert_false(mime_parameter((struct view){(const uint8_t *)value, sizeof value - 1}, "p", into,
				    sizeof into));
}

static void addresses(void **state)
{
	static const struct {
		const char *value, *expected;
	} cases[] = {
		{" alice@example.com", "alice@example.com"},
		{" Alice <alice@example.com>", "alice@example.com"},
		{" <alice@example.com>", "alice@example.com"},
		{" alice@example.com (Alice)", "alice@example.com"},
		{"\r\n Alice\r\n <alice@example.com>\r\n", "alice@example.com"},
		{" Alice <alice@example.com>, Bob <bob@example.com>", "alice@example.com"},
		{" alice@example.com, Bob <bob@example.com>", "alice@example.com"},
		{" alice@example.com,bob@example.com", "alice@example.com"},
		{" \"bob@example.com\" <alice@example.com>", "alice@example.com"},
		{" \"Bob <bob@example.com>\" <alice@example.com>", "alice@example.com"},
		{" \"a\\\"<bob@example.com>\" <alice@example.com>", "alice@example.com"},
		{" (bob@example.com) alice@example.com", "alice@example.com"},
		{" Alice (<bob@example.com>) <alice@example.com>", "alice@example.com"},
		{" bob@example.com <alice@example.com>", "alice@example.com"},
		{" Doe, Alice <alice@example.com>", "alice@example.com"},
		{" <alice@example.com", "alice@example.com"},
		{" Alice", NULL},
		{"", NULL},
		{" <>", NULL},
		{" <> bob@example.com", NULL},
		{" @", NULL},
		{" alice@", NULL},
		{" @example.com", NULL},
		{" \"alice smith\"@example.com", NULL},
		{" (alice@example.com)", NULL},
		{" \"alice@example.com\"", NULL},
		{" <", NULL},
		{" alice1@xexample.comm", NULL}, /* longer than there is room */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char into[18] = "untouched";
		bool found = mime_address(view_string(cases[i].value), into, sizeof into);

		if (found != !!cases[i].expected || (found && strcmp(into, cases[i].expected)))
			fail_msg("%s: %s", cases[i].value, found ? into : "none");
	}
}

static int collect(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static void canonical_line_ends(void **state)
{
	static const char *const cases[][2] = {
		{"a\nb\n", "a\r\nb\r\n"},
		{"a\r\nb\r\n", "a\r\nb\r\n"},
		{"\n\n\n", "\r\n\r\n\r\n"},
		{"\r\n\n\r\n", "\r\n\r\n\r\n"},
		{"a\rb\r", "a\rb\r"},
		{"\r\r\n", "\r\r\n"},
		{"", ""},
		{"a\n\r\nb", "a\r\n\r\nb"},
		{"no end", "no end"},
		{"\n", "\r\n"},
		{"a\n\rb", "a\r\n\rb"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t step = 1; step < 9; step++) {
			CLEAN_BUF struct buf out = BUF_INIT(100);
			struct view rest = view_string(cases[i][0]);
			uint8_t last = 0;

			while (rest.length) {
				struct view piece = {rest.data, rest.length < step ? rest.length : step};

				assert_int_equal(mime_canonical(piece, &last, collect, &out), 0);
				rest = (struct view){rest.data + piece.length, rest.length - piece.length};
			}
			assert_int_equal(mime_canonical(rest, &last, collect, &out), 0);
			assert_true(view_equal(buf_view(&out), view_string(cases[i][1])));
		}
}

static void canonical_stops_at_errors(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 10; limit++) {
		CLEAN_BUF struct buf out = BUF_INIT(limit);
		uint8_t last = 0;

		assert_int_equal(mime_canonical(view_string("abc\nde\nf"), &last, collect, &out),
				 ERR_TOO_LARGE);
		assert_memory_equal("abc\r\nde\r\nf", out.length ? (char *)out.data : "", out.length);
	}
}

/* No cut and no single byte makes a parser read outside (the sanitizers look) or go on for ever (the
 * alarm). */
static void anything_ends(void **state)
{
	static const char value[] = " a/b (c \\( (d)) ; p=\"q\\\"r\" ; q = x (y) ; \"z\\";

	(void)state;
	for (size_t at = 0; at < sizeof value - 1; at++)
		for (int c = 0; c < 256; c++) {
			CLEAN_FREE char *text = malloc(sizeof value);
			struct view view = {(uint8_t *)text, sizeof value - 1};
			struct mime_field field;
			char into[8];

			memcpy(text, value, sizeof value);
			text[at] = (char)c;
			mime_token(view, into, sizeof into);
			mime_parameter(view, "zz", into, sizeof into);
			mime_address(view, into, sizeof into);
			assert_true(mime_next_field(&view, &field));
			view = (struct view){(uint8_t *)text + sizeof value - 1 - at, at};
			mime_token(view, into, sizeof into);
			mime_parameter(view, "zz", into, sizeof into);
			mime_address(view, into, sizeof into);
			assert_int_equal(mime_next_field(&view, &field), at > 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_body),
		cmocka_unit_test(no_mail),
		cmocka_unit_test(header_limit),
		cmocka_unit_test(reading_fails),
		cmocka_unit_test(header_length),
		cmocka_unit_test(field_or_not),
		cmocka_unit_test(fields_and_folds),
		cmocka_unit_test(find_field),
		cmocka_unit_test(tokens),
		cmocka_unit_test(parameters),
		cmocka_unit_test(ambiguous_headers),
		cmocka_unit_test(encoded_multiparts),
		cmocka_unit_test(parameter_count),
		cmocka_unit_test(parameter_with_nul),
		cmocka_unit_test(addresses),
		cmocka_unit_test(canonical_line_ends),
		cmocka_unit_test(canonical_stops_at_errors),
		cmocka_unit_test(anything_ends),
	};

	alarm(300); /* for a parser that never ends */
	return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
