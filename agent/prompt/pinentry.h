/* SPDX-License-Identifier: ISC
 *
 * Talking to pinentry. Waits as long as the person does.
 */
#ifndef SMIME_PROMPT_PINENTRY_H
#define SMIME_PROMPT_PINENTRY_H

#include "messages.h"
#include "secret.h"

/* Starts pinentry and asks for one PIN; `question` and `error` may be empty. `repeat`: it has to be
 * typed twice. ERR_CANCELLED; ERR_PINENTRY, with the reason in the log; ERR_TIMEOUT. */
MUST_USE int pinentry_ask(const struct msg_prompt *prompt, struct view question, unsigned int timeout,
			  bool repeat, struct secret **ret_pin);

/* Asks yes or no: 0 or ERR_CANCELLED. */
MUST_USE int pinentry_confirm(const struct msg_prompt *prompt, unsigned int timeout);

#endif
