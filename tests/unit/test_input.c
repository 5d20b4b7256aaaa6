/* SPDX-License-Identifier: ISC
 *
 * Reading a client's descriptor: whatever the borders of its reads and ours, the same bytes come
 * out; base64 is decoded or refused; a mark is returned to exactly.
 */
#include "input.h"

#include "cleanup.h"
#include "fixture.h"

#include <fcntl.h>
#include <string.h>

static struct input input;

/* Reads all in pieces of `size`; the error, or 0. */
static int read_rest(size_t size, struct buf *into)
{
	size_t got = 1;
	int rc = 0;

	while (!rc && got) {
		assert_int_equal(buf_reserve(into, size), 0);
		rc = input_read(&input, into->data + into->length, size, &got);
		if (!rc) {
			assert_true(got <= size);
			into->length += got;
		}
	}
	return rc;
}

/* Decodes base64 that comes in steps and is asked for in pieces. */
static void check_base64(const char *text, size_t step, size_t size, int expected, const char *bytes)
{
	CLEAN_FD int fd = fixture_drip(text, strlen(text), step);
	CLEAN_BUF struct buf got = BUF_INIT(100000);
	size_t more = 7;
	int rc;

	input_init(&input, fd);
	input_decode_base64(&input);
	rc = read_rest(size, &got);
	if (rc != expected || !view_equal(buf_view(&got), view_string(bytes)))
		fail_msg("\"%s\" in steps of %zu, read by %zu: %d, %zu bytes", text, step, size, rc,
			 got.length);
	if (rc)
		return;
	assert_int_equal(input_read(&input, &got, 3, &more), 0); /* the end stays the end */
	assert_int_equal(more, 0);
}

static void check_base64_all_ways(const char *text, int expected, const char *bytes)
{
	for (size_t step = 1; step <= 5; step++)
		for (size_t size = 1; size <= 5; size++)
			check_base64(text, step, size, expected, bytes);
}

static void plain_in_any_steps(void **state)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog";

	(void)state;
	for (size_t step = 1; step <= 9; step += 2)
		for (size_t size = 1; size <= 64; size *= 2) {
			CLEAN_FD int fd = fixture_drip(text, strlen(text), step);
			CLEAN_BUF struct buf got = BUF_INIT(1000);

			input_init(&input, fd);
			assert_int_equal(read_rest(size, &got), 0);
			assert_true(view_equal(buf_view(&got), view_string(text)));
			assert_int_equal(input.state.total, strlen(text));
		}
}

/* RFC 4648 section 10, and the same without padding. */
static void base64_vectors(void **state)
{
	static const char *const vectors[][2] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
		{"Zg", "f"},
		{"Zm8", "fo"},
		{"Zm9vYg", "foob"},
		{"Zm9vYmE", "fooba"},
		{"fn9+Pz8/", "~\x7f~\?\?\?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		check_base64_all_ways(vectors[i][0], 0, vectors[i][1]);
}

static void base64_white_space(void **state)
{
	(void)state;
	check_base64_all_ways(" \r\n\tZ m\t9\r\nv\nY\rm F y \r\n", 0, "foobar");
	check_base64_all_ways("Z\ng\n=\n=\n", 0, "f");
	check_base64_all_ways("\r\n \t", 0, "");
}

static void base64_ends(void **state)
{
	(void)state;
	check_base64_all_ways("Zm9v\n-----END CMS-----\nYmFy!!\n", 0, "foo");
	check_base64_all_ways("Zm9vYg==\n*** not base64 ***", 0, "foob");
	check_base64_all_ways("Zm8=YmFy", 0, "fo");
	check_base64_all_ways("-", 0, "");
}

static void base64_refused(void **state)
{
	static const char *const texts[][2] = {
		{"Z", ""},    {"Zm9vY", "foo"}, {"Z=", ""},    {"Z===", ""},	       {"Zm9vY===", "foo"},
		{"Zm9-", ""}, {"Zm9v!", "foo"}, {"!Zm9v", ""}, {"Zm9vYm\x80y", "foo"}, {"Zm9v_mFy", "foo"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t step = 1; step <= 5; step++)
			check_base64(texts[i][0], step, 1, ERR_BAD_CMS, texts[i][1]);
}

static void base64_every_character(void **state)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	(void)state;
	for (int c = 0; c < 256; c++) {
		const uint8_t group[] = {'Z', 'm', (uint8_t)c, 'v'};
		CLEAN_FD int fd = fixture_file(group, 4);
		bool taken = c && strchr(good, c), skipped = c && strchr(" \t\r\n=", c);
		uint8_t got[8];
		size_t length;
		int rc;

		input_init(&input, fd);
		input_decode_base64(&input);
		rc = input_read(&input, got, sizeof got, &length);
		assert_int_equal(rc, taken || skipped ? 0 : ERR_BAD_CMS);
		if (taken)
			assert_int_equal(length, 3);
	}
}

/* Base64 that begins behind plain lines, as in PEM. */
static void base64_after_plain(void **state)
{
	static const char text[] = "-----BEGIN CMS-----\nZm9vYmFy\n-----END CMS-----\n";
	CLEAN_FD int fd = fixture_drip(text, strlen(text), 7);
	uint8_t line[20], got[7];

	(void)state;
	input_init(&input, fd);
	assert_int_equal(input_read_all(&input, line, 20), 0);
	input_decode_base64(&input);
	assert_int_equal(input_read_all(&input, got, 6), 0);
	assert_memory_equal(got, "foobar", 6);
	assert_int_equal(input_read_all(&input, got, 1), ERR_BAD_CMS);
}

static void read_all(void **state)
{
	CLEAN_FD int fd = fixture_drip("0123456789", 10, 3);
	uint8_t got[11];

	(void)state;
	input_init(&input, fd);
	assert_int_equal(input_read_all(&input, got, 0), 0);
	assert_int_equal(input_read_all(&input, got, 4), 0);
	assert_memory_equal(got, "0123", 4);
	assert_int_equal(input_read_all(&input, got, 7), ERR_BAD_CMS);
}

static void peek(void **state)
{
	CLEAN_FD int fd = fixture_drip("0123456789", 10, 3);
	uint8_t got[4];
	struct view bytes;

	(void)state;
	input_init(&input, fd);
	assert_int_equal(input_peek(&input, 1, &bytes), 0);
	assert_true(view_equal(bytes, view_string("012")));
	assert_int_equal(input_peek(&input, 4, &bytes), 0);
	assert_true(view_equal(bytes, view_string("012345")));
	assert_int_equal(input_read_all(&input, got, 4), 0);
	assert_memory_equal(got, "0123", 4);
	assert_int_equal(input_peek(&input, 100, &bytes), 0); /* the input is shorter */
	assert_true(view_equal(bytes, view_string("456789")));
	assert_int_equal(input_peek(&input, INPUT_CHUNK, &bytes), 0);
	assert_int_equal(bytes.length, 6);
	assert_int_equal(input_peek(&input, INPUT_CHUNK + 1, &bytes), ERR_TOO_LARGE);
	assert_int_equal(input_read_all(&input, got, 4), 0);
	assert_int_equal(input_read_all(&input, got, 2), 0);
	assert_int_equal(input_peek(&input, 1, &bytes), 0);
	assert_int_equal(bytes.length, 0);
}

static uint8_t *pattern(size_t length)
{
	uint8_t *bytes = malloc(length);

	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
	return bytes;
}

static void peek_a_whole_chunk(void **state)
{
	CLEAN_FREE uint8_t *bytes = pattern(200000);
	CLEAN_FD int fd = fixture_drip(bytes, 200000, 4);
	CLEAN_FREE uint8_t *got = malloc(100);
	struct view seen;

	(void)state;
	input_init(&input, fd);
	assert_int_equal(input_read_all(&input, got, 100), 0);
	assert_int_equal(input_peek(&input, INPUT_CHUNK, &seen), 0);
	assert_int_equal(seen.length, INPUT_CHUNK);
	assert_memory_equal(seen.data, bytes + 100, INPUT_CHUNK);
	for (size_t at = 100; at < 200000; at += 100) {
		assert_int_equal(input_read_all(&input, got, 100), 0);
		assert_memory_equal(got, bytes + at, 100);
	}
}

static void begins_at_the_offset(void **state)
{
	CLEAN_FD int fd = fixture_file("0123456789", 10);
	uint8_t got[6];

	(void)state;
	assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
	input_init(&input, fd);
	assert_int_equal(input_read_all(&input, got, 6), 0);
	assert_memory_equal(got, "456789", 6);
}

/* Marks at `at`, reads on by `more`, and returns: the same bytes come again. */
static void check_mark(int fd, const uint8_t *bytes, size_t at, size_t more)
{
	CLEAN_FREE uint8_t *got = malloc(at + more + 1);
	CLEAN_FREE struct input_state *mark = NULL;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	input_init(&input, fd);
	assert_int_equal(input_read_all(&input, got, at), 0);
	mark = input_mark(&input);
	assert_non_null(mark);
	for (int time = 0; time < 3; time++) {
		assert_int_equal(input_read_all(&input, got, more), 0);
		assert_memory_equal(got, bytes + at, more);
		assert_int_equal(input_return(&input, mark), 0);
		assert_int_equal(input.state.total, at);
	}
}

static void mark_and_return(void **state)
{
	static const size_t places[] = {0, 1, 100, 65535, 65536, 65537, 150000};
	CLEAN_FREE uint8_t *bytes = pattern(300000);
	CLEAN_FD int fd = fixture_file(bytes, 300000);

	(void)state;
	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < 7; j++)
			check_mark(fd, bytes, places[i], places[j]);
}

static void mark_within_base64(void **state)
{
	CLEAN_FD int fd = fixture_file("Zm9v\r\nYmFy", 10);
	CLEAN_FREE struct input_state *mark = NULL;
	uint8_t got[5];

	(void)state;
	input_init(&input, fd);
	input_decode_base64(&input);
	assert_int_equal(input_read_all(&input, got, 1), 0); /* two decoded bytes are kept */
	mark = input_mark(&input);
	for (int time = 0; time < 2; time++) {
		assert_int_equal(input_read_all(&input, got, 5), 0);
		assert_memory_equal(got, "oobar", 5);
		assert_int_equal(input_read_all(&input, got, 1), ERR_BAD_CMS);
		assert_int_equal(input_return(&input, mark), 0);
	}
}

static void no_return_on_a_pipe(void **state)
{
	CLEAN_FD int fd = fixture_drip("0123456789", 10, 3);
	CLEAN_FREE struct input_state *mark = NULL;
	uint8_t got[4];

	(void)state;
	input_init(&input, fd);
	mark = input_mark(&input);
	assert_false(input.seekable);
	assert_int_equal(input_return(&input, mark), ERR_READ);
	assert_int_equal(input_read_all(&input, got, 4), 0);
	assert_int_equal(input_return(&input, mark), ERR_READ);
}

static void reading_fails(void **state)
{
	CLEAN_FD int folder = open("/", O_RDONLY | O_DIRECTORY);
	CLEAN_FD int write_only = open("/dev/null", O_WRONLY);
	const int descriptors[] = {folder, write_only, -1};
	size_t got = 77;
	struct view seen;
	uint8_t byte;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		input_init(&input, descriptors[i]);
		assert_int_equal(input_read(&input, &byte, 1, &got), ERR_READ);
		assert_int_equal(input_read_all(&input, &byte, 1), ERR_READ);
		assert_int_equal(input_peek(&input, 1, &seen), ERR_READ);
		input_decode_base64(&input);
		assert_int_equal(input_read(&input, &byte, 1, &got), ERR_READ);
		assert_int_equal(got, 77);
	}
}

/* Clients with an event loop hand over such descriptors: what is not there yet is waited for. */
static void non_blocking_descriptor(void **state)
{
	CLEAN_FREE uint8_t *bytes = pattern(20000);
	CLEAN_FD int fd = fixture_drip(bytes, 20000, 10);
	CLEAN_BUF struct buf got = BUF_INIT(100000);

	(void)state;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT), 0);
	input_init(&input, fd);
	assert_int_equal(read_rest(1000, &got), 0);
	assert_true(view_equal(buf_view(&got), (struct view){bytes, 20000}));
}

static void count(void *context, uint64_t total)
{
	*(uint64_t *)context = total;
}

static void progress(void **state)
{
	CLEAN_FD int fd = fixture_file("Zm9vYmFy", 8);
	uint64_t total = 99;
	uint8_t got[6];

	(void)state;
	input_init(&input, fd);
	input.progress = count;
	input.progress_context = &total;
	input_decode_base64(&input);
	assert_int_equal(input_read_all(&input, got, 1), 0);
	assert_int_equal(total, 1);
	assert_int_equal(input_read_all(&input, got, 5), 0);
	assert_int_equal(total, 6);
}

struct source {
	const char *text;
	size_t left, step;
	int fails; /* at the end, in place of it */
};

static int give(void *context, void *into, size_t size, size_t *ret_length)
{
	struct source *source = context;
	size_t length = source->left < source->step ? source->left : source->step;

	if (!source->left && source->fails)
		return source->fails;
	if (length > size)
		length = size;
	memcpy(into, source->text, length);
	source->text += length;
	source->left -= length;
	*ret_length = length;
	return 0;
}

static void a_source_is_read_as_a_descriptor_is(void **state)
{
	static const char text[] = "line\r\naGVsbG8gd29ybGQ=\r\n";

	(void)state;
	for (size_t step = 1; step < sizeof text; step++) {
		struct source source = {text, sizeof text - 1, step, 0};
		CLEAN_BUF struct buf got = BUF_INIT(1000);
		struct view start;
		char line[6];

		input_init_source(&input, give, &source);
		assert_int_equal(input_peek(&input, 6, &start), 0);
		assert_true(start.length >= 6);
		assert_int_equal(input_read_all(&input, line, sizeof line), 0);
		input_decode_base64(&input);
		assert_int_equal(read_rest(5, &got), 0);
		assert_true(view_equal(buf_view(&got), view_string("hello world")));
		assert_int_equal(input_return(&input, &input.state), ERR_READ);
	}
}

static void a_source_that_fails_is_no_end(void **state)
{
	struct source source = {"abc", 3, 3, ERR_DECRYPT};
	CLEAN_BUF struct buf got = BUF_INIT(1000);

	(void)state;
	input_init_source(&input, give, &source);
	assert_int_equal(read_rest(10, &got), ERR_DECRYPT);
	assert_int_equal(got.length, 3);
}

static void check_pem(const char *text, int expected, const char *bytes)
{
	for (size_t step = 1; step < 40; step += 12) {
		CLEAN_FD int fd = fixture_drip(text, strlen(text), step);
		CLEAN_BUF struct buf got = BUF_INIT(100000);
		int rc;

		input_init(&input, fd);
		rc = input_enter_armor(&input);
		rc = rc ? rc : read_rest(10, &got);
		if (rc != expected || (!rc && !view_equal(buf_view(&got), view_string(bytes))))
			fail_msg("\"%s\" in steps of %zu: %d, %zu bytes", text, step, rc, got.length);
	}
}

static void pem(void **state)
{
	(void)state;
	check_pem("-----BEGIN CMS-----\nQUJD\n-----END CMS-----\nmore", 0, "ABC");
	check_pem("\r\n\r\n-----BEGIN PKCS7-----\r\nQUJD\r\n-----END PKCS7-----\r\n", 0, "ABC");
	check_pem("CMS_ContentInfo:\n  x: -----BEGIN CMS-----\n-----BEGIN CMS-----\nQUJD\n", 0, "ABC");
	check_pem("0-----BEGIN CMS-----\n", 0, "0-----BEGIN CMS-----\n"); /* as DER begins */
	check_pem("no such line\n", 0, "no such line\n");
	check_pem("-----BEGIN", 0, "-----BEGIN");
	check_pem("", 0, "");
	check_pem("-----BEGIN CMS-----", ERR_BAD_CMS, "");
	check_pem("-----BEGIN CMS-----\n*", ERR_BAD_CMS, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_read_as_a_descriptor_is),
		cmocka_unit_test(a_source_that_fails_is_no_end),
		cmocka_unit_test(plain_in_any_steps),
		cmocka_unit_test(base64_vectors),
		cmocka_unit_test(base64_white_space),
		cmocka_unit_test(base64_ends),
		cmocka_unit_test(base64_refused),
		cmocka_unit_test(base64_every_character),
		cmocka_unit_test(base64_after_plain),
		cmocka_unit_test(read_all),
		cmocka_unit_test(peek),
		cmocka_unit_test(pem),
		cmocka_unit_test(peek_a_whole_chunk),
		cmocka_unit_test(begins_at_the_offset),
		cmocka_unit_test(mark_and_return),
		cmocka_unit_test(mark_within_base64),
		cmocka_unit_test(no_return_on_a_pipe),
		cmocka_unit_test(reading_fails),
		cmocka_unit_test(non_blocking_descriptor),
		cmocka_unit_test(progress),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
