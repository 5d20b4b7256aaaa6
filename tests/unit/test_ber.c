/* SPDX-License-Identifier: ISC
 *
 * The BER parser on good and hostile bytes, written here in hexadecimal. What is cut anywhere is
 * refused; what has one bit flipped ends, one way or the other.
 */
#include "ber.h"

#include "cleanup.h"
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX 4096

static struct input input;
static struct ber ber;
static int file = -1;

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t length = 0;
	unsigned int byte;
	int used;

	while (sscanf(hex, " %2x%n", &byte, &used) == 1) {
		assert_true(length < BYTES_MAX);
		bytes[length++] = (uint8_t)byte;
		hex += used;
	}
	return length;
}

static void open_bytes(const uint8_t *bytes, size_t length)
{
	clean_fd(&file);
	file = fixture_file(bytes, length);
	input_init(&input, file);
	ber_init(&ber, &input);
}

static void open_hex(const char *hex)
{
	uint8_t bytes[BYTES_MAX];

	open_bytes(bytes, from_hex(hex, bytes));
}

/* Reads the octets to their end, `size` at a time, behind those that `into` has. */
static int read_octets(uint8_t tag, size_t size, struct buf *into)
{
	size_t got = 1;
	int rc = ber_octets_begin(&ber, tag);

	while (!rc && got) {
		uint8_t piece[64];

		assert_true(size <= sizeof piece);
		rc = ber_octets_read(&ber, piece, size, &got);
		assert_true(got <= size);
		assert_true(!rc || !got);
		rc = rc ? rc : buf_add(into, piece, got);
	}
	return rc;
}

/* Goes through everything to the end of the present element, by every means. */
static int walk(struct buf *octets)
{
	unsigned int depth = 0;
	uint8_t tag;
	int rc;

	do {
		rc = ber_peek(&ber, &tag);
		if (rc)
			return rc;
		if (tag == BER_END) {
			rc = ber_leave(&ber);
			depth--;
		} else if ((tag & ~BER_CONSTRUCTED) == BER_OCTET_STRING) {
			rc = read_octets(BER_OCTET_STRING, 3, octets);
		} else if (tag & BER_CONSTRUCTED) {
			rc = ber_enter(&ber, tag);
			depth++;
		} else {
			CLEAN_BUF struct buf element = BUF_INIT(1000);

			rc = ber_copy(&ber, &element);
		}
	} while (!rc && depth);
	return rc;
}

static const char *const good[] = {
	"30 00",
	"30 80 00 00",
	"30 03 02 01 05",
	"30 81 03 02 01 05",
	"30 87 00 00 00 00 00 00 04 02 81 01 05",
	"30 80 02 01 05 00 00",
	"30 09 30 80 02 01 05 00 00 05 00",
	"30 80 30 03 02 01 05 31 80 00 00 00 00",
	"30 80 a0 80 30 80 02 01 00 31 00 30 80 06 01 2a 24 80 04 03 61 62 63 04 00 04 01 64 00 00 00 00 "
	"00 00 00 00 "
	"00 00",
	"30 12 24 0c 04 02 61 62 24 06 04 02 63 64 04 00 04 02 65 66",
	"30 15 24 80 24 80 24 80 04 01 61 00 00 04 01 62 00 00 04 01 63 00 00",
};

#define GOOD (sizeof good / sizeof good[0])

static void good_is_walked(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		CLEAN_BUF struct buf octets = BUF_INIT(100);
		size_t more = 1;
		uint8_t byte;

		open_hex(good[i]);
		if (walk(&octets))
			fail_msg("refused: %s", good[i]);
		assert_int_equal(ber.depth, 0);
		assert_int_equal(input_read(&input, &byte, 1, &more), 0);
		assert_int_equal(more, 0); /* all was read */
	}
}

static void cut_anywhere_is_refused(void **state)
{
	uint8_t bytes[BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		size_t length = from_hex(good[i], bytes);

		for (size_t cut = 0; cut < length; cut++) {
			CLEAN_BUF struct buf octets = BUF_INIT(100);

			open_bytes(bytes, cut);
			if (walk(&octets) != ERR_BAD_CMS)
				fail_msg("cut at %zu: %s", cut, good[i]);
		}
	}
}

static void flipped_bits_end(void **state)
{
	uint8_t bytes[BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		size_t length = from_hex(good[i], bytes);

		for (size_t bit = 0; bit < 8 * length; bit++) {
			CLEAN_BUF struct buf octets = BUF_INIT(100);
			int rc;

			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			open_bytes(bytes, length);
			rc = walk(&octets);
			assert_true(!rc || rc == ERR_BAD_CMS || rc == ERR_TOO_LARGE);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void refused(void **state)
{
	static const char *const texts[] = {
		"",
		/* a length that what is around it does not have */
		"30 03 02 02 05 05",
		"30 02 02 01 05",
		"30 01 02",
		"30 03 30 02 05 00",
		"30 05 30 80 02 03 05 05 05",
		"30 04 30 80 30 01 05 05 05 00 00",
		"30 04 24 80 04 05 61 61 61 61 61",
		"30 05 24 03 04 02 61 61 61",
		"30 05 04 04 61 61 61 61",
		"30 80 30 82 ff ff 05 00 00 00",
		"30 04 30 84 00 00 00 00",
		/* no end, or one that is none */
		"30 04 30 80 05 00",
		"30 04 30 80 05 00 00 00",
		"30 06 30 80 05 00 05 00 00 00",
		"30 02 00 00",
		"00 00",
		"30 80 00 01 00 00 00",
		"30 80 00 80",
		"30 05 02 01 05 00 00",
		"30 03 30 80 00",
		/* lengths */
		"02 80 05 00 00",
		"04 80 04 01 61 00 00",
		"02 88 00 00 00 00 00 00 00 01 05",
		"30 ff 05 00",
		"30 89 01 00 00 00 00 00 00 00 00",
		/* tags of more bytes */
		"1f 01 00",
		"3f 81 01 00",
		"30 03 9f 01 00",
		"30 80 bf 01 00 00 00",
		/* other things among an octet string's segments */
		"24 03 02 01 05",
		"24 80 04 01 61 05 00 00 00",
		"24 05 30 03 04 01 61",
		"24 80 80 01 61 00 00",
		"24 80 a4 80 00 00 00 00",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CLEAN_BUF struct buf octets = BUF_INIT(100);
		int rc;

		open_hex(texts[i]);
		rc = walk(&octets);
		if (rc != ERR_BAD_CMS)
			fail_msg("%s: %s", texts[i], error_name(rc));
	}
}

/* What is wrong is refused there, not where the bytes run out. */
static void refused_where_it_stands(void **state)
{
	CLEAN_BUF struct buf out = BUF_INIT(100);
	uint8_t tag;

	(void)state;
	open_hex("30 03 02 02 05 05 05 05");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_copy(&ber, &out), ERR_BAD_CMS);
	open_hex("30 03 30 02 05 00 05 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), ERR_BAD_CMS);
	open_hex("30 03 04 02 05 00 05 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_octets_begin(&ber, BER_OCTET_STRING), ERR_BAD_CMS);
	open_hex("30 02 30 80 00 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_peek(&ber, &tag), ERR_BAD_CMS);
	open_hex("30 01 30 00 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), ERR_BAD_CMS);
}

static void enter_and_leave(void **state)
{
	uint8_t tag = 77;

	(void)state;
	open_hex("30 80 31 03 02 01 05 00 00");
	assert_int_equal(ber_peek(&ber, &tag), 0);
	assert_int_equal(tag, BER_SEQUENCE);
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), ERR_BAD_CMS); /* it is a SET */
	assert_int_equal(ber_enter(&ber, BER_SET), 0);
	assert_int_equal(ber_leave(&ber), ERR_BAD_CMS); /* not at its end */
	assert_int_equal(ber_enter(&ber, BER_INTEGER), 0);
	open_hex("30 80 31 03 02 01 05 00 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_leave(&ber), ERR_BAD_CMS);
	open_hex("30 00 05 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_peek(&ber, &tag), 0);
	assert_int_equal(tag, BER_END);
	assert_int_equal(ber_enter(&ber, 0x05), ERR_BAD_CMS); /* that is behind the end */
	assert_int_equal(ber_leave(&ber), 0);
	assert_int_equal(ber_enter(&ber, 0x05), 0);
}

static void copies_are_exact(void **state)
{
	uint8_t bytes[BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		CLEAN_BUF struct buf whole = BUF_INIT(100), tight = BUF_INIT(0);
		size_t length = from_hex(good[i], bytes);

		open_bytes(bytes, length);
		assert_int_equal(ber_copy(&ber, &whole), 0);
		assert_true(view_equal(buf_view(&whole), (struct view){bytes, length}));
		assert_int_equal(ber.depth, 0);
		open_bytes(bytes, length);
		tight.limit = length - 1;
		assert_int_equal(ber_copy(&ber, &tight), ERR_TOO_LARGE);
		for (size_t cut = 0; cut < length; cut++) {
			buf_clear(&whole);
			open_bytes(bytes, cut);
			assert_int_equal(ber_copy(&ber, &whole), ERR_BAD_CMS);
		}
	}
}

/* A claim of 2^56 - 1 bytes costs nothing but an error. */
static void huge_claims(void **state)
{
	static const char huge[] = "04 87 ff ff ff ff ff ff ff 61 62";
	CLEAN_BUF struct buf octets = BUF_INIT(1000);

	(void)state;
	open_hex(huge);
	assert_int_equal(ber_copy(&ber, &octets), ERR_TOO_LARGE);
	assert_true(octets.capacity < 2000);
	buf_clear(&octets);
	open_hex(huge);
	assert_int_equal(read_octets(BER_OCTET_STRING, 10, &octets), ERR_BAD_CMS);
	assert_int_equal(octets.length, 2);
}

static void nest(struct buf *into, const char *opening, unsigned int levels)
{
	for (unsigned int i = 0; i < levels; i++)
		assert_int_equal(buf_add(into, opening, 2), 0);
	for (unsigned int i = 0; i < levels; i++)
		assert_int_equal(buf_add(into, "\0\0", 2), 0);
}

static void depth_limit(void **state)
{
	(void)state;
	for (unsigned int levels = 1; levels < 2 * BER_DEPTH; levels++) {
		CLEAN_BUF struct buf sets = BUF_INIT(1000), strings = BUF_INIT(1000), out = BUF_INIT(1000);
		int expected = levels < BER_DEPTH ? 0 : ERR_BAD_CMS;

		nest(&sets, "\x31\x80", levels);
		open_bytes(sets.data, sets.length);
		assert_int_equal(walk(&out), expected);
		open_bytes(sets.data, sets.length);
		assert_int_equal(ber_copy(&ber, &out), expected);
		buf_clear(&out);
		nest(&strings, "\x24\x80", levels);
		open_bytes(strings.data, strings.length);
		assert_int_equal(read_octets(BER_OCTET_STRING, 5, &out), expected);
		assert_int_equal(out.length, 0);
	}
}

static void octets_in_any_form(void **state)
{
	static const char *const texts[] = {
		"04 06 61 62 63 64 65 66",
		"24 08 04 06 61 62 63 64 65 66",
		"24 80 04 06 61 62 63 64 65 66 00 00",
		"24 80 04 00 04 01 61 04 00 04 05 62 63 64 65 66 04 00 00 00",
		"24 80 24 05 04 03 61 62 63 24 80 24 80 04 01 64 00 00 00 00 04 02 65 66 00 00",
		"24 10 24 02 04 00 24 04 04 02 61 62 04 04 63 64 65 66",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t size = 1; size < 10; size++) {
			CLEAN_BUF struct buf octets = BUF_INIT(100);
			uint8_t after = 1, piece[4];
			char text[200];
			size_t got = 1;

			snprintf(text, sizeof text, "%s 02 00", texts[i]);
			open_hex(text);
			assert_int_equal(read_octets(BER_OCTET_STRING, size, &octets), 0);
			assert_true(view_equal(buf_view(&octets), view_string("abcdef")));
			assert_int_equal(ber_octets_read(&ber, piece, 4, &got), 0); /* the end stays */
			assert_int_equal(got, 0);
			assert_int_equal(ber_peek(&ber, &after), 0);
			assert_int_equal(after, BER_INTEGER);
		}
}

static void octets_of_another_tag(void **state)
{
	CLEAN_BUF struct buf octets = BUF_INIT(100);

	(void)state;
	open_hex("80 02 61 62");
	assert_int_equal(read_octets(0x80, 9, &octets), 0);
	open_hex("a0 80 04 02 63 64 00 00");
	assert_int_equal(read_octets(0x80, 9, &octets), 0);
	assert_true(view_equal(buf_view(&octets), view_string("abcd")));
	open_hex("81 02 61 62");
	assert_int_equal(ber_octets_begin(&ber, 0x80), ERR_BAD_CMS);
	open_hex("04 02 61 62");
	assert_int_equal(ber_octets_begin(&ber, 0x80), ERR_BAD_CMS);
	open_hex("a0 80 80 02 63 64 00 00"); /* segments are OCTET STRINGs: X.690 section 8.14 */
	assert_int_equal(read_octets(0x80, 9, &octets), ERR_BAD_CMS);
	open_hex("30 00");
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
	assert_int_equal(ber_octets_begin(&ber, BER_OCTET_STRING), ERR_BAD_CMS);
}

/* A segment that is longer than its string gives no octet at all. */
static void segment_longer_than_string(void **state)
{
	static const char *const texts[] = {"24 04 04 03 61 62 63", "30 06 24 80 04 03 61 62 63 00 00",
					    "24 06 24 04 04 03 61 62 63"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		CLEAN_BUF struct buf octets = BUF_INIT(100);

		open_hex(texts[i]);
		if (i == 1)
			assert_int_equal(ber_enter(&ber, BER_SEQUENCE), 0);
		assert_int_equal(read_octets(BER_OCTET_STRING, 1, &octets), ERR_BAD_CMS);
		assert_int_equal(octets.length, 0);
	}
}

static void by_single_bytes(void **state)
{
	uint8_t bytes[BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		CLEAN_BUF struct buf octets = BUF_INIT(100);
		size_t length = from_hex(good[i], bytes);

		clean_fd(&file);
		file = fixture_drip(bytes, length, 1);
		input_init(&input, file);
		ber_init(&ber, &input);
		assert_int_equal(walk(&octets), 0);
	}
}

static void reading_fails(void **state)
{
	CLEAN_BUF struct buf octets = BUF_INIT(100);
	uint8_t tag;

	(void)state;
	input_init(&input, -1);
	ber_init(&ber, &input);
	assert_int_equal(ber_peek(&ber, &tag), ERR_READ);
	assert_int_equal(ber_enter(&ber, BER_SEQUENCE), ERR_READ);
	assert_int_equal(ber_copy(&ber, &octets), ERR_READ);
	assert_int_equal(ber_octets_begin(&ber, BER_OCTET_STRING), ERR_READ);
}

static int tear_down(void **state)
{
	(void)state;
	clean_fd(&file);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_is_walked),
		cmocka_unit_test(cut_anywhere_is_refused),
		cmocka_unit_test(flipped_bits_end),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_where_it_stands),
		cmocka_unit_test(enter_and_leave),
		cmocka_unit_test(copies_are_exact),
		cmocka_unit_test(huge_claims),
		cmocka_unit_test(depth_limit),
		cmocka_unit_test(octets_in_any_form),
		cmocka_unit_test(octets_of_another_tag),
		cmocka_unit_test(segment_longer_than_string),
		cmocka_unit_test(by_single_bytes),
		cmocka_unit_test(reading_fails),
	};

	alarm(300); /* for a parser that never ends */
	return cmocka_run_group_tests_name("ber", tests, NULL, tear_down);
}
