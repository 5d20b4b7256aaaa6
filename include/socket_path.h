/* SPDX-License-Identifier: ISC
 *
 * Where the agent listens, and what it speaks there.
 */
#ifndef SMIME_SOCKET_PATH_H
#define SMIME_SOCKET_PATH_H

#include "error.h"

#include <stddef.h>

/* What is spoken there, as the greeting says (docs/PROTOCOL.md): raised by a change that clients and agents of before do not
 * understand. The greeting of 0.1.0 has no number: it is 1. */
#define SOCKET_PROTOCOL "1"

/* SMIME_AGENT_SOCKET, else $XDG_RUNTIME_DIR/smime-agent/S.smime-agent, else the same below
 * /run/user/UID where that exists, else ~/.smime-agent/S.smime-agent. ERR_CONFIG without any, or
 * if it is longer than size. */
MUST_USE int socket_path(char *ret_path, size_t size);

#endif
