/* SPDX-License-Identifier: ISC
 *
 * The command VERIFY.
 */
#ifndef SMIME_WORKER_VERIFY_COMMAND_H
#define SMIME_WORKER_VERIFY_COMMAND_H

#include "error.h"

#include <stdbool.h>

/* [--mail] [--report|--json] [--at=TIME] [--crl-check]: verifies INPUT, with the content in MESSAGE. Status
 * lines as gpgsm's; the report, if it is asked for, as data. 0 where all is good, else the error of
 * layer_list_verdict, or of what went wrong. */
MUST_USE int command_verify(char *line);

/* Whether the last one had a signature to tell of in status lines. */
bool verify_told(void);

#endif
