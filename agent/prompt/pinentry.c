/* SPDX-License-Identifier: ISC
 *
 * A pinentry client on libassuan. The PIN arrives in libassuan's line buffer, which for that
 * reason is protected memory (the malloc hooks), and goes on in a struct secret.
 */
#include "pinentry.h"

#include "log.h"

#include <assuan.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#define LINE_LENGTH 900
#define SIZE_PREFIX 16

/* The size goes before the memory, since libassuan does not tell it when it frees. */
static void *secret_malloc(size_t size)
{
	unsigned char *memory = secret_alloc(size + SIZE_PREFIX);

	if (!memory)
		return NULL;
	memcpy(memory, &size, sizeof size);
	return memory + SIZE_PREFIX;
}

static void secret_malloc_free(void *pointer)
{
	unsigned char *memory = pointer;
	size_t size;

	if (!pointer)
		return;
	memory -= SIZE_PREFIX;
	memcpy(&size, memory, sizeof size);
	secret_release(memory, size + SIZE_PREFIX);
}

static void *secret_realloc(void *pointer, size_t size)
{
	void *fresh = secret_malloc(size);
	size_t old = 0;

	if (pointer)
		memcpy(&old, (unsigned char *)pointer - SIZE_PREFIX, sizeof old);
	if (fresh && pointer)
		memcpy(fresh, pointer, old < size ? old : size);
	if (fresh)
		secret_malloc_free(pointer);
	return fresh;
}

/* In the new process: a window that nobody waits for goes with this process. */
static void end_with_parent(void *opaque, int reserved)
{
	(void)opaque;
	(void)reserved;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* A pinentry may look for a window system before it hears an option, and for the bus in no other place. */
static int set_environment(const char *name, struct view value)
{
	CLEAN_FREE char *text = value.length ? view_dup(value) : NULL;

	return value.length && (!text || setenv(name, text, 1)) ? ERR_NO_MEMORY : 0;
}

static int set_place(const struct msg_prompt *prompt)
{
	int rc = set_environment("DISPLAY", prompt->display);

	rc = rc ? rc : set_environment("WAYLAND_DISPLAY", prompt->wayland);
	rc = rc ? rc : set_environment("XAUTHORITY", prompt->xauthority);
	return rc ? rc : set_environment("DBUS_SESSION_BUS_ADDRESS", prompt->bus);
}

int pinentry_start(const struct msg_prompt *prompt, assuan_context_t *ret_pinentry)
{
	static struct assuan_malloc_hooks hooks = {secret_malloc, secret_realloc, secret_malloc_free};
	CLEAN_FREE char *program = view_dup(prompt->program);
	const char *argv[] = {program, NULL};
	assuan_fd_t keep[] = {ASSUAN_INVALID_FD};
	assuan_context_t context;
	gpg_error_t err;

	if (!program || set_place(prompt) || assuan_new_ext(&context, GPG_ERR_SOURCE_DEFAULT, &hooks, NULL, NULL))
		return ERR_NO_MEMORY;
	err = assuan_pipe_connect(context, program, argv, keep, end_with_parent, NULL, 0);
	if (err) {
		log_error("pinentry %s cannot be started: %s", log_quote(program), gpg_strerror(err));
		assuan_release(context);
		return ERR_PINENTRY;
	}
	*ret_pinentry = context;
	return 0;
}

void pinentry_end(assuan_context_t pinentry)
{
	assuan_release(pinentry);
}

/* "COMMAND value", with what Assuan reserves escaped. Options that a pinentry does not know are
 * no failure. */
static gpg_error_t transact(assuan_context_t context, const char *command, struct view value)
{
	char line[LINE_LENGTH + 8];
	size_t at = (size_t)snprintf(line, sizeof line, "%s", command);

	for (size_t i = 0; i < value.length && at < LINE_LENGTH; i++) {
		unsigned char c = value.data[i];

		if (c < ' ' || c == '%' || c == 127)
			at += (size_t)snprintf(line + at, sizeof line - at, "%%%02X", c);
		else
			line[at++] = (char)c;
	}
	line[at] = 0;
	return assuan_transact(context, line, NULL, NULL, NULL, NULL, NULL, NULL);
}

static void send_option(assuan_context_t context, const char *name, struct view value)
{
	char command[64];

	snprintf(command, sizeof command, "OPTION %s=", name);
	if (value.length && transact(context, command, value))
		log_debug("pinentry does not take option %s", name);
}

static int describe(assuan_context_t context, const struct msg_prompt *prompt, struct view question,
		    unsigned int timeout)
{
	char seconds[16];

	snprintf(seconds, sizeof seconds, "%u", timeout);
	send_option(context, "display", prompt->display);
	send_option(context, "ttyname", prompt->tty);
	send_option(context, "ttytype", prompt->tty_type);
	send_option(context, "lc-ctype", prompt->locale);
	if (transact(context, "SETTIMEOUT ", view_string(seconds)))
		log_debug("pinentry knows no time limit");
	if (transact(context, "SETTITLE ", prompt->title) ||
	    transact(context, "SETPROMPT ", view_string(prompt->password ? "Password:" : "PIN:")) ||
	    transact(context, "SETDESC ", question))
		return ERR_PINENTRY;
	if (prompt->error.length && transact(context, "SETERROR ", prompt->error))
		return ERR_PINENTRY;
	return 0;
}

static gpg_error_t take_data(void *opaque, const void *data, size_t length)
{
	struct secret **pin = opaque;

	secret_free(*pin);
	*pin = secret_new((struct view){data, length});
	return *pin ? 0 : gpg_error(GPG_ERR_TOO_LARGE);
}

static int translate(gpg_error_t err)
{
	switch (gpg_err_code(err)) {
	case GPG_ERR_NO_ERROR:
		return 0;
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NOT_CONFIRMED:
	case GPG_ERR_ASS_CANCELED:
		return ERR_CANCELLED;
	case GPG_ERR_TIMEOUT:
		return ERR_TIMEOUT;
	default:
		log_error("pinentry: %s", gpg_strerror(err));
		return ERR_PINENTRY;
	}
}

/* pinentry says so of a PIN that it remembers for somebody, in the desktop's keyring. */
static gpg_error_t take_status(void *opaque, const char *line)
{
	bool *remembered = opaque;

	*remembered = *remembered || !strncmp(line, "PASSWORD_FROM_CACHE", strlen("PASSWORD_FROM_CACHE"));
	return 0;
}

static int get_pin(assuan_context_t context, bool repeat, struct secret **ret_pin)
{
	CLEAN_SECRET struct secret *pin = NULL;
	bool remembered = false;
	int rc;

	/* A pinentry without SETREPEAT asks once: better than not at all. */
	if (repeat && transact(context, "SETREPEAT ", view_string("Repeat:")))
		log_warn("pinentry cannot ask twice; the PIN is taken as typed");
	rc = translate(assuan_transact(context, "GETPIN", take_data, &pin, NULL, NULL, take_status, &remembered));
	if (rc)
		return rc;
	if (remembered) {
		log_error("pinentry gave a PIN that no person typed; it is not used");
		return ERR_PINENTRY;
	}
	if (!pin || !pin->length)
		return ERR_CANCELLED;
	*ret_pin = TAKE(pin);
	return 0;
}

int pinentry_ask(assuan_context_t pinentry, const struct msg_prompt *prompt, struct view question, unsigned int timeout,
		 bool repeat, struct secret **ret_pin)
{
	int rc = describe(pinentry, prompt, question, timeout);

	return rc ? rc : get_pin(pinentry, repeat, ret_pin);
}

int pinentry_confirm(assuan_context_t pinentry, const struct msg_prompt *prompt, unsigned int timeout)
{
	int rc = describe(pinentry, prompt, prompt->first, timeout);

	return rc ? rc : translate(transact(pinentry, "CONFIRM", (struct view){NULL, 0}));
}
