/* SPDX-License-Identifier: ISC
 *
 * What the words of either dialect come to. (The fuzzers fuzz_command and fuzz_gpgsm say what they never come to.)
 */
#include "capabilities.h"
#include "command_words.h"
#include "fixture.h"
#include "gpgsm_words.h"

#include <stdio.h>
#include <string.h>

static char line[1200];

static char *words(const char *text)
{
	snprintf(line, sizeof line, "%s", text);
	return line;
}

static int sign(const char *text, struct sign_request *request)
{
	*request = (struct sign_request){0};
	return command_words_sign(words(text), request);
}

static void sign_words(void **state)
{
	struct sign_request request;

	(void)state;
	assert_int_equal(sign("", &request), 0);
	assert_false(request.mail || request.crlf || request.armor.form || request.options.detached || request.options.pss);
	assert_null(request.options.digest);
	assert_int_equal(sign("--mail --detached", &request), 0);
	assert_true(request.mail && request.options.detached && !request.options.pss);
	assert_int_equal(sign("  --pem --crlf  --pss --no-gcm --digest=sha512 ", &request), 0);
	assert_true(request.crlf && request.options.pss && request.options.no_gcm && !request.mail);
	assert_int_equal(request.armor.form, ARMOR_PEM);
	assert_string_equal(request.armor.label, "CMS");
	assert_string_equal(request.options.digest, "sha512");
	assert_int_equal(sign("--digest", &request), ERR_USAGE);
	assert_int_equal(sign("--armor", &request), ERR_USAGE);
	assert_int_equal(sign("--mail alice", &request), ERR_USAGE);
}

static int encrypt(const char *text, struct encrypt_request *request)
{
	*request = (struct encrypt_request){.to_self = true, .cipher = NID_undef};
	return command_words_encrypt(words(text), request);
}

static void encrypt_words(void **state)
{
	struct encrypt_request request;

	(void)state;
	assert_int_equal(encrypt("", &request), 0);
	assert_true(request.to_self && request.cipher == NID_undef && !request.mail && !request.sign);
	assert_int_equal(encrypt("--mail --sign --opaque --hide-subject --separate-bcc --skip-missing --no-self", &request), 0);
	assert_true(request.mail && request.sign && request.opaque && request.hide_subject && request.separate_bcc &&
		    request.skip_missing && !request.to_self);
	assert_int_equal(encrypt("--no-self --self --oaep --crlf --cipher=aes-192-cbc", &request), 0);
	assert_true(request.to_self && request.oaep && request.crlf && request.cipher == NID_aes_192_cbc);
	assert_int_equal(encrypt("--armor", &request), 0);
	assert_string_equal(request.armor.label, "ENCRYPTED MESSAGE");
	assert_int_equal(encrypt("--pem --base64", &request), 0);
	assert_int_equal(request.armor.form, ARMOR_BASE64);
	assert_int_equal(encrypt("--sign --digest=sha384 --pss", &request), 0);
	assert_string_equal(request.sign_options.digest, "sha384");
	assert_true(request.sign_options.pss);
	assert_int_equal(encrypt("--cipher=des-ede3-cbc", &request), ERR_NOT_SUPPORTED);
	assert_int_equal(encrypt("--cipher=", &request), ERR_NOT_SUPPORTED);
	assert_int_equal(encrypt("bob@example.org", &request), ERR_USAGE);
}

static void decrypt_words(void **state)
{
	static const struct {
		const char *text;
		bool mail;
		const char *name;
	} cases[] = {
		{"", false, NULL},	{"--mail", true, NULL},		{"--mail  A B", true, "A B"},
		{"A B", false, "A B"},	{"  alice", false, "alice"},	{"--mailbox", false, "--mailbox"},
		{"   ", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct decrypt_request request = {0};

		assert_int_equal(command_words_decrypt(words(cases[i].text), &request), 0);
		assert_int_equal(request.mail, cases[i].mail);
		if (cases[i].name)
			assert_string_equal(request.name, cases[i].name);
		else
			assert_null(request.name);
	}
}

static int verify(const char *text, struct verify_words *ret)
{
	*ret = (struct verify_words){0};
	return command_words_verify(words(text), ret);
}

static void verify_words_come(void **state)
{
	struct verify_words got;

	(void)state;
	assert_int_equal(verify("--mail --report --crl-check --at=@5", &got), 0);
	assert_true(got.request.mail && got.text && !got.json && got.request.trust.crl_check && got.request.at == 5);
	assert_int_equal(verify("--json", &got), 0);
	assert_true(got.json && !got.request.mail && !got.request.at);
	assert_int_equal(verify("--json --report", &got), ERR_USAGE);
	assert_int_equal(verify("--at=", &got), ERR_USAGE);
	assert_int_equal(verify("alice", &got), ERR_USAGE);
}

static int certs(const char *text, struct certs_words *ret)
{
	*ret = (struct certs_words){0};
	return command_words_certs(words(text), ret);
}

static void certs_words_come(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"", ERR_USAGE},	     {"NONE", ERR_USAGE},      {"LIST", 0},	    {"LIST x", 0},
		{"SHOW", ERR_USAGE},	     {"SHOW x", 0},	       {"EXPIRING", 0},	    {"EXPIRING x", ERR_USAGE},
		{"IMPORT", 0},		     {"IMPORT x", ERR_USAGE},  {"EXPORT", 0},	    {"EXPORT --der", ERR_USAGE},
		{"EXPORT --der x", 0},	     {"REMOVE", ERR_USAGE},    {"REMOVE --all x", 0}, {"EXTRACT --signers", 0},
		{"EXTRACT x", ERR_USAGE},    {"ADDRESSES", 0},	       {"ADDRESSES x", ERR_USAGE}, {"LIST --none", ERR_USAGE},
	};
	static const struct {
		const char *text;
		enum cert_name_kind kind;
		const char *kept;
	} names[] = {
		{"LIST a@b", CERT_NAME_ADDRESS, "a@b"},	      {"LIST abcdef", CERT_NAME_START, "abcdef"},
		{"LIST AB:CD:EF", CERT_NAME_START, "ABCDEF"}, {"LIST abcde", CERT_NAME_PART, "abcde"},
		{"LIST A B", CERT_NAME_PART, "A B"},	      {"LIST --json abcdeg", CERT_NAME_PART, "abcdeg"},
		{"LIST ::", CERT_NAME_PART, "::"},
	};
	struct certs_words got;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(certs(cases[i].text, &got), cases[i].rc);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(certs(names[i].text, &got), 0);
		assert_true(got.named);
		assert_int_equal(got.name.kind, names[i].kind);
		assert_string_equal(got.name.text, names[i].kept);
	}
	assert_int_equal(certs("EXPORT --p7 --all --json --addresses x", &got), 0);
	assert_true(got.format == CERTS_P7 && got.all && got.json && got.addresses && !got.signers);
}

static void gpgsm_options(void **state)
{
	static const struct {
		const char *value;
		int certs;
	} certs_cases[] = {{"", SIGN_CERTS_CHAIN}, {"-2", SIGN_CERTS_CHAIN}, {"-1", SIGN_CERTS_CHAIN},
			   {"0", SIGN_CERTS_NONE}, {"1", 1},		     {"5000", 100}};
	struct gpgsm_state got = {0};
	struct gpgsm_terminal terminal;

	(void)state;
	for (size_t i = 0; i < sizeof certs_cases / sizeof certs_cases[0]; i++) {
		assert_int_equal(gpgsm_words_option("include-certs", certs_cases[i].value, &got, &terminal), 0);
		assert_int_equal(got.certs, certs_cases[i].certs);
	}
	assert_int_equal(gpgsm_words_option("list-mode", "2", &got, &terminal), 0);
	assert_int_equal(gpgsm_words_option("list-mode", "4", &got, &terminal), ERR_USAGE);
	assert_int_equal(got.list_mode, 2); /* what was refused changed nothing */
	assert_int_equal(gpgsm_words_option("with-secret", "", &got, &terminal), 0);
	assert_int_equal(gpgsm_words_option("offline", "0", &got, &terminal), 0);
	assert_true(got.with_secret && !got.offline);
	assert_null(terminal.name);
	assert_int_equal(gpgsm_words_option("putenv", "GPG_TTY=/dev/pts/5", &got, &terminal), 0);
	assert_string_equal(terminal.name, "ttyname");
	assert_string_equal(terminal.value, "/dev/pts/5");
	assert_int_equal(gpgsm_words_option("putenv", "LD_PRELOAD=x", &got, &terminal), 0);
	assert_null(terminal.name);
	assert_int_equal(gpgsm_words_option("lc-messages", "C", &got, &terminal), 0);
	assert_int_equal(gpgsm_words_option("display", ":0", &got, &terminal), ERR_NOT_SUPPORTED); /* the client's own */
}

static void gpgsm_requests(void **state)
{
	struct gpgsm_state settings = {.output = gpgsm_words_form(" --armor"), .certs = 2, .not_to_self = true};
	struct encrypt_request encrypt_request = {.to_self = true};
	struct sign_request sign_request = {0};
	static struct gpgsm_names names;
	struct list_request list;

	(void)state;
	assert_int_equal(settings.output, ARMOR_PEM);
	assert_int_equal(gpgsm_words_form(""), ARMOR_NONE);
	assert_int_equal(gpgsm_words_form(" --base64"), ARMOR_BASE64);
	assert_int_equal(gpgsm_words_form(" --base64x --not--armor"), ARMOR_NONE);
	gpgsm_words_sign("--detached", &settings, &sign_request);
	assert_true(sign_request.options.detached && sign_request.options.certs == 2);
	assert_string_equal(sign_request.armor.label, "SIGNED MESSAGE");
	gpgsm_words_sign("--detached=no", &settings, &sign_request);
	assert_false(sign_request.options.detached);
	gpgsm_words_encrypt(&settings, &encrypt_request);
	assert_false(encrypt_request.to_self);
	assert_string_equal(encrypt_request.armor.label, "ENCRYPTED MESSAGE");
	assert_int_equal(gpgsm_words_list(words("--log -- --a <a@b>  x+y"), &names, &list), 0);
	assert_true(list.own && list.stored && !list.secret_only);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.names[0].text, "--a");
	assert_string_equal(list.names[1].text, "a@b");
	assert_string_equal(list.names[2].text, "x y");
	memset(line, ' ', sizeof line - 1);
	for (size_t i = 0; i <= GPGSM_NAMES_MAX; i++)
		line[2 * i] = 'x';
	line[2 * GPGSM_NAMES_MAX] = 0;
	assert_int_equal(gpgsm_words_list(line, &names, &list), 0);
	assert_int_equal(list.count, GPGSM_NAMES_MAX);
	memset(line, ' ', sizeof line - 1);
	for (size_t i = 0; i <= GPGSM_NAMES_MAX; i++)
		line[2 * i] = 'x';
	assert_int_equal(gpgsm_words_list(line, &names, &list), ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sign_words),	     cmocka_unit_test(encrypt_words), cmocka_unit_test(decrypt_words),
		cmocka_unit_test(verify_words_come), cmocka_unit_test(certs_words_come), cmocka_unit_test(gpgsm_options),
		cmocka_unit_test(gpgsm_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
