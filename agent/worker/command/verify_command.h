/* SPDX-License-Identifier: ISC
 *
 * The command VERIFY (docs/PROTOCOL.md).
 */
#ifndef SMIME_WORKER_VERIFY_COMMAND_H
#define SMIME_WORKER_VERIFY_COMMAND_H

#include "error.h"

/* Status lines as gpgsm's; the report, if it is asked for, as data. 0 where all is good, else the error of
 * layer_list_verdict, or of what went wrong. */
MUST_USE int command_verify(char *line);

#endif
