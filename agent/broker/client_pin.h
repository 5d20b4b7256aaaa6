/* SPDX-License-Identifier: ISC
 *
 * A client's own PIN, from a descriptor of its.
 */
#ifndef SMIME_BROKER_CLIENT_PIN_H
#define SMIME_BROKER_CLIENT_PIN_H

#include "login.h"

/* Reads a line from the descriptor, which stays the caller's, and logs in with it. Calls `done` as login_token
 * does. */
void client_pin_login(struct token *token, uint32_t peer, int pin_fd, login_done done, void *context);

#endif
