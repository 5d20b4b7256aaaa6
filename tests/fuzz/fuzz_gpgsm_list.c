/* SPDX-License-Identifier: ISC
 *
 * Lists of gpgsm's dialect: the names of a line, and behind its end a certificate that is to be shown.
 */
#include "fuzz.h"
#include "gpgsm_list.h"
#include "gpgsm_words.h"
#include "stub_ask.h"

#include <string.h>

/* Lines of known records, in printable bytes; one first line. */
static void check_lines(const struct buf *text)
{
	static const char *const records[] = {"crt:", "crs:", "fpr:", "fp2:", "grp:", "uid:"};
	unsigned int firsts = 0;
	struct view rest = buf_view(text);

	while (rest.length) {
		const uint8_t *end = memchr(rest.data, '\n', rest.length);
		size_t length, record = 0;

		require(end);
		length = (size_t)(end - rest.data);
		while (record < 6 && (length < 4 || memcmp(rest.data, records[record], 4)))
			record++;
		require(record < 6);
		firsts += record < 2;
		for (size_t i = 0; i < length; i++)
			require(rest.data[i] >= ' ' && rest.data[i] != 0x7f);
		rest.data += length + 1;
		rest.length -= length + 1;
	}
	require(firsts == 1);
}

struct shown {
	unsigned int count;
	bool validate;
	X509 *issuer;
};

static void show(const struct gpgsm_row *row)
{
	CLEAN_BUF struct buf text = BUF_INIT(1 << 20);

	if (!gpgsm_list_row(&text, row, true))
		check_lines(&text);
}

static int take(void *context, const struct list_row *listed)
{
	struct shown *shown = context;
	struct gpgsm_row row;

	gpgsm_list_fill(listed, shown->validate, &shown->issuer, &row);
	shown->count++;
	show(&row);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gpgsm_names names;
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size;
	const unsigned char *der = end ? end + 1 : NULL;
	char *line = strndup((const char *)data, length);
	struct list_request request;
	struct shown shown = {0};
	X509 *cert;
	int rc;

	require(line);
	stub_ask_open(STUB_KEY);
	rc = gpgsm_words_list(line, &names, &request);
	require(rc == 0 || rc == ERR_USAGE || rc == ERR_TOO_LARGE);
	shown.validate = request.count & 1;
	require(!list_request_run(&request, take, &shown));
	require(request.count || shown.count >= 2); /* the stub's keys */
	cert = der ? d2i_X509(NULL, &der, (long)(size - length - 1)) : NULL;
	if (cert) {
		struct gpgsm_row row = {.cert = cert, .issuer = cert, .validity = 'f', .secret = true};

		show(&row);
		for (unsigned int i = 0; i < names.count; i++)
			cert_name_fits(&names.list[i], cert);
	}
	X509_free(cert);
	X509_free(shown.issuer);
	free(line);
	return 0;
}
