/* SPDX-License-Identifier: ISC
 *
 * smime certs list|show|import|export|extract|remove
 */
#include "cli.h"
#include "text.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: smime certs list [NAME]\n"
	"       smime certs show NAME\n"
	"       smime certs import [--pin-fd N] [FILE...]\n"
	"       smime certs export [--der | --p7] [-o OUT] [NAME]\n"
	"       smime certs extract [--signers] [--addresses] [-o OUT] [FILE]\n"
	"       smime certs remove [--all] NAME\n"
	"Other people's certificates, by which mail is encrypted to them. Those of signed mail are kept when it\n"
	"is verified.\n\n"
	"NAME is a mail address or the start of a fingerprint (6 digits or more); for list and show also a\n"
	"part of a name.\n"
	"import reads PEM, DER, PKCS#7 (.p7b, .p7c), PKCS#12 (.p12, .pfx), vCards (.vcf) and revocation lists.\n"
	"Private keys in a file are left out.\n"
	"extract prints the certificates in a signed mail, or in such a file, and keeps none.\n\n"
	"  --pin-fd N   read the password of a PKCS#12 file, one line, from descriptor N; without it,\n"
	"               pinentry asks\n"
	"  --der        one certificate, in DER          --p7   a PKCS#7 file\n"
	"  -o OUT       write to OUT rather than to standard output\n"
	"  --all        remove all certificates that NAME fits\n"
	"  --signers    of the mail's signers alone      --addresses   their mail addresses\n"
	"  --json       lists and errors as JSON\n";

struct options {
	int pin_fd;
	enum smime_agent_format format;
	const char *out;
	int all, signers, addresses;
	char **names; /* behind the verb, up to NULL */
	int count;
};

static int print(void *context, const void *data, size_t length)
{
	(void)context;
	return fwrite(data, 1, length, stdout) != length;
}

/* An exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {CLI_COMMON,
					      {"pin-fd", required_argument, NULL, 'p'},
					      {"der", no_argument, NULL, 'd'},
					      {"p7", no_argument, NULL, '7'},
					      {"all", no_argument, NULL, 'a'},
					      {"signers", no_argument, NULL, 's'},
					      {"addresses", no_argument, NULL, 'A'},
					      {"output", required_argument, NULL, 'o'},
					      {0}};
	int option;

	while ((option = getopt_long(argc, argv, "ho:", table, NULL)) != -1) {
		switch (option) {
		case 'p':
			if (!cli_parse_fd(optarg, &options->pin_fd))
				return cli_usage("certs");
			break;
		case 'd':
			options->format = SMIME_AGENT_DER;
			break;
		case '7':
			options->format = SMIME_AGENT_P7;
			break;
		case 'a':
			options->all = 1;
			break;
		case 's':
			options->signers = 1;
			break;
		case 'A':
			options->addresses = 1;
			break;
		case 'o':
			options->out = optarg;
			break;
		case 'J':
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_usage("certs");
		}
	}
	if (optind == argc)
		return cli_usage("certs");
	options->names = argv + optind + 1;
	options->count = argc - optind - 1;
	return -1;
}

static void warn(const char *own, const char *days, const char *fingerprint, const char *address)
{
	if (!strcmp(own, "own"))
		fprintf(stderr, "smime certs: your certificate %.16s for %s ends in %s days: renew it\n", fingerprint,
			address, days);
	else
		fprintf(stderr, "smime certs: the certificate %.16s of %s ends in %s days: ask for a signed mail with the next\n",
			fingerprint, address, days);
}

/* Whose certificates run out, on standard error: what a list is piped into is not disturbed. */
static void print_warnings(smime_agent *agent)
{
	struct text text = {0};
	char *rest;

	if (smime_agent_certs_list(agent, SMIME_AGENT_CERTS_EXPIRING, NULL, 0, text_collect, &text)) {
		free(text.data);
		return;
	}
	rest = text.data;
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		const char *own = strsep(&line, "\t"), *days = strsep(&line, "\t");
		const char *fingerprint = strsep(&line, "\t");

		if (own && days && fingerprint && line)
			warn(own, days, fingerprint, line);
	}
	free(text.data);
}

static int list(smime_agent *agent, const struct options *options, enum smime_agent_certs what)
{
	int status = smime_agent_certs_list(agent, what, options->names[0], cli_json, print, NULL);

	if (!status && what == SMIME_AGENT_CERTS_LIST && !cli_json) {
		fflush(stdout);
		print_warnings(agent);
	}
	return status;
}

static int run_list(smime_agent *agent, const struct options *options)
{
	return options->count > 1 ? -1 : list(agent, options, SMIME_AGENT_CERTS_LIST);
}

static int run_show(smime_agent *agent, const struct options *options)
{
	return options->count != 1 ? -1 : list(agent, options, SMIME_AGENT_CERTS_SHOW);
}

static int run_remove(smime_agent *agent, const struct options *options)
{
	return options->count != 1 ? -1 : smime_agent_certs_remove(agent, options->names[0], options->all);
}

static unsigned int count_of(const struct text *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text->data; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, name, length) && line[length] == '\t')
			return (unsigned int)strtoul(line + length + 1, NULL, 10);
	return 0;
}

static void say_imported(const char *path, const struct text *text)
{
	static const struct {
		const char *name, *says;
	} rows[] = {{"keys", "private key(s) in it are left out"},
		    {"damaged", "part(s) of it cannot be read"},
		    {"elsewhere", "key(s) of a vCard are not in it, but linked to"}};

	if (cli_json) {
		printf("{\"file\":");
		cli_json_string(stdout, path);
		printf(",\"certificates\":%u,\"crls\":%u,\"keys\":%u,\"damaged\":%u,\"elsewhere\":%u}\n",
		       count_of(text, "certificates"), count_of(text, "crls"), count_of(text, "keys"),
		       count_of(text, "damaged"), count_of(text, "elsewhere"));
		return;
	}
	printf("%s: %u certificate(s), %u revocation list(s)\n", path, count_of(text, "certificates"),
	       count_of(text, "crls"));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (count_of(text, rows[i].name))
			printf("%s: %u %s\n", path, count_of(text, rows[i].name), rows[i].says);
}

static int import_one(smime_agent *agent, const struct options *options, const char *path)
{
	struct text text = {0};
	int status, fd = file_open_input(path);

	if (fd < 0) {
		char message[1024];

		snprintf(message, sizeof message, "%s: %s", path ? path : "-", strerror(errno));
		cli_error("certs", SMIME_AGENT_USAGE, "USAGE", message);
		return SMIME_AGENT_USAGE;
	}
	status = smime_agent_certs_import(agent, fd, options->pin_fd, text_collect, &text);
	close(fd);
	if (text.length)
		say_imported(path ? path : "-", &text);
	free(text.data);
	if (status) {
		char message[1500];

		snprintf(message, sizeof message, "%s: %s", path ? path : "-", smime_agent_message(agent));
		fflush(stdout);
		cli_error("certs", status, smime_agent_error_name(agent), message);
	}
	return status;
}

/* The first status that is not 0; one bad file does not keep the others from being read. */
static int run_import(smime_agent *agent, const struct options *options)
{
	int status = 0;

	if (!options->count)
		return import_one(agent, options, NULL);
	for (int i = 0; i < options->count; i++) {
		int one = import_one(agent, options, options->names[i]);

		status = status ? status : one;
	}
	return status;
}

static int export(smime_agent *agent, const struct options *options, int in_fd, int out_fd)
{
	(void)in_fd;
	return smime_agent_certs_export(agent, options->names[0], options->format, out_fd);
}

static int extract(smime_agent *agent, const struct options *options, int in_fd, int out_fd)
{
	return smime_agent_certs_extract(agent, options->signers, options->addresses, in_fd, out_fd);
}

/* What a request writes, to OUT. */
static int run_writing(smime_agent *agent, const struct options *options, int in_fd,
		       int (*request)(smime_agent *agent, const struct options *options, int in_fd, int out_fd))
{
	struct output_file file;
	int status;

	if (file_open_output(&file, options->out)) {
		cli_error("certs", SMIME_AGENT_USAGE, "USAGE", strerror(errno));
		file_close_output(&file, 0);
		return SMIME_AGENT_USAGE;
	}
	status = request(agent, options, in_fd, file.fd);
	if (!file_close_output(&file, !status) || status)
		return status;
	cli_error("certs", SMIME_AGENT_UNAVAILABLE, "WRITE", strerror(errno));
	return SMIME_AGENT_UNAVAILABLE;
}

static int run_export(smime_agent *agent, const struct options *options)
{
	return options->count > 1 ? -1 : run_writing(agent, options, -1, export);
}

static int run_extract(smime_agent *agent, const struct options *options)
{
	int fd, status;

	if (options->count > 1)
		return -1;
	fd = file_open_input(options->names[0]);
	if (fd < 0) {
		cli_error("certs", SMIME_AGENT_USAGE, "USAGE", strerror(errno));
		return SMIME_AGENT_USAGE;
	}
	status = run_writing(agent, options, fd, extract);
	close(fd);
	return status;
}

int cli_certs(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(smime_agent *agent, const struct options *options);
		bool says; /* why it failed, by itself */
	} verbs[] = {{"list", run_list, false},	    {"show", run_show, false},	   {"import", run_import, true},
		     {"export", run_export, false}, {"extract", run_extract, false}, {"remove", run_remove, false}};
	struct options options = {.pin_fd = -1};
	int status = parse(argc, argv, &options);

	for (size_t i = 0; status < 0 && i < sizeof verbs / sizeof verbs[0]; i++) {
		smime_agent *agent;

		if (strcmp(verbs[i].name, argv[optind]))
			continue;
		agent = cli_connect(&status);
		if (!agent)
			return status;
		status = verbs[i].run(agent, &options);
		if (status < 0 || verbs[i].says || (status && !*smime_agent_message(agent))) {
			smime_agent_close(agent);
			status = status < 0 ? cli_usage("certs") : status;
		} else {
			status = cli_finish(agent, "certs", status);
		}
		return status;
	}
	return status < 0 ? cli_usage("certs") : status;
}
