/* SPDX-License-Identifier: ISC
 *
 * The processes that the broker starts. A child is known by its channel: when that closes, or
 * carries what messages.def forbids, the child is killed and its owner told.
 */
#ifndef SMIME_BROKER_CHILD_H
#define SMIME_BROKER_CHILD_H

#include "channel.h"
#include "loop.h"

#include <sys/types.h>

struct child;

/* ERR_PROTOCOL ends the child. The message's descriptor is closed after the call unless it was
 * taken (message->fd set to -1). */
typedef int (*child_message)(void *context, struct message *message);
/* The child is gone: forget it. It may be read in this call, and is no more after it. */
typedef void (*child_gone)(void *context);
/* A child is of another version than this broker, or its program was replaced. Told once, from the loop's next turn. */
typedef void (*child_outdated_event)(void);

struct child {
	struct child *next;
	pid_t pid;
	bool reaped; /* pid may be another process's now */
	bool ready;  /* it answered HELLO, and is of this broker's version */
	ino_t program; /* the file that it runs */
	enum process kind;
	struct channel *channel;
	struct loop_watch *watch;
	child_message on_message;
	child_gone on_gone;
	void *context;
};

/* Where the other programs are: the directory given, or SMIME_AGENT_LIBEXEC's at build time. */
void child_set_directory(const char *directory);

void child_when_outdated(child_outdated_event event);
/* Why no child can be started any more: ERR_UPGRADED, the programs were replaced since this broker started; ERR_VERSION,
 * they never fitted it. 0: they can. */
int child_outdated(void);

/* Starts smime-agent-KIND and sends it HELLO, whose protocol is filled in here, with `fd` (or -1). NULL on failure, which
 * is logged, and once child_outdated(). */
struct child *child_spawn(enum process kind, struct msg_hello hello, int fd,
			  child_message on_message, child_gone on_gone, void *context);

/* Kills the child without telling its owner. NULL is fine. */
void child_kill(struct child *child);

/* For after a send to the child: queues or kills as needed. */
void child_sent(struct child *child, int rc);
#define child_send(child, NAME, id, message, fd) \
	child_sent((child), send_##NAME((child)->channel, (id), (message), (fd)))

/* On SIGCHLD: reaps, and says how a child that did not end by itself ended. */
void child_reap(void);
/* Kills every child there still is and waits for them. */
void child_kill_all(void);

#endif
