/* SPDX-License-Identifier: ISC
 *
 * `smime token ...`: gets the PINs and starts smime-agent-admin for one task.
 */
#ifndef SMIME_BROKER_ADMIN_H
#define SMIME_BROKER_ADMIN_H

#include "peer.h"

/* Takes ADMIN from a worker; its descriptor, if any, is where the PINs come from: those that the
 * verb needs, a line each (INIT: SO PIN, user PIN; CHANGE_PIN: old, new; else the user PIN). */
MUST_USE int answer_admin(struct peer *peer, struct message *message);

/* The client went: its task is ended. */
void admin_peer_gone(uint32_t peer);

#endif
