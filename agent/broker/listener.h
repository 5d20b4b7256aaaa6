/* SPDX-License-Identifier: ISC
 *
 * The socket that clients connect to.
 */
#ifndef SMIME_BROKER_LISTENER_H
#define SMIME_BROKER_LISTENER_H

#include "error.h"

#include <stdbool.h>

/* Whether systemd passed this process its one socket (systemd.socket(5): LISTEN_PID, LISTEN_FDS). */
bool listener_is_passed(void);

/* Listens at path, or takes the socket that systemd passed. Makes the folder, mode
 * 0700. ERR_BUSY where another agent listens there; ERR_INTERNAL, with the reason in the log. */
MUST_USE int listener_open(const char *path);

/* Calls `client` for each client from now on, which takes the descriptor. */
MUST_USE int listener_start(void (*client)(int fd));

/* Removes the socket, unless systemd owns it. */
void listener_close(void);

#endif
