/* SPDX-License-Identifier: ISC
 *
 * vCards: every KEY is a part of the text, in order, and the end comes.
 */
#include "fuzz.h"
#include "vcard.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN_BUF struct buf value = BUF_INIT(4096);
	struct view text = {data, size};
	enum vcard_key kind = VCARD_ELSEWHERE;
	size_t total = 0;
	int rc = 0;

	if (vcard_is(text))
		require(size >= strlen("BEGIN:VCARD"));
	while (!rc && kind != VCARD_END) {
		size_t before = text.length;

		rc = vcard_next(&text, &value, &kind);
		require(text.length < before || kind == VCARD_END);
		require(text.data + text.length == data + size);
		require(!rc || rc == ERR_TOO_LARGE);
		require(rc || kind != VCARD_END || (!value.length && !text.length));
		total += value.length;
	}
	require(total <= size);
	return 0;
}
