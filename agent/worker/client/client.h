/* SPDX-License-Identifier: ISC
 *
 * The one client that this worker serves: the descriptors it handed over, what it said for the next
 * request, and the lines that go back to it. The dialects' commands use it; request.c calls them.
 */
#ifndef SMIME_WORKER_CLIENT_H
#define SMIME_WORKER_CLIENT_H

#include "encrypt_request.h"
#include "sign_request.h"
#include "verify_request.h"

#include <assuan.h>

#define CLIENT_NAME_SIZE 1000

struct client {
	assuan_context_t assuan;
	/* -1 where none was handed over; closed when the request ends. pin is never read here. */
	int input, output, message, anchors, crls, pin;
	char signer[CLIENT_NAME_SIZE]; /* "" for none */
	struct recipients recipients;
	int recipients_failed; /* of one that could not be added: what was sent behind it must not go out without that one */
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
/* The same, for a request: its streams, the signer's name, the recipients. The error of a recipient that could not be added. */
MUST_USE int client_open_signing(struct sign_request *request);
MUST_USE int client_open_encryption(struct encrypt_request *request);
/* INPUT has to be there; MESSAGE, OUTPUT, ANCHORS and CRLS are taken where they were handed over. */
MUST_USE int client_open_verification(struct verify_request *request);

/* Finds the certificate for a name, or takes the one that INPUT has, and keeps it for the next ENCRYPT, which fails if that
 * failed. */
MUST_USE int client_add_recipient(const char *name, const struct recipient **ret_recipient);
MUST_USE int client_add_recipient_file(const struct recipient **ret_recipient);
/* Nobody is a recipient any more. */
void client_forget_recipients(void);

void client_close_fds(void);
bool client_has_descriptors(void);

/* Lines to the client: data ("D"), and a status line ("S KEYWORD text"). ERR_CLOSED. */
MUST_USE int client_send_data(const void *data, size_t length);
MUST_USE int client_send_status(const char *keyword, const char *text);

#endif
