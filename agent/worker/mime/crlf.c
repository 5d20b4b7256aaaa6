/* SPDX-License-Identifier: ISC
 *
 * A chunk at a time; where a CR and its LF are in two chunks, the byte before is remembered.
 */
#include "crlf.h"

#include "mime.h"

#include <string.h>

void crlf_init(struct crlf *crlf, struct input *input)
{
	crlf->input = input;
	crlf->last = 0;
	crlf->text = BUF_INIT(2 * CRLF_CHUNK);
	crlf->at = 0;
}

void crlf_done(struct crlf *crlf)
{
	buf_done(&crlf->text);
}

static int collect(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static int fill(struct crlf *crlf)
{
	size_t got = 0;
	int rc;

	buf_clear(&crlf->text);
	crlf->at = 0;
	rc = input_read(crlf->input, crlf->raw, CRLF_CHUNK, &got);
	return rc ? rc : mime_canonical((struct view){crlf->raw, got}, &crlf->last, collect, &crlf->text);
}

int crlf_read(void *context, void *into, size_t size, size_t *ret_length)
{
	struct crlf *crlf = context;
	size_t length;
	int rc = crlf->at == crlf->text.length ? fill(crlf) : 0;

	if (rc)
		return rc;
	length = crlf->text.length - crlf->at;
	length = length < size ? length : size;
	if (length)
		memcpy(into, crlf->text.data + crlf->at, length);
	crlf->at += length;
	*ret_length = length;
	return 0;
}
