/* SPDX-License-Identifier: ISC
 *
 * Verifying mails and SignedData, encrypted ones too. Whatever was done to a message, if it is found good,
 * what comes out is what was signed.
 */
#include "fuzz.h"
#include "keys.h"
#include "log.h"
#include "raw_verify.h"
#include "stub_ask.h"
#include "verify_report.h"

#include <string.h>

/* What is signed in every message of the corpus, in both forms of its line ends. */
static const char signed_text[] = "Content-Type: text/plain\r\n\r\nHello Bob, nobody else reads this.\r\n";
static const char signed_lf[] = "Content-Type: text/plain\n\nHello Bob, nobody else reads this.\n";
/* Between the dates of the keys' certificates. */
#define WHEN 1800000000

static int anchors = -1;

static void begin_trust(void)
{
	struct trust_request request = {-1, -1, false};
	const char *srcdir = getenv("srcdir");
	char path[4096];
	FILE *file;

	stub_ask_open(STUB_BLOCK);
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus-key/rsa.pem", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	require(file);
	request.anchors = anchors = fileno(file);
	require(!keys_refresh(LIST_KNOWN));
	require(!trust_begin(&request));
	fclose(file);
}

static void require_report(const struct layer_list *layers)
{
	CLEAN_BUF struct buf text = BUF_INIT(VERIFY_REPORT_MAX);
	CLEAN_BUF struct buf json = BUF_INIT(VERIFY_REPORT_MAX);

	require(!verify_report_text(&text, layers) && !verify_report_json(&json, layers));
	require(text.length && json.length);
}

static void require_signed(int fd)
{
	char got[sizeof signed_text + 1];
	ssize_t length = pread(fd, got, sizeof got, 0);

	require(length >= 0);
	require(((size_t)length == strlen(signed_text) && !memcmp(got, signed_text, (size_t)length)) ||
		((size_t)length == strlen(signed_lf) && !memcmp(got, signed_lf, (size_t)length)));
}

/* The first byte says whether it is a mail, and if not, whether the content is given. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input input, content;
	static struct output output;
	struct verify_options options = {.at = WHEN, .output = &output};
	int lowest = fuzz_lowest_fd(), fd, text, out, rc;
	struct layer_list layers;

	if (!size)
		return 0;
	if (anchors < 0)
		begin_trust();
	fd = fuzz_file(data + 1, size - 1);
	text = fuzz_file((const uint8_t *)signed_text, strlen(signed_text));
	out = fuzz_file(NULL, 0);
	input_init(&input, fd);
	input_init(&content, text);
	output_init(&output, out);
	layer_list_init(&layers);
	rc = data[0] & 1 ? raw_verify(&input, data[0] & 2 ? &content : NULL, &options, &layers)
			 : mail_verify(&input, &options, &layers);
	require(rc <= 0 && rc > -100);
	require_report(&layers);
	/* The content of a signature around something encrypted is that. */
	if (!rc && !layer_list_verdict(&layers) &&
	    (layers.first->kind == LAYER_ENCRYPTED || !layers.first->next || layers.first->next->kind == LAYER_SIGNED))
		require_signed(out);
	layer_list_done(&layers);
	close(fd);
	close(text);
	close(out);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
