/* SPDX-License-Identifier: ISC
 *
 * Locked is locked: a module that does not log out is ended. So is one that holds a card and nothing else that is open: many
 * (OpenSC and ykcs11 with PIV) send the card nothing at a logout, so that it stays open for other programs until it is let
 * go of.
 */
#include "lock.h"

#include "token_process.h"
#include "log.h"
#include "pincache.h"

#define LOGOUT_TIMEOUT_MS 10000

static bool in_use(const struct token_process *process)
{
	for (const struct token *token = keyring_tokens(); token; token = token->next)
		if (token->process == process->number && (token->flags & TOKEN_LOGGED_IN))
			return true;
	return process->calls;
}

static void logged_out(void *context, int err, const struct outcome *outcome)
{
	const struct token *token = keyring_token((uint32_t)(uintptr_t)context);
	struct token_process *process = token ? token_process_find(token->process) : NULL;

	if (!outcome->result || !process)
		return;
	if (err)
		log_warn("token %s: logging out failed: %s", log_quote(token->label), error_text(err));
	if (err || (keyring_reader(token) && !in_use(process)))
		token_process_restart(process);
}

static void log_out(struct token *token)
{
	struct token_process *process = token_process_find(token->process);
	struct msg_token_ref message = {token->process_ref};
	uint32_t id;

	if (!(token->flags & TOKEN_LOGGED_IN) || !token->process_ref || !process)
		return;
	keyring_set_login(token, false);
	id = token_process_expect(process, CALL_PLAIN, token->ref, LOGOUT_TIMEOUT_MS, logged_out,
			 (void *)(uintptr_t)token->ref);
	if (id)
		child_send(process->child, LOGOUT, id, &message, -1);
}

void lock_token(struct token *token)
{
	pincache_lock(token);
	log_out(token);
}

void lock_all(void)
{
	for (struct token *token = keyring_tokens(); token; token = token->next)
		lock_token(token);
}

void lock_expired(uint32_t ref)
{
	struct token *token = keyring_token(ref);

	if (!token)
		return;
	log_info("token %s: locked, its PIN's time is over", log_quote(token->label));
	lock_token(token);
}
