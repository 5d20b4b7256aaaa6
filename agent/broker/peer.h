/* SPDX-License-Identifier: ISC
 *
 * The clients, each with the worker that serves it, and the workers that wait for a client. A
 * client is remembered by its number: whoever holds one asks whether it is still there.
 */
#ifndef SMIME_BROKER_PEER_H
#define SMIME_BROKER_PEER_H

#include "child.h"

#include <sys/types.h>

struct peer {
	struct peer *next;
	uint32_t number;
	struct child *worker;
	bool serving;
	int connection; /* the client's, kept to see it go; -1 */
	struct loop_watch *watch;
	int adopted; /* the socket that the client handed over, which its worker serves now; -1 */
	struct loop_watch *adopted_watch;
	struct loop_timer grace;
	bool hung_up;
	bool asking; /* has a request that is not answered yet */
	pid_t pid;
	uid_t uid;
	char *program; /* the client's executable, or "" */
	/* for pinentry; from TERMINAL, as far as it was believed (terminal.h) */
	bool disbelieved; /* a place where the person can be asked was not */
	char *display, *wayland, *xauthority, *bus, *tty, *tty_type, *locale;
};

struct peer_events {
	/* The worker of a client asks; a failure ends the worker. */
	int (*message)(struct peer *peer, struct message *message);
	/* The client went: its worker may end what it has begun. */
	void (*hung_up)(uint32_t peer);
	/* The worker went, and the peer with it. */
	void (*gone)(uint32_t peer);
	/* A client whose worker could not be started, or was of another version; `why` is an enum err. It takes the
	 * descriptor, from which nothing was read. */
	void (*unserved)(int fd, int why);
};

void peers_when(const struct peer_events *events);

/* Starts idle workers until there are as many as configured. */
void peers_fill(void);

/* Gives the connected client a worker. Takes the descriptor. */
void peer_serve(int fd);

/* From now on the client is whoever made the socket, as the kernel says; both ends are watched. The
 * descriptor stays the caller's. ERR_USAGE for what is no connected Unix stream socket, or for a second one;
 * ERR_FORBIDDEN. */
MUST_USE int peer_adopt(struct peer *peer, int fd);

/* NULL once it is gone. */
struct peer *peer_find(uint32_t number);
unsigned int peers_serving(void);
/* Whether a person sits there who could be asked. */
bool peer_attended(uint32_t number);

/* To every worker that serves: keys changed. */
void peers_keys_changed(void);
/* Ends the workers that wait, and the others once their client has the answer to its request; `done` when all are gone,
 * from the loop's next turn. New clients are unserved. */
void peers_finish(void (*done)(void));
/* Replaces idle workers, which hold old settings. */
void peers_renew(void);
/* Kills the idle ones. */
void peers_end(void);

/* RESULT to the client's worker, if it is still there. `fd` may be -1 and stays the caller's. */
void peer_reply(uint32_t number, uint32_t id, int err, const char *detail, int fd);
void peer_reply_result(uint32_t number, uint32_t id, const struct msg_result *result);
void peer_reply_file(uint32_t number, uint32_t id, const struct msg_result *result, int fd);

#endif
