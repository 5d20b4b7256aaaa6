/* SPDX-License-Identifier: ISC
 *
 * One question for each program that waits; prompt.c puts them one after the other. The question
 * goes away by itself when the card comes.
 */
#include "insertion.h"

#include "peer.h"
#include "prompt.h"
#include "prompt_text.h"
#include "settings.h"

/* Of saying that it is there, and it is not. */
#define ASK_MAX 10

struct insertion {
	struct insertion *next;
	uint32_t token, peer;
	unsigned int asked;
	struct loop_timer limit;
	insertion_done done;
	void *context;
};

static struct insertion *insertions;

static void insertion_finish(struct insertion *insertion, int err)
{
	insertion_done done = insertion->done;
	void *context = insertion->context;

	for (struct insertion **at = &insertions; *at; at = &(*at)->next)
		if (*at == insertion) {
			*at = insertion->next;
			break;
		}
	loop_timer_clear(&insertion->limit);
	prompt_withdraw(insertion);
	free(insertion);
	done(context, err);
}

static void ask_for_card(struct insertion *insertion, const char *error);

static void person_answered(void *context, int err, struct secret *first, struct secret *second)
{
	struct insertion *insertion = context;
	const struct token *token = keyring_token(insertion->token);

	secret_free(first);
	secret_free(second);
	if (!token)
		insertion_finish(insertion, ERR_TOKEN_REMOVED);
	else if (err || (keyring_is_absent(token) && insertion->asked >= ASK_MAX))
		insertion_finish(insertion, err == ERR_CANCELLED ? err : ERR_TOKEN_REMOVED);
	else if (keyring_is_absent(token))
		ask_for_card(insertion, "It is not there yet.");
	else
		insertion_finish(insertion, 0);
}

static void ask_for_card(struct insertion *insertion, const char *error)
{
	const struct token *token = keyring_token(insertion->token);
	char text[PROMPT_TEXT_MAX];
	struct prompt prompt = {.peer = insertion->peer, .fd = -1, .title = "Card", .first = text,
				.error = error, .confirm = true};

	prompt_text_insert(token, insertion->peer, text);
	insertion->asked++;
	prompt_ask(&prompt, person_answered, insertion);
}

static void time_over(void *context)
{
	insertion_finish(context, ERR_TOKEN_REMOVED);
}

void insertion_ask(const struct token *token, uint32_t peer, insertion_done done, void *context)
{
	struct insertion *insertion = peer_attended(peer) ? calloc(1, sizeof *insertion) : NULL;

	if (!insertion) {
		done(context, ERR_TOKEN_REMOVED);
		return;
	}
	*insertion = (struct insertion){
		.next = insertions, .token = token->ref, .peer = peer, .done = done, .context = context};
	insertions = insertion;
	loop_timer_set(&insertion->limit, (uint64_t)settings()->prompt_timeout * 1000, time_over, insertion);
	ask_for_card(insertion, NULL);
}

void insertions_check(void)
{
	/* insertion_finish() may start anything, so the list is walked from its start each time. */
	for (struct insertion *insertion = insertions; insertion;) {
		const struct token *token = keyring_token(insertion->token);

		if (token && keyring_is_absent(token)) {
			insertion = insertion->next;
			continue;
		}
		insertion_finish(insertion, token ? 0 : ERR_TOKEN_REMOVED);
		insertion = insertions;
	}
}
