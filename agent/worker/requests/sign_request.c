/* SPDX-License-Identifier: ISC
 *
 * Finds the key, and lets the rooms of CMS and mail do the work.
 */
#include "sign_request.h"

#include "crlf.h"
#include "mail_sign.h"
#include "preferences.h"
#include "sender.h"

void sign_request_init(struct sign_request *ret_request)
{
	const struct preferences *preferences = preferences_get();

	*ret_request = (struct sign_request){.protect_header = preferences->protect_headers,
					     .options = {.no_gcm = preferences->no_gcm}};
}

static int sign_mail(const struct sign_request *request, struct key **ret_key)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	enum protection protection = PROTECT_NONE;
	struct view header;
	int rc = sender_read_header(request->input, &block);

	header = buf_view(&block);
	rc = rc ? rc : sender_find_key(request->signer, &header, ret_key);
	if (!rc && request->protect_header)
		protection = protect_choose(header, PROTECT_CLEAR);
	return rc ? rc : mail_sign(request->input, header, protection, request->output, *ret_key, &request->options);
}

static int sign_bytes(const struct sign_request *request, struct key **ret_key)
{
	static struct input text;
	CLEAN_CRLF struct crlf crlf;
	int rc = sender_find_key(request->signer, NULL, ret_key);

	crlf_init(&crlf, request->input);
	input_init_source(&text, crlf_read, &crlf);
	rc = rc ? rc : output_begin_armor(request->output, &request->armor);
	rc = rc ? rc : cms_sign(request->crlf ? &text : request->input, request->output, *ret_key, &request->options);
	rc = rc ? rc : output_end_armor(request->output, &request->armor);
	return rc ? rc : output_flush(request->output);
}

int sign_request_run(const struct sign_request *request, struct key **ret_key)
{
	if (request->mail && (request->crlf || request->armor.form))
		return ERR_USAGE;
	return request->mail ? sign_mail(request, ret_key) : sign_bytes(request, ret_key);
}
