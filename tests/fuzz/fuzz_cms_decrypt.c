/* SPDX-License-Identifier: ISC
 *
 * Decrypting CMS with keys that are there. Authenticated content comes out whole and unchanged or
 * not at all; nothing is said to be decrypted with a token that gave no key.
 */
#include "cms_decrypt.h"
#include "envelope.h"
#include "fuzz.h"
#include "stub_ask.h"

#include <string.h>

/* What is inside every message of the corpus. */
static const char plaintext[] = "Content-Type: text/plain\r\n\r\nHello Bob, nobody else reads this.\r\n";

static int keep(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static bool is_authenticated(int fd)
{
	static struct input input;
	CLEAN_ENVELOPE struct envelope envelope;

	require(!lseek(fd, 0, SEEK_SET));
	input_init(&input, fd);
	return !envelope_begin(&envelope, &input) && envelope.authenticated;
}

/* The first byte says how the token answers, whether the file can be rewound, and whether a key is
 * named. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	CLEAN_BUF struct buf out = BUF_INIT(1024 * 1024);
	int lowest = fuzz_lowest_fd(), fd, rc;
	bool authenticated;

	if (!size)
		return 0;
	stub_ask_open((enum stub_answer)(data[0] & 7));
	fd = fuzz_file(data + 1, size - 1);
	authenticated = is_authenticated(fd);
	require(!lseek(fd, 0, SEEK_SET));
	input_init(&input, fd);
	input.seekable = !(data[0] & 8);
	rc = cms_decrypt(&input, data[0] & 16 ? data[0] & 32 ? "p256" : data[0] & 64 ? "x25519" : "rsa" : NULL, keep, &out);
	require(rc <= 0 && rc > -100);
	require(rc || (data[0] & 7) < (authenticated ? STUB_REFUSE : STUB_UNCLEAR));
	require(!rc || !authenticated || !out.length);
	if (!rc && authenticated && out.length)
		require(view_equal(buf_view(&out), view_string(plaintext)));
	close(fd);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
