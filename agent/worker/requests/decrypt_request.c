/* SPDX-License-Identifier: ISC
 *
 * From the request to the rooms of CMS and mail.
 */
#include "decrypt_request.h"

#include "cms_decrypt.h"
#include "mail_decrypt.h"

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

static int decrypt_cms(const struct decrypt_request *request)
{
	struct cms_decryption *work = NULL;
	int rc = input_enter_armor(request->input);

	rc = rc ? rc : cms_decrypt_begin(request->input, request->name, &work);
	if (!rc && request->opened)
		rc = request->opened(cms_decrypt_key(work));
	rc = rc ? rc : cms_decrypt_rest(work, write_out, request->output);
	cms_decrypt_free(work);
	return rc ? rc : output_flush(request->output);
}

int decrypt_request_run(const struct decrypt_request *request)
{
	return request->mail ? mail_decrypt(request->input, request->output, request->name) : decrypt_cms(request);
}
