/* SPDX-License-Identifier: ISC
 *
 * The socket protocol (docs/PROTOCOL.md), spoken with one client over libassuan.
 */
#ifndef SMIME_WORKER_REQUEST_H
#define SMIME_WORKER_REQUEST_H

#include "messages.h"


/* Serves the connection (owned) until the client goes. */
MUST_USE int request_serve(int fd);

#endif
