/* SPDX-License-Identifier: ISC
 *
 * The words of pinentry's windows. Labels are a token's word and are quoted.
 */
#include "prompt_text.h"

#include "cleanup.h"
#include "log.h"
#include "peer.h"

#include <stdio.h>

static const char *tries_text(const struct token *token)
{
	if (token->flags & TOKEN_PIN_FINAL_TRY)
		return "This is the LAST TRY before the PIN locks.";
	if (token->flags & TOKEN_PIN_COUNT_LOW)
		return "A wrong PIN was entered before; few tries are left.";
	return "";
}

static const char *program_text(uint32_t number)
{
	const struct peer *peer = peer_find(number);

	return peer && *peer->program ? log_quote(peer->program) : "a program";
}

static pid_t pid_of(uint32_t number)
{
	const struct peer *peer = peer_find(number);

	return peer ? peer->pid : 0;
}

void prompt_text_login(const struct token *token, uint32_t peer, char *into)
{
	snprintf(into, PROMPT_TEXT_MAX,
		 "Please enter the PIN of the token\n  %s (%s)\nso that %s (process %d) can use its keys.\n%s",
		 log_quote(token->label), log_quote(token->serial), program_text(peer), pid_of(peer),
		 tries_text(token));
}

void prompt_text_use(const struct key *key, uint32_t peer, char *into)
{
	const struct token *token = key->token;
	CLEAN_FREE char *label = view_dup(buf_view(&key->label));

	snprintf(into, PROMPT_TEXT_MAX,
		 "The key\n  %s\non the token\n  %s (%s)\nasks for its PIN at each use.\n"
		 "Enter it to let %s (process %d) use the key once.\n%s",
		 log_quote(label), log_quote(token->label), log_quote(token->serial), program_text(peer),
		 pid_of(peer), tries_text(token));
}

void prompt_text_pin_pad(const struct token *token, char *into)
{
	snprintf(into, PROMPT_TEXT_MAX, "Type the PIN of %s at the reader?\n%s", log_quote(token->label),
		 tries_text(token));
}

void prompt_text_insert(const struct token *token, uint32_t peer, char *into)
{
	snprintf(into, PROMPT_TEXT_MAX, "Please insert the card\n  %s (%s)\nso that %s (process %d) can use its keys.",
		 log_quote(token->label), log_quote(token->serial), program_text(peer), pid_of(peer));
}

void prompt_text_password(uint32_t peer, char *into)
{
	snprintf(into, PROMPT_TEXT_MAX,
		 "Please enter the password of the file with certificates\nthat %s (process %d) imports.\n"
		 "This is not the PIN of a card.",
		 program_text(peer), pid_of(peer));
}
