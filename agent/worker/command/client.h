/* SPDX-License-Identifier: ISC
 *
 * The one client that this worker serves: the descriptors it handed over, what it said for the next
 * request, and the lines that go back to it. Commands are in rooms of their own (*_command.c), each a
 * function that takes the rest of its line and returns 0 or an error; request.c calls them.
 */
#ifndef SMIME_WORKER_CLIENT_H
#define SMIME_WORKER_CLIENT_H

#include "input.h"
#include "output.h"

#include <assuan.h>

#define CLIENT_NAME_SIZE 1000

struct client {
	assuan_context_t assuan;
	/* -1 where none was handed over; closed when the request ends. pin is never read here. */
	int input, output, message, anchors, crls, pin;
	char signer[CLIENT_NAME_SIZE]; /* "" for none */
	/* The streams of a request, with their buffers: here, once. */
	struct input in;
	struct output out;
};

extern struct client client;

/* Keeps an option of where the person sits; false for another name. */
bool client_set_terminal(const char *name, const char *value);
/* Tells the broker where the person sits, if it does not know, before anything that may ask. */
MUST_USE int client_tell_terminal(void);

/* Makes in and out of the descriptors of INPUT and OUTPUT, and tells the terminal. ERR_USAGE where one
 * is missing. */
MUST_USE int client_open_streams(void);
/* The same of INPUT alone. */
MUST_USE int client_open_input(void);

void client_close_fds(void);
bool client_has_descriptors(void);
/* INPUT alone: it was used up by a command that is no request. */
void client_close_input(void);

/* Takes the next word off a command's line, and ends it with a NUL; NULL at the line's end. */
char *client_next_word(char **line);

/* Lines to the client: data ("D"), and a status line ("S KEYWORD text"). ERR_CLOSED. */
MUST_USE int client_send_data(const void *data, size_t length);
MUST_USE int client_send_status(const char *keyword, const char *text);

/* What an error was about: of the keys, else of the broker's answer; "". Cleared for each request, since
 * what was said of an earlier one is not this one's. */
const char *client_detail(void);
/* What neither of them knows: it goes before theirs. */
void client_set_detail(const char *text);
void client_clear_detail(void);

#endif
