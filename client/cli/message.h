/* SPDX-License-Identifier: ISC
 *
 * What sign and decrypt have in common: one message in, one out.
 */
#ifndef SMIME_CLI_MESSAGE_H
#define SMIME_CLI_MESSAGE_H

#include "smime-agent.h"

/* Does the request between the two descriptors. */
typedef int (*message_request)(smime_agent *agent, const void *options, int in_fd, int out_fd);

/* Opens the files (NULL: standard), connects, does the request with progress on a terminal, and
 * keeps or removes the output. The exit status, having said what went wrong. */
int message_run(const char *verb, const char *in, const char *out, message_request request,
		const void *options);

#endif
