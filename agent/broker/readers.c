/* SPDX-License-Identifier: ISC
 *
 * Keeps what the watcher sees, and tells what changed.
 */
#include "readers.h"

#include "child.h"
#include "log.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>

#define READERS_MAX 32
#define SLOT_CUT 60
/* A watcher that ended is started again after this, and after twice as long each time. */
#define PAUSE_MS 500
#define PAUSE_LIMIT_MS 60000
/* One that has lived for this long starts with a clean slate. */
#define PEACE_MS 60000
/* Who wants to know waits for so long, where pcscd lets the watcher wait. */
#define KNOWN_MS 3000

static const struct reader_events *events;
static struct child *watcher;
static struct reader *readers;
static struct loop_timer restart;
static uint64_t pause_ms = PAUSE_MS, started;
static enum pcsc_state pcsc_state = PCSC_ABSENT;
static char pcsc_detail[256];

/* Who waits until there is something to tell. */
struct reader_waiter {
	struct reader_waiter *next;
	void (*known)(void *context);
	void *context;
};

static struct reader_waiter *waiting;
static struct loop_timer patience;
static bool is_known;

struct reader *readers_first(void)
{
	return readers;
}

enum pcsc_state readers_pcsc(const char **ret_detail)
{
	*ret_detail = pcsc_detail;
	return pcsc_state;
}

static void become_known(void *context)
{
	(void)context;
	is_known = true;
	loop_timer_clear(&patience);
	while (waiting) {
		struct reader_waiter *first = waiting;

		waiting = first->next;
		first->known(first->context);
		free(first);
	}
}

void readers_when_known(void (*known)(void *context), void *context)
{
	struct reader_waiter *item = is_known ? NULL : calloc(1, sizeof *item), **at = &waiting;

	if (!item) {
		known(context);
		return;
	}
	*item = (struct reader_waiter){NULL, known, context};
	while (*at)
		at = &(*at)->next;
	*at = item;
}

/* Some modules add to the reader's name; a slot's description has 64 bytes, in which a long one is cut. */
static bool is_reader(const char *slot, const char *name)
{
	size_t length = strlen(slot), name_length = strlen(name);

	return (length >= name_length || length >= SLOT_CUT) &&
	       !strncmp(slot, name, length < name_length ? length : name_length);
}

const struct reader *readers_of(const char *slot)
{
	const struct reader *found = NULL;

	/* "Reader 1" also fits the start of "Reader 10": the longest name is meant. */
	for (const struct reader *reader = readers; reader; reader = reader->next)
		if (is_reader(slot, reader->name) &&
		    (!found || strlen(reader->name) > strlen(found->name)))
			found = reader;
	return found;
}

bool reader_has_card(const struct reader *reader)
{
	return reader->state == READER_CARD || reader->state == READER_MUTE;
}

static void reader_free(struct reader *reader)
{
	for (struct reader **at = &readers; *at; at = &(*at)->next)
		if (*at == reader) {
			*at = reader->next;
			break;
		}
	free(reader);
}

static struct reader *get_reader(struct view name)
{
	struct reader *reader, **at = &readers;
	unsigned int count = 0;

	for (; *at; at = &(*at)->next, count++)
		if (view_equal(view_string((*at)->name), name))
			return *at;
	if (name.length >= READER_NAME_MAX || count == READERS_MAX || memchr(name.data, 0, name.length))
		return NULL;
	reader = calloc(1, sizeof *reader);
	if (!reader)
		return NULL;
	memcpy(reader->name, name.data, name.length);
	*at = reader;
	return reader;
}

static int take_reader(const struct msg_reader *message)
{
	struct reader *reader;
	bool had_card, other_card;

	/* An empty name would fit every slot. */
	if (message->atr.length > ATR_MAX || message->state > READER_MUTE || !message->name.length)
		return ERR_PROTOCOL;
	reader = get_reader(message->name);
	if (!reader)
		return 0; /* one too many */
	had_card = reader_has_card(reader);
	/* An insertion may be seen before pcscd has counted it: one step alone is no other card. */
	other_card = had_card && (uint16_t)(message->cards - reader->cards) > 1;
	reader->told = true;
	reader->state = message->state;
	reader->cards = message->cards;
	reader->atr_length = (unsigned int)message->atr.length;
	memcpy(reader->atr, message->atr.data, message->atr.length);
	log_debug("reader %s: state %d, change %u", log_quote(reader->name), (int)reader->state, reader->cards);
	if (other_card || (had_card && !reader_has_card(reader)))
		events->left(reader);
	if (reader_has_card(reader) && (!had_card || other_card))
		events->came(reader);
	if (had_card != reader_has_card(reader) || other_card)
		events->changed(!reader_has_card(reader));
	if (reader->state == READER_GONE)
		reader_free(reader);
	return 0;
}

static void forget_readers(bool told)
{
	for (struct reader *reader = readers, *next; reader; reader = next) {
		next = reader->next;
		if (reader->told && !told)
			continue;
		events->left(reader);
		reader_free(reader);
	}
}

static int take_pcsc(const struct msg_pcsc *message)
{
	static bool was_running;
	bool back = was_running && pcsc_state != PCSC_RUNNING;

	if (message->state > PCSC_LISTED)
		return ERR_PROTOCOL;
	if (message->state == PCSC_LISTED) {
		forget_readers(false);
		become_known(NULL);
		return 0;
	}
	pcsc_state = message->state;
	snprintf(pcsc_detail, sizeof pcsc_detail, "%.*s", (int)message->detail.length, (const char *)message->detail.data);
	if (pcsc_state != PCSC_RUNNING) {
		log_info("pcscd: %s", log_quote(pcsc_detail));
		forget_readers(true);
		become_known(NULL);
		return 0;
	}
	log_info("pcscd is running");
	was_running = true;
	if (back)
		events->service_back();
	else
		events->changed(false); /* a watcher that is new has not seen what happened before */
	return 0;
}

static int hear_watcher(void *context, struct message *message)
{
	struct msg_reader reader;
	struct msg_pcsc pcsc;
	int rc;

	(void)context;
	switch (message->type) {
	case MSG_READER:
		rc = decode_reader(message->payload, &reader);
		return rc ? rc : take_reader(&reader);
	case MSG_PCSC:
		rc = decode_pcsc(message->payload, &pcsc);
		return rc ? rc : take_pcsc(&pcsc);
	default:
		return ERR_PROTOCOL;
	}
}

static void watcher_start(void *context);

static void watcher_gone(void *context)
{
	(void)context;
	watcher = NULL;
	log_error("the card watcher ended");
	become_known(NULL);
	for (struct reader *reader = readers; reader; reader = reader->next)
		reader->told = false; /* cards are not gone with it, and the next one counts on */
	if (loop_now() - started > PEACE_MS)
		pause_ms = PAUSE_MS;
	loop_timer_set(&restart, pause_ms, watcher_start, NULL);
	pause_ms = pause_ms * 2 < PAUSE_LIMIT_MS ? pause_ms * 2 : PAUSE_LIMIT_MS;
}

static void watcher_start(void *context)
{
	struct msg_hello hello = settings_hello();

	(void)context;
	loop_timer_clear(&restart);
	started = loop_now();
	watcher = child_spawn(PROCESS_WATCH, hello, -1, hear_watcher, watcher_gone, NULL);
	if (!watcher)
		watcher_gone(NULL);
}

void readers_start(const struct reader_events *table)
{
	events = table;
	loop_timer_set(&patience, KNOWN_MS, become_known, NULL);
	watcher_start(NULL);
}

void readers_end(void)
{
	become_known(NULL);
	loop_timer_clear(&restart);
	child_kill(TAKE(watcher));
	while (readers)
		reader_free(readers);
}
