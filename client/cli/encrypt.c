/* SPDX-License-Identifier: ISC
 *
 * smime encrypt
 */
#include "cli.h"
#include "file.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 5000
/* Each is an open file. */
#define CERTIFICATES_MAX 200
#define BCC_MAX 200

static const char help[] =
	"usage: smime encrypt [-r ADDRESS|CERT]... [--sign [-k KEY]] [--cipher NAME]\n"
	"                     [--raw [--pem] [--crlf]] [-o OUT] [IN]\n"
	"Encrypts a mail (or, with --raw, bytes) to people whose certificates are known, or are given.\n"
	"If there is one without, nothing is encrypted and the reason is said.\n\n"
	"  -r, --recipient R  an address, the start of a fingerprint, one of your own keys, or a file with\n"
	"                     a certificate (PEM or DER); without any: the mail's To, Cc and Bcc\n"
	"  --skip-missing     leave out whom there is no certificate for, and say so\n"
	"  --separate-bcc     the others do not see whom Bcc (or --bcc) names: OUT is for To and Cc, and\n"
	"                     OUT.bcc1, OUT.bcc2, ... for one of them each; standard output lists them\n"
	"  --bcc R            as -r, for one who is named with --separate-bcc\n"
	"  --self, --no-self  encrypt to yourself, too, or do not; else as the agent is configured\n"
	"  --sign             sign before encrypting\n"
	"  -k, --key KEY      the key to sign with, as of `smime sign`; --opaque, --pss, --digest NAME also\n"
	"  --cipher NAME      aes-256-gcm, aes-256-cbc, aes-192-gcm, aes-192-cbc, aes-128-gcm, aes-128-cbc;\n"
	"                     without it the strongest that all are known to read\n"
	"  --oaep             RSAES-OAEP rather than PKCS#1 v1.5 for RSA keys\n"
	"  --hide-subject     the subject is inside only\n"
	"  --raw              IN is bytes, OUT is CMS (DER)\n"
	"  --pem              with --raw: PEM rather than DER\n"
	"  --crlf             with --raw: IN is text, as a part of a mail: its lines are made to end with CRLF\n"
	"  -o, --output OUT   the encrypted message; appears whole or not at all\n"
	"  --json             errors as JSON\n"
	"IN and OUT are standard input and output by default, and for -. The Bcc field is taken out.\n";

static struct {
	struct smime_agent_encrypt_options options;
	const char *names[NAMES_MAX + 1], *bcc[BCC_MAX], *out;
	int certificates[CERTIFICATES_MAX];
	size_t name_count, bcc_count;
	bool separate, failed;
	off_t start; /* of IN */
} call;

/* A certificate's file, and no address that happens to be a file's name. */
static int open_certificate(const char *name)
{
	struct stat st;

	if (strchr(name, '@') && !strchr(name, '/'))
		return -1;
	return stat(name, &st) || S_ISDIR(st.st_mode) ? -1 : open(name, O_RDONLY | O_CLOEXEC);
}

static bool add_recipient(const char *name)
{
	int fd = open_certificate(name);

	if (fd >= 0 && call.options.certificate_count < CERTIFICATES_MAX) {
		call.certificates[call.options.certificate_count++] = fd;
		return true;
	}
	if (fd >= 0 || call.name_count == NAMES_MAX)
		return false;
	call.names[call.name_count++] = name;
	return true;
}

static bool add_bcc(const char *name)
{
	if (call.bcc_count < BCC_MAX)
		call.bcc[call.bcc_count++] = name;
	else
		call.failed = true;
	return !call.failed;
}

/* From the mail's header, where no recipient was named. */
static void hear_bcc(void *context, const char *address)
{
	char *copy = strdup(address);

	(void)context;
	if (!copy || !add_bcc(copy))
		call.failed = true;
}

/* One more message, for one alone. */
static int encrypt_copy(smime_agent *agent, int in_fd, const char *name, int out_fd)
{
	const char *const names[] = {name, NULL};
	struct smime_agent_encrypt_options options = call.options;
	int certificate = open_certificate(name), status;

	options.recipients = certificate < 0 ? names : NULL;
	options.certificates = &certificate;
	options.certificate_count = certificate < 0 ? 0 : 1;
	options.self = options.self ? options.self : -1; /* there is the copy in the first message */
	options.bcc = NULL;
	status = lseek(in_fd, call.start, SEEK_SET) < 0 ? SMIME_AGENT_UNAVAILABLE
							: smime_agent_encrypt(agent, &options, in_fd, out_fd);
	if (certificate >= 0)
		close(certificate);
	return status;
}

/* Either all messages get their names, or none. */
static int encrypt_copies(smime_agent *agent, int in_fd, struct output_file *files)
{
	char path[PATH_MAX];
	int status = call.failed ? SMIME_AGENT_UNAVAILABLE : SMIME_AGENT_OK;

	for (size_t i = 0; i < call.bcc_count && !status; i++) {
		char *copy;

		snprintf(path, sizeof path, "%s.bcc%zu", call.out, i + 1);
		copy = strdup(path);
		if (!copy || file_open_output(&files[i], copy)) {
			cli_error("encrypt", SMIME_AGENT_UNAVAILABLE, "WRITE", path);
			return SMIME_AGENT_UNAVAILABLE;
		}
		status = encrypt_copy(agent, in_fd, call.bcc[i], files[i].fd);
	}
	return status;
}

static int request(smime_agent *agent, const void *options, int in_fd, int out_fd)
{
	struct output_file *files;
	int status;

	call.start = lseek(in_fd, 0, SEEK_CUR);
	status = smime_agent_encrypt(agent, options, in_fd, out_fd);
	if (status || !call.separate)
		return status;
	files = calloc(BCC_MAX, sizeof *files);
	for (size_t i = 0; files && i < BCC_MAX; i++)
		files[i].fd = -1;
	status = files ? encrypt_copies(agent, in_fd, files) : SMIME_AGENT_UNAVAILABLE;
	for (size_t i = 0; files && i < call.bcc_count; i++) {
		if (file_close_output(&files[i], !status) && !status) {
			status = SMIME_AGENT_UNAVAILABLE;
			cli_error("encrypt", status, "WRITE", files[i].path);
		}
		if (!status)
			printf("%s\t%s\n", files[i].path, call.bcc[i]);
	}
	free(files);
	return status;
}

static bool set_flag(int option)
{
	struct smime_agent_encrypt_options *o = &call.options;
	const struct {
		int option, *flag, value;
	} flags[] = {{'S', &o->sign, 1},  {'O', &o->opaque, 1}, {'R', &o->raw, 1},
		     {'p', &o->pem, 1},	  {'s', &o->pss, 1},	{'a', &o->oaep, 1},
		     {'y', &o->self, 1},  {'n', &o->self, -1},	{'m', &o->skip_missing, 1},
		     {'H', &o->hide_subject, 1}, {'l', &o->crlf, 1}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (flags[i].option == option) {
			*flags[i].flag = flags[i].value;
			return true;
		}
	return false;
}

static bool set_option(int option)
{
	switch (option) {
	case 'r':
		return add_recipient(optarg);
	case 'b':
		return add_bcc(optarg);
	case 'B':
		call.separate = true;
		return true;
	case 'k':
		call.options.key = optarg;
		return true;
	case 'c':
		call.options.cipher = optarg;
		return true;
	case 'd':
		call.options.digest = optarg;
		return true;
	case 'o':
		call.out = optarg;
		return true;
	case 'J':
		return true;
	}
	return set_flag(option);
}

/* Copies need files for what is written, and one that can be read again. */
static bool can_separate(const char *in)
{
	struct stat st;

	return call.out && strcmp(call.out, "-") && in && strcmp(in, "-") && !stat(in, &st) && S_ISREG(st.st_mode);
}

int cli_encrypt(int argc, char **argv)
{
	static const struct option table[] = {
		CLI_COMMON,
		{"recipient", required_argument, NULL, 'r'}, {"bcc", required_argument, NULL, 'b'},
		{"separate-bcc", no_argument, NULL, 'B'},    {"skip-missing", no_argument, NULL, 'm'},
		{"self", no_argument, NULL, 'y'},	     {"no-self", no_argument, NULL, 'n'},
		{"sign", no_argument, NULL, 'S'},	     {"key", required_argument, NULL, 'k'},
		{"opaque", no_argument, NULL, 'O'},	     {"pss", no_argument, NULL, 's'},
		{"digest", required_argument, NULL, 'd'},    {"cipher", required_argument, NULL, 'c'},
		{"oaep", no_argument, NULL, 'a'},	     {"hide-subject", no_argument, NULL, 'H'},
		{"raw", no_argument, NULL, 'R'},	     {"pem", no_argument, NULL, 'p'},
		{"crlf", no_argument, NULL, 'l'},
		{"output", required_argument, NULL, 'o'},    {0}};
	struct smime_agent_encrypt_options *options = &call.options;
	int option;

	while ((option = getopt_long(argc, argv, "r:k:o:h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (!set_option(option))
			return cli_usage("encrypt");
	}
	options->recipients = call.names;
	options->certificates = call.certificates;
	if (call.separate && !call.name_count && !options->certificate_count && !call.bcc_count)
		options->bcc = hear_bcc;
	if (argc - optind > 1 || ((options->pem || options->crlf) && !options->raw) || (call.bcc_count && !call.separate) ||
	    (call.separate && !can_separate(argv[optind])))
		return cli_usage("encrypt");
	return message_run("encrypt", argv[optind], call.out, request, options);
}
