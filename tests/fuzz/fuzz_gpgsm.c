/* SPDX-License-Identifier: ISC
 *
 * Lists of gpgsm's dialect: the names of a line, and behind its end a certificate that is to be shown.
 */
#include "fuzz.h"
#include "gpgsm_list.h"
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

static int show(void *context, const struct gpgsm_row *row)
{
	CLEAN_BUF struct buf text = BUF_INIT(1 << 20);
	int rc = gpgsm_list_row(&text, row, true);

	*(unsigned int *)context += 1;
	if (!rc)
		check_lines(&text);
	return 0;
}

static unsigned int parse(char *line, struct gpgsm_name names[GPGSM_NAMES_MAX])
{
	unsigned int count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " ", &rest); word && count < GPGSM_NAMES_MAX; word = strtok_r(NULL, " ", &rest)) {
		size_t before = strlen(word);
		int rc;

		gpgsm_unescape(word);
		require(strlen(word) <= before);
		rc = gpgsm_name_parse(word, &names[count]);
		require(rc == 0 || rc == ERR_USAGE || rc == ERR_TOO_LARGE);
		if (rc)
			continue;
		require(memchr(names[count].text, 0, GPGSM_NAME_SIZE) && memchr(names[count].serial, 0, GPGSM_NAME_SIZE));
		count++;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gpgsm_name names[GPGSM_NAMES_MAX];
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size;
	const unsigned char *der = end ? end + 1 : NULL;
	struct gpgsm_list list = {.names = names};
	char *line = strndup((const char *)data, length);
	unsigned int shown = 0;
	X509 *cert;

	require(line);
	stub_ask_open(STUB_KEY);
	list.count = parse(line, names);
	list.with_validation = list.count & 1;
	require(!gpgsm_list(&list, show, &shown));
	require(list.count || shown >= 2); /* the stub's keys */
	cert = der ? d2i_X509(NULL, &der, (long)(size - length - 1)) : NULL;
	if (cert) {
		struct gpgsm_row row = {.cert = cert, .issuer = cert, .validity = 'f', .secret = true};

		show(&shown, &row);
		for (unsigned int i = 0; i < list.count; i++)
			gpgsm_name_fits(&names[i], cert);
	}
	X509_free(cert);
	free(line);
	return 0;
}
