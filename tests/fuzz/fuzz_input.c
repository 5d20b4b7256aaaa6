/* SPDX-License-Identifier: ISC
 *
 * Reading a descriptor, plain or base64. However small the pieces, and after going back to a mark,
 * the bytes are the same.
 */
#include "fuzz.h"
#include "input.h"

#include <string.h>

#define KEPT 65536

struct reading {
	int rc;
	size_t length;
	uint8_t bytes[KEPT];
};

static struct input input;

static void read_rest(size_t piece, struct reading *reading)
{
	size_t got = 1;

	reading->rc = 0;
	while (!reading->rc && got && reading->length + piece <= KEPT) {
		got = 0;
		reading->rc = input_read(&input, reading->bytes + reading->length, piece, &got);
		require(got <= piece);
		reading->length += got;
	}
}

static void start(int fd, uint8_t how, struct reading *reading)
{
	struct view seen;

	require(!lseek(fd, 0, SEEK_SET));
	input_init(&input, fd);
	reading->length = 0;
	if (how & 2)
		require(!input_peek(&input, how, &seen));
	if (how & 1)
		input_decode_base64(&input);
	else if (how & 4)
		reading->rc = input_enter_armor(&input);
}

static bool same(const struct reading *a, const struct reading *b)
{
	/* What came before the error may have come with it. */
	return a->rc == b->rc && (a->rc || a->length == b->length) &&
	       !memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
}

/* The first byte says how. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading whole, pieces, again;
	int lowest = fuzz_lowest_fd(), fd;
	struct input_state *mark;
	size_t piece, at;

	if (!size || size > KEPT / 2)
		return 0;
	fd = fuzz_file(data + 1, size - 1);
	piece = (size_t)(data[0] >> 4) + 1;
	start(fd, data[0], &whole);
	read_rest(4096, &whole);
	start(fd, data[0], &pieces);
	if (!input_read(&input, pieces.bytes, piece, &pieces.length)) {
		mark = input_mark(&input);
		require(mark);
		at = again.length = pieces.length;
		memcpy(again.bytes, pieces.bytes, at);
		read_rest(piece, &pieces);
		require(!input_return(&input, mark) && input.state.total == at);
		read_rest(2 * piece, &again);
		require(same(&whole, &pieces) && same(&whole, &again));
		free(mark);
	} else {
		require(whole.rc);
	}
	close(fd);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
