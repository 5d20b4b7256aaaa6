/* SPDX-License-Identifier: ISC
 *
 * The password of a file that a client imports. It is no PIN, and the one secret that a worker sees: the
 * file is decrypted there.
 */
#ifndef SMIME_BROKER_PASSWORD_H
#define SMIME_BROKER_PASSWORD_H

#include "peer.h"

/* Takes PASSWORD from a worker; its RESULT follows. */
MUST_USE int password_answer(struct peer *peer, struct message *message);

#endif
