/* SPDX-License-Identifier: ISC
 *
 * The broker as it is after its start, with everything around it played by the test: its modules, readers and clients.
 */
#ifndef SMIME_UNIT_STAGE_H
#define SMIME_UNIT_STAGE_H

#include "fake_broker.h"
#include "token_process.h"
#include "keyring.h"
#include "peer.h"

#include "cleanup.h"

/* Wires the broker and starts it with this configuration; the lines that keep it from the machine's are added. */
void stage_begin(const char *config);
/* Puts another configuration into force. */
void stage_reload(const char *config);
/* Ends the broker, with everything that there is. */
void stage_end(void);

/* One token of a module, as it is told in a report. */
struct stage_token {
	const char *label, *slot;
	uint32_t flags;
	const char *keys; /* a letter for each; a capital wants a PIN for each use */
};

/* Plays a token process: answers START and the first LOOK, which shows the tokens (up to one without a label). */
void stage_start(struct child *process, const struct stage_token *tokens);
/* Answers a LOOK, or a LOGIN (then with one token), whose id is given. Whether the process is still there. */
bool stage_report(struct child *process, uint32_t id, const struct stage_token *tokens, int err);

/* Connects a client; its worker, to which SERVE was sent. NULL where none can be started. */
struct child *stage_client(void);
/* Its program goes away. */
void stage_hang_up(struct child *worker);

/* The worker asks for a signature with the key of that letter, on whichever token. */
void stage_sign(struct child *worker, uint32_t id, char key);
/* The error with which the worker's request was answered; 1: it was not, yet. Other messages are passed over. */
int stage_answer(struct child *worker, uint32_t id);

/* Tells the watcher's news of "Reader 0". */
void stage_reader(enum reader_state state, uint16_t cards);

#endif
