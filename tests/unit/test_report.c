/* SPDX-License-Identifier: ISC
 *
 * Lists for people and programs, from names as hostile as tokens and certificates can have them.
 * The keys, the tokens and the broker's notes are this file's own.
 */
#include "report.h"

#include "ask.h"
#include "fixture.h"
#include "keys.h"
#include "pki.h"
#include "printable.h"

#include <openssl/x509v3.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static struct token token;
static struct key key;
static bool has_key, has_token, has_notes;
static int refresh_result;

int keys_refresh(enum list_look look)
{
	assert_int_equal(look, LIST_OBJECTS);
	return refresh_result;
}

struct key *keys_first(void)
{
	return has_key ? &key : NULL;
}

const struct token *keys_tokens(void)
{
	return has_token ? &token : NULL;
}

const char *keys_state(const struct key *of)
{
	assert_ptr_equal(of, &key);
	return "valid";
}

int ask_status(ask_note note, void *context)
{
	static const char *const notes[][2] = {
		{"pid", "12"}, {"module", "ok\nfirst"}, {"odd", "a\"b\x01"}, {"module", "gone"}};
	int rc = refresh_result;

	for (size_t i = 0; i < 4 && has_notes && !rc; i++) {
		struct msg_note message = {view_string(notes[i][0]), view_string(notes[i][1])};

		rc = note(context, &message);
	}
	return rc;
}

static void assert_json(struct view text, const char *expected)
{
	CLEAN_BUF struct buf got = BUF_INIT(1000);

	assert_int_equal(printable_json(&got, text), 0);
	assert_int_equal(buf_terminate(&got), 0);
	assert_string_equal((char *)got.data, expected);
}

static void json_strings(void **state)
{
	static const char *const cases[][2] = {
		{"", "\"\""},
		{"plain ~!", "\"plain ~!\""},
		{"\"\\/", "\"\\\"\\\\/\""},
		{"\n\r\t\b\f\x01\x1f", "\"\\u000a\\u000d\\u0009\\u0008\\u000c\\u0001\\u001f\""},
		{"\x7f", "\"\\u007f\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_json(view_string(cases[i][0]), cases[i][1]);
	assert_json((struct view){(const uint8_t *)"a\0b", 3}, "\"a\\u0000b\"");
}

/* The edges of RFC 3629 section 4. */
static void json_utf8_edges(void **state)
{
	static const char *const good[] = {"\xc2\xa0",	       "\xdf\xbf",	  "\xe0\xa0\x80",
					   "\xec\xbf\xbf",     "\xed\x80\x80",	  "\xed\x9f\xbf",
					   "\xee\x80\x80",     "\xef\xbf\xbf",	  "\xf0\x90\x80\x80",
					   "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xed\xbf\xbf",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "\xfe",
					  "\xc3",
					  "\xe2\x82",
					  "\xf0\x9f\x94",
					  "\xc3\xc3",
					  "\xe2\x28\xa1",
					  "\xf0\x9f\x94\x28"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		char expected[8];

		snprintf(expected, sizeof expected, "\"%s\"", good[i]);
		assert_json(view_string(good[i]), expected);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CLEAN_BUF struct buf got = BUF_INIT(100);

		assert_int_equal(printable_json(&got, view_string(bad[i])), 0);
		assert_memory_equal(got.data, "\"" REPLACEMENT, 4);
	}
}

static void json_replaces_only_what_is_wrong(void **state)
{
	(void)state;
	assert_json(view_string("a\xff"
				"b\xc3\xa4\xe2\x82"),
		    "\"a" REPLACEMENT "b\xc3\xa4" REPLACEMENT REPLACEMENT "\"");
	assert_json(view_string("\xe2\"x"), "\"" REPLACEMENT "\\\"x\"");
	/* cut inside a character, with its rest behind the view */
	assert_json((struct view){(const uint8_t *)"x\xc3\xa4", 2}, "\"x" REPLACEMENT "\"");
}

static void json_limit(void **state)
{
	(void)state;
	for (size_t limit = 0; limit < 12; limit++) {
		CLEAN_BUF struct buf got = BUF_INIT(limit);

		assert_int_equal(printable_json(&got, view_string("a\"\n\xff")), ERR_TOO_LARGE);
	}
}

static void assert_report(int (*report)(struct buf *into, bool json), bool json, const char *expected)
{
	CLEAN_BUF struct buf got = BUF_INIT(10000);

	assert_int_equal(report(&got, json), 0);
	assert_int_equal(buf_terminate(&got), 0);
	assert_string_equal((char *)got.data, expected);
}

static int empty(void **state)
{
	(void)state;
	has_key = has_token = has_notes = false;
	refresh_result = 0;
	token = (struct token){.label = "My \"Card\"\n",
			       .manufacturer = "\xff",
			       .model = "\xe2\x80\xaeM",
			       .serial = "1",
			       .module = "/m.so",
			       .flags = TOKEN_INITIALISED};
	return 0;
}

static void empty_lists(void **state)
{
	(void)state;
	assert_report(report_keys, true, "[]\n");
	assert_report(report_keys, false, "");
	assert_report(report_tokens, true, "[]\n");
	assert_report(report_tokens, false, "");
}

static void errors_pass(void **state)
{
	CLEAN_BUF struct buf got = BUF_INIT(1000);

	(void)state;
	refresh_result = ERR_TIMEOUT;
	for (int json = 0; json < 2; json++) {
		assert_int_equal(report_keys(&got, json), ERR_TIMEOUT);
		assert_int_equal(report_tokens(&got, json), ERR_TIMEOUT);
		assert_int_equal(report_status(&got, json), ERR_TIMEOUT);
	}
}

static void hostile_token(void **state)
{
	(void)state;
	has_token = true;
	assert_report(
		report_tokens, true,
		"[{\"label\":\"My \\\"Card\\\"\\u000a\",\"manufacturer\":\"" REPLACEMENT "\","
		"\"model\":\"\\u202eM\",\"serial\":\"1\",\"module\":\"/m.so\",\"reader\":\"\",\"state\":\"open\","
		"\"pin\":\"not-set\",\"uri\":\"pkcs11:model=%E2%80%AEM;manufacturer=%FF;serial=1;"
		"token=My%20%22Card%22%0A\"}]\n");
	assert_report(report_tokens, false,
		      "  label        My \"Card\"?\n  manufacturer ?\n  model        ?M\n  serial       1\n"
		      "  module       /m.so\n  reader       \n  state        open\n  pin          not-set\n"
		      "  uri          "
		      "pkcs11:model=%E2%80%AEM;manufacturer=%FF;serial=1;token=My%20%22Card%22%0A\n");
}

static void token_states(void **state)
{
	static const struct {
		uint32_t flags;
		const char *state, *pin;
	} cases[] = {
		{0, "uninitialised", "not-set"},
		{TOKEN_INITIALISED | TOKEN_LOGIN_REQUIRED | TOKEN_PIN_SET, "locked", "ok"},
		{TOKEN_INITIALISED | TOKEN_LOGIN_REQUIRED | TOKEN_LOGGED_IN | TOKEN_PIN_SET, "unlocked",
		 "ok"},
		{TOKEN_INITIALISED | TOKEN_PIN_LOCKED | TOKEN_LOGGED_IN, "pin-locked", "locked"},
		{TOKEN_INITIALISED | TOKEN_PIN_FINAL_TRY | TOKEN_PIN_COUNT_LOW, "open", "last-try"},
		{TOKEN_INITIALISED | TOKEN_PIN_COUNT_LOW | TOKEN_PIN_SET, "open", "few-tries"},
		{TOKEN_INITIALISED | TOKEN_PIN_TO_BE_CHANGED | TOKEN_PIN_SET, "open", "to-be-changed"},
	};

	(void)state;
	has_token = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEAN_BUF struct buf got = BUF_INIT(10000);
		char expected[100];

		token.flags = cases[i].flags;
		assert_int_equal(report_tokens(&got, true), 0);
		assert_int_equal(buf_terminate(&got), 0);
		snprintf(expected, sizeof expected, "\"state\":\"%s\",\"pin\":\"%s\"", cases[i].state,
			 cases[i].pin);
		assert_non_null(strstr((char *)got.data, expected));
	}
}

static void one_key(void **state)
{
	EVP_PKEY *pair = pki_key("EC");
	X509 *cert =
		pki_cert(&(struct pki_spec){.subject = "/CN=A\"\x1b[1m",
					    .key = pair,
					    .extensions = {{"subjectAltName", "email:a@x,email:b@x"}}});
	CLEAN_BUF struct buf json = BUF_INIT(10000), text = BUF_INIT(10000);

	(void)state;
	has_key = true;
	key = (struct key){.token = &token,
			   .label = BUF_INIT(100),
			   .id = BUF_INIT(100),
			   .cert = cert,
			   .fingerprint = "abcdef",
			   .uses = 3};
	assert_int_equal(buf_add(&key.label, "k\x1b\"", 3), 0);
	assert_int_equal(buf_add(&key.id, "\0\1", 2), 0);
	assert_int_equal(report_keys(&json, true), 0);
	assert_int_equal(report_keys(&text, false), 0);
	assert_int_equal(buf_terminate(&json), 0);
	assert_int_equal(buf_terminate(&text), 0);
	assert_non_null(strstr((char *)json.data,
			       "[{\"fingerprint\":\"abcdef\",\"label\":\"k\\u001b\\\"\",\"uri\":"));
	assert_non_null(
		strstr((char *)json.data, ";id=%00%01;object=k%1B%22\",\"addresses\":[\"a@x\",\"b@x\"],"));
	assert_non_null(
		strstr((char *)json.data, "\"type\":\"ec:P-256\",\"uses\":[\"sign\",\"decrypt\"],"));
	assert_non_null(strstr((char *)json.data, "\"state\":\"valid\"}]\n"));
	assert_null(strchr((char *)json.data, '\x1b'));
	assert_null(strchr((char *)text.data, '\x1b'));
	assert_non_null(strstr((char *)text.data, "  addresses    a@x b@x\n"));
	buf_done(&key.label);
	buf_done(&key.id);
	X509_free(cert);
	EVP_PKEY_free(pair);
}

/* A CA's certificate is no key, unless there is one. */
static void ca_certificates(void **state)
{
	EVP_PKEY *pair = pki_key("EC");
	X509 *cert = pki_cert(&(struct pki_spec){
		.subject = "/CN=ca", .key = pair, .extensions = {{"basicConstraints", "CA:TRUE"}}});
	CLEAN_BUF struct buf json = BUF_INIT(10000);

	(void)state;
	has_key = true;
	key = (struct key){.token = &token, .cert = cert};
	assert_report(report_keys, true, "[]\n");
	key.flags = CERT_KEY;
	assert_int_equal(report_keys(&json, true), 0);
	assert_true(json.length > 10);
	X509_free(cert);
	EVP_PKEY_free(pair);
}

static void status(void **state)
{
	(void)state;
	has_notes = true;
	assert_report(
		report_status, true,
		"{\"pid\":\"12\",\"odd\":\"a\\\"b\\u0001\",\"modules\":[\"ok\",\"first\",\"gone\"],\"module_problems\":[],\"readers\":[]}\n");
	assert_report(
		report_status, false,
		"  pid          12\n  module       ok?first\n  odd          a\"b?\n  module       gone\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(json_strings, empty),
		cmocka_unit_test_setup(json_utf8_edges, empty),
		cmocka_unit_test_setup(json_replaces_only_what_is_wrong, empty),
		cmocka_unit_test_setup(json_limit, empty),
		cmocka_unit_test_setup(empty_lists, empty),
		cmocka_unit_test_setup(errors_pass, empty),
		cmocka_unit_test_setup(hostile_token, empty),
		cmocka_unit_test_setup(token_states, empty),
		cmocka_unit_test_setup(one_key, empty),
		cmocka_unit_test_setup(ca_certificates, empty),
		cmocka_unit_test_setup(status, empty),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
