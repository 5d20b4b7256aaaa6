/* SPDX-License-Identifier: ISC
 *
 * The agent's state, fact by fact. It changes nothing.
 */
#include "status.h"

#include "certificate_store.h"
#include "token_process.h"
#include "key_operation.h"
#include "log.h"
#include "peer.h"
#include "pincache.h"
#include "readers.h"
#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *socket_path = "";
static char start_time[32];

/* Whom the facts are told. */
struct sink {
	status_note note;
	void *context;
};

void status_describe(const char *socket, time_t started)
{
	struct tm tm;

	socket_path = socket;
	if (gmtime_r(&started, &tm))
		strftime(start_time, sizeof start_time, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void note(struct sink to, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void note(struct sink to, const char *name, const char *format, ...)
{
	char value[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	to.note(to.context, name, value);
}

static void note_readers(struct sink to)
{
	static const char *const services[] = {"absent", "running", "refused"};
	static const char *const states[] = {"gone", "empty", "card", "mute"};
	const char *detail;
	enum pcsc_state service = readers_pcsc(&detail);

	note(to, "pcscd", "%s %s", services[service], log_quote(detail));
	for (const struct reader *reader = readers_first(); reader; reader = reader->next) {
		char atr[2 * ATR_MAX + 1] = "-";

		for (unsigned int i = 0; i < reader->atr_length; i++)
			snprintf(atr + (size_t)2 * i, 3, "%02X", reader->atr[i]);
		note(to, "reader", "%s %s %s", states[reader->state], atr, log_quote(reader->name));
	}
}

static void note_pinentry(struct sink to)
{
	const char *program = settings()->pinentry_program;

	if (access(program, X_OK))
		note(to, "pinentry_problem", "%s cannot be run: %s", program, strerror(errno));
	else
		note(to, "pinentry", "%s", program);
}

void status_tell(int problem, status_note take, void *context)
{
	const struct sink to = {take, context};
	static const char *const states[] = {"down", "starting", "ready", "failed"};

	if (problem)
		note(to, "problem", "%s", error_text(problem));
	note(to, "version", "%s", VERSION);
	note(to, "pid", "%d", getpid());
	note(to, "socket", "%s", socket_path);
	note(to, "started", "%s", start_time);
	note(to, "clients", "%u", peers_serving());
	note(to, "operations", "%u", key_operations_count());
	note(to, "cached_pins", "%u", pincache_count());
	for (const struct token_process *process = token_process_first(); process; process = process->next) {
		note(to, "module", "%s %s %d", states[process->state], process->name,
		     process->child ? process->child->pid : 0);
		if (process->problem)
			note(to, "module_problem", "%s: %s", process->name, process->problem);
	}
	note(to, "certificates", "%s", certificate_store_path());
	if (certificate_store_problem())
		note(to, "certificates_problem", "%s", log_quote(certificate_store_problem()));
	note_readers(to);
	note_pinentry(to);
}
