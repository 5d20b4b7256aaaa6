/* SPDX-License-Identifier: ISC
 *
 * The TOKEN command: its line, and behind the line's end the certificate file that comes with it.
 */
#include "fuzz.h"
#include "messages.h"
#include "stub_ask.h"
#include "token_command.h"

#include <openssl/x509.h>
#include <string.h>

static void check(const struct msg_admin *request)
{
	const struct view *texts[] = {&request->token, &request->label, &request->key_type, &request->subject,
				      &request->address};
	const unsigned char *der = request->data.data;
	X509 *cert = request->data.length ? d2i_X509(NULL, &der, (long)request->data.length) : NULL;

	require(request->verb >= ADMIN_INIT && request->verb < ADMIN_VERB_LIMIT);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		require(!texts[i]->length || !memchr(texts[i]->data, 0, texts[i]->length));
	require((request->verb == ADMIN_IMPORT_CERT) == (cert != NULL));
	require(!cert || der == request->data.data + request->data.length);
	require(!request->pin.length && !request->new_pin.length && !request->module.length);
	X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size;
	int lowest = fuzz_lowest_fd(), fd;
	char *line = strndup((const char *)data, length);
	CLEAN_BUF struct buf answer = BUF_INIT(64);

	require(line);
	stub_ask_admin = check;
	fd = end ? fuzz_file(end + 1, size - length - 1) : -1;
	require(token_command(line, fd, -1, &answer) ? !answer.length : answer.length == 4);
	if (fd >= 0)
		close(fd);
	free(line);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
