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

/* Only host.c writes the fields. */
struct host {
	struct host *next;
	uint32_t number; /* never another one's; in the order of the configuration */
	char *name, *path;
	enum host_state state;
	struct child *child;
	struct call *calls;
	struct loop_timer restart, patience, again;
	bool late; /* it has not been ready for a while, and those who can do without it wait no more */
	unsigned int crashes; /* without a minute of peace between them */
	uint64_t last_crash;
	unsigned int distrusts; /* less one for each pause since the last */
	uint64_t last_distrust;
	uint64_t heard; /* ms, when it last answered */
	enum host_notice { NOTICE_NONE, NOTICE_LOOKING, NOTICE_DUE } notice; /* host_notice's look goes on; another one is due */
	bool wanted; /* it is in the configuration that is being read */
	char *problem;	 /* why it failed, for people; NULL */
};

/* How a call ended. */
struct outcome {
	const struct msg_result *result; /* borrowed; NULL if the host died (ERR_TOKEN_CRASHED), let the time run out
					  * (ERR_TIMEOUT, and the host is ended), or was not asked */
	bool bystander; /* its process was ended through no fault of the call's */
};

/* Comes from the loop, never from inside host_expect or another function of this file. */
typedef void (*host_done)(void *context, int err, const struct outcome *outcome);

/* What the keyring does with a call's rows: LOOK's are all tokens there are, LOGIN's are one. */
enum host_call { HOST_CALL_PLAIN, HOST_CALL_LOOK, HOST_CALL_LOGIN };

struct host_events {
	void (*state)(void); /* a host became ready, failed, ended, was freed, or is late */
	void (*report)(bool changed); /* a report was taken; whether it changed anything but a login */
};

void host_when(const struct host_events *events);

struct host *host_first(void);
/* NULL once it is not configured any more. */
struct host *host_find(uint32_t number);

/* Adds a host to the end of the list and starts it; NULL without memory. One too many is HOST_FAILED. */
struct host *host_add(const char *name, const char *path);
void host_want(struct host *host, bool wanted);
/* Ends its process; its calls fail, its tokens are forgotten. */
void host_free(struct host *host);

/* Registers a call, which is about this token (its ref, or 0), and gives its id, to be sent with the
 * message; 0 without memory, and then nothing is to be sent. The host is up (HOST_STARTING or
 * HOST_READY). */
uint32_t host_expect(struct host *host, enum host_call kind, uint32_t token, uint32_t timeout_ms,
		     host_done done, void *context);

/* Looks at the slots again, perhaps because of one token (its ref, or 0). A failed or down host is started again instead,
 * and the call ends with ERR_MODULE. */
void host_look(struct host *host, bool deep, uint32_t token, host_done done, void *context);

/* Something happened at the readers: looks at the slots again, once more if it is looking already.
 * `removed`: nothing but a removal, which is quickly looked at. */
void host_notice(struct host *host, bool removed);
/* This token (its ref) was pulled: calls about it that do not end by themselves (OpenSC hangs) are
 * ended with ERR_TOKEN_REMOVED, and the process with them. */
void host_token_left(struct host *host, uint32_t token);
/* A new card came: what the host failed at before is forgiven. */
void host_forgive(struct host *host);
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
