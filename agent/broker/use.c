/* SPDX-License-Identifier: ISC
 *
 * The PIN of a key that asks for it each time.
 */
#include "use.h"

#include "pincache.h"
#include "prompt.h"
#include "question.h"

#include <fcntl.h>

struct use {
	uint32_t key;
	use_pin_done done;
	void *context;
};

static void got_use_pin(void *context, int err, struct secret *first, struct secret *second)
{
	struct use *use = context;
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

void use_ask_pin(const struct key *key, uint32_t peer, int pin_fd, int last_err, use_pin_done done,
		       void *context)
{
	const struct token *token = key->token;
	CLEAN_FD int fd = open_pin(token, pin_fd, last_err);
	struct use *use = calloc(1, sizeof *use);
	char text[QUESTION_MAX];
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
	*use = (struct use){key->ref, done, context};
	question_use(key, peer, text);
	prompt_ask(&prompt, got_use_pin, use);
}
