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
	struct spool bare;	     /* without Bcc; fd -1: there is none */
	smime_agent *agent;
	bool sign, encrypt;
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

static enum outcome make_copy(struct making *making, struct copy *copy)
{
	struct smime_agent_sign_options options = {.key = signer(making)};
	int in_fd = making->bare.fd < 0 ? making->spool->fd : making->bare.fd;

	if (!begin_copy(making, copy))
		return failed("WRITE", strerror(errno));
	if (smime_agent_sign(making->agent, &options, in_fd, copy->spool.fd))
		return agent_failed(making);
	return spool_unix_lines(&copy->spool) ? MADE : failed("WRITE", strerror(errno));
}

static enum outcome make_all(struct making *making)
{
	struct copies *copies = making->copies;
	enum outcome outcome = MADE;

	copies->list = calloc(1, sizeof *copies->list);
	if (!copies->list)
		return failed("NO_MEMORY", strerror(ENOMEM));
	copies->count = 1;
	copies->list[0].spool = SPOOL_INIT;
	for (unsigned int i = 0; i < copies->count && outcome == MADE; i++)
		outcome = make_copy(making, &copies->list[i]);
	if (outcome != MADE)
		sendmail_copies_done(copies);
	return outcome;
}

static int make(struct making *making)
{
	int status;

	if (making->mail->has_bcc && !sendmail_mail_without_bcc(making->mail, making->spool, &making->bare))
		return not_sent("WRITE", strerror(errno));
	status = smime_agent_connect(&making->agent, SMIME_AGENT_START);
	if (status)
		return not_sent(smime_agent_error_name(making->agent), smime_agent_message(making->agent));
	switch (make_all(making)) {
	case MADE:
	case NO_KEY_FOR_IT:
		return 0;
	default:
		return EX_TEMPFAIL;
	}
}

/* Whether it is to be signed; *ret_status is what keeps it from it. */
static bool wants_signature(const struct sendmail_options *options, const struct sendmail_mail *mail, const char **ret_why)
{
	if (options->sign == WHEN_NEVER || mail->is_signed || mail->is_encrypted || mail->resent)
		return false;
	if (mail->head && (options->key || *mail->from))
		return true;
	if (options->sign == WHEN_ALWAYS)
		*ret_why = mail->head ? "it has no From address to sign for" : "it has no header, or one that is too long";
	return false;
}

int sendmail_copies_make(struct copies *copies, const struct sendmail_options *options, const struct sendmail_mail *mail,
			 const struct spool *spool)
{
	struct making making = {.copies = copies, .options = options, .mail = mail, .spool = spool, .bare = SPOOL_INIT};
	const char *why = NULL;
	int status = 0;

	*copies = (struct copies){0};
	making.sign = wants_signature(options, mail, &why);
	if (why)
		return not_sent("NO_KEY", why);
	if (making.sign)
		status = make(&making);
	spool_done(&making.bare);
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
