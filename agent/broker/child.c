/* SPDX-License-Identifier: ISC
 *
 * Starting, hearing, killing and reaping child processes. fork and exec, so that no process
 * inherits another's memory.
 */
#include "child.h"

#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Messages taken from one child before others get their turn. */
#define BURST 32

static const char *directory = SMIME_AGENT_LIBEXEC;
static struct child *children;
static int outdated;
/* The programs that a child ran which was ready, by process kind: their inodes, 0 until then. */
static ino_t known[PROCESS_STORE + 1];
static bool any_known;
static child_outdated_event on_outdated;
static struct loop_event outdated_event;

extern char **environ;

void child_set_directory(const char *path)
{
	directory = path;
}

static const char *program_name(enum process kind)
{
	switch (kind) {
	case PROCESS_WORKER:
		return "smime-agent-worker";
	case PROCESS_TOKEN:
		return "smime-agent-token";
	case PROCESS_ADMIN:
		return "smime-agent-admin";
	case PROCESS_PROMPT:
		return "smime-agent-prompt";
	case PROCESS_WATCH:
		return "smime-agent-watch";
	case PROCESS_STORE:
		return "smime-agent-store";
	case PROCESS_BROKER:
		break;
	}
	return "smime-agent";
}

/* The signals that the broker blocks or ignores are back to normal in the child. */
static int spawn_program(const char *path, int socket, pid_t *ret_pid)
{
	char *const argv[] = {(char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&actions, socket, CHANNEL_CHILD_FD);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(ret_pid, path, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (!rc)
		return 0;
	log_error("%s cannot be started: %s", path, strerror(rc));
	return ERR_SPAWN;
}

static void child_unlink(struct child *child)
{
	for (struct child **at = &children; *at; at = &(*at)->next)
		if (*at == child) {
			*at = child->next;
			return;
		}
}

static void child_free(struct child *child)
{
	child_unlink(child);
	loop_remove(child->watch);
	channel_free(child->channel);
	free(child);
}

void child_kill(struct child *child)
{
	if (!child)
		return;
	if (!child->reaped)
		kill(child->pid, SIGKILL);
	child_free(child);
}

/* The line is the child's word, and is marked as such. */
static int take_log(const struct child *child, const struct message *message)
{
	CLEAN_FREE char *line = NULL;
	const char *name = program_name(child->kind) + strlen("smime-agent-");
	struct msg_log log;
	int rc = decode_log(message->payload, &log);

	if (rc)
		return rc;
	line = view_dup(log.line);
	if (!line)
		return ERR_NO_MEMORY;
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	switch (log.level) {
	case LOG_LEVEL_ERROR:
		log_error("%s %d: %s", name, child->pid, line);
		break;
	case LOG_LEVEL_WARN:
		log_warn("%s %d: %s", name, child->pid, line);
		break;
	case LOG_LEVEL_INFO:
		log_info("%s %d: %s", name, child->pid, line);
		break;
	default:
		log_debug("%s %d: %s", name, child->pid, line);
	}
	return 0;
}

void child_when_outdated(child_outdated_event event)
{
	on_outdated = event;
}

int child_outdated(void)
{
	return outdated;
}

static void tell_outdated(void *context)
{
	(void)context;
	on_outdated();
}

static void become_outdated(void)
{
	if (outdated)
		return;
	outdated = any_known ? ERR_UPGRADED : ERR_VERSION;
	loop_post(&outdated_event, tell_outdated, NULL);
}

/* Whether it runs another file than the ones before it. */
static bool was_replaced(const struct child *child)
{
	return known[child->kind] && known[child->kind] != child->program;
}

/* Only a child's first message is believed in this: it was sent before the child had anything from a client, a card or
 * a module. */
static int take_ready(struct child *child, const struct message *message)
{
	struct view payload = message->payload;
	uint64_t protocol;

	if (message->type != MSG_READY || view_u64(&payload, &protocol))
		return ERR_PROTOCOL;
	/* A new file that speaks the same may mend what this broker still does wrong. */
	if (protocol != message_protocol() || was_replaced(child)) {
		become_outdated();
		return ERR_CLOSED;
	}
	child->ready = true;
	known[child->kind] = child->program;
	any_known = true;
	return 0;
}

static int take_message(struct child *child, struct message *message)
{
	if (!child->ready)
		return take_ready(child, message);
	switch (message->type) {
	case MSG_READY:
		return ERR_PROTOCOL;
	case MSG_LOG:
		return take_log(child, message);
	default:
		return child->on_message(child->context, message);
	}
}

/* Whether there may be more; the child may be gone after ERR_CLOSED. */
static int hear_one(struct child *child)
{
	struct message message;
	int rc = channel_receive(child->channel, false, &message);

	if (rc)
		return rc;
	rc = take_message(child, &message);
	if (message.fd >= 0)
		close(message.fd);
	return rc;
}

static void child_ended(struct child *child, int rc)
{
	child_gone on_gone = child->on_gone;
	void *context = child->context;

	/* 0.1.0 ended without a word at a HELLO that it did not know: a downgrade. */
	if (!child->ready && was_replaced(child))
		become_outdated();
	if (rc == ERR_PROTOCOL)
		log_error("%s (process %d) broke the protocol and is ended", program_name(child->kind),
			  child->pid);
	if (!child->reaped)
		kill(child->pid, SIGKILL);
	child_unlink(child);
	on_gone(context);
	child_free(child);
}

static bool child_alive(const struct child *child)
{
	for (const struct child *at = children; at; at = at->next)
		if (at == child)
			return true;
	return false;
}

static void child_ready(void *context, uint32_t events)
{
	struct child *child = context;
	int rc = 0;

	if (events & EPOLLOUT) {
		rc = channel_flush(child->channel);
		if (!rc && !channel_pending(child->channel))
			loop_change(child->watch, EPOLLIN);
	}
	for (int i = 0; i < BURST && !rc; i++) {
		rc = hear_one(child);
		/* What was heard may have been the reason to kill it. */
		if (!child_alive(child))
			return;
	}
	if (rc && rc != ERR_TIMEOUT)
		child_ended(child, rc);
}

void child_sent(struct child *child, int rc)
{
	if (!rc) {
		if (channel_pending(child->channel))
			loop_change(child->watch, EPOLLIN | EPOLLOUT);
		return;
	}
	log_debug("%s (process %d): cannot send: %s", program_name(child->kind), child->pid,
		  error_text(rc));
	/* What is wrong with this process is not the child's fault. */
	if (rc != ERR_NO_MEMORY && !child->reaped)
		kill(child->pid, SIGKILL); /* its owner is told when the channel closes */
}

static struct child *child_new(enum process kind, int fd)
{
	struct child *child = calloc(1, sizeof *child);

	if (!child) {
		close(fd);
		return NULL;
	}
	child->kind = kind;
	child->channel = channel_new(fd, PROCESS_BROKER, kind);
	if (!child->channel || channel_set_nonblocking(child->channel)) {
		channel_free(child->channel);
		free(child);
		return NULL;
	}
	child->next = children;
	children = child;
	return child;
}

struct child *child_spawn(enum process kind, struct msg_hello hello, int fd,
			  child_message on_message, child_gone on_gone, void *context)
{
	char path[PATH_MAX];
	struct stat program = {0};
	struct child *child;
	int pair[2];

	if (outdated)
		return NULL;
	snprintf(path, sizeof path, "%s/%s", directory, program_name(kind));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return NULL;
	(void)stat(path, &program); /* posix_spawn says what is wrong with it */
	child = child_new(kind, pair[0]);
	if (!child || spawn_program(path, pair[1], &child->pid)) {
		close(pair[1]);
		if (child)
			child_free(child);
		return NULL;
	}
	close(pair[1]);
	child->program = program.st_ino;
	child->on_message = on_message;
	child->on_gone = on_gone;
	child->context = context;
	child->watch = loop_add(channel_fd(child->channel), EPOLLIN, child_ready, child);
	if (!child->watch) {
		child_kill(child);
		return NULL;
	}
	hello.protocol = message_protocol();
	child_send(child, HELLO, 0, &hello, fd);
	return child;
}

void child_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		const char *name = "a child that was ended";

		for (struct child *child = children; child; child = child->next)
			if (child->pid == pid) {
				name = program_name(child->kind);
				child->reaped = true;
			}
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			log_error("%s (process %d) died of signal %d", name, pid, WTERMSIG(status));
		else if (WIFEXITED(status) && WEXITSTATUS(status))
			log_warn("%s (process %d) ended with status %d", name, pid, WEXITSTATUS(status));
	}
}

void child_kill_all(void)
{
	while (children)
		child_kill(children);
	while (waitpid(-1, NULL, 0) > 0)
		;
}
