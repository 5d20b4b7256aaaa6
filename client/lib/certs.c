/* SPDX-License-Identifier: ISC
 *
 * The public functions of the certificate store. Nothing is parsed here.
 */
#include "connection.h"

#include <string.h>

static int begin(smime_agent *agent)
{
	*agent->message = 0;
	return agent->fd < 0 ? ERR_CLOSED : 0;
}

static int finish(smime_agent *agent, int rc, smime_agent_data data, void *context)
{
	if (rc)
		connection_abandon(agent);
	else
		rc = connection_finish(agent, data, context);
	return connection_result(agent, rc);
}

/* A line's end in a name would make two commands of one; two dashes at its front an option. */
static int check_name(const char *name)
{
	return name && (!*name || strpbrk(name, "\r\n") || !strncmp(name, "--", 2)) ? ERR_USAGE : 0;
}

int smime_agent_certs_list(smime_agent *agent, enum smime_agent_certs what, const char *name, int json,
			   smime_agent_data data, void *context)
{
	static const char *const verbs[] = {"LIST", "SHOW", "EXPIRING", "ADDRESSES"};
	int rc = begin(agent);

	if ((unsigned int)what >= sizeof verbs / sizeof verbs[0])
		rc = ERR_USAGE;
	rc = rc ? rc : check_name(name);
	rc = rc ? rc
		: connection_add(agent, "CERTS %s%s%s%s", verbs[what], json ? " --json" : "", name ? " " : "",
				 name ? name : "");
	return finish(agent, rc, data, context);
}

int smime_agent_certs_import(smime_agent *agent, int in_fd, int pin_fd, smime_agent_data data, void *context)
{
	int rc = begin(agent);

	rc = rc ? rc : connection_add(agent, "INPUT FD");
	rc = rc ? rc : connection_send(agent, in_fd);
	if (!rc && pin_fd >= 0) {
		rc = connection_add(agent, "PIN FD");
		rc = rc ? rc : connection_send(agent, pin_fd);
	}
	rc = rc ? rc : connection_add(agent, "CERTS IMPORT");
	return finish(agent, rc, data, context);
}

int smime_agent_certs_export(smime_agent *agent, const char *name, enum smime_agent_format format, int out_fd)
{
	static const char *const formats[] = {"pem", "der", "p7"};
	int rc = begin(agent);

	if ((unsigned int)format >= sizeof formats / sizeof formats[0])
		rc = ERR_USAGE;
	rc = rc ? rc : check_name(name);
	rc = rc ? rc : connection_add(agent, "OUTPUT FD");
	rc = rc ? rc
		: connection_add(agent, "CERTS EXPORT --%s%s%s", formats[format], name ? " " : "", name ? name : "");
	return finish(agent, rc ? rc : connection_send(agent, out_fd), NULL, NULL);
}

int smime_agent_certs_extract(smime_agent *agent, int signers, int addresses, int in_fd, int out_fd)
{
	int rc = begin(agent);

	rc = rc ? rc : connection_add(agent, "INPUT FD");
	rc = rc ? rc : connection_send(agent, in_fd);
	rc = rc ? rc : connection_add(agent, "OUTPUT FD");
	rc = rc ? rc
		: connection_add(agent, "CERTS EXTRACT%s%s", signers ? " --signers" : "", addresses ? " --addresses" : "");
	return finish(agent, rc ? rc : connection_send(agent, out_fd), NULL, NULL);
}

int smime_agent_certs_remove(smime_agent *agent, const char *name, int all)
{
	int rc = begin(agent);

	rc = rc ? rc : name ? check_name(name) : ERR_USAGE;
	rc = rc ? rc : connection_add(agent, "CERTS REMOVE%s %s", all ? " --all" : "", name);
	return finish(agent, rc, NULL, NULL);
}
