/* SPDX-License-Identifier: ISC
 *
 * The command CERTS: other people's certificates.
 */
#ifndef SMIME_WORKER_CERTS_COMMAND_H
#define SMIME_WORKER_CERTS_COMMAND_H

#include "error.h"

MUST_USE int command_certs(char *line);

#endif
