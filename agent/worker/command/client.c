/* SPDX-License-Identifier: ISC
 *
 * State of the client's connection. Everything in it came from the client, and is hostile.
 */
#include "client.h"

#include "ask.h"
#include "keys.h"
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
static char detail[700];

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

int client_open_input(void)
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
	return client_open_input();
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
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

void client_close_input(void)
{
	close_fd(&client.input);
}

char *client_next_word(char **line)
{
	char *word = *line + strspn(*line, " ");
	size_t length = strcspn(word, " ");

	if (!length)
		return NULL;
	*line = word + length;
	if (**line)
		*(*line)++ = 0;
	return word;
}

int client_send_data(const void *data, size_t length)
{
	return length && assuan_send_data(client.assuan, data, length) ? ERR_CLOSED : 0;
}

int client_send_status(const char *keyword, const char *text)
{
	return assuan_write_status(client.assuan, keyword, text) ? ERR_CLOSED : 0;
}

const char *client_detail(void)
{
	if (*detail)
		return detail;
	return *keys_detail() ? keys_detail() : ask_detail();
}

void client_set_detail(const char *text)
{
	snprintf(detail, sizeof detail, "%s", text);
}

void client_clear_detail(void)
{
	*detail = 0;
	keys_clear_detail();
	ask_clear_detail();
}
