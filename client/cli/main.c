/* SPDX-License-Identifier: ISC
 *
 * smime: the command for people and scripts. Opens files, passes them to the agent, prints what it
 * says. Holds no key, no PIN and no cryptography.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_json;

static const struct verb {
	const char *name;
	cli_verb run;
	const char *does;
} verbs[] = {
	{"sign", cli_sign, "sign a mail, or bytes"},
	{"encrypt", cli_encrypt, "encrypt a mail, or bytes, to people"},
	{"decrypt", cli_decrypt, "decrypt a mail, or CMS"},
	{"verify", cli_verify, "find out who signed a mail, or CMS"},
	{"keys", cli_keys, "list the keys of all tokens"},
	{"tokens", cli_tokens, "list the tokens"},
	{"status", cli_status, "show the agent's state"},
	{"certs", cli_certs, "list, import, export and remove other people's certificates"},
	{"unlock", cli_unlock, "log in to a token now"},
	{"lock", cli_lock, "log out of all tokens and forget every PIN"},
	{"sendmail", cli_sendmail, "sign and encrypt what a mail program sends, in place of sendmail"},
	{"doctor", cli_doctor, "find out why a card does not work"},
	{"setup", cli_setup, "have Thunderbird, Firefox, ssh and others use the agent's tokens"},
	{"agent", cli_agent, "start, stop or reload the agent"},
	{"token", cli_token, "initialise a token, make keys, import certificates, change PINs"},
};

#define VERBS (sizeof verbs / sizeof verbs[0])

static void print_overview(FILE *to)
{
	fputs("usage: smime VERB [OPTIONS] [FILE]\n"
	      "S/MIME with keys on smart cards and other PKCS#11 tokens, held by smime-agent.\n\n",
	      to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].does);
	fputs("\n`smime VERB --help` tells more; `smime --version` the version.\n"
	      "Exit status: 0 done; 1 the answer is no; 2 wrong usage; 3 agent, token or reader not\n"
	      "available; 4 refused by policy or by the person, or wrong PIN.\n",
	      to);
}

int cli_usage(const char *verb)
{
	char message[128];

	snprintf(message, sizeof message, "wrong usage; see `smime %s --help`", verb);
	cli_error(verb, SMIME_AGENT_USAGE, "USAGE", message);
	return SMIME_AGENT_USAGE;
}

int cli_help(const char *text)
{
	fputs(text, stdout);
	return SMIME_AGENT_OK;
}

void cli_json_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(to, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

void cli_error(const char *verb, int status, const char *name, const char *message)
{
	if (!cli_json) {
		fprintf(stderr, "smime %s: %s\n", verb, message);
		return;
	}
	fprintf(stderr, "{\"error\":\"%s\",\"status\":%d,\"message\":", name, status);
	cli_json_string(stderr, message);
	fputs("}\n", stderr);
}

static void cli_warning(const char *verb, const char *message)
{
	if (!cli_json) {
		fprintf(stderr, "smime %s: warning: %s\n", verb, message);
		return;
	}
	fputs("{\"warning\":", stderr);
	cli_json_string(stderr, message);
	fputs("}\n", stderr);
}

smime_agent *cli_connect(int *ret_status)
{
	smime_agent *agent;

	*ret_status = smime_agent_connect(&agent, SMIME_AGENT_START);
	if (!*ret_status)
		return agent;
	cli_error("agent", *ret_status, smime_agent_error_name(agent),
		  strcmp(smime_agent_error_name(agent), "CLOSED")
			  ? smime_agent_message(agent)
			  : "no agent answers, and none could be started; see `smime agent start`");
	smime_agent_close(agent);
	return NULL;
}

int cli_finish(smime_agent *agent, const char *verb, int status)
{
	if (status && *smime_agent_message(agent))
		cli_error(verb, status, smime_agent_error_name(agent), smime_agent_message(agent));
	else if (*smime_agent_message(agent))
		cli_warning(verb, smime_agent_message(agent));
	smime_agent_close(agent);
	return status;
}

bool cli_parse_fd(const char *text, int *ret_fd)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (!*text || *end || errno || fd < 0 || fd > 65535 || fcntl((int)fd, F_GETFD) < 0)
		return false;
	*ret_fd = (int)fd;
	return true;
}

/* A closed descriptor's number would be given to the socket. What is opened in its place can be
 * neither read nor written as the closed one would have been. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(SMIME_AGENT_UNAVAILABLE);
}

/* As `head` does, who has enough. */
static bool reader_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) > 0 && out.revents & POLLERR;
}

/* What a verb printed must have got where it was to go; a failure before it counts more. */
static int finish_output(const char *verb, int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (!reader_is_gone())
		cli_error(verb, SMIME_AGENT_UNAVAILABLE, "WRITE", "standard output could not be written");
	return status ? status : SMIME_AGENT_UNAVAILABLE;
}

/* A program that wants the path of a sendmail, without options, is given this name of ours. */
static bool is_sendmail(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return !strcmp(name, "smime-sendmail") || !strcmp(name, "sendmail");
}

int main(int argc, char **argv)
{
	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	opterr = 0; /* cli_usage says it, as text or JSON */
	if (argc && is_sendmail(argv[0]))
		return cli_sendmail(argc, argv);
	if (argc < 2) {
		print_overview(stderr);
		return SMIME_AGENT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_overview(stdout);
		return finish_output("help", SMIME_AGENT_OK);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("smime (smime-agent) %s\n", VERSION);
		return finish_output("version", SMIME_AGENT_OK);
	}
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			cli_json = true;
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, argv[1]))
			return finish_output(argv[1], verbs[i].run(argc - 1, argv + 1));
	fprintf(stderr, "smime: there is no verb \"%s\"; see `smime --help`\n", argv[1]);
	return SMIME_AGENT_USAGE;
}
