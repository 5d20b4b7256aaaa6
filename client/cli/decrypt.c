/* SPDX-License-Identifier: ISC
 *
 * smime decrypt
 */
#include "cli.h"
#include "message.h"

static const char help[] =
	"usage: smime decrypt [--raw] [-k KEY] [-o OUT] [IN]\n"
	"Decrypts a mail (or, with --raw, CMS in DER or PEM) with the key on a token that it names.\n\n"
	"  --raw            IN is CMS, OUT is its content\n"
	"  -k, --key KEY    the key to try if the message names none that is at hand\n"
	"  -o, --output OUT the decrypted message; appears whole or not at all\n"
	"  --json           errors as JSON\n"
	"IN and OUT are standard input and output by default, and for -. What goes to a pipe may be\n"
	"seen before the end of the message was checked, unless it is authenticated (AES-GCM): trust\n"
	"it only if the exit status is 0.\n";

struct decrypt {
	const char *key;
	int raw;
};

static int request(smime_agent *agent, const void *options, int in_fd, int out_fd)
{
	const struct decrypt *decrypt = options;

	return smime_agent_decrypt(agent, decrypt->key, decrypt->raw, in_fd, out_fd);
}

int cli_decrypt(int argc, char **argv)
{
	static const struct option table[] = {CLI_COMMON,
					      {"raw", no_argument, NULL, 'r'},
					      {"key", required_argument, NULL, 'k'},
					      {"output", required_argument, NULL, 'o'},
					      {0}};
	struct decrypt options = {0};
	const char *out = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "k:o:h", table, NULL)) != -1) {
		switch (option) {
		case 'r':
			options.raw = 1;
			break;
		case 'k':
			options.key = optarg;
			break;
		case 'o':
			out = optarg;
			break;
		case 'J':
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_usage("decrypt");
		}
	}
	if (argc - optind > 1)
		return cli_usage("decrypt");
	return message_run("decrypt", argv[optind], out, request, &options);
}
