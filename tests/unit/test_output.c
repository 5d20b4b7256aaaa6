/* SPDX-License-Identifier: ISC
 *
 * Writing to a client's descriptor: nothing lost, doubled or out of order, base64 in lines, and
 * each way to fail told apart.
 */
#include "output.h"

#include "cleanup.h"
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct output output;

static uint8_t *pattern(size_t length)
{
	uint8_t *bytes = malloc(length + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
	return bytes;
}

static void assert_content(int fd, const void *expected, size_t length)
{
	size_t got;
	CLEAN_FREE char *content = fixture_content(fd, &got);

	assert_int_equal(got, length);
	assert_memory_equal(content, expected, length);
}

static void pieces_of_any_size(void **state)
{
	static const size_t sizes[] = {1, 100, 32768, 65535, 65536, 65537, 200000, 300000};
	CLEAN_FREE uint8_t *bytes = pattern(300000);

	(void)state;
	for (size_t i = 0; i < 8; i++)
		for (size_t first = 0; first < 2; first++) {
			CLEAN_FD int fd = fixture_file(NULL, 0);

			output_init(&output, fd);
			assert_int_equal(output_write(&output, bytes, first), 0);
			for (size_t at = first; at < 300000; at += sizes[i]) {
				size_t left = 300000 - at;

				assert_int_equal(output_write(&output, bytes + at,
							      left < sizes[i] ? left : sizes[i]),
						 0);
			}
			assert_int_equal(output_flush(&output), 0);
			assert_int_equal(output_flush(&output), 0); /* twice is once */
			assert_content(fd, bytes, 300000);
		}
}

static void text_and_nothing(void **state)
{
	CLEAN_FD int fd = fixture_file(NULL, 0);

	(void)state;
	output_init(&output, fd);
	assert_int_equal(output_write(&output, NULL, 0), 0);
	assert_int_equal(output_text(&output, ""), 0);
	assert_int_equal(output_text(&output, "Subject: x\r\n"), 0);
	output_begin_base64(&output, "\n");
	assert_int_equal(output_write(&output, NULL, 0), 0);
	assert_int_equal(output_end_base64(&output), 0);
	assert_int_equal(output_text(&output, "end"), 0);
	assert_int_equal(output_flush(&output), 0);
	assert_content(fd, "Subject: x\r\nend", 15);
}

/* RFC 4648 section 10. */
static void base64_vectors(void **state)
{
	static const char *const vectors[][2] = {
		{"f", "Zg==\n"},
		{"fo", "Zm8=\n"},
		{"foo", "Zm9v\n"},
		{"foob", "Zm9vYg==\n"},
		{"fooba", "Zm9vYmE=\n"},
		{"foobar", "Zm9vYmFy\n"},
		{"~\x7f~\?\?\?", "fn9+Pz8/\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		for (size_t step = 1; step <= 6; step++) {
			CLEAN_FD int fd = fixture_file(NULL, 0);
			size_t length = strlen(vectors[i][0]);

			output_init(&output, fd);
			output_begin_base64(&output, "\n");
			for (size_t at = 0; at < length; at += step)
				assert_int_equal(output_write(&output, vectors[i][0] + at,
							      length - at < step ? length - at : step),
						 0);
			assert_int_equal(output_end_base64(&output), 0);
			assert_int_equal(output_flush(&output), 0);
			assert_content(fd, vectors[i][1], strlen(vectors[i][1]));
		}
}

/* Lines of 64 characters (RFC 7468 section 2), the last one shorter or missing. */
static void base64_lines(void **state)
{
	static const uint8_t zeros[200];

	(void)state;
	for (size_t length = 1; length <= 200; length++) {
		CLEAN_FD int fd = fixture_file(NULL, 0);
		CLEAN_FREE char *content = NULL;
		size_t got, left = (length + 2) / 3 * 4, lines = 0;

		output_init(&output, fd);
		output_begin_base64(&output, "\r\n");
		assert_int_equal(output_write(&output, zeros, length), 0);
		assert_int_equal(output_end_base64(&output), 0);
		assert_int_equal(output_flush(&output), 0);
		content = fixture_content(fd, &got);
		for (char *at = content; *at; lines++) {
			size_t expected = left < 64 ? left : 64;

			assert_int_equal(strcspn(at, "\r\n"), expected);
			assert_memory_equal(at + expected, "\r\n", 2);
			at += expected + 2;
			left -= expected;
		}
		assert_int_equal(left, 0);
		assert_int_equal(lines, (length + 47) / 48);
	}
}

static void full_disk(void **state)
{
	CLEAN_FREE uint8_t *bytes = pattern(100000);
	CLEAN_FD int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	output_init(&output, fd);
	assert_int_equal(output_write(&output, bytes, 10), 0); /* not yet written */
	assert_int_equal(output_flush(&output), ERR_NO_SPACE);
	assert_int_equal(output_write(&output, bytes, 100000), ERR_NO_SPACE);
	assert_int_equal(output_write(&output, bytes, 60000), 0);
	assert_int_equal(output_write(&output, bytes, 60000), ERR_NO_SPACE);
	output_init(&output, fd);
	output_begin_base64(&output, "\n");
	assert_int_equal(output_write(&output, bytes, 100000), ERR_NO_SPACE);
}

static int write_over_limit(void)
{
	CLEAN_FREE uint8_t *bytes = pattern(100000);
	struct rlimit small = {50000, 50000};

	signal(SIGXFSZ, SIG_IGN);
	output_init(&output, fixture_file(NULL, 0));
	return setrlimit(RLIMIT_FSIZE, &small) ? 1 : output_write(&output, bytes, 100000);
}

static void file_size_limit(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(write_over_limit() == ERR_NO_SPACE ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void reader_is_gone(void **state)
{
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	output_init(&output, ends[1]);
	assert_int_equal(output_text(&output, "x"), 0);
	assert_int_equal(output_flush(&output), ERR_WRITE);
	close(ends[1]);
	output_init(&output, -1);
	assert_int_equal(output_text(&output, "x"), 0);
	assert_int_equal(output_flush(&output), ERR_WRITE);
}

static int drain(int fd, const uint8_t *expected, size_t length)
{
	uint8_t piece[1000];
	size_t at = 0;
	ssize_t got;

	while ((got = read(fd, piece, sizeof piece)) > 0) {
		if ((size_t)got > length - at || memcmp(piece, expected + at, (size_t)got))
			return 1;
		at += (size_t)got;
	}
	return got || at != length;
}

/* A pipe that fills again and again, and that says so rather than wait. */
static void non_blocking_descriptor(void **state)
{
	CLEAN_FREE uint8_t *bytes = pattern(500000);
	int ends[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (!child) {
		close(ends[1]);
		_exit(drain(ends[0], bytes, 500000));
	}
	close(ends[0]);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	output_init(&output, ends[1]);
	for (size_t at = 0; at < 500000; at += 10000)
		assert_int_equal(output_write(&output, bytes + at, 10000), 0);
	assert_int_equal(output_flush(&output), 0);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void armors(void **state)
{
	static const struct {
		struct armor armor;
		const char *expected;
	} cases[] = {
		{{ARMOR_NONE, NULL}, "abc"},
		{{ARMOR_NONE, "CMS"}, "abc"},
		{{ARMOR_BASE64, NULL}, "YWJj\n"},
		{{ARMOR_PEM, "CMS"}, "-----BEGIN CMS-----\nYWJj\n-----END CMS-----\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEAN_FD int fd = fixture_file(NULL, 0);

		output_init(&output, fd);
		assert_int_equal(output_begin_armor(&output, &cases[i].armor), 0);
		assert_int_equal(output_text(&output, "abc"), 0);
		assert_int_equal(output_end_armor(&output, &cases[i].armor), 0);
		assert_int_equal(output_flush(&output), 0);
		assert_content(fd, cases[i].expected, strlen(cases[i].expected));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size), cmocka_unit_test(text_and_nothing),
		cmocka_unit_test(base64_vectors),     cmocka_unit_test(base64_lines),
		cmocka_unit_test(full_disk),	      cmocka_unit_test(file_size_limit),
		cmocka_unit_test(reader_is_gone),     cmocka_unit_test(non_blocking_descriptor),
		cmocka_unit_test(armors),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
