/* SPDX-License-Identifier: ISC
 *
 * Lines to the agent and back, for libsmime-agent and the PKCS#11 module. A request is a few command
 * lines sent together; one reply each comes back (docs/PROTOCOL.md, "Sending together").
 */
#ifndef SMIME_CONNECTION_H
#define SMIME_CONNECTION_H

#include "smime-agent.h"

#include "buf.h"

#include <sys/types.h>

/* An Assuan line has at most 1000 bytes. */
#define CONNECTION_LINE_MAX 1000

struct smime_agent {
	int fd;
	pid_t agent; /* its process */
	bool numbered;	 /* its greeting has the protocol's number */
	bool limited;	 /* the agent cannot start its other programs */
	bool restarting; /* the agent serves nobody any more: an upgrade */
	unsigned int expected; /* replies that are to come */
	unsigned int unsent;   /* of them, to lines that were not sent yet */
	uint64_t deadline;     /* ms, for replies; 0: none */
	bool changed;	       /* KEYS_CHANGED was heard; cleared by who looks */
	int err;	       /* of the first that was an error */
	char message[1200];
	void (*status)(void *context, const char *line); /* hears each status line, or NULL */
	void *status_context;
	smime_agent_progress progress;
	void *progress_context;
	struct buf lines; /* to be sent */
	char in[4096];	  /* received, not yet taken */
	size_t in_length;
};

/* Connects and takes the greeting, within the connection's limit; starts the agent if there is none and `start`, and waits for
 * one that is restarting after an upgrade. ERR_CLOSED, ERR_SPAWN; ERR_UPGRADED: it did not end in time; ERR_AGENT_OLD,
 * ERR_PROGRAM_OLD: the agent speaks another protocol (socket_path.h). What the agent said for an error is in `message`. */
MUST_USE int connection_open(smime_agent *agent, bool start);

/* Takes the line that an agent begins with. ERR_CLOSED; ERR_PROTOCOL; ERR_AGENT_OLD, ERR_PROGRAM_OLD; the agent's own error.
 * The connection is closed then. For connection_open. */
MUST_USE int connection_take_greeting(smime_agent *agent);

/* Adds a command line. ERR_USAGE for a line end in it, or if it is too long. */
MUST_USE int connection_add(smime_agent *agent, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Sends what was added so far, with a descriptor. Needed once for each descriptor. */
MUST_USE int connection_send(smime_agent *agent, int fd);

/* A request that cannot be made: takes back what was added, and has the agent forget the descriptors
 * that were sent for it. */
void connection_abandon(smime_agent *agent);

/* Sends the rest and takes all replies. Data lines go to `data`, which may be NULL. The first
 * error, with its message in the connection. */
MUST_USE int connection_finish(smime_agent *agent, smime_agent_data data, void *context);

/* How long the replies to what is asked next may take, all in all: seconds, 0 for ever. Later ones find the
 * connection closed, with ERR_TIMEOUT. */
void connection_limit(smime_agent *agent, unsigned int seconds);

/* Takes what came while nothing was asked, without waiting. ERR_CLOSED, ERR_PROTOCOL: the connection is of
 * no more use. */
MUST_USE int connection_hear(smime_agent *agent);

/* Keeps err and its sentence; gives its enum smime_agent_status. */
int connection_result(smime_agent *agent, int err);

#endif
