/* SPDX-License-Identifier: ISC
 *
 * The token processes that there are to be.
 */
#ifndef SMIME_BROKER_MODULES_H
#define SMIME_BROKER_MODULES_H

#include "config.h"
#include "token_process.h"

/* Asks p11-kit, through a process of its own, or the configuration for the modules, and starts
 * their token processes. May be called again: token processes that are still wanted go on undisturbed. */
void modules_configure(const struct config *config);

/* Calls back from the loop once every token process has had its first look, or cannot have it; several may wait. One that takes very
 * long is waited for only by those who are patient. ERR_NO_MEMORY: then it does not call. */
MUST_USE int modules_when_settled(void (*settled)(void *context), void *context, bool patient);
/* A token process's state changed: those who wait may go on. */
void modules_check_settled(void);

void modules_end(void);

#endif
