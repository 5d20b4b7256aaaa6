/* SPDX-License-Identifier: ISC
 *
 * smime token init|keygen|csr|import-cert|change-pin
 */
#include "cli.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_MAX 16

static const char help[] =
	"usage: smime token init [--token TOKEN] --label LABEL\n"
	"       smime token keygen [--token TOKEN] --label NAME [--type TYPE]\n"
	"       smime token csr [--token TOKEN] --label NAME --subject /CN=... [--address ADDRESS]\n"
	"       smime token import-cert [--token TOKEN] [--label NAME] [FILE]\n"
	"       smime token change-pin [--token TOKEN]\n"
	"Administers a token. Keys are made on it and stay on it.\n\n"
	"  --token TOKEN    the label or pkcs11: URI of the token; not needed if there is one only\n"
	"                   (init: if the first blank one is meant; one that is not blank loses its keys)\n"
	"  --label NAME     of the new token or key; of the key that a request is for\n"
	"  --type TYPE      rsa:2048 (also 3072, 4096), ec:P-256 (also P-384, P-521), ed25519\n"
	"                   or x25519 (decrypts only); default rsa:3072\n"
	"  --subject DN     of the request, as in /C=DE/O=Example/CN=Alice\n"
	"  --address MAIL   to be put into the request\n"
	"  --pin-fd N       read PINs from descriptor N, a line each (init: SO PIN, PIN; change-pin:\n"
	"                   old, new); without it, pinentry asks\n"
	"  --json           errors as JSON\n"
	"csr prints a PKCS#10 request (PEM), of an x25519 key its public key; import-cert reads the certificate (PEM or DER).\n";

struct words {
	const char *list[ARGUMENTS_MAX];
	unsigned int count;
};

static bool add(struct words *words, const char *name, const char *value)
{
	if (words->count + 2 >= ARGUMENTS_MAX)
		return false;
	words->list[words->count++] = name;
	words->list[words->count++] = value;
	return true;
}

static int print(void *context, const void *data, size_t length)
{
	(void)context;
	return fwrite(data, 1, length, stdout) != length;
}

static const char *protocol_verb(const char *word)
{
	static const char *const table[][2] = {{"init", "INIT"},
					       {"keygen", "KEYGEN"},
					       {"csr", "CSR"},
					       {"import-cert", "IMPORT-CERT"},
					       {"change-pin", "CHANGE-PIN"}};

	for (size_t i = 0; word && i < sizeof table / sizeof table[0]; i++)
		if (!strcmp(table[i][0], word))
			return table[i][1];
	return NULL;
}

/* An exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct words *words, int *pin_fd)
{
	static const struct option table[] = {CLI_COMMON,
					      {"token", required_argument, NULL, 't'},
					      {"label", required_argument, NULL, 'l'},
					      {"type", required_argument, NULL, 'k'},
					      {"subject", required_argument, NULL, 's'},
					      {"address", required_argument, NULL, 'a'},
					      {"pin-fd", required_argument, NULL, 'p'},
					      {0}};
	int option;
	bool ok = true;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1 && ok) {
		switch (option) {
		case 't':
			ok = add(words, "token", optarg);
			break;
		case 'l':
			ok = add(words, "label", optarg);
			break;
		case 'k':
			ok = add(words, "key-type", optarg);
			break;
		case 's':
			ok = add(words, "subject", optarg);
			break;
		case 'a':
			ok = add(words, "address", optarg);
			break;
		case 'p':
			ok = cli_parse_fd(optarg, pin_fd);
			break;
		case 'J':
			break;
		case 'h':
			return cli_help(help);
		default:
			ok = false;
		}
	}
	return ok ? -1 : cli_usage("token");
}

int cli_token(int argc, char **argv)
{
	struct words words = {0};
	int status, in_fd = -1, pin_fd = -1;
	const char *verb;
	smime_agent *agent;

	status = parse(argc, argv, &words, &pin_fd);
	if (status >= 0)
		return status;
	verb = protocol_verb(argv[optind]);
	if (!verb || argc - optind > 2 || (argc - optind == 2 && strcmp(verb, "IMPORT-CERT")))
		return cli_usage("token");
	if (!strcmp(verb, "IMPORT-CERT")) {
		in_fd = file_open_input(argv[optind + 1]);
		if (in_fd < 0) {
			cli_error("token", SMIME_AGENT_USAGE, "USAGE", strerror(errno));
			return SMIME_AGENT_USAGE;
		}
	}
	agent = cli_connect(&status);
	if (!agent)
		return status;
	status = smime_agent_token(agent, verb, words.list, in_fd, pin_fd, print, NULL);
	return cli_finish(agent, "token", status);
}
