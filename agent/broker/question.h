/* SPDX-License-Identifier: ISC
 *
 * What a person is asked, in words: which token or key, for which program, and what is at stake.
 */
#ifndef SMIME_BROKER_QUESTION_H
#define SMIME_BROKER_QUESTION_H

#include "keyring.h"

#define QUESTION_MAX 1000

/* Each writes a question of at most QUESTION_MAX bytes, with its NUL. `peer` is who causes it. */
void question_login(const struct token *token, uint32_t peer, char *into);
void question_use(const struct key *key, uint32_t peer, char *into);
void question_pin_pad(const struct token *token, char *into);
void question_insert(const struct token *token, uint32_t peer, char *into);
/* Of a file with certificates; not a PIN. */
void question_password(uint32_t peer, char *into);

#endif
