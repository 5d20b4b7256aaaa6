/* SPDX-License-Identifier: ISC
 *
 * agent.conf: every setting with its limits, and that a line which is not understood is refused and
 * named by its number.
 */
#include "config.h"

#include "cleanup.h"
#include "fixture.h"
#include "log.h"
#include "messages.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define CLEAN_CONFIG CLEANUP(config_done)

static char logged[1200];

static void take_line(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged, sizeof logged, "%s", line);
}

static int read_bytes(struct config *config, const char *text, size_t length)
{
	FILE *file = fdopen(fixture_file(text, length), "r");
	int rc;

	assert_non_null(file);
	*logged = 0;
	log_open(take_line, LOG_LEVEL_INFO);
	rc = config_read(config, file, "agent.conf");
	fclose(file);
	assert_int_equal(!!*logged, !!rc); /* an error is in the log, and nothing else */
	return rc;
}

static int read_text(struct config *config, const char *text)
{
	return read_bytes(config, text, strlen(text));
}

static void defaults(void **state)
{
	CLEAN_CONFIG struct config config;

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(read_text(&config, ""), 0);
	assert_null(config.modules);
	assert_null(config.pin_sources);
	assert_null(config.certificates);
	assert_null(config.log_file);
	assert_string_equal(config.pinentry_program, PINENTRY_PROGRAM);
	assert_string_equal(config.spool_directory, "/var/tmp");
	assert_int_equal(config.log_level, LOG_LEVEL_INFO);
	assert_true(config.pin_cache_ttl && config.pin_cache_max && config.operation_timeout);
	assert_true(config.max_connections && config.idle_workers && config.spool_max_mib);
}

static const struct number {
	const char *name;
	size_t offset;
	uint32_t smallest, largest;
} numbers[] = {
	{"pin-cache-ttl", offsetof(struct config, pin_cache_ttl), 0, 31536000},
	{"pin-cache-max", offsetof(struct config, pin_cache_max), 0, 31536000},
	{"operation-timeout", offsetof(struct config, operation_timeout), 1, 3600},
	{"prompt-timeout", offsetof(struct config, prompt_timeout), 1, 3600},
	{"max-connections", offsetof(struct config, max_connections), 1, 1024},
	{"idle-workers", offsetof(struct config, idle_workers), 1, 16},
	{"spool-max", offsetof(struct config, spool_max_mib), 1, 1048576},
};

static void set_number(const struct number *number, long long value, bool good)
{
	CLEAN_CONFIG struct config config;
	char line[100];
	uint32_t got;

	snprintf(line, sizeof line, "%s %lld\n", number->name, value);
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(read_text(&config, line), good ? 0 : ERR_CONFIG);
	memcpy(&got, (char *)&config + number->offset, sizeof got);
	if (good)
		assert_int_equal(got, value);
	else
		assert_int_not_equal(got, (uint32_t)value);
}

static void number_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		set_number(&numbers[i], numbers[i].smallest, true);
		set_number(&numbers[i], numbers[i].largest, true);
		set_number(&numbers[i], (long long)numbers[i].smallest - 1, false);
		set_number(&numbers[i], (long long)numbers[i].largest + 1, false);
		set_number(&numbers[i], 4294967296 + numbers[i].largest + 1, false);
	}
}

static void number_forms(void **state)
{
	static const char *const wrong[] = {"",	  "x",	   "1x",    "0x10", "+1",
					    "-1", "1 2",   "1.5",   "1e3",  "18446744073709551617",
					    "٣",  "\"1\"", "1 # c", "--",   "99999999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		CLEAN_CONFIG struct config config;
		char line[100];

		snprintf(line, sizeof line, "operation-timeout %s\n", wrong[i]);
		assert_int_equal(config_init(&config), 0);
		assert_int_equal(read_text(&config, line), ERR_CONFIG);
		assert_int_equal(config.operation_timeout, 30);
	}
}

static void paths(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
	} settings[] = {{"pinentry-program", offsetof(struct config, pinentry_program)},
			{"certificates", offsetof(struct config, certificates)},
			{"spool-directory", offsetof(struct config, spool_directory)},
			{"log-file", offsetof(struct config, log_file)}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		CLEAN_CONFIG struct config config;
		char line[100], *got;

		assert_int_equal(config_init(&config), 0);
		snprintf(line, sizeof line, "%s /a\n%s /with blanks/x \t\r\n", settings[i].name,
			 settings[i].name);
		assert_int_equal(read_text(&config, line), 0);
		memcpy(&got, (char *)&config + settings[i].offset, sizeof got);
		assert_string_equal(got, "/with blanks/x"); /* the last one counts */
		snprintf(line, sizeof line, "%s relative\n", settings[i].name);
		assert_int_equal(read_text(&config, line), ERR_CONFIG);
		snprintf(line, sizeof line, "%s\n", settings[i].name);
		assert_int_equal(read_text(&config, line), ERR_CONFIG);
	}
}

static void yes_or_no(void **state)
{
	CLEAN_CONFIG struct config config;

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(config.keep_pin_on_removal, 0);
	assert_int_equal(read_text(&config, "keep-pin-on-removal yes"), 0);
	assert_int_equal(config.keep_pin_on_removal, 1);
	assert_int_equal(read_text(&config, "keep-pin-on-removal no"), 0);
	assert_int_equal(config.keep_pin_on_removal, 0);
	assert_int_equal(read_text(&config, "keep-pin-on-removal 1"), ERR_CONFIG);
	assert_int_equal(read_text(&config, "keep-pin-on-removal"), ERR_CONFIG);
	assert_int_equal(read_text(&config, "keep-pin-on-removal yes please"), ERR_CONFIG);
}

static void encrypting(void **state)
{
	static const struct {
		const char *name;
		uint32_t value;
	} ciphers[] = {
		{"auto", CONTENT_CIPHER_AUTO},		     {"aes-128-cbc", CONTENT_CIPHER_AES_128_CBC},
		{"aes-192-cbc", CONTENT_CIPHER_AES_192_CBC}, {"aes-256-cbc", CONTENT_CIPHER_AES_256_CBC},
		{"aes-128-gcm", CONTENT_CIPHER_AES_128_GCM}, {"aes-192-gcm", CONTENT_CIPHER_AES_192_GCM},
		{"aes-256-gcm", CONTENT_CIPHER_AES_256_GCM}, {"cbc", CONTENT_CIPHER_CBC},
	};
	CLEAN_CONFIG struct config config;
	char line[64];

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(config.content_cipher, CONTENT_CIPHER_AUTO);
	assert_true(config.encrypt_to_self && config.protect_headers && !config.hide_subject);
	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
		snprintf(line, sizeof line, "content-cipher %s", ciphers[i].name);
		assert_int_equal(read_text(&config, line), 0);
		assert_int_equal(config.content_cipher, ciphers[i].value);
	}
	assert_int_equal(read_text(&config, "content-cipher des-ede3-cbc"), ERR_CONFIG);
	assert_int_equal(read_text(&config, "content-cipher AES-256-CBC"), ERR_CONFIG);
	assert_int_equal(read_text(&config, "content-cipher"), ERR_CONFIG);
	assert_int_equal(read_text(&config, "encrypt-to-self no\nprotect-headers no\nhide-subject yes\n"), 0);
	assert_true(!config.encrypt_to_self && !config.protect_headers && config.hide_subject);
}

static void log_levels(void **state)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	CLEAN_CONFIG struct config config;
	char line[64];

	(void)state;
	assert_int_equal(config_init(&config), 0);
	for (uint32_t i = 0; i < 4; i++) {
		snprintf(line, sizeof line, "log-level %s", names[i]);
		assert_int_equal(read_text(&config, line), 0);
		assert_int_equal(config.log_level, i);
	}
	assert_int_equal(read_text(&config, "log-level loud"), ERR_CONFIG);
	assert_int_equal(read_text(&config, "log-level 1"), ERR_CONFIG);
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
}

static void modules(void **state)
{
	CLEAN_CONFIG struct config config;
	CLEAN_CONFIG struct config full;

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(config_init(&full), 0);
	assert_int_equal(read_text(&config, "module /one.so\n  module\t\t/two.so\n"), 0);
	assert_string_equal(config.modules->value, "/one.so");
	assert_string_equal(config.modules->next->value, "/two.so");
	assert_null(config.modules->next->next);
	assert_int_equal(read_text(&config, "module three.so"), ERR_CONFIG);
	for (int i = 0; i < 64; i++)
		assert_int_equal(read_text(&full, "module /m.so"), 0);
	assert_int_equal(read_text(&full, "module /m.so"), ERR_CONFIG);
}

static void pin_sources(void **state)
{
	static const char *const wrong[] = {
		"token",	 "file:/x",	    "token file:x",   "token env:X",  "token /x",
		"token FILE:/x", "token file:/x y", "token\tfile:/x", "credential:x", "token file"};
	CLEAN_CONFIG struct config config;

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(read_text(&config, "pin-source My  Card   file:/run/pin\n"
					    "pin-source pkcs11:token=x credential:pin\n"),
			 0);
	assert_string_equal(config.pin_sources->value, "My  Card");
	assert_string_equal(config.pin_sources->second, "file:/run/pin");
	assert_string_equal(config.pin_sources->next->value, "pkcs11:token=x");
	assert_string_equal(config.pin_sources->next->second, "credential:pin");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char line[100];

		snprintf(line, sizeof line, "pin-source %s\n", wrong[i]);
		if (read_text(&config, line) != ERR_CONFIG)
			fail_msg("%s", line);
	}
	assert_null(config.pin_sources->next->next);
}

static void pkcs11_rules(void **state)
{
	static const char *const wrong[] = {"sign",		   "sign *",	   "sign ssh *",      "read * *",
					    "sign,none * *",	   "none,sign * *", "sign,,read * *", ", * *",
					    "sign * pkcs11:token", "sign * pkcs11:pin-value=1"};
	CLEAN_CONFIG struct config config;
	const struct config_list *rule;

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_null(config.pkcs11_allow);
	assert_int_equal(read_text(&config, "pkcs11-allow sign,derive  /usr/bin/ssh \t My  key\n"
					    "pkcs11-allow none * *\npkcs11-allow decrypt * pkcs11:token=x;object=y\n"),
			 0);
	rule = config.pkcs11_allow;
	assert_int_equal(rule->number, CONFIG_SIGN | CONFIG_DERIVE);
	assert_string_equal(rule->second, "/usr/bin/ssh");
	assert_string_equal(rule->value, "My  key");
	rule = rule->next;
	assert_int_equal(rule->number, 0);
	assert_string_equal(rule->value, "*");
	assert_int_equal(rule->next->number, CONFIG_DECRYPT);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char line[100];

		snprintf(line, sizeof line, "pkcs11-allow %s\n", wrong[i]);
		if (read_text(&config, line) != ERR_CONFIG)
			fail_msg("%s", line);
	}
	assert_null(rule->next->next);
}

static void blanks_and_comments(void **state)
{
	CLEAN_CONFIG struct config config;

	(void)state;
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(read_text(&config,
				   "# pin-cache-ttl x\n\n   \t\n\t # y\r\n#\n \tpin-cache-ttl \t 7  \r\n"
				   "pin-cache-max 8"),
			 0);
	assert_int_equal(config.pin_cache_ttl, 7);
	assert_int_equal(config.pin_cache_max, 8);
}

static void wrong_line_is_named(void **state)
{
	static const char *const wrong[] = {
		"nonsense 1",	  "pin-cache-ttl", "Pin-cache-ttl 1", "pin-cache-ttl=1", "pin-cache-ttlx 1",
		"pin-cache-tt 1", "= 1",	   "\x1b[31m x"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		CLEAN_CONFIG struct config config;
		char text[100];

		assert_int_equal(config_init(&config), 0);
		snprintf(text, sizeof text, "# one\n\npin-cache-ttl 9\n%s\nnonsense 2\n", wrong[i]);
		assert_int_equal(read_text(&config, text), ERR_CONFIG);
		assert_non_null(strstr(logged, "agent.conf, line 4:"));
		assert_null(strchr(logged, '\x1b'));
		assert_int_equal(config.pin_cache_ttl, 9);
	}
}

static void long_lines(void **state)
{
	char text[9000];

	(void)state;
	for (size_t length = 4093; length < 4097; length++)
		for (int comment = 0; comment < 2; comment++) {
			CLEAN_CONFIG struct config config;

			memset(text, 'x', sizeof text);
			memcpy(text, comment ? "#" : "log-file /", comment ? 1 : 10);
			text[length] = '\n';
			assert_int_equal(config_init(&config), 0);
			assert_int_equal(read_bytes(&config, text, length + 1),
					 length > 4094 ? ERR_CONFIG : 0);
			if (length > 4094)
				assert_non_null(strstr(logged, "line 1:"));
		}
}

/* What stands behind a NUL would be read by nobody. */
static void nul_is_refused(void **state)
{
	static const char texts[][24] = {"pin-cache-ttl 5\0max 6\n", "\0pin-cache-max 6 \0 \n ",
					 "# comment\0\npin-cache-t"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		CLEAN_CONFIG struct config config;

		assert_int_equal(config_init(&config), 0);
		assert_int_equal(read_bytes(&config, texts[i], 22), ERR_CONFIG);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void load(void **state)
{
	char folder[] = "/tmp/smime-config.XXXXXX", path[100], missing[100];
	CLEAN_CONFIG struct config config;

	(void)state;
	log_open(take_line, LOG_LEVEL_INFO);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/smime-agent", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(missing, sizeof missing, "%s/none.conf", folder);
	snprintf(path, sizeof path, "%s/smime-agent/agent.conf", folder);
	assert_int_equal(config_init(&config), 0);
	setenv("XDG_CONFIG_HOME", folder, 1);
	assert_int_equal(config_load(&config, NULL), 0); /* no file at all */
	write_file(path, "pin-cache-ttl 11\n");
	assert_int_equal(config_load(&config, NULL), 0);
	assert_int_equal(config.pin_cache_ttl, 11);
	write_file(path, "pin-cache-ttl 12\nnonsense\n");
	assert_int_equal(config_load(&config, NULL), ERR_CONFIG);
	assert_int_equal(config_load(&config, path), ERR_CONFIG);
	assert_int_equal(config_load(&config, missing), ERR_CONFIG);
	assert_int_equal(config_load(&config, folder), ERR_CONFIG);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0); /* there, but unreadable */
	*logged = 0;
	assert_int_equal(config_load(&config, NULL), ERR_CONFIG);
	assert_true(*logged);
	rmdir(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	write_file(path, "x"); /* what should be a folder is a file */
	*logged = 0;
	assert_int_equal(config_load(&config, NULL), ERR_CONFIG);
	assert_true(*logged);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(number_limits),
		cmocka_unit_test(number_forms),
		cmocka_unit_test(paths),
		cmocka_unit_test(yes_or_no),
		cmocka_unit_test(encrypting),
		cmocka_unit_test(log_levels),
		cmocka_unit_test(modules),
		cmocka_unit_test(pin_sources),
		cmocka_unit_test(pkcs11_rules),
		cmocka_unit_test(blanks_and_comments),
		cmocka_unit_test(wrong_line_is_named),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(nul_is_refused),
		cmocka_unit_test(load),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
