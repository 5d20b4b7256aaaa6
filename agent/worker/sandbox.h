/* SPDX-License-Identifier: ISC
 *
 * The worker's sandbox: it reads and writes the descriptors it was handed, and nothing else.
 */
#ifndef SMIME_WORKER_SANDBOX_H
#define SMIME_WORKER_SANDBOX_H

#include "error.h"

/* Enters it, for good. Any step that fails is ERR_INTERNAL, with the reason in the log: then end.
 * A kernel without Landlock is told in the log; seccomp refuses the same calls. */
MUST_USE int sandbox_enter(void);

#endif
