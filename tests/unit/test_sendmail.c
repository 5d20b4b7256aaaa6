/* SPDX-License-Identifier: ISC
 *
 * smime sendmail's command line, smime.conf, and mails that wait.
 */
#include "client_conf.h"
#include "sendmail_options.h"
#include "spool.h"

#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sendmail_options options;

/* The words, with blanks between; and what came of them: those passed on, then the recipients. */
static bool parse(const char *line, char got[500])
{
	static char copy[500]; /* what was parsed points into it */
	char *rest = strcpy(copy, line), *word, *argv[50] = {"sendmail"};
	int argc = 1;
	bool ok;

	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	ok = sendmail_options_parse(&options, argc, argv);
	*got = 0;
	for (unsigned int i = 0; i < options.word_count; i++)
		strcat(strcat(got, options.words[i]), " ");
	strcat(got, "|");
	for (unsigned int i = 0; i < options.recipient_count; i++)
		strcat(strcat(got, " "), options.recipients[i]);
	return ok;
}

static void check(const char *line, const char *expected)
{
	char got[500];

	sendmail_options_done(&options);
	if (!parse(line, got) || strcmp(got, expected))
		fail_msg("%s: %s", line, got);
}

static void words_and_recipients(void **state)
{
	(void)state;
	check("", "|");
	check("a@x b@x", "| a@x b@x");
	check("-i -f a@x b@x", "-i -f a@x | b@x");
	check("-fa@x b@x", "-fa@x | b@x");
	assert_string_equal(options.sender, "a@x");
	check("-t -oi -oem", "-oi -oem |");
	assert_true(options.from_header && options.whole && !options.other);
	check("-tif a@x", "-i -f a@x |");
	assert_true(options.from_header && options.whole);
	assert_string_equal(options.sender, "a@x");
	check("-F Name -N never -R hdrs -V id -O IgnoreDots -bm -B 8BITMIME r@x", "-F Name -N never -R hdrs -V id -O IgnoreDots -bm -B 8BITMIME | r@x");
	assert_true(options.whole && !options.other);
	check("-- -i a@x", "| -i a@x");
	check("a@x -i -- b@x", "-i | a@x b@x");
	check("--account=work --read-recipients --from=c@x a@x", "--account=work --from=c@x | a@x");
	assert_true(options.from_header);
	assert_string_equal(options.sender, "c@x");
	check("-a work a@x", "-a work | a@x");
	check("-d0.1 a@x", "-d0.1 | a@x");
	check("-v -Z a@x", "-v -Z | a@x");
}

static void what_is_no_mail(void **state)
{
	static const char *const lines[] = {"-bs", "-bp", "-bi", "-I", "-q", "-q30m", "-b d", "-bv a@x"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char got[500];

		sendmail_options_done(&options);
		assert_true(parse(lines[i], got) && options.other);
	}
}

static void options_of_ours(void **state)
{
	static const char *const wrong[] = {"--sign", "--sign=", "--sign maybe", "--encrypt=yes", "--program", "--key=", "-f", "-o"};
	char got[500];

	(void)state;
	check("--sign never --encrypt=always --program /x --key=k -i a@x", "-i | a@x");
	assert_true(options.sign == WHEN_NEVER && options.encrypt == WHEN_ALWAYS);
	assert_string_equal(options.program, "/x");
	assert_string_equal(options.key, "k");
	check("--signature a@x --sign when-possible", "--signature | a@x");
	assert_int_equal(options.sign, WHEN_POSSIBLE);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		sendmail_options_done(&options);
		assert_false(parse(wrong[i], got));
	}
	sendmail_options_done(&options);
}

static unsigned int read_conf(const char *text, struct client_conf *conf)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	unsigned int line;

	assert_non_null(file);
	*conf = (struct client_conf){0};
	line = client_conf_read(conf, file);
	fclose(file);
	return line;
}

static void configuration(void **state)
{
	struct client_conf conf;

	(void)state;
	assert_int_equal(read_conf("# all\n\nsendmail-sign  always \r\n\tsendmail-encrypt never\nsendmail-program /usr/bin/my sendmail", &conf), 0);
	assert_true(conf.sendmail_sign == WHEN_ALWAYS && conf.sendmail_encrypt == WHEN_NEVER);
	assert_string_equal(conf.sendmail_program, "/usr/bin/my sendmail");
	assert_int_equal(read_conf("\nsendmail-sign\n", &conf), 2);
	assert_int_equal(read_conf("sendmail-sign Always\n", &conf), 1);
	assert_int_equal(read_conf("sendmail-program msmtp\n", &conf), 1);
	assert_int_equal(read_conf("sendmail-sing always\n", &conf), 1);
}

static void a_line_that_is_too_long(void **state)
{
	static char text[PATH_MAX + 200] = "sendmail-program /";
	struct client_conf conf;

	(void)state;
	memset(text + strlen(text), 'x', PATH_MAX + 100);
	assert_int_equal(read_conf(text, &conf), 1);
}

static void check_lines(const char *from, const char *to)
{
	struct spool spool;
	char got[100];
	ssize_t length;

	assert_true(spool_open(&spool, 0) && spool_write(&spool, from, strlen(from)) && spool_unix_lines(&spool));
	length = read(spool.fd, got, sizeof got);
	assert_int_equal(length, strlen(to));
	assert_memory_equal(got, to, strlen(to));
	spool_done(&spool);
}

static void lines_of_unix(void **state)
{
	(void)state;
	check_lines("", "");
	check_lines("a\r\n\r\nb\r\n", "a\n\nb\n");
	check_lines("a\nb\rc\r\r\n\r", "a\nb\rc\r\n\r");
}

/* Over the border of what stays in memory, and of the chunks in which lines are made. */
static void a_large_mail(void **state)
{
	static char bytes[65537];
	struct spool spool;
	size_t count = SPOOL_MEMORY / (sizeof bytes) + 10;

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes + sizeof bytes - 3, "\r\n.", 3);
	assert_true(spool_open(&spool, 0));
	for (size_t i = 0; i < count; i++)
		assert_true(spool_write(&spool, bytes, sizeof bytes));
	assert_false(spool.memory);
	assert_int_equal(spool.length, count * sizeof bytes);
	assert_true(spool_unix_lines(&spool));
	assert_int_equal(lseek(spool.fd, 0, SEEK_END), count * (sizeof bytes - 1));
	spool_done(&spool);
}

static void no_place(void **state)
{
	struct spool spool;

	(void)state;
	setenv("TMPDIR", "/nowhere", 1);
	assert_false(spool_open(&spool, SPOOL_MEMORY + 1));
	spool_done(&spool);
	unsetenv("TMPDIR");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_recipients), cmocka_unit_test(what_is_no_mail),
		cmocka_unit_test(options_of_ours),	cmocka_unit_test(configuration),
		cmocka_unit_test(a_line_that_is_too_long), cmocka_unit_test(lines_of_unix),
		cmocka_unit_test(a_large_mail),		cmocka_unit_test(no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
