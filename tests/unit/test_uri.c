/* SPDX-License-Identifier: ISC
 *
 * pkcs11: URIs (RFC 7512): what is good, what is refused, and that what is written is read back.
 */
#include "uri.h"

#include "fixture.h"

#include <string.h>

#define CLEAN_URI CLEANUP(uri_done)

static void empty_uri_matches_all(void **state)
{
	static const char *const texts[] = {"pkcs11:", "pkcs11:?", "pkcs11:type=cert",
					    "pkcs11:?module-path=/usr/lib/x.so&module-name=x"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		CLEAN_URI struct uri uri;

		assert_int_equal(uri_parse(texts[i], &uri), 0);
		assert_true(uri_match_token(&uri, "label", "maker", "model", "123"));
		assert_true(uri_match_object(&uri, view_string("key"), view_string("id")));
		assert_false(uri.has_id);
		assert_null(uri.token);
	}
}

static void every_attribute(void **state)
{
	CLEAN_URI struct uri uri;

	(void)state;
	assert_int_equal(
		uri_parse("pkcs11:token=My%20Card;manufacturer=Snake%20Oil;model=1.0;serial=DE%2Fad;"
			  "object=my-key;id=%00%01%fF;type=private;library-version=3;"
			  "library-manufacturer=x;library-description=y?module-name=opensc",
			  &uri),
		0);
	assert_string_equal(uri.token, "My Card");
	assert_string_equal(uri.manufacturer, "Snake Oil");
	assert_string_equal(uri.model, "1.0");
	assert_string_equal(uri.serial, "DE/ad");
	assert_string_equal(uri.object, "my-key");
	assert_true(uri.has_id);
	assert_true(view_equal(buf_view(&uri.id), (struct view){(const uint8_t *)"\0\1\xff", 3}));
}

static const char *const wrong[] = {
	"",
	"pkcs11",
	"pkcs1:token=a",
	" pkcs11:token=a",
	"http://token=a",
	/* twice, also if the same or empty */
	"pkcs11:token=a;token=a",
	"pkcs11:id=%01;id=%01",
	"pkcs11:id=;id=%01",
	"pkcs11:token=;token=a",
	"pkcs11:object=a;model=b;object=c",
	"pkcs11:serial=1;serial=1",
	"pkcs11:manufacturer=1;manufacturer=1",
	"pkcs11:model=;model=",
	/* a PIN, anywhere */
	"pkcs11:token=a?pin-value=1234",
	"pkcs11:token=a?pin-source=file:/x",
	"pkcs11:token=a;pin-value=1234",
	"pkcs11:?module-name=x&pin-value=1",
	/* unknown or misspelt */
	"pkcs11:slot-id=1",
	"pkcs11:tokens=a",
	"pkcs11:Token=a",
	"pkcs11:toke=a",
	"pkcs11:x-own=1",
	"pkcs11:token=a?x-own=1",
	"pkcs11:=a",
	"pkcs11:?=a",
	/* form */
	"pkcs11:token",
	"pkcs11:;",
	"pkcs11:token=a;",
	"pkcs11:;token=a",
	"pkcs11:token=a;;object=b",
	"pkcs11:?&module-name=x",
	/* bytes that must be encoded */
	"pkcs11:token=a b",
	"pkcs11:token=a\tb",
	"pkcs11:token=a\n",
	"pkcs11:token=\xc3\xa4",
	"pkcs11:token=a\x7f",
	/* percent */
	"pkcs11:token=%",
	"pkcs11:token=%4",
	"pkcs11:token=a%4",
	"pkcs11:token=%4g",
	"pkcs11:token=%g4",
	"pkcs11:token=%%41",
	"pkcs11:token=% 1",
	"pkcs11:token=%-1",
	"pkcs11:token=%0x",
	"pkcs11:token=%4;object=1",
	"pkcs11:id=%",
	"pkcs11:id=%f",
	"pkcs11:id=%0x41",
	/* a NUL would cut the text */
	"pkcs11:token=%00",
	"pkcs11:token=a%00b",
	"pkcs11:object=key%00",
	"pkcs11:serial=%00",
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		CLEAN_URI struct uri uri;
		int rc = uri_parse(wrong[i], &uri);

		if (rc != ERR_USAGE)
			fail_msg("%s: %s", wrong[i], error_name(rc));
	}
}

/* Values of 1024 bytes are taken, longer ones refused, encoded or not. */
static void length_limit(void **state)
{
	static const char *const names[] = {"token", "object", "id"};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t length = 1023; length < 1027; length++)
			for (int encoded = 0; encoded < 2; encoded++) {
				CLEAN_BUF struct buf text = BUF_INIT(10000);
				CLEAN_URI struct uri uri;

				assert_int_equal(buf_add_format(&text, "pkcs11:%s=", names[i]), 0);
				for (size_t j = 0; j < length; j++)
					assert_int_equal(buf_add_format(&text, encoded ? "%%41" : "A"), 0);
				assert_int_equal(buf_terminate(&text), 0);
				assert_int_equal(uri_parse((char *)text.data, &uri),
						 length > 1024 ? ERR_USAGE : 0);
			}
}

static void token_match(void **state)
{
	CLEAN_URI struct uri uri;

	(void)state;
	assert_int_equal(uri_parse("pkcs11:token=a;manufacturer=b;model=c;serial=d", &uri), 0);
	assert_true(uri_match_token(&uri, "a", "b", "c", "d"));
	assert_false(uri_match_token(&uri, "A", "b", "c", "d"));
	assert_false(uri_match_token(&uri, "a", "", "c", "d"));
	assert_false(uri_match_token(&uri, "a", "b", "cc", "d"));
	assert_false(uri_match_token(&uri, "a", "b", "c", "dd"));
}

static void empty_value_matches_only_empty(void **state)
{
	CLEAN_URI struct uri uri;

	(void)state;
	assert_int_equal(uri_parse("pkcs11:token=;id=;object=", &uri), 0);
	assert_true(uri_match_token(&uri, "", "b", "c", "d"));
	assert_false(uri_match_token(&uri, "a", "b", "c", "d"));
	assert_true(uri_match_object(&uri, view_string(""), view_string(NULL)));
	assert_false(uri_match_object(&uri, view_string("x"), view_string(NULL)));
	assert_false(uri_match_object(&uri, view_string(""), view_string("1")));
}

static void object_match(void **state)
{
	CLEAN_URI struct uri uri;

	(void)state;
	assert_int_equal(uri_parse("pkcs11:object=key;id=%31%32", &uri), 0);
	assert_true(uri_match_object(&uri, view_string("key"), view_string("12")));
	assert_false(uri_match_object(&uri, view_string("key"), view_string("1")));
	assert_false(uri_match_object(&uri, view_string("key"), view_string("123")));
	assert_false(uri_match_object(&uri, view_string("key"), view_string(NULL)));
	assert_false(uri_match_object(&uri, view_string("kex"), view_string("12")));
	/* what stands behind a NUL counts */
	assert_false(
		uri_match_object(&uri, (struct view){(const uint8_t *)"key\0x", 5}, view_string("12")));
}

/* Every byte that a label or id can have comes back. */
static void format_round_trip(void **state)
{
	char label[256];
	uint8_t id[256];

	(void)state;
	for (unsigned int i = 0; i < 255; i++)
		label[i] = (char)(i + 1);
	label[255] = 0;
	for (unsigned int i = 0; i < 256; i++)
		id[i] = (uint8_t)i;
	for (int full = 0; full < 2; full++) {
		CLEAN_BUF struct buf text = BUF_INIT(16384);
		CLEAN_URI struct uri uri;
		const char *maybe = full ? label : "";

		assert_int_equal(uri_format(&text, label, maybe, maybe, maybe, view_string(maybe),
					    (struct view){id, full ? 256 : 0}),
				 0);
		assert_int_equal(buf_terminate(&text), 0);
		assert_int_equal(uri_parse((char *)text.data, &uri), 0);
		assert_string_equal(uri.token, label);
		assert_int_equal(uri.has_id, full);
		assert_true(uri_match_token(&uri, label, maybe, maybe, maybe));
		assert_true(uri_match_object(&uri, view_string(maybe), (struct view){id, full ? 256 : 0}));
		assert_int_equal(!!uri.serial, full);
	}
}

static void format_text(void **state)
{
	CLEAN_BUF struct buf text = BUF_INIT(100);
	CLEAN_BUF struct buf tight = BUF_INIT(20);

	(void)state;
	assert_int_equal(uri_format(&text, "a;b", "", "m%", "", view_string("k y"), view_string("AZ")), 0);
	assert_int_equal(buf_terminate(&text), 0);
	assert_string_equal((char *)text.data, "pkcs11:model=m%25;token=a%3Bb;id=%41%5A;object=k%20y");
	assert_int_equal(uri_format(&tight, "a;b", "", "m%", "", view_string("k y"), view_string("AZ")),
			 ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_uri_matches_all),
		cmocka_unit_test(every_attribute),
		cmocka_unit_test(refused),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(token_match),
		cmocka_unit_test(empty_value_matches_only_empty),
		cmocka_unit_test(object_match),
		cmocka_unit_test(format_round_trip),
		cmocka_unit_test(format_text),
	};

	return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
