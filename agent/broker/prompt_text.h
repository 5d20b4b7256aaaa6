/* SPDX-License-Identifier: ISC
 *
 * What a person is asked, in words: which token or key, for which program, and what is at stake.
 */
#ifndef SMIME_BROKER_PROMPT_TEXT_H
#define SMIME_BROKER_PROMPT_TEXT_H

#include "keyring.h"

#define PROMPT_TEXT_MAX 1000

/* Each writes a question of at most PROMPT_TEXT_MAX bytes, with its NUL. `peer` is who causes it. */
void prompt_text_login(const struct token *token, uint32_t peer, char *into);
void prompt_text_use(const struct key *key, uint32_t peer, char *into);
void prompt_text_pin_pad(const struct token *token, char *into);
void prompt_text_insert(const struct token *token, uint32_t peer, char *into);
/* Of a file with certificates; not a PIN. */
void prompt_text_password(uint32_t peer, char *into);

#endif
