/* SPDX-License-Identifier: ISC
 *
 * It is read before its login begins: nobody waits for a descriptor that is slow.
 */
#include "client_pin.h"

#include "prompt.h"

struct client_pin {
	uint32_t token, peer;
	login_done done;
	void *context;
};

static void got_client_pin(void *context, int err, struct secret *first, struct secret *second)
{
	struct client_pin *given = context;
	struct token *token = keyring_token(given->token);

	secret_free(second);
	if (!err && token) {
		login_with_pin(token, given->peer, first, given->done, given->context);
	} else {
		secret_free(first);
		given->done(given->context, err ? err : ERR_TOKEN_REMOVED);
	}
	free(given);
}

void client_pin_login(struct token *token, uint32_t peer, int pin_fd, login_done done, void *context)
{
	struct client_pin *given = malloc(sizeof *given);
	struct prompt prompt = {.peer = peer, .fd = pin_fd, .title = "", .first = "PIN"};

	if (!given) {
		done(context, ERR_NO_MEMORY);
		return;
	}
	*given = (struct client_pin){token->ref, peer, done, context};
	prompt_ask(&prompt, got_client_pin, given);
}
