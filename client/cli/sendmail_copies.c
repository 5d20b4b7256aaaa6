/* SPDX-License-Identifier: ISC
 *
 * Asks the agent for each. "When possible" is found out by trying: a key or a certificate that is not there
 * makes it impossible, any other failure keeps the mail from going out.
 */
#include "sendmail_copies.h"

#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* A signature with its chain, and the header fields that are new. */
#define SIGNATURE_ROOM 65536

struct making {
	struct copies *copies;
	const struct sendmail_options *options;
	const struct sendmail_mail *mail;
	const struct spool *spool;   /* the mail as it came */
	struct spool bare;	     /* without Bcc, and with a Date; fd -1: it is that already */
	smime_agent *agent;
	bool sign, encrypt;
	struct addresses open, blind; /* of the envelope: whom the mail names, and the others */
};

enum outcome { MADE, NO_KEY_FOR_IT, NO_CERTIFICATE_FOR_ALL, FAILED };

static int not_sent(const char *name, const char *why)
{
	char message[2048];

	snprintf(message, sizeof message, "not sent: %s", why);
	cli_error("sendmail", EX_TEMPFAIL, name, message);
	return EX_TEMPFAIL;
}

static enum outcome failed(const char *name, const char *why)
{
	not_sent(name, why);
	return FAILED;
}

static enum outcome agent_failed(struct making *making)
{
	const char *name = smime_agent_error_name(making->agent);

	if (!strcmp(name, "NO_KEY") && making->options->sign == WHEN_POSSIBLE)
		return NO_KEY_FOR_IT;
	if (!strcmp(name, "RECIPIENT") && making->options->encrypt == WHEN_POSSIBLE)
		return NO_CERTIFICATE_FOR_ALL;
	return failed(name, smime_agent_message(making->agent));
}

/* With -t the real sendmail finds the blind recipients in the header, and takes them out; they are no part of what
 * is signed. */
static bool begin_copy(struct making *making, struct copy *copy)
{
	const struct spool *from = making->bare.fd < 0 ? making->spool : &making->bare;

	if (!spool_open(&copy->spool, from->length * (making->encrypt ? 2 : 1) + SIGNATURE_ROOM))
		return false;
	if (!making->encrypt && making->options->from_header && making->mail->has_bcc &&
	    !sendmail_mail_bcc(making->mail, &copy->spool))
		return false;
	return !lseek(from->fd, 0, SEEK_SET);
}

static const char *signer(const struct making *making)
{
	return making->options->key ? making->options->key : making->mail->from;
}

/* The sender reads one of them, too. */
static int request(struct making *making, const struct copy *copy, int in_fd, bool first)
{
	struct smime_agent_encrypt_options encrypt = {.recipients = (const char *const *)copy->recipients.list,
						      .sign = making->sign,
						      .key = making->sign ? signer(making) : NULL,
						      .self = first ? 0 : -1};
	struct smime_agent_sign_options sign = {.key = signer(making)};

	return making->encrypt ? smime_agent_encrypt(making->agent, &encrypt, in_fd, copy->spool.fd)
			       : smime_agent_sign(making->agent, &sign, in_fd, copy->spool.fd);
}

static enum outcome make_copy(struct making *making, struct copy *copy, bool first)
{
	int in_fd = making->bare.fd < 0 ? making->spool->fd : making->bare.fd;

	if (!begin_copy(making, copy))
		return failed("WRITE", strerror(errno));
	if (request(making, copy, in_fd, first))
		return agent_failed(making);
	return spool_unix_lines(&copy->spool) ? MADE : failed("WRITE", strerror(errno));
}

static bool add_addresses(struct addresses *to, const struct addresses *from)
{
	bool ok = true;

	for (unsigned int i = 0; i < from->count && ok; i++)
		ok = addresses_add(to, from->list[i]);
	return ok;
}

/* One message, or when it is encrypted one for all whom the mail names, and one for each of the others. */
static bool begin_copies(struct making *making)
{
	struct copies *copies = making->copies;
	unsigned int named = !making->encrypt || making->open.count ? 1 : 0;
	bool ok = true;

	copies->count = named + (making->encrypt ? making->blind.count : 0);
	copies->list = calloc(copies->count, sizeof *copies->list);
	if (!copies->list) {
		copies->count = 0;
		return false;
	}
	for (unsigned int i = 0; i < copies->count; i++)
		copies->list[i].spool = SPOOL_INIT;
	if (making->encrypt && named)
		ok = add_addresses(&copies->list[0].recipients, &making->open);
	for (unsigned int i = named; i < copies->count && ok; i++)
		ok = addresses_add(&copies->list[i].recipients, making->blind.list[i - named]);
	return ok;
}

static enum outcome make_all(struct making *making)
{
	struct copies *copies = making->copies;
	enum outcome outcome = begin_copies(making) ? MADE : failed("NO_MEMORY", strerror(ENOMEM));

	for (unsigned int i = 0; i < copies->count && outcome == MADE; i++)
		outcome = make_copy(making, &copies->list[i], !i);
	if (outcome != MADE)
		sendmail_copies_done(copies);
	return outcome;
}

/* What turns out to be impossible is left out. */
static enum outcome make_possible(struct making *making)
{
	enum outcome outcome = NO_KEY_FOR_IT;

	while ((making->sign || making->encrypt) && (outcome == NO_KEY_FOR_IT || outcome == NO_CERTIFICATE_FOR_ALL)) {
		outcome = make_all(making);
		making->sign = making->sign && outcome != NO_KEY_FOR_IT;
		making->encrypt = making->encrypt && outcome != NO_CERTIFICATE_FOR_ALL;
	}
	return outcome;
}

static int make(struct making *making)
{
	int status;

	if ((making->mail->has_bcc || !making->mail->has_date) &&
	    !sendmail_mail_complete(making->mail, making->spool, &making->bare))
		return not_sent("WRITE", strerror(errno));
	status = smime_agent_connect(&making->agent, SMIME_AGENT_START);
	if (status)
		return not_sent(smime_agent_error_name(making->agent), smime_agent_message(making->agent));
	return make_possible(making) == FAILED ? EX_TEMPFAIL : 0;
}

static const char no_header[] = "it has no header, one that is too long, or in which a CR or NUL stands by itself";

/* Why it cannot be signed; NULL: it can be tried. */
static const char *no_signature(const struct sendmail_options *options, const struct sendmail_mail *mail)
{
	if (!mail->head)
		return no_header;
	return options->key || *mail->from ? NULL : "it has no From address to sign for";
}

static bool take_recipient(void *context, const char *address)
{
	struct making *making = context;
	struct addresses *to = addresses_have(&making->mail->open, address) ? &making->open : &making->blind;

	/* One without a domain is a user here, whom no certificate names. */
	if (!strchr(address, '@'))
		return false;
	return addresses_have(to, address) || addresses_add(to, address);
}

/* Whom the mail goes to; false where that is not known for sure. A word of the command line may be a list. */
static bool take_recipients(struct making *making)
{
	const struct addresses *lists[] = {&making->mail->open, &making->mail->blind};
	bool ok = !making->mail->odd;

	for (unsigned int i = 0; making->options->from_header && i < 2; i++)
		for (unsigned int j = 0; j < lists[i]->count && ok; j++)
			ok = take_recipient(making, lists[i]->list[j]);
	for (unsigned int i = 0; i < making->options->recipient_count && ok; i++) {
		const char *word = making->options->recipients[i];

		ok = mail_each_address((struct text){word, strlen(word)}, take_recipient, making);
	}
	return ok && making->open.count + making->blind.count;
}

static const char *no_encryption(struct making *making)
{
	if (!making->mail->head)
		return no_header;
	if (making->mail->resent)
		return "it is passed on for somebody else (Resent- fields), and cannot be encrypted";
	if (!take_recipients(making))
		return "its recipients are not all mail addresses that are understood";
	return making->blind.count > BLIND_MAX ? "it has too many recipients that it does not name" : NULL;
}

/* What is to be tried. The reason why what must be cannot be, or NULL. */
static const char *plan(struct making *making)
{
	const struct sendmail_options *options = making->options;
	const struct sendmail_mail *mail = making->mail;
	const char *why;

	if (mail->is_encrypted)
		return NULL;
	if (options->sign != WHEN_NEVER && !mail->is_signed && !mail->resent) {
		why = no_signature(options, mail);
		making->sign = !why;
		if (why && options->sign == WHEN_ALWAYS)
			return why;
	}
	if (options->encrypt == WHEN_ALWAYS || (options->encrypt == WHEN_POSSIBLE && !mail->is_signed)) {
		why = no_encryption(making);
		making->encrypt = !why;
		if (why && options->encrypt == WHEN_ALWAYS)
			return why;
	}
	return NULL;
}

int sendmail_copies_make(struct copies *copies, const struct sendmail_options *options, const struct sendmail_mail *mail,
			 const struct spool *spool)
{
	struct making making = {.copies = copies, .options = options, .mail = mail, .spool = spool, .bare = SPOOL_INIT};
	const char *why;
	int status = 0;

	*copies = (struct copies){0};
	why = plan(&making);
	if (why)
		status = not_sent("NOT_MAIL", why);
	else if (making.sign || making.encrypt)
		status = make(&making);
	spool_done(&making.bare);
	addresses_done(&making.open);
	addresses_done(&making.blind);
	smime_agent_close(making.agent);
	return status;
}

void sendmail_copies_done(struct copies *copies)
{
	for (unsigned int i = 0; i < copies->count; i++) {
		spool_done(&copies->list[i].spool);
		addresses_done(&copies->list[i].recipients);
	}
	free(copies->list);
	*copies = (struct copies){0};
}
