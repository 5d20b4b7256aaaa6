/* SPDX-License-Identifier: ISC
 *
 * Decrypting a mail with keys that are there. Of one whose content is authenticated, nothing comes
 * out unless it decrypts.
 */
#include "envelope.h"
#include "fuzz.h"
#include "mail_decrypt.h"
#include "stub_ask.h"

#include <string.h>

static bool is_authenticated(int fd)
{
	static struct input input;
	CLEAN_BUF struct buf header = BUF_INIT(MIME_HEADER_MAX);
	CLEAN_ENVELOPE struct envelope envelope = {0};
	struct mime_field field;
	char encoding[32] = "";

	input_init(&input, fd);
	if (mime_read_header(&input, &header))
		return false;
	if (mime_find_field(buf_view(&header), "Content-Transfer-Encoding", &field))
		mime_token(field.value, encoding, sizeof encoding);
	if (!strcmp(encoding, "base64"))
		input_decode_base64(&input);
	return !envelope_begin(&envelope, &input) && envelope.authenticated;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input;
	static struct output output;
	int lowest = fuzz_lowest_fd(), fd = fuzz_file(data, size), out = fuzz_file(NULL, 0), rc;
	bool authenticated;

	stub_ask_open(STUB_BLOCK);
	authenticated = is_authenticated(fd);
	require(!lseek(fd, 0, SEEK_SET));
	input_init(&input, fd);
	output_init(&output, out);
	rc = mail_decrypt(&input, &output, NULL);
	if (rc && authenticated)
		require(!output.length && !lseek(out, 0, SEEK_CUR));
	require(rc || (!output.length && lseek(out, 0, SEEK_CUR) > 0));
	close(fd);
	close(out);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
