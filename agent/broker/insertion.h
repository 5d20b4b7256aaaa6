/* SPDX-License-Identifier: ISC
 *
 * Asking for a card that is not there: "insert the card", until it comes, somebody cancels, or the
 * time is over.
 */
#ifndef SMIME_BROKER_INSERTION_H
#define SMIME_BROKER_INSERTION_H

#include "keyring.h"

typedef void (*insertion_done)(void *context, int err);

/* Asks the peer's person for the token, which is absent. Always calls `done`, once, later or at
 * once: 0, it is there; ERR_CANCELLED; ERR_TOKEN_REMOVED after the configured time, or at once where
 * nobody can be asked. */
void insertion_ask(const struct token *token, uint32_t peer, insertion_done done, void *context);

/* Tokens may have come: those who wait for them go on. */
void insertions_check(void);

#endif
