/* SPDX-License-Identifier: ISC
 *
 * What follows when an operation failed.
 */
#ifndef SMIME_BROKER_RECOVER_H
#define SMIME_BROKER_RECOVER_H

#include "request.h"

/* Takes the gentlest step that may help, after which the request goes on; false: none is left, the caller
 * finishes it. `unclear`: the module may mean another error. */
bool recover_from(struct request *request, struct key *key, int err, bool unclear);

/* Nothing is left to try: finishes the request, after a moment in which it may turn out that its card was pulled. */
void recover_await_verdict(struct request *request, const struct token *token, int err);
/* That is known now. */
void recover_hurry_verdict(struct request *request);

/* Its module's next process is there, and the card is. Whether it is to be attempted once more. */
bool recover_after_event(struct request *request, const struct token *token);

/* Whether this error is one that the card's removal made of its operation. */
bool recover_is_removal(const struct request *request, const struct key *key, int err);

#endif
