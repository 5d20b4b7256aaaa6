/* SPDX-License-Identifier: ISC
 *
 * From RECIPIENT and ENCRYPT to an encrypted message: nothing is written before every recipient has a
 * certificate, and no PIN is asked for.
 */
#include "encrypt_command.h"

#include "address.h"
#include "capabilities.h"
#include "client.h"
#include "crlf.h"
#include "mail_encrypt.h"
#include "message_command.h"
#include "preferences.h"
#include "printable.h"

#include <string.h>
#include <strings.h>

/* Of an error line. */
#define DETAIL_MAX 600

static struct recipients recipients;
/* A RECIPIENT that failed: what was sent behind it must not go out without that one. */
static int spoiled;

struct encrypt_request {
	struct encrypt_options options;
	struct cms_recipient recipients[RECIPIENTS_MAX + 1];
	bool mail, crlf, sign, oaep, to_self, skip_missing, separate_bcc;
};

int encrypt_add_recipient(const char *name, const struct recipient **ret_recipient)
{
	int rc = recipients_add(&recipients, name, ret_recipient);

	spoiled = spoiled ? spoiled : rc;
	return rc;
}

void encrypt_forget(void)
{
	recipients_clear(&recipients);
	spoiled = 0;
}

int command_recipient(char *line)
{
	const struct recipient *added;
	int rc;

	if (strcmp(line, "--file"))
		return *line ? encrypt_add_recipient(line, &added) : ERR_USAGE;
	rc = client.input < 0 ? ERR_USAGE : recipients_add_file(&recipients, client.input, &added);
	client_close_input();
	spoiled = spoiled ? spoiled : rc;
	return rc;
}

static int parse_word(const char *word, struct encrypt_request *request)
{
	struct encrypt_options *options = &request->options;
	const struct {
		const char *name;
		bool *flag, value;
	} flags[] = {
		{"--mail", &request->mail, true},	      {"--sign", &request->sign, true},
		{"--pem", &options->pem, true},		      {"--oaep", &request->oaep, true},
		{"--self", &request->to_self, true},	      {"--no-self", &request->to_self, false},
		{"--skip-missing", &request->skip_missing, true}, {"--separate-bcc", &request->separate_bcc, true},
		{"--opaque", &options->sign.detached, false},	  {"--crlf", &request->crlf, true},
		{"--armor", &options->pem, true},	      {"--base64", &options->base64, true},
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (!strcmp(flags[i].name, word)) {
			*flags[i].flag = flags[i].value;
			if (!strcmp(word, "--armor"))
				options->label = "ENCRYPTED MESSAGE";
			return 0;
		}
	if (!strcmp(word, "--hide-subject")) {
		options->protection = PROTECT_HIDE;
		return 0;
	}
	if (strncmp(word, "--cipher=", 9))
		return message_parse_sign_word(word, &options->sign);
	options->cipher = capabilities_cipher_by_name(word + 9);
	return options->cipher == NID_undef ? ERR_NOT_SUPPORTED : 0;
}

static int parse_encrypt(char *line, struct encrypt_request *request)
{
	const struct preferences *preferences = preferences_get();
	char *word;
	int rc = 0;

	request->to_self = preferences->encrypt_to_self;
	request->options.cipher = preferences->cipher;
	request->options.sign.detached = true;
	request->options.sign.no_gcm = preferences->no_gcm;
	request->options.protection = preferences->hide_subject ? PROTECT_HIDE : PROTECT_NONE;
	while (!rc && (word = client_next_word(&line)))
		rc = parse_word(word, request);
	if (rc)
		return rc;
	if (!request->mail)
		request->options.sign.detached = false;
	else if (request->sign && !request->options.protection && preferences->protect_headers)
		request->options.protection = PROTECT_CIPHER;
	return request->mail && (request->options.pem || request->options.base64 || request->crlf) ? ERR_USAGE : 0;
}

static bool is_given(const char *name)
{
	for (const struct recipient *recipient = recipients.first; recipient; recipient = recipient->next)
		if (!strcasecmp(recipient->name, name))
			return true;
	return false;
}

/* Each address of the fields with that name. */
static int for_addresses(struct view header, const char *name, int (*each)(const char *address))
{
	struct mime_field field;
	char address[ADDRESS_SIZE];
	int rc = 0;

	while (!rc && mime_next_field(&header, &field))
		while (!rc && mime_name_is(&field, name) && address_next(&field.value, address))
			rc = each(address);
	return rc;
}

static int add_address(const char *address)
{
	const struct recipient *added;
	const char *name = *address ? address : "an address that cannot be read";

	return is_given(name) ? 0 : recipients_add(&recipients, name, &added);
}

static int tell_bcc(const char *address)
{
	CLEAN_BUF struct buf text = BUF_INIT(CLIENT_NAME_SIZE);
	int rc = printable_plain(&text, view_string(address));

	rc = rc ? rc : buf_terminate(&text);
	return rc || !*address ? rc : client_send_status("BCC", (const char *)text.data);
}

/* Without RECIPIENT they are those of the header. */
static int take_addresses(struct view header, const struct encrypt_request *request)
{
	struct mime_field bcc;
	int rc = 0;

	if (!recipients.count) {
		rc = for_addresses(header, "To", add_address);
		rc = rc ? rc : for_addresses(header, "Cc", add_address);
		if (!rc && !request->separate_bcc)
			rc = for_addresses(header, "Bcc", add_address);
	}
	rc = rc ? rc : for_addresses(header, "Bcc", tell_bcc);
	if (rc || request->separate_bcc || !mime_find_field(header, "Bcc", &bcc))
		return rc;
	return client_send_status("WARNING", "BCC the Bcc field was taken out; its addresses are to be delivered to "
					     "without it");
}

static int add_self(const struct view *header)
{
	char address[ADDRESS_SIZE];
	struct mime_field from;
	const char *name = *client.signer ? client.signer : NULL;

	if (header && mime_find_field(*header, "From", &from) &&
	    mime_address(from.value, address, sizeof address))
		name = address;
	return recipients_add_self(&recipients, name);
}

/* "name: reason; advice" to the list for the person, and a line for programs. */
static int tell_problem(const struct recipient *recipient, bool first, struct buf *into)
{
	CLEAN_BUF struct buf line = BUF_INIT(CLIENT_NAME_SIZE), text = BUF_INIT(DETAIL_MAX);
	bool self = recipient == recipients.self;
	int rc = buf_add_format(&line, "%u ", recipient_inv_recp(recipient->problem));

	rc = rc ? rc : printable_plain(&line, view_string(recipient->name));
	rc = rc ? rc : buf_terminate(&line);
	rc = rc ? rc : client_send_status("INV_RECP", (const char *)line.data);
	if (rc)
		return rc;
	rc = buf_add_format(&text, "%s", first ? "" : "; ");
	rc = rc ? rc : printable_plain(&text, view_string(recipient->name));
	rc = rc ? rc
		: buf_add_format(&text, ": %s: %s", recipient_reason(recipient->problem),
				 self ? "or leave yourself out (--no-self)" : recipient_advice(recipient->problem));
	rc = rc ? rc : buf_add(into, text.data, text.length);
	/* What has no room is left out: the lines for programs have all. */
	return rc == ERR_TOO_LARGE ? 0 : rc;
}

static int check_recipients(bool skip_missing)
{
	static const char skipped[] = "SKIPPED "; /* of a WARNING */
	CLEAN_BUF struct buf text = BUF_INIT(DETAIL_MAX);
	size_t usable = recipients_usable(&recipients) - (recipients.self && recipients.self->cert ? 1 : 0);
	size_t wrong = 0;
	int rc = buf_add(&text, skipped, sizeof skipped - 1);

	for (const struct recipient *recipient = recipients.first; recipient && !rc; recipient = recipient->next)
		if (recipient->problem) {
			rc = tell_problem(recipient, !wrong, &text);
			wrong++;
		}
	rc = rc ? rc : buf_terminate(&text);
	if (rc || !wrong)
		return rc;
	if (skip_missing && usable)
		return client_send_status("WARNING", (const char *)text.data);
	client_set_detail((const char *)text.data + sizeof skipped - 1);
	return ERR_RECIPIENT;
}

/* A certificate that two names come to is one recipient. */
static void fill_recipients(struct encrypt_request *request)
{
	struct encrypt_options *options = &request->options;
	unsigned int common = recipients_capabilities(&recipients);

	for (const struct recipient *recipient = recipients.first; recipient; recipient = recipient->next) {
		size_t i = 0;

		while (i < options->recipient_count && recipient->cert &&
		       X509_cmp(request->recipients[i].cert, recipient->cert))
			i++;
		if (recipient->cert && i == options->recipient_count)
			request->recipients[options->recipient_count++] = (struct cms_recipient){
				recipient->cert, request->oaep || recipient->capabilities & CAPABILITY_RSA_OAEP};
	}
	options->recipients = request->recipients;
	if (preferences_get()->no_gcm)
		common &= ~CAPABILITIES_GCM;
	if (options->cipher == NID_undef)
		options->cipher = capabilities_cipher(common);
}

static int prepare(struct encrypt_request *request, const struct view *header)
{
	struct encrypt_options *options = &request->options;
	int rc = header ? take_addresses(*header, request) : 0;

	if (!rc && !recipients.count) {
		client_set_detail("nobody was named to encrypt to");
		return ERR_USAGE;
	}
	if (!rc && request->to_self)
		rc = add_self(header);
	rc = rc ? rc : check_recipients(request->skip_missing);
	if (!rc && request->sign)
		rc = message_find_signer(header, &options->signer);
	if (!rc)
		fill_recipients(request);
	return rc;
}

static int encrypt_bytes(struct encrypt_request *request)
{
	static struct input text;
	CLEAN_CRLF struct crlf crlf;
	int rc = prepare(request, NULL);

	crlf_init(&crlf, &client.in);
	if (request->crlf)
		input_init_source(&text, crlf_read, &crlf);
	return rc ? rc : raw_encrypt(request->crlf ? &text : &client.in, &client.out, &request->options);
}

/* What was to be hidden is not sent openly because it cannot be. */
static int choose_protection(struct view header, struct encrypt_options *options)
{
	enum protection wanted = options->protection;
	struct mime_field subject;

	options->protection = protect_choose(header, wanted);
	if (wanted != PROTECT_HIDE || options->protection == PROTECT_HIDE ||
	    !mime_find_field(header, "Subject", &subject))
		return 0;
	client_set_detail("the subject cannot be hidden: Content-Type says that it is protected already, or cannot be read");
	return ERR_NOT_SUPPORTED;
}

static int encrypt_mail(struct encrypt_request *request)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	struct view header;
	int rc = message_read_header(&block);

	header = buf_view(&block);
	rc = rc ? rc : prepare(request, &header);
	rc = rc ? rc : choose_protection(header, &request->options);
	return rc ? rc : mail_encrypt(&client.in, header, &client.out, &request->options);
}

int command_encrypt(char *line)
{
	CLEAN_FREE struct encrypt_request *request = calloc(1, sizeof *request);
	int rc = !request ? ERR_NO_MEMORY : spoiled;

	rc = rc ? rc : parse_encrypt(line, request);
	rc = rc ? rc : client_open_streams();
	if (!rc)
		rc = request->mail ? encrypt_mail(request) : encrypt_bytes(request);
	encrypt_forget();
	return rc;
}
