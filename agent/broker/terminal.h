/* SPDX-License-Identifier: ISC
 *
 * Where a client's person sits, as the client says it. pinentry writes to such a place, reads PINs from it and runs with its
 * names, so that each claim is checked: against the kernel where it can be, by its form where not.
 */
#ifndef SMIME_BROKER_TERMINAL_H
#define SMIME_BROKER_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

/* Each says why the claim is not believed, in words for the log; NULL: it is. `user` is the client's. */

/* The path of a terminal: a device of the tty or pty drivers below /dev, of that user's, and a terminal. */
const char *terminal_doubt_tty(const char *path, uid_t user);

/* DISPLAY: an X server of this machine, ":N" or ":N.SCREEN". With `forwarded` also "localhost:N", where that user listens,
 * as the user's own process of sshd(8) does. */
const char *terminal_doubt_display(const char *display, bool forwarded, uid_t user);

/* WAYLAND_DISPLAY: a socket of that user's below `runtime`, the agent's XDG_RUNTIME_DIR (or NULL). */
const char *terminal_doubt_wayland(const char *name, const char *runtime, uid_t user);

/* XAUTHORITY: a file of that user's. */
const char *terminal_doubt_xauthority(const char *path, uid_t user);

/* A D-Bus address: one socket of this machine. Addresses may also name a program to run. */
const char *terminal_doubt_bus(const char *address);

/* TERM or LC_CTYPE: a name of a few letters, since each becomes part of a path. */
const char *terminal_doubt_name(const char *name);

#endif
