/* SPDX-License-Identifier: ISC
 *
 * The way to the certificate store. The store is a process of its own, since a database waits for disks
 * and for others' locks, and the broker may not wait; and since its file may be damaged.
 */
#ifndef SMIME_BROKER_CERTIFICATE_STORE_H
#define SMIME_BROKER_CERTIFICATE_STORE_H

#include "peer.h"

/* Takes STORE_FIND, STORE_ADD, STORE_REMOVE, CRL_ADD or CRL_FIND from a worker; its rows and RESULT
 * follow. ERR_NO_MEMORY. */
MUST_USE int certificate_store_answer(struct peer *peer, struct message *message);

/* Starts the store's process, or moves it to the file that is now configured. */
void certificate_store_configure(void);

/* For STATUS: the store's file, and what is wrong with it (NULL: nothing). */
const char *certificate_store_path(void);
const char *certificate_store_problem(void);

/* The file of trust anchors, opened for a worker; -1 where it cannot be read, which is logged. */
int certificate_store_open_anchors(void);

void certificate_store_end(void);

#endif
