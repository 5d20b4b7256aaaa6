/* SPDX-License-Identifier: ISC
 *
 * smime sendmail: stands in for sendmail. Nothing is handed to the real one before all that goes out is made,
 * so that a mail which cannot be signed or encrypted stays whole with the caller.
 */
#include "cli.h"
#include "sendmail_copies.h"
#include "sendmail_program.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
	"usage: smime sendmail [--sign WHEN] [--encrypt WHEN] [--program PATH] [--key KEY] [OPTIONS] [RECIPIENT...]\n"
	"Stands in for sendmail: reads a mail from standard input, signs it for its From address, encrypts\n"
	"it to its recipients, and hands it to the real sendmail, whose OPTIONS (-t, -i, -f ...) and exit\n"
	"status it passes on. If that fails nothing goes out: the exit status is 75, and the mail is still\n"
	"the caller's.\n\n"
	"  --sign WHEN      never; when-possible: if there is a key for the From address (the default); always\n"
	"  --encrypt WHEN   never; when-possible: if there are certificates for all recipients (the default);\n"
	"                   always\n"
	"  --program PATH   the real sendmail, or msmtp; without it, the installed one\n"
	"  --key KEY        sign with this key, whatever the From address is\n"
	"smime.conf, see smime(1), has settings for what the command line does not say. A mail that is\n"
	"encrypted already goes out as it is; so does one that is signed, unless it must be encrypted.\n";

static int not_sent(int status, const char *name, const char *why)
{
	char message[5000];

	snprintf(message, sizeof message, "not sent: %s", why);
	cli_error("sendmail", status, name, message);
	return status;
}

/* A line, or what of it fits. */
static size_t read_line(FILE *from, char *into, size_t size)
{
	size_t length = 0;
	int c = 0;

	while (length < size && c != '\n' && (c = getc_unlocked(from)) != EOF)
		into[length++] = (char)c;
	return length;
}

static bool is_dot(const char *line, size_t length)
{
	return (length == 2 && !memcmp(line, ".\n", 2)) || (length == 3 && !memcmp(line, ".\r\n", 3));
}

/* The mail on standard input, to its end; without -i also to a line that is a dot. */
static bool read_mail(struct spool *spool, bool whole)
{
	static char bytes[65536];
	bool line_start = true;
	size_t at = 0, length;

	if (!spool_open(spool, 0))
		return false;
	while ((length = read_line(stdin, bytes + at, sizeof bytes - at))) {
		if (!whole && line_start && is_dot(bytes + at, length))
			break;
		line_start = bytes[at + length - 1] == '\n';
		at += length;
		/* Room for a dot's line. */
		if (at + 8 <= sizeof bytes)
			continue;
		if (!spool_write(spool, bytes, at))
			return false;
		at = 0;
	}
	return !ferror(stdin) && spool_write(spool, bytes, at);
}

/* What the command line does not say, the configuration does, and else the default. */
static bool settle(struct sendmail_options *options, struct client_conf *conf)
{
	char why[PATH_MAX + 200];

	if (!client_conf_load(conf, why, sizeof why)) {
		not_sent(EX_CONFIG, "CONFIG", why);
		return false;
	}
	if (!options->sign)
		options->sign = conf->sendmail_sign ? conf->sendmail_sign : WHEN_POSSIBLE;
	if (!options->encrypt)
		options->encrypt = conf->sendmail_encrypt ? conf->sendmail_encrypt : WHEN_POSSIBLE;
	if (!options->program && *conf->sendmail_program)
		options->program = conf->sendmail_program;
	options->program = sendmail_program_find(options->program);
	return options->program != NULL;
}

/* As it came, but for where it ends: that was seen here. */
static int pass_on(const struct sendmail_options *options, const struct spool *spool)
{
	struct sendmail_call call = {.in_fd = spool ? spool->fd : -1,
				     .from_header = options->from_header,
				     .whole = spool && !options->whole,
				     .recipients = options->recipients,
				     .recipient_count = options->recipient_count};

	if (spool && lseek(spool->fd, 0, SEEK_SET))
		return not_sent(EX_TEMPFAIL, "READ", strerror(errno));
	return sendmail_program_become(options->program, options, &call);
}

static int hand_over_one(const struct sendmail_options *options, const struct copy *copy)
{
	struct sendmail_call call = {.in_fd = copy->spool.fd,
				     .whole = !options->whole,
				     .recipients = (const char *const *)copy->recipients.list,
				     .recipient_count = copy->recipients.count};

	return sendmail_program_run(options->program, options, &call);
}

/* The mail is at the caller's again, and is with some of its recipients, too: they are named. */
static void say_who_has_it(const struct copies *copies, unsigned int failed)
{
	char message[4000];
	size_t length = 0;

	for (unsigned int i = 0; i < failed; i++)
		for (unsigned int j = 0; j < copies->list[i].recipients.count && length < sizeof message; j++)
			length += (size_t)snprintf(message + length, sizeof message - length, "%s%s", length ? ", " : "sent already, and not to be sent again, to: ",
						   copies->list[i].recipients.list[j]);
	cli_error("sendmail", EX_TEMPFAIL, "WRITE", message);
}

/* Those whom nobody is to see get theirs one by one. */
static int hand_over(const struct sendmail_options *options, const struct copies *copies)
{
	int status = 0;

	if (copies->count == 1 && !copies->list[0].recipients.count)
		return pass_on(options, &copies->list[0].spool);
	for (unsigned int i = 0; i < copies->count && !status; i++) {
		status = hand_over_one(options, &copies->list[i]);
		if (status && i)
			say_who_has_it(copies, i);
	}
	return status;
}

static int send_mail(const struct sendmail_options *options, const struct spool *spool)
{
	struct sendmail_mail mail;
	struct copies copies;
	int status;

	if (!sendmail_mail_read(&mail, spool))
		return not_sent(EX_TEMPFAIL, "READ", strerror(errno));
	status = sendmail_copies_make(&copies, options, &mail, spool);
	if (!status)
		status = copies.count ? hand_over(options, &copies) : pass_on(options, spool);
	sendmail_copies_done(&copies);
	sendmail_mail_done(&mail);
	return status;
}

static int run(struct sendmail_options *options)
{
	struct client_conf conf;
	struct spool spool;
	int status;

	if (options->help)
		return cli_help(help);
	if (!settle(options, &conf))
		return EX_CONFIG;
	if (options->other || (options->sign == WHEN_NEVER && options->encrypt == WHEN_NEVER))
		return pass_on(options, NULL);
	if (read_mail(&spool, options->whole))
		status = send_mail(options, &spool);
	else
		status = not_sent(EX_TEMPFAIL, "READ", strerror(errno));
	spool_done(&spool);
	return status;
}

int cli_sendmail(int argc, char **argv)
{
	struct sendmail_options options;
	int status;

	if (sendmail_options_parse(&options, argc, argv)) {
		status = run(&options);
	} else {
		cli_usage("sendmail");
		status = EX_USAGE;
	}
	sendmail_options_done(&options);
	return status;
}
