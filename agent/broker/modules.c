/* SPDX-License-Identifier: ISC
 *
 * Which modules there are, from the configuration or from p11-kit, and the list of their hosts.
 */
#include "modules.h"

#include "keyring.h"
#include "log.h"
#include "peer.h"
#include "settings.h"

#include <string.h>

#define TOKEN_PROCESSES_MAX 64
/* p11-kit loads every module to name them. */
#define LISTING_TIMEOUT_MS 30000
/* Modules of which no reader tells anything are looked at this often, while a program is connected. */
#define SLOW_LOOK_MS 60000

struct waiting {
	struct waiting *next;
	bool patient;
	void (*settled)(void *context);
	void *context;
};

static struct waiting *waiting;
static struct child *lister; /* asks p11-kit for its modules */
static struct loop_timer listing, slow_look;
static struct loop_event check_event;

/* Whether there is nothing to wait for: a token process that is down is started again. */
static bool is_process_settled(const struct token_process *process, bool patient)
{
	switch (process->state) {
	case TOKEN_PROCESS_DOWN:
		return process->late;
	case TOKEN_PROCESS_STARTING:
		return process->late && !patient;
	case TOKEN_PROCESS_READY:
	case TOKEN_PROCESS_FAILED:
		break;
	}
	return true;
}

static bool is_settled(bool patient)
{
	if (lister)
		return false;
	for (const struct token_process *process = token_process_first(); process; process = process->next)
		if (!is_process_settled(process, patient))
			return false;
	return true;
}

static void check_settled(void *context)
{
	(void)context;
	/* Who goes on may change everything, so the list is walked from its start each time. */
	for (struct waiting **at = &waiting; *at;) {
		struct waiting *item = *at;

		if (!is_settled(item->patient)) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		item->settled(item->context);
		free(item);
		at = &waiting;
	}
}

void modules_check_settled(void)
{
	loop_post(&check_event, check_settled, NULL);
}

int modules_when_settled(void (*settled)(void *context), void *context, bool patient)
{
	struct waiting *item = calloc(1, sizeof *item), **at = &waiting;

	if (!item)
		return ERR_NO_MEMORY;
	*item = (struct waiting){NULL, patient, settled, context};
	while (*at)
		at = &(*at)->next;
	*at = item;
	modules_check_settled();
	return 0;
}

static void look_slowly(void *context)
{
	(void)context;
	loop_timer_set(&slow_look, SLOW_LOOK_MS, look_slowly, NULL);
	for (struct token_process *process = token_process_first(); process && peers_serving(); process = process->next)
		if (process->state == TOKEN_PROCESS_READY &&
		    (keyring_has_readerless(process->number) || !keyring_has_present(process->number)))
			token_process_notice(process, false);
}

/* One that is there already goes on undisturbed. */
static void add_module(const char *name, const char *path)
{
	struct token_process *process = token_process_first();

	while (process && (strcmp(process->name, name) || strcmp(process->path, path)))
		process = process->next;
	process = process ? process : token_process_add(name, path);
	if (process)
		token_process_want(process, true);
}

static void remove_unwanted(void)
{
	for (struct token_process *process = token_process_first(), *next; process; process = next) {
		next = process->next;
		if (!process->wanted)
			token_process_free(process);
	}
	peers_keys_changed();
	modules_check_settled();
}

static void listing_done(void)
{
	loop_timer_clear(&listing);
	child_kill(TAKE(lister));
	remove_unwanted();
}

/* The modules that are there go on. */
static void listing_failed(void)
{
	loop_timer_clear(&listing);
	child_kill(TAKE(lister));
	log_error("p11-kit's modules could not be listed; name them with `module` lines instead");
	modules_check_settled();
}

static void listing_timed_out(void *context)
{
	(void)context;
	listing_failed();
}

static int hear_lister(void *context, struct message *message)
{
	CLEAN_FREE char *name = NULL;
	CLEAN_FREE char *path = NULL;
	struct msg_module module;
	struct msg_result result;
	int rc;

	(void)context;
	if (message->type == MSG_RESULT) {
		rc = decode_result(message->payload, &result);
		if (rc)
			return rc;
		if (result.error)
			listing_failed();
		else
			listing_done();
		return 0;
	}
	rc = message->type == MSG_MODULE ? decode_module(message->payload, &module) : ERR_PROTOCOL;
	if (rc)
		return rc;
	name = view_dup(module.name);
	path = view_dup(module.path);
	if (name && path)
		add_module(name, path);
	return 0;
}

static void lister_gone(void *context)
{
	(void)context;
	lister = NULL;
	listing_failed();
}

void modules_configure(const struct config *config)
{
	static const struct msg_nothing nothing;
	struct msg_hello hello = settings_hello();

	child_kill(TAKE(lister));
	loop_timer_set(&slow_look, SLOW_LOOK_MS, look_slowly, NULL);
	for (struct token_process *process = token_process_first(); process; process = process->next)
		token_process_want(process, false);
	if (config->modules) {
		for (const struct config_list *item = config->modules; item; item = item->next)
			add_module(item->value, item->value);
		remove_unwanted();
		return;
	}
	lister = child_spawn(PROCESS_TOKEN, hello, -1, hear_lister, lister_gone, NULL);
	if (!lister) {
		listing_failed();
		return;
	}
	loop_timer_set(&listing, LISTING_TIMEOUT_MS, listing_timed_out, NULL);
	child_send(lister, MODULES, 1, &nothing, -1);
}

void modules_end(void)
{
	loop_timer_clear(&slow_look);
	while (token_process_first())
		token_process_free(token_process_first());
}
