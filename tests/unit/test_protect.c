/* SPDX-License-Identifier: ISC
 *
 * Header protection on writing: what goes inside, what stays outside, byte for byte.
 */
#include "protect.h"

#include "fixture.h"

#include <string.h>

static const char mail[] = "From: a@b\nSubject: a\r\n secret\nKEYWORDS: hush\r\nComments: none\nBcc: c@d\r\nReceived: by x\n"
			   "mime-version: 1.0\nContent-Type: text/plain; charset=\"x\" ;\r\ncontent-language: en\nResent-Bcc: e@f\n"
			   "HP-Outer: lie: x\nDKIM-Signature: x\nX-Last: no end";

static int keep(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static void expect_payload(const char *header, enum protection protection, const char *wanted)
{
	CLEAN_BUF struct buf got = BUF_INIT(10000);

	assert_int_equal(protect_write_payload(view_string(header), protection, keep, &got), 0);
	assert_int_equal(buf_terminate(&got), 0);
	assert_string_equal((char *)got.data, wanted);
}

static void expect_outer(enum protection protection, bool keep_bcc, const char *wanted)
{
	CLEAN_BUF struct buf got = BUF_INIT(10000);

	assert_int_equal(protect_write_outer(view_string(mail), protection, keep_bcc, keep, &got), 0);
	assert_int_equal(buf_terminate(&got), 0);
	assert_string_equal((char *)got.data, wanted);
}

#define COPIES "From: a@b\r\nSubject: a\r\n secret\r\nKEYWORDS: hush\r\nComments: none\r\nX-Last: no end\r\n"

static void inside(void **state)
{
	(void)state;
	expect_payload(mail, PROTECT_NONE,
		       "Content-Type: text/plain; charset=\"x\" ;\r\ncontent-language: en\r\n");
	expect_payload(mail, PROTECT_CLEAR,
		       COPIES "Content-Type: text/plain; charset=\"x\";\r\n hp=\"clear\"\r\ncontent-language: en\r\n");
	expect_payload(mail, PROTECT_CIPHER,
		       COPIES "HP-Outer: From: a@b\r\nHP-Outer: Subject: a\r\n secret\r\nHP-Outer: KEYWORDS: hush\r\n"
			      "HP-Outer: Comments: none\r\nHP-Outer: X-Last: no end\r\n"
			      "Content-Type: text/plain; charset=\"x\";\r\n hp=\"cipher\"\r\ncontent-language: en\r\n");
	expect_payload(mail, PROTECT_HIDE,
		       COPIES "HP-Outer: From: a@b\r\nHP-Outer: Subject: [...]\r\nHP-Outer: X-Last: no end\r\n"
			      "Content-Type: text/plain; charset=\"x\";\r\n hp=\"cipher\"\r\ncontent-language: en\r\n");
}

static void outside(void **state)
{
	(void)state;
	expect_outer(PROTECT_NONE, true,
		     "From: a@b\r\nSubject: a\r\n secret\r\nKEYWORDS: hush\r\nComments: none\r\nBcc: c@d\r\nReceived: by x\r\n"
		     "Resent-Bcc: e@f\r\nHP-Outer: lie: x\r\nDKIM-Signature: x\r\nX-Last: no end\r\n");
	expect_outer(PROTECT_CIPHER, false,
		     "From: a@b\r\nSubject: a\r\n secret\r\nKEYWORDS: hush\r\nComments: none\r\nReceived: by x\r\n"
		     "HP-Outer: lie: x\r\nDKIM-Signature: x\r\nX-Last: no end\r\n");
	expect_outer(PROTECT_HIDE, false,
		     "From: a@b\r\nSubject: [...]\r\nReceived: by x\r\nHP-Outer: lie: x\r\nDKIM-Signature: x\r\nX-Last: no end\r\n");
}

static void without_a_type(void **state)
{
	(void)state;
	expect_payload("From: a@b\n", PROTECT_CLEAR,
		       "From: a@b\r\nContent-Type: text/plain; charset=us-ascii;\r\n hp=\"clear\"\r\n");
	expect_payload("", PROTECT_NONE, "");
	/* Of two, the first is the one that counts. */
	expect_payload("A: 1\nContent-Type: a/b\nContent-Type: c/d\n", PROTECT_CLEAR,
		       "A: 1\r\nContent-Type: a/b;\r\n hp=\"clear\"\r\nContent-Type: c/d\r\n");
}

static void choices(void **state)
{
	static const struct {
		const char *header;
		enum protection chosen;
	} table[] = {
		{"From: a@b\n", PROTECT_HIDE},
		{"", PROTECT_NONE},
		{"Content-Type: text/plain\nMIME-Version: 1.0\n", PROTECT_NONE},
		{"Bcc: a@b\nReceived: x\n", PROTECT_NONE},
		{"From: a@b\nContent-Type: text/plain\n", PROTECT_HIDE},
		{"From: a@b\nContent-Type: text/plain; x=\"y\"; ; \n", PROTECT_HIDE},
		{"From: a@b\nContent-Type: text/plain; hp=clear\n", PROTECT_NONE},
		{"From: a@b\nContent-Type: text/plain; x=\"never closed\\\"\n", PROTECT_NONE},
		{"From: a@b\nContent-Type: text/plain (never closed\n", PROTECT_NONE},
		{"From: a@b\nContent-Type:\n", PROTECT_HIDE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_int_equal(protect_choose(view_string(table[i].header), PROTECT_HIDE), table[i].chosen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inside),
		cmocka_unit_test(outside),
		cmocka_unit_test(without_a_type),
		cmocka_unit_test(choices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
