/* SPDX-License-Identifier: ISC
 *
 * The token hosts that there are to be.
 */
#ifndef SMIME_BROKER_HOSTS_H
#define SMIME_BROKER_HOSTS_H

#include "config.h"
#include "host.h"

/* Asks p11-kit, through a process of its own, or the configuration for the modules, and starts
 * their hosts. May be called again: hosts that are still wanted go on undisturbed. */
void hosts_configure(const struct config *config);

/* Calls back from the loop once every host has had its first look, or cannot have it; several may wait. One that takes very
 * long is waited for only by those who are patient. ERR_NO_MEMORY: then it does not call. */
MUST_USE int hosts_when_settled(void (*settled)(void *context), void *context, bool patient);
/* A host's state changed: those who wait may go on. */
void hosts_check_settled(void);

void hosts_end(void);

#endif
