/* SPDX-License-Identifier: ISC
 *
 * What `smime status` tells of the agent.
 */
#ifndef SMIME_BROKER_STATUS_H
#define SMIME_BROKER_STATUS_H

#include <time.h>

/* One fact, as in "pid", "4711". Both are valid during the call. */
typedef void (*status_note)(void *context, const char *name, const char *value);

/* The socket's path, which is borrowed, and when the agent started. */
void status_describe(const char *socket, time_t started);

/* Tells every fact; first `problem`, an enum err, unless it is 0. */
void status_tell(int problem, status_note note, void *context);

#endif
