/* SPDX-License-Identifier: ISC
 *
 * smime keys, tokens, status
 */
#include "cli.h"

#include <stdio.h>

static int print(void *context, const void *data, size_t length)
{
	(void)context;
	return fwrite(data, 1, length, stdout) != length;
}

/* An agent that is about to restart, and serves nobody any more, can still tell its state. */
static smime_agent *connect_to(enum smime_agent_list what, int *ret_status)
{
	smime_agent *agent;

	if (what == SMIME_AGENT_STATE && !smime_agent_connect(&agent, 0))
		return agent;
	if (what == SMIME_AGENT_STATE)
		smime_agent_close(agent);
	return cli_connect(ret_status);
}

static int list(int argc, char **argv, enum smime_agent_list what, const char *help)
{
	static const struct option table[] = {CLI_COMMON, {0}};
	smime_agent *agent;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (option != 'J')
			return cli_usage(argv[0]);
	}
	if (optind < argc)
		return cli_usage(argv[0]);
	agent = connect_to(what, &status);
	if (!agent)
		return status;
	return cli_finish(agent, argv[0], smime_agent_list(agent, what, cli_json, print, NULL));
}

int cli_keys(int argc, char **argv)
{
	return list(argc, argv, SMIME_AGENT_KEYS,
		    "usage: smime keys [--json]\n"
		    "Lists the certificates with keys on all tokens; reads the tokens again.\n");
}

int cli_tokens(int argc, char **argv)
{
	return list(argc, argv, SMIME_AGENT_TOKENS,
		    "usage: smime tokens [--json]\n"
		    "Lists the tokens that are present, with the state of their PINs.\n");
}

int cli_status(int argc, char **argv)
{
	return list(argc, argv, SMIME_AGENT_STATE,
		    "usage: smime status [--json]\n"
		    "Shows the agent's process, socket, clients, cached PINs and modules.\n");
}
