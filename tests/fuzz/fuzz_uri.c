/* SPDX-License-Identifier: ISC
 *
 * pkcs11: URIs. What parses can be written, and reads back as the same.
 */
#include "fuzz.h"
#include "uri.h"

#include <string.h>

static const char *text(const char *field)
{
	return field ? field : "";
}

static void write_and_read(const struct uri *uri)
{
	CLEAN_BUF struct buf written = BUF_INIT(65536);
	struct view id = buf_view(&uri->id), object = view_string(uri->object);
	struct uri again;

	require(!uri_format(&written, text(uri->token), text(uri->manufacturer), text(uri->model),
			    text(uri->serial), object, id));
	require(!buf_terminate(&written));
	require(!uri_parse((const char *)written.data, &again));
	require(uri_match_token(&again, text(uri->token), text(uri->manufacturer), text(uri->model),
				text(uri->serial)));
	require(uri_match_object(&again, object, id) && uri_match_object(uri, object, id));
	uri_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = malloc(size + 1);
	struct uri uri;

	require(string);
	memcpy(string, data, size);
	string[size] = 0;
	if (!uri_parse(string, &uri))
		write_and_read(&uri);
	uri_done(&uri);
	free(string);
	return 0;
}
