/* SPDX-License-Identifier: ISC
 *
 * smime verify
 */
#include "cli.h"
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: smime verify [--raw] [--content FILE] [--ca FILE] [--crl FILE] [--at TIME] [-o OUT] [IN]\n"
	"Tells who signed a mail (or, with --raw, CMS), what of it they signed, and whether it was altered.\n\n"
	"  --raw            IN is CMS (DER, PEM or base64)\n"
	"  --content FILE   what a detached signature is about\n"
	"  --ca FILE        trust these certificates (PEM), and no others\n"
	"  --crl FILE       heed these revocation lists (PEM or DER), and miss none\n"
	"  --crl-check      miss none, among those that are stored\n"
	"  --at TIME        judge as of then: 2026-11-23T14:45:00Z, 2026-11-23, or @ and seconds since 1970\n"
	"  -o, --output OUT exactly what was signed; appears whole or not at all\n"
	"  --json           the report and errors as JSON\n"
	"IN and OUT are standard input and output by default, and for -. The report goes to standard error;\n"
	"with --json it goes to standard output, and what was signed only where -o says. Exit status: 0 if the\n"
	"whole is signed and every signature good; 1 else. OUT appears also for a signature that fits but is\n"
	"not good, for instance because nobody trusts the signer. What goes to a pipe may be seen before the\n"
	"end of the message was checked: trust it only if the exit status is 0.\n";

struct files {
	const char *in, *out, *content, *ca, *crl;
};

static int complain(const char *path, int status)
{
	char message[1024];

	snprintf(message, sizeof message, "%s: %s", path ? path : "output", strerror(errno));
	cli_error("verify", status, status == SMIME_AGENT_USAGE ? "USAGE" : "WRITE", message);
	return status;
}

/* Opens a file that is there to be opened; *ret_fd stays -1 without one. */
static int open_optional(const char *path, int *ret_fd)
{
	if (!path)
		return 0;
	*ret_fd = file_open_input(path);
	return *ret_fd < 0 ? complain(path, SMIME_AGENT_USAGE) : 0;
}

struct report {
	char *text;
	size_t length;
	FILE *stream;
};

static int take_report(void *context, const void *data, size_t length)
{
	struct report *report = context;

	return fwrite(data, 1, length, report->stream) == length ? 0 : -1;
}

/* mutt looks for these words on the first line. */
static void print_report(struct report *report, int status, bool to_stdout)
{
	fclose(report->stream);
	if (!cli_json)
		fputs(status ? "Verification failed\n" : "Verification successful\n", stderr);
	fwrite(report->text, 1, report->length, to_stdout ? stdout : stderr);
	fflush(stdout);
	free(report->text);
}

static bool is_usable(smime_agent *agent, int status)
{
	return !status || !strcmp(smime_agent_error_name(agent), "SIGNATURE_BUT");
}

static int run(const struct smime_agent_verify_options *options, const struct files *files, int in_fd,
	       struct output_file *out)
{
	struct report report = {0};
	int status, failed = 0;
	bool to_stdout = cli_json && out->fd != STDOUT_FILENO;
	smime_agent *agent;

	report.stream = open_memstream(&report.text, &report.length);
	agent = report.stream ? cli_connect(&status) : NULL;
	if (!agent) {
		file_close_output(out, 0);
		return report.stream ? status : SMIME_AGENT_UNAVAILABLE;
	}
	status = smime_agent_verify(agent, options, in_fd, out->fd, take_report, &report);
	if (out->fd >= 0)
		failed = file_close_output(out, is_usable(agent, status)) && is_usable(agent, status);
	print_report(&report, status, to_stdout);
	status = cli_finish(agent, "verify", status);
	return failed ? complain(files->out, SMIME_AGENT_UNAVAILABLE) : status;
}

static int open_and_run(struct smime_agent_verify_options *options, const struct files *files)
{
	struct output_file out = {.fd = -1, .start = -1};
	int in_fd = -1, status = open_optional(files->in ? files->in : "-", &in_fd);

	status = status ? status : open_optional(files->content, &options->content_fd);
	status = status ? status : open_optional(files->ca, &options->anchors_fd);
	status = status ? status : open_optional(files->crl, &options->crls_fd);
	if (status)
		return status;
	if ((files->out || !cli_json) && file_open_output(&out, files->out)) {
		status = complain(files->out, SMIME_AGENT_USAGE);
		file_close_output(&out, 0);
		return status;
	}
	return run(options, files, in_fd, &out);
}

static const struct option table[] = {CLI_COMMON,
				      {"raw", no_argument, NULL, 'r'},
				      {"content", required_argument, NULL, 'c'},
				      {"ca", required_argument, NULL, 'a'},
				      {"crl", required_argument, NULL, 'l'},
				      {"crl-check", no_argument, NULL, 'C'},
				      {"at", required_argument, NULL, 't'},
				      {"output", required_argument, NULL, 'o'},
				      {0}};

static bool take_option(int option, struct smime_agent_verify_options *options, struct files *files)
{
	switch (option) {
	case 'r':
		options->raw = 1;
		return true;
	case 'c':
		files->content = optarg;
		return true;
	case 'a':
		files->ca = optarg;
		return true;
	case 'l':
		files->crl = optarg;
		return true;
	case 'C':
		options->crl_check = 1;
		return true;
	case 't':
		options->at = optarg;
		return true;
	case 'o':
		files->out = optarg;
		return true;
	}
	return option == 'J';
}

int cli_verify(int argc, char **argv)
{
	struct smime_agent_verify_options options = SMIME_AGENT_VERIFY_NONE;
	struct files files = {0};
	int option;

	while ((option = getopt_long(argc, argv, "o:h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (!take_option(option, &options, &files))
			return cli_usage("verify");
	}
	if (argc - optind > 1 || (files.content && !options.raw))
		return cli_usage("verify");
	options.json = cli_json;
	files.in = argv[optind];
	return open_and_run(&options, &files);
}
