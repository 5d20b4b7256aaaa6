/* SPDX-License-Identifier: ISC
 *
 * The list of keys follows the card at once. What is going on with the card has a moment to end by itself.
 */
#include "cards.h"

#include "token_process.h"
#include "key_operation.h"
#include "keyring.h"
#include "log.h"
#include "login.h"
#include "peer.h"
#include "pincache.h"

static void token_left(struct token *token, const struct reader *reader)
{
	struct token_process *process = token_process_find(token->process);

	log_info("token %s: removed from reader %s", log_quote(token->label), log_quote(reader->name));
	if (process)
		token_process_token_left(process, token->ref);
	keyring_pull(token);
	login_token_left(token);
	key_operations_token_left(token);
}

static void card_left(const struct reader *reader)
{
	bool changed = false;

	for (struct token *token = keyring_tokens(); token; token = token->next)
		if (token->process_ref && keyring_reader(token) == reader) {
			token_left(token, reader);
			changed = true;
		}
	if (!changed)
		return;
	pincache_check();
	peers_keys_changed();
}

/* Whatever its modules failed at with the card before. */
static void card_came(const struct reader *reader)
{
	for (struct token_process *process = token_process_first(); process; process = process->next)
		token_process_forgive(process);
	keyring_reader_filled(reader);
}

static void look_everywhere(bool removed)
{
	for (struct token_process *process = token_process_first(); process; process = process->next)
		token_process_notice(process, removed);
}

/* A module that had a connection to the pcscd of before does not get over its end (OpenSC). */
static void restart_card_modules(void)
{
	for (struct token_process *process = token_process_first(); process; process = process->next)
		if (!keyring_has_readerless(process->number))
			token_process_restart(process);
}

const struct reader_events cards_reader_events = {
	.left = card_left,
	.came = card_came,
	.changed = look_everywhere,
	.service_back = restart_card_modules,
};
