/* SPDX-License-Identifier: ISC
 *
 * smime agent start|stop|reload
 */
#include "cli.h"

#include <string.h>

static const char help[] = "usage: smime agent start|stop|reload\n"
			   "  start    start the agent; returns when it answers\n"
			   "  stop     end it; returns when all its processes are gone\n"
			   "  reload   read the configuration again; connections go on\n";

int cli_agent(int argc, char **argv)
{
	static const struct option table[] = {CLI_COMMON, {0}};
	const char *action;
	smime_agent *agent;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (option != 'J')
			return cli_usage("agent");
	}
	if (argc - optind != 1)
		return cli_usage("agent");
	action = argv[optind];
	if (!strcmp(action, "start")) {
		agent = cli_connect(&status);
		smime_agent_close(agent);
		return status;
	}
	if (strcmp(action, "stop") && strcmp(action, "reload"))
		return cli_usage("agent");
	status = smime_agent_connect(&agent, 0);
	if (!strcmp(action, "stop"))
		status = agent ? smime_agent_stop(agent) : status;
	else if (!status)
		status = smime_agent_reload(agent);
	return cli_finish(agent, "agent", status);
}
