/* SPDX-License-Identifier: ISC
 *
 * From a command's line to the message's bytes: parses the options, finds the key, and lets the rooms of
 * CMS and mail do the work.
 */
#include "message_command.h"

#include "client.h"
#include "cms_decrypt.h"
#include "cms_sign.h"
#include "crlf.h"
#include "keys.h"
#include "mail_decrypt.h"
#include "mail_sign.h"
#include "preferences.h"

#include <string.h>

int command_signer(char *line)
{
	if (strlen(line) >= sizeof client.signer)
		return ERR_TOO_LARGE;
	strcpy(client.signer, line);
	return 0;
}

struct sign_request {
	struct sign_options options;
	bool mail;
	bool crlf; /* bytes are text: their lines are made to end with CRLF */
};

int message_parse_sign_word(const char *word, struct sign_options *options)
{
	if (!strcmp(word, "--pss"))
		options->pss = true;
	else if (!strcmp(word, "--no-gcm"))
		options->no_gcm = true;
	else if (!strncmp(word, "--digest=", 9))
		options->digest = word + 9;
	else
		return ERR_USAGE;
	return 0;
}

static int parse_sign(char *line, struct sign_request *request)
{
	char *word;
	int rc = 0;

	request->options.no_gcm = preferences_get()->no_gcm;
	while (!rc && (word = client_next_word(&line))) {
		if (!strcmp(word, "--detached"))
			request->options.detached = true;
		else if (!strcmp(word, "--mail"))
			request->mail = true;
		else if (!strcmp(word, "--crlf"))
			request->crlf = true;
		else if (!strcmp(word, "--pem"))
			request->options.pem = true;
		else
			rc = message_parse_sign_word(word, &request->options);
	}
	return rc || !request->mail || !(request->options.pem || request->crlf) ? rc : ERR_USAGE;
}

/* The key that was asked for; without one, the sender's, if there is one, or the only one. */
static int select_signer(const struct view *header, struct key **ret_key)
{
	const char *name = *client.signer ? client.signer : NULL;
	char address[256];
	struct mime_field from;
	int rc = ERR_NO_KEY;

	if (name)
		return keys_select(name, CERT_USE_SIGN, ret_key);
	if (header && mime_find_field(*header, "From", &from) &&
	    mime_address(from.value, address, sizeof address))
		rc = keys_select(address, CERT_USE_SIGN, ret_key);
	return rc == ERR_NO_KEY ? keys_select(NULL, CERT_USE_SIGN, ret_key) : rc;
}

int message_find_signer(const struct view *header, struct key **ret_key)
{
	int rc = keys_refresh(LIST_KNOWN);

	rc = rc ? rc : select_signer(header, ret_key);
	if (rc != ERR_NO_KEY)
		return rc;
	rc = keys_refresh(LIST_PATIENT); /* perhaps it is new */
	return rc ? rc : select_signer(header, ret_key);
}

int message_read_header(struct buf *block)
{
	int rc = mime_read_header(&client.in, block);

	if (rc || !mime_has_stray(buf_view(block)))
		return rc;
	client_set_detail("a CR or NUL stands by itself in its header: programs would see another header in it");
	return ERR_NOT_MAIL;
}

static int sign_mail(struct sign_request *request)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	enum protection protection = PROTECT_NONE;
	struct view header;
	struct key *key;
	int rc = message_read_header(&block);

	header = buf_view(&block);
	rc = rc ? rc : message_find_signer(&header, &key);
	if (!rc && preferences_get()->protect_headers)
		protection = protect_choose(header, PROTECT_CLEAR);
	return rc ? rc : mail_sign(&client.in, header, protection, &client.out, key, &request->options);
}

static int sign_raw(struct sign_request *request)
{
	static struct input text;
	CLEAN_CRLF struct crlf crlf;
	struct key *key;
	int rc = message_find_signer(NULL, &key);

	crlf_init(&crlf, &client.in);
	if (request->crlf)
		input_init_source(&text, crlf_read, &crlf);
	return rc ? rc : cms_sign(request->crlf ? &text : &client.in, &client.out, key, &request->options);
}

int command_sign(char *line)
{
	struct sign_request request = {0};
	int rc = parse_sign(line, &request);

	rc = rc ? rc : client_open_streams();
	if (rc)
		return rc;
	return request.mail ? sign_mail(&request) : sign_raw(&request);
}

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

static int decrypt_raw(const char *name)
{
	int rc = input_enter_armor(&client.in);

	rc = rc ? rc : cms_decrypt(&client.in, name, write_out, &client.out);
	return rc ? rc : output_flush(&client.out);
}

int command_decrypt(char *line)
{
	bool mail = !strncmp(line, "--mail", 6) && (!line[6] || line[6] == ' ');
	const char *name = line + (mail ? 6 : 0);
	int rc = client_open_streams();

	name += strspn(name, " ");
	name = *name ? name : NULL;
	if (rc)
		return rc;
	return mail ? mail_decrypt(&client.in, &client.out, name) : decrypt_raw(name);
}
