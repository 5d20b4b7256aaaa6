/* SPDX-License-Identifier: ISC
 *
 * Signs a mail with the sender's key: sign MAIL > SIGNED
 */
#include <smime-agent.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct smime_agent_sign_options options = {.digest = "sha256"};
	smime_agent *agent;
	int status, mail = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (mail < 0) {
		fprintf(stderr, "usage: sign MAIL > SIGNED\n");
		return SMIME_AGENT_USAGE;
	}
	status = smime_agent_connect(&agent, SMIME_AGENT_START);
	if (status == SMIME_AGENT_OK)
		status = smime_agent_sign(agent, &options, mail, STDOUT_FILENO);
	if (status != SMIME_AGENT_OK)
		fprintf(stderr, "sign: %s\n", smime_agent_message(agent));
	smime_agent_close(agent);
	return status;
}
