/* SPDX-License-Identifier: ISC
 *
 * Talking to pinentry. Waits as long as the person does.
 */
#ifndef SMIME_PROMPT_PINENTRY_H
#define SMIME_PROMPT_PINENTRY_H

#include "cleanup.h"
#include "messages.h"
#include "secret.h"

struct assuan_context_s;

/* Starts a pinentry where the prompt says that the person sits. pinentry_end is the caller's. ERR_PINENTRY, with the
 * reason in the log; ERR_NO_MEMORY. */
MUST_USE int pinentry_start(const struct msg_prompt *prompt, struct assuan_context_s **ret_pinentry);
/* NULL is fine. */
void pinentry_end(struct assuan_context_s *pinentry);
static inline void clean_pinentry(struct assuan_context_s **pinentry)
{
	pinentry_end(*pinentry);
}
#define CLEAN_PINENTRY CLEANUP(clean_pinentry)

/* Asks for one PIN; `question` and the prompt's error may be empty. `timeout` in seconds. `repeat`: it has to be typed
 * twice. ERR_CANCELLED; ERR_PINENTRY, with the reason in the log; ERR_TIMEOUT. */
MUST_USE int pinentry_ask(struct assuan_context_s *pinentry, const struct msg_prompt *prompt, struct view question,
			  unsigned int timeout, bool repeat, struct secret **ret_pin);

/* Asks yes or no: 0 or ERR_CANCELLED. */
MUST_USE int pinentry_confirm(struct assuan_context_s *pinentry, const struct msg_prompt *prompt, unsigned int timeout);

#endif
