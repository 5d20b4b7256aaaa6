/* SPDX-License-Identifier: ISC
 *
 * Asks, and passes on. Nothing is kept.
 */
#include "password.h"

#include "prompt.h"
#include "prompt_text.h"

struct asked {
	uint32_t peer, id;
};

static void got_password(void *context, int err, struct secret *first, struct secret *second)
{
	struct asked *asked = context;
	struct msg_result result = {.error = (uint32_t)-err};

	if (first)
		result.data = (struct view){first->data, first->length};
	peer_reply_result(asked->peer, asked->id, &result);
	secret_free(first);
	secret_free(second);
	free(asked);
}

int password_answer(struct peer *peer, struct message *message)
{
	struct asked *asked = malloc(sizeof *asked);
	char text[PROMPT_TEXT_MAX];
	struct msg_password request;
	struct prompt prompt = {.peer = peer->number, .fd = message->fd, .title = "Password of a file", .first = text, .password = true};

	int rc = asked ? decode_password(message->payload, &request) : ERR_NO_MEMORY;

	if (rc) {
		free(asked);
		return rc;
	}
	prompt.error = request.again ? "Wrong password. Try again." : NULL;
	*asked = (struct asked){peer->number, message->id};
	prompt_text_password(peer->number, text);
	prompt_ask(&prompt, got_password, asked);
	return 0;
}
