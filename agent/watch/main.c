/* SPDX-License-Identifier: ISC
 *
 * smime-agent-watch: tells the broker which readers there are and whether they hold a card, as
 * pcscd says it, the moment that changes. Must never touch a card: it connects to none. Trusts the
 * broker; what pcscd says is taken down, and acted on by others.
 */
#include "channel.h"
#include "log.h"
#include "sandbox.h"
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winscard.h>

/* pcscd has 16 at most. */
#define READERS_MAX 32
/* A pseudo reader: stands for readers that come and go. */
#define NOTIFICATION "\\\\?PnP?\\Notification"
/* A reader that comes between the list and the wait is no event: the list is had again by then. */
#define RELIST_MS 30000
/* An event may be followed by another at once; until things settle the list is had again soon. */
#define SETTLE_MS 300

struct reader {
	char name[MAX_READERNAME];
	DWORD state; /* as pcscd said it last */
	bool listed;
};

static struct channel *channel;
static struct reader readers[READERS_MAX];
static unsigned int reader_count;

static void end_if_failed(int rc)
{
	if (rc)
		_exit(0); /* the broker is gone; destructors could ask for what the sandbox forbids */
}

static void tell_service(enum pcsc_state state, const char *detail)
{
	struct msg_pcsc message = {(uint8_t)state, view_string(detail)};

	end_if_failed(send_PCSC(channel, 0, &message, -1));
}

static enum reader_state state_of(DWORD state)
{
	if (state & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE))
		return READER_GONE;
	if (!(state & SCARD_STATE_PRESENT))
		return READER_EMPTY;
	return state & SCARD_STATE_MUTE ? READER_MUTE : READER_CARD;
}

static void tell_reader(const struct reader *reader, enum reader_state state, struct view atr)
{
	struct msg_reader message = {view_string(reader->name), (uint8_t)state,
				     (uint16_t)(reader->state >> 16), atr};

	end_if_failed(send_READER(channel, 0, &message, -1));
}

static struct reader *find_reader(const char *name)
{
	for (unsigned int i = 0; i < reader_count; i++)
		if (!strcmp(readers[i].name, name))
			return &readers[i];
	return NULL;
}

static void forget_unlisted(void)
{
	static const struct view none;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < reader_count; i++) {
		if (readers[i].listed)
			readers[kept++] = readers[i];
		else
			tell_reader(&readers[i], READER_GONE, none);
	}
	reader_count = kept;
}

/* Names, each ended with a NUL, and a NUL. */
static LONG list_readers(SCARDCONTEXT context)
{
	char names[READERS_MAX * MAX_READERNAME] = "";
	DWORD size = sizeof names - 1;
	LONG rv = SCardListReaders(context, NULL, names, &size);

	if (rv != SCARD_S_SUCCESS && rv != SCARD_E_NO_READERS_AVAILABLE)
		return rv;
	for (unsigned int i = 0; i < reader_count; i++)
		readers[i].listed = false;
	for (const char *name = names; rv == SCARD_S_SUCCESS && *name; name += strlen(name) + 1) {
		struct reader *reader = find_reader(name);

		if (!reader && reader_count < READERS_MAX) {
			reader = &readers[reader_count++];
			*reader = (struct reader){.state = SCARD_STATE_UNAWARE};
			snprintf(reader->name, sizeof reader->name, "%.*s", MAX_READERNAME - 1, name);
		}
		if (reader)
			reader->listed = true;
	}
	forget_unlisted();
	return SCARD_S_SUCCESS;
}

/* Waits for a change, and tells of it. */
static LONG wait_for_change(SCARDCONTEXT context, DWORD timeout_ms, bool *ret_changed)
{
	SCARD_READERSTATE states[READERS_MAX + 1] = {{0}};
	LONG rv;

	for (unsigned int i = 0; i < reader_count; i++) {
		states[i].szReader = readers[i].name;
		states[i].dwCurrentState = readers[i].state;
	}
	states[reader_count].szReader = NOTIFICATION;
	rv = SCardGetStatusChange(context, timeout_ms, states, reader_count + 1);
	*ret_changed = rv == SCARD_S_SUCCESS;
	if (rv == SCARD_E_TIMEOUT)
		return SCARD_S_SUCCESS;
	/* One that was in the list and is not there now: the next list says so, if not at once. */
	if (rv == SCARD_E_UNKNOWN_READER)
		return usleep(SETTLE_MS * 1000) ? SCARD_F_INTERNAL_ERROR : SCARD_S_SUCCESS;
	for (unsigned int i = 0; i < reader_count && rv == SCARD_S_SUCCESS; i++) {
		struct view atr = {states[i].rgbAtr, states[i].cbAtr <= MAX_ATR_SIZE ? states[i].cbAtr : 0};

		if (!(states[i].dwEventState & SCARD_STATE_CHANGED))
			continue;
		readers[i].state = states[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
		tell_reader(&readers[i], state_of(readers[i].state), atr);
	}
	return rv;
}

/* Until pcscd goes. */
static LONG watch_readers(SCARDCONTEXT context)
{
	bool changed = true;
	LONG rv = list_readers(context);

	if (rv == SCARD_S_SUCCESS)
		tell_service(PCSC_RUNNING, "");
	if (rv == SCARD_S_SUCCESS)
		rv = wait_for_change(context, SETTLE_MS, &changed);
	if (rv == SCARD_S_SUCCESS)
		tell_service(PCSC_LISTED, "");
	while (rv == SCARD_S_SUCCESS) {
		rv = wait_for_change(context, changed ? SETTLE_MS : RELIST_MS, &changed);
		rv = rv == SCARD_S_SUCCESS ? list_readers(context) : rv;
	}
	reader_count = 0;
	return rv;
}

int main(void)
{
	struct msg_hello hello;
	LONG told = SCARD_S_SUCCESS;
	SCARDCONTEXT first;

	channel = channel_to_broker(PROCESS_WATCH, &hello, NULL);
	if (!channel)
		return 1;
	/* With its first use libpcsclite (from 2.3 on) loads the rest of itself, which the sandbox would refuse. */
	if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &first) == SCARD_S_SUCCESS)
		SCardReleaseContext(first);
	if (sandbox_enter(&(struct sandbox){.rights = SANDBOX_SOCKETS}))
		return 1;
	for (;;) {
		SCARDCONTEXT context;
		LONG rv;

		service_watch();
		rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
		if (rv == SCARD_S_SUCCESS) {
			rv = watch_readers(context);
			SCardReleaseContext(context);
			told = SCARD_S_SUCCESS;
			service_lost();
		}
		if (rv != told)
			tell_service(rv == SCARD_W_SECURITY_VIOLATION ? PCSC_REFUSED : PCSC_ABSENT,
				     pcsc_stringify_error(rv));
		told = rv;
		service_wait();
	}
}
