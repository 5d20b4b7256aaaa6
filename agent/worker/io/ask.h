/* SPDX-License-Identifier: ISC
 *
 * What the worker asks of the broker. Each call sends one message and waits for its RESULT; the
 * broker's own messages that come in between are taken on the way.
 */
#ifndef SMIME_WORKER_ASK_H
#define SMIME_WORKER_ASK_H

#include "channel.h"

/* The channel all calls use; it outlives them. spool_max: what may go into a spool file. */
void ask_open(struct channel *channel, uint64_t spool_max);

/* Whether keys changed since this was last asked. */
bool ask_keys_changed(void);
/* For a worker that waits for its client: takes what the broker says, and where it says it. ERR_CLOSED
 * where the broker went. */
MUST_USE int ask_hear(void);
int ask_fd(void);
/* Whether keys changed since ask_clear_news, whoever took notice of it. */
bool ask_news(void);
void ask_clear_news(void);
/* Whether the broker wants this worker to end once its client's request is answered. */
bool ask_finishing(void);

/* What the last RESULT that was an error said about which token or what; "" if nothing. */
const char *ask_detail(void);
void ask_clear_detail(void);

/* TOKENs and CERTs, in order; the structs are borrowed for the call. */
typedef int (*ask_token)(void *context, const struct msg_token *token);
typedef int (*ask_cert)(void *context, const struct msg_cert *cert);
MUST_USE int ask_list(enum list_look look, ask_token token, ask_cert cert, void *context);

/* SIGN, DECRYPT or DERIVE. pin_fd: where the client has the PIN of a key that wants it at each use, or
 * -1. Appends what it gave; ret_form may be NULL, and is set on ERR_TOKEN also. */
MUST_USE int ask_key_op(enum message_type type, const struct msg_key_op *request, int pin_fd,
			struct buf *into, enum result_form *ret_form);

typedef int (*ask_note)(void *context, const struct msg_note *note);
MUST_USE int ask_status(ask_note note, void *context);

/* A request of the store: STORE_FIND with its rows, each borrowed for the call; STORE_ADD; STORE_REMOVE. */
typedef int (*ask_stored)(void *context, const struct msg_stored *row);
MUST_USE int ask_store_find(const struct msg_store_find *find, ask_stored row, void *context);
MUST_USE int ask_store_add(const struct msg_stored *row);
MUST_USE int ask_store_remove(const char *fingerprint);
/* fd: has the CRL; stays the caller's. */
MUST_USE int ask_crl_add(const struct msg_crl *crl, int fd);
/* The file is the caller's. */
MUST_USE int ask_crl_find(struct view issuers, int *ret_fd);
MUST_USE int ask_anchors(int *ret_fd);

MUST_USE int ask_terminal(const struct msg_terminal *terminal);
/* pin_fd: where the PIN is to be read from, or -1; never read here. */
MUST_USE int ask_unlock(uint32_t token, int pin_fd);
/* LOCK, RELOAD or STOP. */
MUST_USE int ask_simple(enum message_type type);
/* The client is to be whoever made the socket, which stays the caller's. */
MUST_USE int ask_adopt(int fd);
/* An unnamed file, owned by the caller, and how many bytes it may get. */
MUST_USE int ask_spool(int *ret_fd, uint64_t *ret_limit);
/* The password of a file, from the person or, where pin_fd is not -1, from there; appended to `into`.
 * again: the last one was wrong. */
MUST_USE int ask_password(bool again, int pin_fd, struct buf *into);
MUST_USE int ask_admin(const struct msg_admin *request, int pin_fd, struct buf *into);

#endif
