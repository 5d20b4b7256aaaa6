/* SPDX-License-Identifier: ISC
 *
 * KEYS, TOKENS, STATUS and DIAGNOSE (docs/PROTOCOL.md): lists, sent as data.
 */
#ifndef SMIME_WORKER_REPORT_COMMAND_H
#define SMIME_WORKER_REPORT_COMMAND_H

#include "error.h"

MUST_USE int command_keys(char *line);
MUST_USE int command_tokens(char *line);
MUST_USE int command_status(char *line);
MUST_USE int command_diagnose(char *line);

#endif
