/* SPDX-License-Identifier: ISC
 *
 * A table: of the rows for an error, the first whose condition is true has the step. An error without a row is final.
 */
#include "recover.h"

static bool always(const struct failure *failure)
{
	(void)failure;
	return true;
}

static bool may_repeat(const struct failure *failure)
{
	return failure->attempts < ATTEMPTS_MAX;
}

static bool may_ask(const struct failure *failure)
{
	return !failure->pin_sent && failure->asked < ASK_MAX;
}

static bool may_ask_again(const struct failure *failure)
{
	return !failure->pin_given && failure->asked < ASK_MAX;
}

static bool is_news(const struct failure *failure)
{
	return !failure->told && may_ask_again(failure);
}

static bool may_read_again(const struct failure *failure)
{
	return failure->token_unread || failure->token_in_reader;
}

static bool is_present(const struct failure *failure)
{
	return !failure->token_absent;
}

static bool may_repeat_present(const struct failure *failure)
{
	return is_present(failure) && may_repeat(failure);
}

static const struct row {
	int err;
	bool (*fits)(const struct failure *failure);
	enum step step;
} rows[] = {
	{ERR_PIN_NEEDED, may_ask, STEP_ASK_PIN},
	{ERR_PIN_WRONG, may_ask_again, STEP_LOOK}, /* how many tries are left, before the person is asked again */
	{ERR_PIN_LAST_TRY, is_news, STEP_LOOK},	   /* the PIN was not sent, and the person is asked again */
	{ERR_NOT_LOGGED_IN, may_repeat, STEP_AGAIN},
	{ERR_NOT_LOGGED_IN, always, STEP_AWAIT}, /* the module logged in, and knows nothing of it */
	{ERR_KEY_STALE, may_repeat, STEP_LOOK_DEEP},
	{ERR_KEY_STALE, may_read_again, STEP_AWAIT},
	{ERR_TOKEN_CRASHED, may_repeat, STEP_AGAIN},
	{ERR_TOKEN, may_repeat_present, STEP_LOOK},
	{ERR_TOKEN, is_present, STEP_AWAIT},
	/* The card was pulled, or is back; or another program reset it. */
	{ERR_TOKEN_REMOVED, may_repeat_present, STEP_LOOK},
	{ERR_TOKEN_REMOVED, is_present, STEP_AWAIT},
};

enum step recover_step(const struct failure *failure)
{
	for (size_t i = 0; failure->token_known && i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].err == failure->err && rows[i].fits(failure))
			return rows[i].step;
	return STEP_FINISH;
}

/* A module may call a removal a failure like any other (ykcs11), or notice what it lost with the card first. */
bool recover_is_removal(int err, const struct sight *began, const struct sight *now)
{
	if (err != ERR_TOKEN && err != ERR_KEY_STALE && err != ERR_NOT_LOGGED_IN)
		return false;
	return now->removals != began->removals || (now->absent && err != ERR_NOT_LOGGED_IN);
}

/* pcscd takes the card's power when it notices it, perhaps in the middle of what a module does that was quicker, or
 * after it; ykcs11 then needs a new process. That is no failure of the operation's. */
bool recover_after_event(const struct sight *began, const struct sight *now)
{
	return !now->absent && now->removals == began->removals && now->cards != began->cards;
}
