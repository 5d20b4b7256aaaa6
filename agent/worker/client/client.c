/* SPDX-License-Identifier: ISC
 *
 * State of the client's connection. Everything in it came from the client, and is hostile.
 */
#include "client.h"

#include "ask.h"
#include "replies.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Between two PROGRESS lines. */
#define PROGRESS_BYTES (8u << 20)
#define TERMINAL_SIZE 256

struct client client = {.input = -1, .output = -1, .message = -1, .anchors = -1, .crls = -1, .pin = -1};

static struct {
	char display[TERMINAL_SIZE], wayland[TERMINAL_SIZE], xauthority[TERMINAL_SIZE], bus[TERMINAL_SIZE];
	char tty[TERMINAL_SIZE], tty_type[TERMINAL_SIZE], locale[TERMINAL_SIZE];
	bool changed;
} terminal;

static uint64_t progress_shown;

bool client_set_terminal(const char *name, const char *value)
{
	const struct {
		const char *name;
		char *into;
	} table[] = {
		{"display", terminal.display}, {"ttyname", terminal.tty},
		{"ttytype", terminal.tty_type}, {"lc-ctype", terminal.locale},
		{"wayland-display", terminal.wayland}, {"xauthority", terminal.xauthority},
		{"session-bus", terminal.bus},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (!strcmp(name, table[i].name)) {
			snprintf(table[i].into, TERMINAL_SIZE, "%s", value);
			terminal.changed = true;
			return true;
		}
	return false;
}

int client_tell_terminal(void)
{
	struct msg_terminal message = {view_string(terminal.display), view_string(terminal.wayland),
				       view_string(terminal.xauthority), view_string(terminal.bus),
				       view_string(terminal.tty), view_string(terminal.tty_type),
				       view_string(terminal.locale)};

	if (!terminal.changed)
		return 0;
	terminal.changed = false;
	return ask_terminal(&message);
}

static void show_progress(void *context, uint64_t total)
{
	char text[64];

	(void)context;
	if (total < progress_shown + PROGRESS_BYTES)
		return;
	progress_shown = total;
	snprintf(text, sizeof text, "smime ? %llu 0", (unsigned long long)total);
	if (client_send_status("PROGRESS", text) || replies_flush())
		progress_shown = UINT64_MAX - PROGRESS_BYTES; /* it went: nobody to tell */
}

static int open_input(void)
{
	if (client.input < 0)
		return ERR_USAGE;
	input_init(&client.in, client.input);
	client.in.progress = show_progress;
	progress_shown = 0;
	return client_tell_terminal();
}

int client_open_streams(void)
{
	if (client.output < 0)
		return ERR_USAGE;
	output_init(&client.out, client.output);
	return open_input();
}

static const char *signer(void)
{
	return *client.signer ? client.signer : NULL;
}

int client_open_signing(struct sign_request *request)
{
	request->input = &client.in;
	request->output = &client.out;
	request->signer = signer();
	return client_open_streams();
}

int client_open_encryption(struct encrypt_request *request)
{
	request->input = &client.in;
	request->output = &client.out;
	request->recipients = &client.recipients;
	request->signer = signer();
	request->tell = client_send_status;
	return client.recipients_failed ? client.recipients_failed : client_open_streams();
}

int client_open_verification(struct verify_request *request)
{
	static struct input content;
	int rc = open_input();

	request->input = &client.in;
	request->trust.anchors = client.anchors;
	request->trust.crls = client.crls;
	if (client.message >= 0) {
		input_init(&content, client.message);
		request->content = &content;
	}
	if (client.output >= 0) {
		output_init(&client.out, client.output);
		request->output = &client.out;
	}
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int note_recipient(int rc)
{
	client.recipients_failed = client.recipients_failed ? client.recipients_failed : rc;
	return rc;
}

int client_add_recipient(const char *name, const struct recipient **ret_recipient)
{
	return note_recipient(recipients_add(&client.recipients, name, ret_recipient));
}

int client_add_recipient_file(const struct recipient **ret_recipient)
{
	int rc = client.input < 0 ? ERR_USAGE : recipients_add_file(&client.recipients, client.input, ret_recipient);

	close_fd(&client.input); /* it is used up */
	return note_recipient(rc);
}

void client_forget_recipients(void)
{
	recipients_clear(&client.recipients);
	client.recipients_failed = 0;
}

void client_close_fds(void)
{
	close_fd(&client.input);
	close_fd(&client.output);
	close_fd(&client.message);
	close_fd(&client.anchors);
	close_fd(&client.crls);
	close_fd(&client.pin);
}

bool client_has_descriptors(void)
{
	return client.input >= 0 || client.output >= 0 || client.message >= 0 || client.anchors >= 0 || client.crls >= 0 ||
	       client.pin >= 0;
}

int client_send_data(const void *data, size_t length)
{
	return length && assuan_send_data(client.assuan, data, length) ? ERR_CLOSED : 0;
}

int client_send_status(const char *keyword, const char *text)
{
	return assuan_write_status(client.assuan, keyword, text) ? ERR_CLOSED : 0;
}
