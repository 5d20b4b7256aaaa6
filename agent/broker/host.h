/* SPDX-License-Identifier: ISC
 *
 * A token host, one per PKCS#11 module: started, asked, watched, killed and started again.
 */
#ifndef SMIME_BROKER_HOST_H
#define SMIME_BROKER_HOST_H

#include "child.h"

enum host_state {
	HOST_DOWN,     /* to be started (again) */
	HOST_STARTING, /* until its first look has ended */
	HOST_READY,
	HOST_FAILED, /* the module cannot be loaded, or crashes too often */
};

struct call;

struct host {
	struct host *next;
	char *name, *path;
	enum host_state state;
	struct child *child;
	struct call *calls;
	struct loop_timer restart, patience, again;
	unsigned int starts; /* of its process, from 1 */
	bool late; /* it starts or is paused, and those who can do without it wait no more */
	unsigned int crashes; /* without a minute of peace between them */
	uint64_t last_crash;
	unsigned int distrusts; /* less one for each pause since the last */
	uint64_t last_distrust;
	uint32_t report; /* the call whose rows are coming in */
	unsigned int tokens, keys; /* in them so far */
	bool changed;		   /* by them */
	uint64_t heard;		   /* ms, when it last answered */
	bool wanted;	 /* for a reload */
	bool restarting; /* its process is being ended, through no fault of most of what it was doing */
	bool noticing, notice_again; /* host_notice's look is going on; another one is due */
	char *problem;	 /* why it failed, for people; NULL */
};

/* How a call ended. `result` is borrowed, and NULL if the host died (ERR_TOKEN_CRASHED) or let the
 * time run out (ERR_TIMEOUT, and the host is ended). */
typedef void (*host_done)(void *context, int err, const struct msg_result *result);

/* What the keyring does with a call's rows: LOOK's are all tokens there are, LOGIN's are one. */
enum host_call { HOST_CALL_PLAIN, HOST_CALL_LOOK, HOST_CALL_LOGIN };

/* A host that is not started yet; NULL without memory. */
struct host *host_new(const char *name, const char *path);
void host_start(struct host *host);
/* Ends its process; its calls fail, its tokens are forgotten. */
void host_free(struct host *host);

/* Registers a call, which is about this token (its ref, or 0), and gives its id, to be sent with the
 * message; 0 without memory, and then nothing is to be sent. The host is up (HOST_STARTING or
 * HOST_READY). */
uint32_t host_expect(struct host *host, enum host_call kind, uint32_t token, uint32_t timeout_ms,
		     host_done done, void *context);

/* Looks at the slots again, perhaps because of one token (its ref, or 0); `done` may be NULL. A failed
 * or down host is tried again first. */
void host_look(struct host *host, bool deep, uint32_t token, host_done done, void *context);

/* Something happened at the readers: looks at the slots again, once more if it is looking already.
 * `removed`: nothing but a removal, which is quickly looked at. */
void host_notice(struct host *host, bool removed);
/* This token (its ref) was pulled: calls about it that do not end by themselves (OpenSC hangs) are
 * ended with ERR_TOKEN_REMOVED, and the process with them. */
void host_token_left(struct host *host, uint32_t token);
/* The host failed where it should not: it is started again, unless that was done too often of late.
 * Whether it was. */
bool host_distrust(struct host *host);

/* Starts it if it is down and may be started; it will be HOST_READY or HOST_FAILED later. */
void host_revive(struct host *host);
/* Ends the process and starts it again, as if it had crashed, but without counting it. */
void host_restart(struct host *host);
/* Ends the process, and starts none until host_restart, or until this time has passed. */
void host_pause(struct host *host, uint32_t most_ms);

#endif
