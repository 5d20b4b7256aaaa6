/* SPDX-License-Identifier: ISC
 *
 * Where the agent listens.
 */
#ifndef SMIME_SOCKET_PATH_H
#define SMIME_SOCKET_PATH_H

#include "error.h"

#include <stddef.h>

/* SMIME_AGENT_SOCKET, else $XDG_RUNTIME_DIR/smime-agent/S.smime-agent, else the same below
 * /run/user/UID where that exists, else ~/.smime-agent/S.smime-agent. ERR_CONFIG without any, or
 * if it is longer than size. */
MUST_USE int socket_path(char *ret_path, size_t size);

#endif
