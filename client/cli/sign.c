/* SPDX-License-Identifier: ISC
 *
 * smime sign
 */
#include "cli.h"
#include "message.h"

static const char help[] =
	"usage: smime sign [-k KEY] [--opaque] [--raw [--pem] [--crlf]] [--pss] [--no-gcm] [--digest NAME] [-o OUT] [IN]\n"
	"Signs a mail (or, with --raw, bytes) with a key on a token.\n\n"
	"  -k, --key KEY    an address, a label, the start of a fingerprint, or a pkcs11: URI;\n"
	"                   without it: the key of the From address, or the only one\n"
	"  --opaque         put the content inside the signature\n"
	"  --raw            IN is bytes, OUT is CMS (DER)\n"
	"  --pem            with --raw: PEM rather than DER\n"
	"  --crlf           with --raw: IN is text, as a part of a mail: its lines are made to end with CRLF\n"
	"  --pss            RSASSA-PSS rather than PKCS#1 v1.5\n"
	"  --no-gcm         do not say that AES-GCM is read, for a mail program that does not\n"
	"  --digest NAME    sha256, sha384 or sha512\n"
	"  -o, --output OUT the signed message; appears whole or not at all\n"
	"  --json           errors as JSON\n"
	"IN and OUT are standard input and output by default, and for -.\n";

static int request(smime_agent *agent, const void *options, int in_fd, int out_fd)
{
	return smime_agent_sign(agent, options, in_fd, out_fd);
}

int cli_sign(int argc, char **argv)
{
	static const struct option table[] = {CLI_COMMON,
					      {"key", required_argument, NULL, 'k'},
					      {"opaque", no_argument, NULL, 'O'},
					      {"raw", no_argument, NULL, 'r'},
					      {"pem", no_argument, NULL, 'p'},
					      {"crlf", no_argument, NULL, 'c'},
					      {"pss", no_argument, NULL, 's'},
					      {"no-gcm", no_argument, NULL, 'g'},
					      {"digest", required_argument, NULL, 'd'},
					      {"output", required_argument, NULL, 'o'},
					      {0}};
	struct smime_agent_sign_options options = {0};
	const char *out = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "k:o:h", table, NULL)) != -1) {
		switch (option) {
		case 'k':
			options.key = optarg;
			break;
		case 'O':
			options.opaque = 1;
			break;
		case 'r':
			options.raw = 1;
			break;
		case 'p':
			options.pem = 1;
			break;
		case 'g':
			options.no_gcm = 1;
			break;
		case 'c':
			options.crlf = 1;
			break;
		case 's':
			options.pss = 1;
			break;
		case 'd':
			options.digest = optarg;
			break;
		case 'o':
			out = optarg;
			break;
		case 'J':
			break;
		case 'h':
			return cli_help(help);
		default:
			return cli_usage("sign");
		}
	}
	if (argc - optind > 1 || ((options.pem || options.crlf) && !options.raw))
		return cli_usage("sign");
	return message_run("sign", argv[optind], out, request, &options);
}
