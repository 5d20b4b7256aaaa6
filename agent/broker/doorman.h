/* SPDX-License-Identifier: ISC
 *
 * Clients that no worker serves: none can be started, or the agent was upgraded. They are told so, and can ask for the
 * agent's state, lock it and stop it.
 */
#ifndef SMIME_BROKER_DOORMAN_H
#define SMIME_BROKER_DOORMAN_H

/* Greets the client and answers it until it goes. Takes the descriptor. `why`: an enum err. */
void doorman_take(int fd, int why);

/* How many are there. */
unsigned int doorman_visitors(void);
/* Closes their connections. */
void doorman_end(void);

#endif
