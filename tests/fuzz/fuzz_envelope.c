/* SPDX-License-Identifier: ISC
 *
 * An encrypted message taken apart, to its end. However small the pieces that are read, the outcome
 * is the same.
 */
#include "envelope.h"
#include "fuzz.h"

struct outcome {
	int rc;
	size_t content;
	size_t mac_length;
};

static struct outcome read_all(int fd, size_t piece)
{
	static struct input input;
	static uint8_t bytes[INPUT_CHUNK];
	CLEAN_ENVELOPE struct envelope envelope;
	struct outcome outcome = {0};
	size_t got = 0;

	require(!lseek(fd, 0, SEEK_SET));
	input_init(&input, fd);
	outcome.rc = envelope_begin(&envelope, &input);
	require(outcome.rc || envelope.cms);
	do {
		outcome.rc = outcome.rc ? outcome.rc : envelope_read(&envelope, bytes, piece, &got);
		require(outcome.rc || got <= piece);
		outcome.content += outcome.rc ? 0 : got;
	} while (!outcome.rc && got);
	outcome.rc = outcome.rc ? outcome.rc : envelope_read_end(&envelope);
	require(outcome.rc || envelope.mac_length == envelope.mac_expected);
	outcome.mac_length = outcome.rc ? 0 : envelope.mac_length;
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lowest = fuzz_lowest_fd(), fd = fuzz_file(data, size);
	struct outcome coarse = read_all(fd, INPUT_CHUNK), fine = read_all(fd, 3);

	require(coarse.rc == fine.rc && coarse.mac_length == fine.mac_length);
	require(coarse.rc || (coarse.content == fine.content && coarse.content <= size));
	close(fd);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
