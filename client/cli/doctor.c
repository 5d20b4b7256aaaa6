/* SPDX-License-Identifier: ISC
 *
 * smime doctor: one screen that finds why a card does not work. The agent says what it sees
 * (DIAGNOSE); what only the client can see is added here. It sends no PIN and asks nobody.
 */
#include "cli.h"
#include "environment.h"
#include "text.h"
#include "setup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct screen {
	struct text text; /* the agent's lines */
	unsigned int lines, problems;
};

static void print_json(const struct screen *screen, const char *const field[4])
{
	static const char *const names[] = {"level", "area", "text", "advice"};

	fputs(screen->lines ? ",\n" : "[", stdout);
	for (int i = 0; i < 4; i++) {
		printf("%s\"%s\":", i ? "," : "{", names[i]);
		cli_json_string(stdout, field[i]);
	}
	fputs("}", stdout);
}

static void add(struct screen *screen, const char *level, const char *area, const char *text, const char *advice)
{
	const char *const field[] = {level, area, text, advice};

	if (cli_json)
		print_json(screen, field);
	else
		printf("%-8s %-9s %s\n", level, area, text);
	if (!cli_json && *advice)
		printf("                   -> %s\n", advice);
	screen->lines++;
	screen->problems += !strcmp(level, "problem");
}

/* The fields between tabs; a line that has fewer is none of the agent's. */
static void add_lines(struct screen *screen)
{
	char *rest = screen->text.data, *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		char *level = strsep(&line, "\t"), *area = strsep(&line, "\t"), *text = strsep(&line, "\t");

		if (line)
			add(screen, level, area, text, line);
	}
}

static void add_place(void *context, const char *client, const char *path, bool on)
{
	char text[4200];

	snprintf(text, sizeof text, "%s %s: %s", client, on ? "is set up" : "is not set up", path);
	add(context, on ? "ok" : "note", "setup", text, "");
}

/* Where p11-kit looks: its own folder, the administrator's, the person's. */
static bool p11_kit_knows(void)
{
	static const char module[] = "smime-agent.module";
	const char *config = environment_get("XDG_CONFIG_HOME"), *home = environment_get("HOME");
	char own[4096];

	if (config && *config)
		snprintf(own, sizeof own, "%s/pkcs11/modules/%s", config, module);
	else
		snprintf(own, sizeof own, "%s/.config/pkcs11/modules/%s", home ? home : "", module);
	return !access(P11_KIT_MODULES "/smime-agent.module", R_OK) || !access("/etc/pkcs11/modules/smime-agent.module", R_OK) ||
	       !access(own, R_OK);
}

static void add_registration(struct screen *screen)
{
	if (p11_kit_knows())
		add(screen, "ok", "setup", "p11-kit knows the agent's module", "");
	else
		add(screen, "note", "setup", "p11-kit does not know the agent's module",
		    "install the package smime-agent-p11, or run what `make install` said at its end");
	setup_each(add_place, screen);
}

static int ask_agent(struct screen *screen)
{
	smime_agent *agent;
	int status = smime_agent_connect(&agent, SMIME_AGENT_START);

	if (!status)
		status = smime_agent_list(agent, SMIME_AGENT_DIAGNOSIS, 0, text_collect, &screen->text);
	if (status) {
		add(screen, "problem", "agent", smime_agent_message(agent),
		    "run `smime-agent` in a terminal, and it says what keeps it from starting");
	} else {
		add(screen, "ok", "agent", "it answers", "");
		add_lines(screen);
	}
	smime_agent_close(agent);
	return status;
}

int cli_doctor(int argc, char **argv)
{
	static const struct option table[] = {CLI_COMMON, {0}};
	struct screen screen = {0};
	int option, status;

	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (option == 'h')
			return cli_help("usage: smime doctor [--json]\n"
					"Looks at pcscd, readers, cards, modules, tokens, keys, pinentry and what is set up, and\n"
					"says of each whether it is in order, and what to do if not. It sends no PIN.\n"
					"Status 0 if there is no problem, 1 if there is one, 3 if the agent does not start.\n");
		if (option != 'J')
			return cli_usage("doctor");
	}
	if (optind < argc)
		return cli_usage("doctor");
	status = ask_agent(&screen);
	add_registration(&screen);
	free(screen.text.data);
	if (cli_json)
		fputs("]\n", stdout);
	return status ? SMIME_AGENT_UNAVAILABLE : screen.problems ? SMIME_AGENT_NO : SMIME_AGENT_OK;
}
