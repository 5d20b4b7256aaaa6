/* SPDX-License-Identifier: ISC
 *
 * smime-gpgsm's command line: as much of gpgsm's as GPGME and git use.
 */
#include "gpgsm.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* GPGME reads the last word, and wants 2.0.4 or later. It is the gpgsm whose dialect is spoken. */
#define GPGSM_VERSION "2.2.40"

static const char help[] =
	"usage: smime-gpgsm --server\n"
	"       smime-gpgsm [--status-fd N] [-b] [-a] [-u KEY] [-o FILE] --sign [FILE]\n"
	"       smime-gpgsm [--status-fd N] [-o FILE] --verify SIGNATURE [FILE]\n"
	"       smime-gpgsm --list-keys | --list-secret-keys [NAME...]\n"
	"Stands in for gpgsm where GPGME (so KMail, Claws Mail, mutt) or git look for it, and has smime-agent\n"
	"do the work. `smime setup gpgme` and `smime setup git` put it in place. For people there is smime(1).\n";

enum { STATUS_FD = 256, SERVER, VERIFY_OPTION, VERSION_OPTION, HELP, IGNORED };

static const struct option table[] = {
	{"version", no_argument, NULL, VERSION_OPTION},
	{"help", no_argument, NULL, HELP},
	{"server", no_argument, NULL, SERVER},
	{"sign", no_argument, NULL, 's'},
	{"detach-sign", no_argument, NULL, 'b'},
	{"armor", no_argument, NULL, 'a'},
	{"local-user", required_argument, NULL, 'u'},
	{"output", required_argument, NULL, 'o'},
	{"verify", no_argument, NULL, VERIFY_OPTION},
	{"list-keys", no_argument, NULL, 'k'},
	{"list-secret-keys", no_argument, NULL, 'K'},
	{"status-fd", required_argument, NULL, STATUS_FD},
	/* What gpgsm is told of its own ways, which are not ours. */
	{"homedir", required_argument, NULL, IGNORED},
	{"logger-fd", required_argument, NULL, IGNORED},
	{"no-tty", no_argument, NULL, IGNORED},
	{"batch", no_argument, NULL, IGNORED},
	{"quiet", no_argument, NULL, IGNORED},
	{"yes", no_argument, NULL, IGNORED},
	{"with-colons", no_argument, NULL, IGNORED},
	{0},
};

static int usage(void)
{
	fputs("smime-gpgsm: wrong usage, or something that only gpgsm does; see `smime-gpgsm --help`\n", stderr);
	return GPGSM_FAILED;
}

static bool set_status_fd(struct request *request, const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	request->status_fd = (int)fd;
	return *text && !*end && fd >= 0 && fd <= 65535;
}

/* false for what is not understood. */
static bool take_option(int option, struct request *request)
{
	switch (option) {
	case 'b':
		request->detached = true;
		request->what = SIGN;
		return true;
	case 's':
		request->what = SIGN;
		return true;
	case 'a':
		request->armor = true;
		return true;
	case 'u':
		request->key = optarg;
		return true;
	case 'o':
		request->output = optarg;
		return true;
	case 'k':
		request->what = LIST_KEYS;
		return true;
	case 'K':
		request->what = LIST_SECRET_KEYS;
		return true;
	case VERIFY_OPTION:
		request->what = VERIFY;
		return true;
	case STATUS_FD:
		return set_status_fd(request, optarg);
	default:
		return option == IGNORED || option == 'q';
	}
}

/* A closed descriptor's number would be given to a socket. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(GPGSM_FAILED);
}

int main(int argc, char **argv)
{
	struct request request = {.what = NOTHING, .status_fd = -1};
	bool server = false;
	int option;

	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	while ((option = getopt_long(argc, argv, "abkKqsu:o:", table, NULL)) != -1) {
		if (option == VERSION_OPTION)
			return printf("gpgsm (smime-agent %s) " GPGSM_VERSION "\n", VERSION) < 0 ? GPGSM_FAILED : GPGSM_OK;
		if (option == HELP)
			return fputs(help, stdout) < 0 ? GPGSM_FAILED : GPGSM_OK;
		if (option == SERVER)
			server = true;
		else if (!take_option(option, &request))
			return usage();
	}
	request.files = argv + optind;
	request.file_count = argc - optind;
	if (server)
		return server_run();
	if (request.what == NOTHING || (request.what == SIGN && request.file_count > 1) ||
	    (request.what == VERIFY && request.file_count > 2))
		return usage();
	return batch_run(&request);
}
