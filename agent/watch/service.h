/* SPDX-License-Identifier: ISC
 *
 * Whether pcscd is there to be asked, without asking it time and again: its socket's folder says.
 */
#ifndef SMIME_WATCH_SERVICE_H
#define SMIME_WATCH_SERVICE_H

/* Watches for pcscd's socket from now on; to be called before each attempt to reach pcscd, so that
 * a socket that comes between the attempt and the wait is not missed. */
void service_watch(void);

/* pcscd was there: attempts are worth while for some seconds. */
void service_lost(void);

/* Returns when another attempt is worth while: the socket may have come, or a minute has gone by. */
void service_wait(void);

#endif
