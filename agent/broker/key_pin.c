/* SPDX-License-Identifier: ISC
 *
 * The PIN of a key that asks for it each time.
 */
#include "key_pin.h"

#include "pincache.h"
#include "prompt.h"
#include "prompt_text.h"

#include <fcntl.h>

struct key_pin {
	uint32_t key;
	key_pin_done done;
	void *context;
};

static void got_key_pin(void *context, int err, struct secret *first, struct secret *second)
{
	struct key_pin *use = context;
	const struct key *key = keyring_key(use->key);

	secret_free(second);
	if (!err && key && pincache_is_refused_key(key, first)) {
		secret_free(TAKE(first));
		err = ERR_PIN_WRONG;
	}
	use->done(use->context, err, first);
	free(use);
}

static int open_pin(const struct token *token, int pin_fd, int last_err)
{
	if (pin_fd >= 0)
		return fcntl(pin_fd, F_DUPFD_CLOEXEC, 0);
	return last_err || (token->flags & TOKEN_PIN_FINAL_TRY) ? -1 : pincache_open_source(token);
}

void key_pin_ask(const struct key *key, uint32_t peer, int pin_fd, int last_err, key_pin_done done,
		       void *context)
{
	const struct token *token = key->token;
	CLEAN_FD int fd = open_pin(token, pin_fd, last_err);
	struct key_pin *use = calloc(1, sizeof *use);
	char text[PROMPT_TEXT_MAX];
	struct prompt prompt = {.peer = peer,
				.fd = fd,
				.title = "PIN",
				.first = text,
				.error = last_err && pincache_key_has_refused(key) ? "Wrong PIN. Try again." : NULL};

	if (!use || (token->flags & TOKEN_PROTECTED_PATH)) {
		free(use);
		done(context, use ? 0 : ERR_NO_MEMORY, NULL);
		return;
	}
	*use = (struct key_pin){key->ref, done, context};
	prompt_text_use(key, peer, text);
	prompt_ask(&prompt, got_key_pin, use);
}
