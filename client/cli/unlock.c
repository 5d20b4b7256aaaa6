/* SPDX-License-Identifier: ISC
 *
 * smime unlock, lock
 */
#include "cli.h"

#include <string.h>

int cli_unlock(int argc, char **argv)
{
	static const struct option table[] = {
		CLI_COMMON, {"pin-fd", required_argument, NULL, 'p'}, {0}};
	smime_agent *agent;
	int option, status, pin_fd = -1;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help(
				"usage: smime unlock [--pin-fd N] [TOKEN|KEY]\n"
				"Logs in to a token (the only one, or the one with that label, URI or key).\n\n"
				"  --pin-fd N   read the PIN, one line, from descriptor N: smime unlock --pin-fd 3 3<FILE\n"
				"               without it, pinentry asks for it\n"
				"  --json       errors as JSON\n");
		if (option == 'p' ? !cli_parse_fd(optarg, &pin_fd) : option != 'J')
			return cli_usage("unlock");
	}
	if (argc - optind > 1)
		return cli_usage("unlock");
	agent = cli_connect(&status);
	return agent ? cli_finish(agent, "unlock", smime_agent_unlock(agent, argv[optind], pin_fd)) : status;
}

int cli_lock(int argc, char **argv)
{
	static const struct option table[] = {CLI_COMMON, {0}};
	smime_agent *agent;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help("usage: smime lock\nLogs out of all tokens and forgets every PIN.\n");
		if (option != 'J')
			return cli_usage("lock");
	}
	if (optind < argc)
		return cli_usage("lock");
	/* No agent, no PIN: nothing to lock. */
	status = smime_agent_connect(&agent, 0);
	if (status && !strcmp(smime_agent_error_name(agent), "CLOSED")) {
		smime_agent_close(agent);
		return SMIME_AGENT_OK;
	}
	return cli_finish(agent, "lock", status ? status : smime_agent_lock(agent));
}
