/* SPDX-License-Identifier: ISC
 *
 * A token process, one per PKCS#11 module: started, asked, watched, killed and started again.
 */
#ifndef SMIME_BROKER_TOKEN_PROCESS_H
#define SMIME_BROKER_TOKEN_PROCESS_H

#include "child.h"

enum token_process_state {
	TOKEN_PROCESS_DOWN,     /* to be started (again) */
	TOKEN_PROCESS_STARTING, /* until its first look has ended */
	TOKEN_PROCESS_READY,
	TOKEN_PROCESS_FAILED, /* the module cannot be loaded, or crashes too often */
};

struct call;

/* Only host.c writes the fields. */
struct token_process {
	struct token_process *next;
	uint32_t number; /* never another one's; in the order of the configuration */
	char *name, *path;
	enum token_process_state state;
	struct child *child;
	struct call *calls;
	struct loop_timer restart, patience, again;
	bool late; /* it has not been ready for a while, and those who can do without it wait no more */
	unsigned int crashes; /* without a minute of peace between them */
	uint64_t last_crash;
	unsigned int distrusts; /* less one for each pause since the last */
	uint64_t last_distrust;
	uint64_t heard; /* ms, when it last answered */
	enum token_process_notice { NOTICE_NONE, NOTICE_LOOKING, NOTICE_DUE } notice; /* token_process_notice's look goes on; another one is due */
	bool wanted; /* it is in the configuration that is being read */
	char *problem;	 /* why it failed, for people; NULL */
};

/* How a call ended. */
struct outcome {
	const struct msg_result *result; /* borrowed; NULL if the token process died (ERR_TOKEN_CRASHED), let the time run out
					  * (ERR_TIMEOUT, and the token process is ended), or was not asked */
	bool bystander; /* its process was ended through no fault of the call's */
};

/* Comes from the loop, never from inside token_process_expect or another function of this file. */
typedef void (*call_done)(void *context, int err, const struct outcome *outcome);

/* What the keyring does with a call's rows: LOOK's are all tokens there are, LOGIN's are one. */
enum call_kind { CALL_PLAIN, CALL_LOOK, CALL_LOGIN };

struct token_process_events {
	void (*state)(void); /* a token process became ready, failed, ended, was freed, or is late */
	void (*report)(bool changed); /* a report was taken; whether it changed anything but a login */
};

void token_process_when(const struct token_process_events *events);

struct token_process *token_process_first(void);
/* NULL once it is not configured any more. */
struct token_process *token_process_find(uint32_t number);

/* Adds a token process to the end of the list and starts it; NULL without memory. One too many is TOKEN_PROCESS_FAILED. */
struct token_process *token_process_add(const char *name, const char *path);
void token_process_want(struct token_process *process, bool wanted);
/* Ends its process; its calls fail, its tokens are forgotten. */
void token_process_free(struct token_process *process);

/* Registers a call, which is about this token (its ref, or 0), and gives its id, to be sent with the
 * message; 0 without memory, and then nothing is to be sent. The token process is up (TOKEN_PROCESS_STARTING or
 * TOKEN_PROCESS_READY). */
uint32_t token_process_expect(struct token_process *process, enum call_kind kind, uint32_t token, uint32_t timeout_ms,
		     call_done done, void *context);

/* Looks at the slots again, perhaps because of one token (its ref, or 0). A failed or down token process is started again instead,
 * and the call ends with ERR_MODULE. */
void token_process_look(struct token_process *process, bool deep, uint32_t token, call_done done, void *context);

/* Something happened at the readers: looks at the slots again, once more if it is looking already.
 * `removed`: nothing but a removal, which is quickly looked at. */
void token_process_notice(struct token_process *process, bool removed);
/* This token (its ref) was pulled: calls about it that do not end by themselves (OpenSC hangs) are
 * ended with ERR_TOKEN_REMOVED, and the process with them. */
void token_process_token_left(struct token_process *process, uint32_t token);
/* A new card came: what the token process failed at before is forgiven. */
void token_process_forgive(struct token_process *process);
/* The token process failed where it should not: it is started again, unless that was done too often of late.
 * Whether it was. */
bool token_process_distrust(struct token_process *process);

/* Starts it if it is down and may be started; it will be TOKEN_PROCESS_READY or TOKEN_PROCESS_FAILED later. */
void token_process_revive(struct token_process *process);
/* Ends the process and starts it again, as if it had crashed, but without counting it. */
void token_process_restart(struct token_process *process);
/* Ends the process, and starts none until token_process_restart, or until this time has passed. */
void token_process_pause(struct token_process *process, uint32_t most_ms);

#endif
