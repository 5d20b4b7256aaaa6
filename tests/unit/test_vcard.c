/* SPDX-License-Identifier: ISC
 *
 * KEY properties of vCards of all three versions, and lines that only look like one.
 */
#include "vcard.h"

#include "fixture.h"

#include <string.h>

#define CARD(lines) "BEGIN:VCARD\r\nVERSION:3.0\r\n" lines "END:VCARD\r\n"

/* What the only KEY of the text is. */
static void one_key(const char *text, enum vcard_key kind, const char *expected)
{
	CLEAN_BUF struct buf value = BUF_INIT(65536);
	struct view rest = view_string(text);
	enum vcard_key got;

	assert_int_equal(vcard_next(&rest, &value, &got), 0);
	assert_int_equal(got, kind);
	if (expected)
		assert_true(view_equal(buf_view(&value), view_string(expected)));
	if (kind == VCARD_END)
		return;
	assert_int_equal(vcard_next(&rest, &value, &got), 0);
	assert_int_equal(got, VCARD_END);
}

static void beginnings(void **state)
{
	static const char *const yes[] = {"BEGIN:VCARD\r\n", "begin:vcard\n", "\357\273\277BEGIN:VCARD",
					  "\r\n \tBegin:vCard"};
	static const char *const no[] = {"", "BEGIN", "BEGIN:VCAL", "-----BEGIN:VCARD", "x\nBEGIN:VCARD"};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(vcard_is(view_string(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(vcard_is(view_string(no[i])));
}

static void versions(void **state)
{
	(void)state;
	one_key(CARD("KEY;X509;ENCODING=BASE64:\r\n QUJD\r\n REVG\r\n\r\n"), VCARD_BASE64, "QUJDREVG");
	one_key(CARD("KEY;BASE64:QUJD\r\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("KEY;ENCODING=b;TYPE=X509:QUJD\r\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("KEY;TYPE=X509;ENCODING=B:QU\r\n JD\r\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("KEY:data:application/pkix-cert;base64,QUJD\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("KEY:DATA:;BASE64,QU\r\n\tJD\r\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("key;encoding=base64:QUJD\n"), VCARD_BASE64, "QUJD");
}

static void groups_and_quotes(void **state)
{
	(void)state;
	one_key(CARD("item1.KEY;ENCODING=b:QUJD\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("KEY;X=\"a:b;c\";ENCODING=b:QUJD\n"), VCARD_BASE64, "QUJD");
	one_key(CARD("KEY;ENCODING=\"b\":QUJD\n"), VCARD_BASE64, "QUJD");
}

static void elsewhere(void **state)
{
	(void)state;
	one_key(CARD("KEY:https://example.org/x.cer\n"), VCARD_ELSEWHERE, "https://example.org/x.cer");
	one_key(CARD("KEY;VALUE=uri:https://example.org/x.cer\n"), VCARD_ELSEWHERE, NULL);
	one_key(CARD("KEY:data:application/pkix-cert,QUJD\n"), VCARD_ELSEWHERE, NULL);
	one_key(CARD("KEY:\n"), VCARD_ELSEWHERE, "");
}

static void no_keys(void **state)
{
	static const char *const cards[] = {"",
					    CARD(""),
					    CARD("KEYS;ENCODING=b:QUJD\n"),
					    CARD("XKEY;ENCODING=b:QUJD\n"),
					    CARD("KEY\n"),
					    CARD("KEY;ENCODING=b\n"),
					    CARD("NOTE:KEY;ENCODING=b:QUJD\n"),
					    CARD("KEY;X=\":QUJD\n"),
					    CARD("KEY.x:QUJD\n")};

	(void)state;
	for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++)
		one_key(cards[i], VCARD_END, "");
}

static void several(void **state)
{
	CLEAN_BUF struct buf value = BUF_INIT(100);
	struct view rest = view_string(CARD("KEY;B:QUJD\n") CARD("KEY;BASE64:RUVF\n") "KEY;BASE64:RkZG");
	enum vcard_key kind;
	unsigned int count = 0;

	(void)state;
	do {
		assert_int_equal(vcard_next(&rest, &value, &kind), 0);
		count += kind == VCARD_BASE64;
	} while (kind != VCARD_END);
	assert_int_equal(count, 2); /* "B" alone is no encoding */
}

static void too_long(void **state)
{
	CLEAN_BUF struct buf value = BUF_INIT(6);
	struct view rest = view_string(CARD("KEY;BASE64:QUJD\n REVG\n"));
	enum vcard_key kind;

	(void)state;
	assert_int_equal(vcard_next(&rest, &value, &kind), ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beginnings), cmocka_unit_test(versions), cmocka_unit_test(groups_and_quotes),
		cmocka_unit_test(elsewhere),  cmocka_unit_test(no_keys),  cmocka_unit_test(several),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
