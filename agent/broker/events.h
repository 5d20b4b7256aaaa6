/* SPDX-License-Identifier: ISC
 *
 * Who hears of what: the one place where a lower floor's events meet those above it that act on them.
 */
#ifndef SMIME_BROKER_EVENTS_H
#define SMIME_BROKER_EVENTS_H

/* Fills in the tables of events. To be called once, before anything is started. */
void events_wire(void);

#endif
