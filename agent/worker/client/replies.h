/* SPDX-License-Identifier: ISC
 *
 * What libassuan writes to the client, collected: it writes each line by itself, and each would wake
 * the client. They leave together, once the worker has nothing more to read.
 */
#ifndef SMIME_WORKER_REPLIES_H
#define SMIME_WORKER_REPLIES_H

#include "error.h"

#include <assuan.h>

/* Has the context read and write through here. Before it is given its socket. */
void replies_attach(assuan_context_t context);

/* From now on the client is told "S KEYS_CHANGED" as soon as keys changed, also while it asks nothing. */
void replies_tell_changes(void);

/* A request was answered: where the agent is about to end, the client is told so, and no more is read of it. */
void replies_request_done(void);

/* Sends what was collected, for a line that the client is to see now, and at the end. ERR_CLOSED. */
MUST_USE int replies_flush(void);

#endif
