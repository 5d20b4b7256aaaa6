/* SPDX-License-Identifier: ISC
 *
 * A multipart body taken apart. However small the pieces that are read, the same parts come out; nothing
 * comes out that did not go in.
 */
#include "fuzz.h"
#include "multipart.h"

#include <string.h>

/* Ends a part in what is compared: no length of pieces can make it. */
#define PART_END 0x100

struct outcome {
	int rc;
	size_t length;
	unsigned int parts;
	uint32_t hash; /* of the bytes, and where parts end */
};

static void add(struct outcome *outcome, unsigned int value)
{
	outcome->hash = (outcome->hash ^ value) * 16777619u; /* FNV-1a */
}

static struct outcome take_apart(int fd, const char *boundary, size_t piece)
{
	static struct input input;
	static uint8_t bytes[INPUT_CHUNK];
	struct multipart multipart;
	struct outcome outcome = {.hash = 2166136261u};
	bool more = true;

	require(!lseek(fd, 0, SEEK_SET));
	input_init(&input, fd);
	outcome.rc = multipart_begin(&multipart, &input, boundary);
	while (!outcome.rc && more) {
		size_t got = 1;

		while (!outcome.rc && got) {
			outcome.rc = multipart_read(&multipart, bytes, piece, &got);
			require(outcome.rc || got <= piece);
			for (size_t i = 0; i < got && !outcome.rc; i++)
				add(&outcome, bytes[i]);
			outcome.length += outcome.rc ? 0 : got;
		}
		add(&outcome, PART_END);
		outcome.rc = outcome.rc ? outcome.rc : multipart_next(&multipart, &more);
		outcome.parts++;
	}
	return outcome;
}

/* The first line is the boundary. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 10];
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t length = end ? (size_t)(end - data) : size;
	int lowest = fuzz_lowest_fd(), fd;
	struct outcome coarse, fine;

	if (length >= sizeof boundary)
		return 0;
	memcpy(boundary, data, length);
	boundary[length] = 0;
	fd = fuzz_file(data + length, size - length);
	coarse = take_apart(fd, boundary, INPUT_CHUNK);
	fine = take_apart(fd, boundary, 1);
	require(coarse.rc == fine.rc && coarse.parts == fine.parts);
	require(coarse.rc || (coarse.hash == fine.hash && coarse.length == fine.length && coarse.length <= size));
	close(fd);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
