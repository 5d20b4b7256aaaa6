/* SPDX-License-Identifier: ISC
 *
 * Starts smime-agent-prompt and takes what it brings. The PINs pass through this file in struct
 * secret only.
 */
#include "prompt.h"

#include "child.h"
#include "log.h"
#include "peer.h"
#include "settings.h"
#include "terminal.h"

#include <fcntl.h>
#include <string.h>

/* A pinentry is told the time limit; one that does not keep to it is ended this much later. */
#define GRACE_MS 1000

struct job {
	struct job *next;
	struct child *child; /* NULL while it waits for its turn */
	uint32_t peer;
	int fd;
	struct buf message; /* PROMPT's payload */
	struct loop_timer limit;
	unsigned int questions;
	prompt_done done;
	void *context;
};

static struct job *jobs;

static void job_end(struct job *job, int err, struct secret *first, struct secret *second)
{
	prompt_done done = job->done;
	void *context = job->context;

	for (struct job **at = &jobs; *at; at = &(*at)->next)
		if (*at == job) {
			*at = job->next;
			break;
		}
	loop_timer_clear(&job->limit);
	child_kill(job->child);
	if (job->fd >= 0)
		close(job->fd);
	buf_done(&job->message);
	free(job);
	done(context, err, first, second);
}

static void start_next(void);

static int take_pins(struct job *job, const struct message *message)
{
	struct msg_pins pins;
	struct secret *first, *second;
	int rc = decode_pins(message->payload, &pins);

	if (rc)
		return rc;
	first = secret_new(pins.first);
	second = pins.second.length ? secret_new(pins.second) : NULL;
	if (first) {
		job_end(job, 0, first, second);
	} else {
		secret_free(second);
		job_end(job, ERR_PIN_LENGTH, NULL, NULL);
	}
	start_next();
	return 0;
}

static int hear_prompt(void *context, struct message *message)
{
	struct msg_result result;
	int rc;

	if (message->type == MSG_PINS)
		return take_pins(context, message);
	rc = message->type == MSG_RESULT ? decode_result(message->payload, &result) : ERR_PROTOCOL;
	if (rc)
		return rc;
	rc = error_from_wire(result.error);
	job_end(context, rc, NULL, NULL);
	start_next();
	return 0;
}

static void prompt_gone(void *context)
{
	struct job *job = context;

	job->child = NULL;
	job_end(job, ERR_PINENTRY, NULL, NULL);
	start_next();
}

static void job_timed_out(void *context)
{
	log_warn("nobody gave the PIN in time");
	job_end(context, ERR_TIMEOUT, NULL, NULL);
	start_next();
}

static int job_start(struct job *job)
{
	struct msg_hello hello = settings_hello();
	uint64_t limit = (uint64_t)settings()->prompt_timeout * 1000;

	job->child = child_spawn(PROCESS_PROMPT, hello, -1, hear_prompt, prompt_gone, job);
	if (!job->child)
		return ERR_SPAWN;
	child_sent(job->child, channel_forward(job->child->channel, MSG_PROMPT, 1,
					       buf_view(&job->message), job->fd));
	loop_timer_set(&job->limit, limit * job->questions + GRACE_MS, job_timed_out, job);
	return 0;
}

/* A person is asked one thing at a time; descriptors are read at once. */
static void start_next(void)
{
	for (struct job *job = jobs; job; job = job->next)
		if (job->fd < 0 && job->child)
			return;
	for (struct job *job = jobs; job; job = job->next)
		if (!job->child) {
			if (job_start(job)) {
				job_end(job, ERR_SPAWN, NULL, NULL);
				start_next();
			}
			return;
		}
}

static struct view text(const char *string)
{
	struct view view = view_string(string);

	if (view.length > 1000)
		view.length = 1000;
	return view;
}

/* The terminal may be another user's by now. */
static struct view terminal_of(struct peer *peer)
{
	const char *doubt = peer->tty && *peer->tty ? terminal_doubt_tty(peer->tty, peer->uid) : NULL;

	if (doubt) {
		log_warn("client %u: the terminal %s is not used: %s", peer->number, log_quote(peer->tty), doubt);
		peer->disbelieved = true;
		*peer->tty = 0;
	}
	return view_string(peer->tty);
}

/* ERR_PINENTRY: where the client says that its person sits is no place to ask. */
static int encode(struct job *job, const struct prompt *prompt)
{
	struct peer *peer = peer_find(prompt->peer);
	struct msg_prompt message = {
		.program = view_string(settings()->pinentry_program),
		.title = text(prompt->title),
		.first = text(prompt->first),
		.second = text(prompt->second),
		.error = text(prompt->error),
		.repeat = prompt->repeat,
		.confirm = prompt->confirm,
		.password = prompt->password,
	};

	if (peer) {
		message.display = view_string(peer->display);
		message.wayland = view_string(peer->wayland);
		message.xauthority = view_string(peer->xauthority);
		message.bus = view_string(peer->bus);
		message.tty = terminal_of(peer);
		message.tty_type = view_string(peer->tty_type);
		message.locale = view_string(peer->locale);
	}
	if (prompt->fd < 0 && peer && peer->disbelieved && !message.display.length && !message.wayland.length &&
	    !message.tty.length)
		return ERR_PINENTRY;
	return encode_prompt(&job->message, &message);
}

void prompt_ask(const struct prompt *prompt, prompt_done done, void *context)
{
	struct job *job = calloc(1, sizeof *job), **at = &jobs;
	int rc;

	if (!job) {
		done(context, ERR_NO_MEMORY, NULL, NULL);
		return;
	}
	*job = (struct job){.peer = prompt->peer,
			    .fd = prompt->fd >= 0 ? fcntl(prompt->fd, F_DUPFD_CLOEXEC, 0) : -1,
			    .message = BUF_INIT(8192),
			    .questions = prompt->second && *prompt->second ? 2 : 1,
			    .done = done,
			    .context = context};
	while (*at)
		at = &(*at)->next;
	*at = job;
	rc = encode(job, prompt);
	if (rc || (prompt->fd >= 0 && job->fd < 0))
		job_end(job, rc ? rc : ERR_INTERNAL, NULL, NULL);
	else if (job->fd < 0)
		start_next();
	else if (job_start(job))
		job_end(job, ERR_SPAWN, NULL, NULL);
}

void prompt_peer_gone(uint32_t peer)
{
	for (struct job *job = jobs; job; job = job->next)
		if (job->peer == peer && peer) {
			job_end(job, ERR_CANCELLED, NULL, NULL);
			prompt_peer_gone(peer);
			start_next();
			return;
		}
}

static void nobody_asks(void *context, int err, struct secret *first, struct secret *second)
{
	(void)context;
	(void)err;
	secret_free(first);
	secret_free(second);
}

void prompt_withdraw(const void *context)
{
	for (struct job *job = jobs; job; job = job->next)
		if (job->context == context) {
			job->done = nobody_asks;
			job_end(job, ERR_CANCELLED, NULL, NULL);
			start_next();
			return;
		}
}
