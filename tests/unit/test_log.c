/* SPDX-License-Identifier: ISC
 *
 * Log lines: levels, length, quoting of hostile strings, and the log file.
 */
#include "log.h"

#include "cleanup.h"
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char last_line[2048];
static enum log_level last_level;
static unsigned int lines;

static void take(enum log_level level, const char *line)
{
	last_level = level;
	snprintf(last_line, sizeof last_line, "%s", line);
	lines++;
}

static void levels(void **state)
{
	(void)state;
	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		lines = 0;
		log_open(take, LOG_LEVEL_ERROR);
		log_set_level(level);
		log_debug("d%d", 4);
		log_info("i%d", 3);
		log_warn("w%d", 2);
		log_error("e%d", 1);
		assert_int_equal(lines, level + 1);
		assert_int_equal(last_level, LOG_LEVEL_ERROR);
		assert_string_equal(last_line, "e1");
	}
}

static void level_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_from_name("error"), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_from_name("warn"), LOG_LEVEL_WARN);
	assert_int_equal(log_level_from_name("info"), LOG_LEVEL_INFO);
	assert_int_equal(log_level_from_name("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_from_name("Debug"), -1);
	assert_int_equal(log_level_from_name("debugs"), -1);
	assert_int_equal(log_level_from_name(""), -1);
}

static void long_line_is_cut(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	log_open(take, LOG_LEVEL_INFO);
	log_info("%s", text);
	assert_int_equal(strlen(last_line), 1023);
}

static void quote_keeps_printable(void **state)
{
	char all[96];

	(void)state;
	for (int i = 0; i < 95; i++)
		all[i] = (char)(' ' + i);
	all[95] = 0;
	assert_string_equal(log_quote(all), all);
	assert_string_equal(log_quote(""), "");
	assert_string_equal(log_quote(NULL), "");
}

static void quote_replaces_the_rest(void **state)
{
	(void)state;
	assert_string_equal(log_quote("a\nb\rc\td\x1b[31m\x7f\x80\xff"), "a?b?c?d?[31m???");
	for (int c = 1; c < 256; c++) {
		char text[2] = {(char)c, 0};

		assert_int_equal(log_quote(text)[0], c < ' ' || c > '~' ? '?' : c);
	}
}

static void quote_cuts(void **state)
{
	char text[200];

	(void)state;
	memset(text, 'x', sizeof text);
	text[120] = 0;
	assert_int_equal(strlen(log_quote(text)), 120);
	text[120] = 'x';
	text[199] = 0;
	assert_int_equal(strlen(log_quote(text)), 120);
}

static void four_quotes_at_once(void **state)
{
	const char *a = log_quote("a"), *b = log_quote("b"), *c = log_quote("c"), *d = log_quote("d");

	(void)state;
	assert_string_equal(a, "a");
	assert_string_equal(b, "b");
	assert_string_equal(c, "c");
	assert_string_equal(d, "d");
	assert_ptr_equal(log_quote("e"), a);
}

static void log_file(void **state)
{
	char folder[] = "/tmp/smime-log.XXXXXX", path[64], other[64], content[256] = "";
	struct stat st;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/log", folder);
	snprintf(other, sizeof other, "%s/link", folder);
	assert_int_equal(log_open_file(path), 0);
	log_to_file(LOG_LEVEL_WARN, "first");
	assert_int_equal(log_open_file(path), 0); /* again, as after rotation: appended to */
	log_to_file(LOG_LEVEL_ERROR, "second");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(content, sizeof content, file));
	assert_string_equal(content + 23, "Z warn first\n");
	assert_int_equal(content[19], '.');
	assert_int_equal(strspn(content + 20, "0123456789"), 3); /* ms */
	assert_non_null(fgets(content, sizeof content, file));
	assert_string_equal(content + 23, "Z error second\n");
	assert_null(fgets(content, sizeof content, file));
	fclose(file);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(log_open_file(other), -ELOOP);
	assert_int_equal(log_open_file(folder), -EISDIR);
	unlink(path);
	unlink(other);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(level_names),
		cmocka_unit_test(long_line_is_cut),
		cmocka_unit_test(quote_keeps_printable),
		cmocka_unit_test(quote_replaces_the_rest),
		cmocka_unit_test(quote_cuts),
		cmocka_unit_test(four_quotes_at_once),
		cmocka_unit_test(log_file),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
