/* SPDX-License-Identifier: ISC
 *
 * What follows when a card comes or goes, and when pcscd does: a card that came is looked for, one that went is forgotten at
 * once, whether or not its module has noticed.
 */
#ifndef SMIME_BROKER_CARDS_H
#define SMIME_BROKER_CARDS_H

#include "readers.h"

/* For readers_start. */
extern const struct reader_events cards_reader_events;

#endif
