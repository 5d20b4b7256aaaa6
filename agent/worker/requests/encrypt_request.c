/* SPDX-License-Identifier: ISC
 *
 * From names to an encrypted message.
 */
#include "encrypt_request.h"

#include "capabilities.h"
#include "crlf.h"
#include "detail.h"
#include "mail_encrypt.h"
#include "preferences.h"
#include "printable.h"
#include "sender.h"

#include <string.h>
#include <strings.h>

/* Of an error line. */
#define DETAIL_MAX 600
/* Of a status line: the client's lines are no longer. */
#define STATUS_MAX 1000

/* The work on one request. */
struct encrypt_work {
	const struct encrypt_request *request;
	struct encrypt_options options;
	struct cms_recipient recipients[RECIPIENTS_MAX + 1];
};

void encrypt_request_init(struct encrypt_request *ret_request)
{
	const struct preferences *preferences = preferences_get();

	*ret_request = (struct encrypt_request){.to_self = preferences->encrypt_to_self,
						.hide_subject = preferences->hide_subject,
						.protect_header = preferences->protect_headers,
						.cipher = preferences->cipher,
						.no_gcm = preferences->no_gcm,
						.sign_options = {.no_gcm = preferences->no_gcm}};
}

static bool is_given(const struct recipients *recipients, const char *name)
{
	for (const struct recipient *recipient = recipients->first; recipient; recipient = recipient->next)
		if (!strcasecmp(recipient->name, name))
			return true;
	return false;
}

/* Each address of the fields with that name. */
static int for_addresses(const struct encrypt_request *request, struct view header, const char *name,
			 int (*each)(const struct encrypt_request *request, const char *address))
{
	struct mime_field field;
	char address[ADDRESS_SIZE];
	int rc = 0;

	while (!rc && mime_next_field(&header, &field))
		while (!rc && mime_name_is(&field, name) && address_next(&field.value, address))
			rc = each(request, address);
	return rc;
}

static int add_address(const struct encrypt_request *request, const char *address)
{
	const struct recipient *added;
	const char *name = *address ? address : "an address that cannot be read";

	return is_given(request->recipients, name) ? 0 : recipients_add(request->recipients, name, &added);
}

static int tell_bcc(const struct encrypt_request *request, const char *address)
{
	CLEAN_BUF struct buf text = BUF_INIT(STATUS_MAX);
	int rc = printable_plain(&text, view_string(address));

	rc = rc ? rc : buf_terminate(&text);
	return rc || !*address ? rc : request->tell("BCC", (const char *)text.data);
}

/* Those of the header are for a mail whose recipients nobody named. */
static int take_addresses(const struct encrypt_request *request, struct view header)
{
	struct mime_field bcc;
	int rc = 0;

	if (!request->recipients->count) {
		rc = for_addresses(request, header, "To", add_address);
		rc = rc ? rc : for_addresses(request, header, "Cc", add_address);
		if (!rc && !request->separate_bcc)
			rc = for_addresses(request, header, "Bcc", add_address);
	}
	rc = rc ? rc : for_addresses(request, header, "Bcc", tell_bcc);
	if (rc || request->separate_bcc || !mime_find_field(header, "Bcc", &bcc))
		return rc;
	return request->tell("WARNING", "BCC the Bcc field was taken out; its addresses are to be delivered to without it");
}

static int add_self(const struct encrypt_request *request, const struct view *header)
{
	char address[ADDRESS_SIZE];

	return recipients_add_self(request->recipients,
				   header && sender_address(*header, address) ? address : request->signer);
}

/* "name: reason; advice" to the list for the person, and a line for programs. */
static int tell_problem(const struct encrypt_request *request, const struct recipient *recipient, bool first, struct buf *into)
{
	CLEAN_BUF struct buf line = BUF_INIT(STATUS_MAX), text = BUF_INIT(DETAIL_MAX);
	bool self = recipient == request->recipients->self;
	int rc = buf_add_format(&line, "%u ", recipient_inv_recp(recipient->problem));

	rc = rc ? rc : printable_plain(&line, view_string(recipient->name));
	rc = rc ? rc : buf_terminate(&line);
	rc = rc ? rc : request->tell("INV_RECP", (const char *)line.data);
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

static int check_recipients(const struct encrypt_request *request)
{
	static const char skipped[] = "SKIPPED "; /* of a WARNING */
	CLEAN_BUF struct buf text = BUF_INIT(DETAIL_MAX);
	const struct recipients *list = request->recipients;
	size_t usable = recipients_usable(list) - (list->self && list->self->cert ? 1 : 0);
	size_t wrong = 0;
	int rc = buf_add(&text, skipped, sizeof skipped - 1);

	for (const struct recipient *recipient = list->first; recipient && !rc; recipient = recipient->next)
		if (recipient->problem) {
			rc = tell_problem(request, recipient, !wrong, &text);
			wrong++;
		}
	rc = rc ? rc : buf_terminate(&text);
	if (rc || !wrong)
		return rc;
	if (request->skip_missing && usable)
		return request->tell("WARNING", (const char *)text.data);
	detail_set((const char *)text.data + sizeof skipped - 1);
	return ERR_RECIPIENT;
}

/* A certificate that two names come to is one recipient. */
static void fill_recipients(struct encrypt_work *work)
{
	const struct encrypt_request *request = work->request;
	struct encrypt_options *options = &work->options;
	unsigned int common = recipients_capabilities(request->recipients);

	for (const struct recipient *recipient = request->recipients->first; recipient; recipient = recipient->next) {
		size_t i = 0;

		while (i < options->recipient_count && recipient->cert &&
		       X509_cmp(work->recipients[i].cert, recipient->cert))
			i++;
		if (recipient->cert && i == options->recipient_count)
			work->recipients[options->recipient_count++] = (struct cms_recipient){
				recipient->cert, request->oaep || recipient->capabilities & CAPABILITY_RSA_OAEP};
	}
	options->recipients = work->recipients;
	if (request->no_gcm)
		common &= ~CAPABILITIES_GCM;
	options->cipher = request->cipher == NID_undef ? capabilities_cipher(common) : request->cipher;
}

static int prepare_work(struct encrypt_work *work, const struct view *header)
{
	const struct encrypt_request *request = work->request;
	int rc = header ? take_addresses(request, *header) : 0;

	if (!rc && !request->recipients->count) {
		detail_set("nobody was named to encrypt to");
		return ERR_USAGE;
	}
	if (!rc && request->to_self)
		rc = add_self(request, header);
	rc = rc ? rc : check_recipients(request);
	if (!rc && request->sign)
		rc = sender_find_key(request->signer, header, &work->options.signer);
	if (!rc)
		fill_recipients(work);
	return rc;
}

static int encrypt_bytes(struct encrypt_work *work)
{
	static struct input text;
	const struct encrypt_request *request = work->request;
	CLEAN_CRLF struct crlf crlf;
	int rc = prepare_work(work, NULL);

	crlf_init(&crlf, request->input);
	input_init_source(&text, crlf_read, &crlf);
	rc = rc ? rc : output_begin_armor(request->output, &request->armor);
	rc = rc ? rc : raw_encrypt(request->crlf ? &text : request->input, request->output, &work->options);
	rc = rc ? rc : output_end_armor(request->output, &request->armor);
	return rc ? rc : output_flush(request->output);
}

static enum protection wanted_protection(const struct encrypt_request *request)
{
	if (request->hide_subject)
		return PROTECT_HIDE;
	return request->sign && request->protect_header ? PROTECT_CIPHER : PROTECT_NONE;
}

/* What was to be hidden is not sent openly because it cannot be. */
static int choose_protection(struct encrypt_work *work, struct view header)
{
	enum protection wanted = wanted_protection(work->request);
	struct mime_field subject;

	work->options.protection = protect_choose(header, wanted);
	if (wanted != PROTECT_HIDE || work->options.protection == PROTECT_HIDE ||
	    !mime_find_field(header, "Subject", &subject))
		return 0;
	detail_set("the subject cannot be hidden: Content-Type says that it is protected already, or cannot be read");
	return ERR_NOT_SUPPORTED;
}

static int encrypt_mail(struct encrypt_work *work)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	const struct encrypt_request *request = work->request;
	struct view header;
	int rc = sender_read_header(request->input, &block);

	header = buf_view(&block);
	rc = rc ? rc : prepare_work(work, &header);
	rc = rc ? rc : choose_protection(work, header);
	return rc ? rc : mail_encrypt(request->input, header, request->output, &work->options);
}

int encrypt_request_run(const struct encrypt_request *request)
{
	CLEAN_FREE struct encrypt_work *work = calloc(1, sizeof *work);

	if (!work)
		return ERR_NO_MEMORY;
	if (request->mail && (request->crlf || request->armor.form))
		return ERR_USAGE;
	work->request = request;
	work->options.sign = request->sign_options;
	work->options.sign.detached = request->mail && !request->opaque;
	return request->mail ? encrypt_mail(work) : encrypt_bytes(work);
}
