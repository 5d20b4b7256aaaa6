/* SPDX-License-Identifier: ISC
 *
 * The socket protocol: its commands and how they are answered. A request's bytes are hostile; what it
 * may cost is this worker.
 */
#include "request.h"

#include "ask.h"
#include "certs_command.h"
#include "client.h"
#include "encrypt_command.h"
#include "key_command.h"
#include "keys.h"
#include "log.h"
#include "message_command.h"
#include "replies.h"
#include "report.h"
#include "report_command.h"
#include "token_command.h"
#include "verify_command.h"

#include <string.h>
#include <unistd.h>

/* libassuan's ERR line has room for libgpg-error's own sentence; ours goes before it as a status
 * line: the row's name, what happened, and to what or which. */
static gpg_error_t answer(int rc)
{
	CLEAN_BUF struct buf text = BUF_INIT(4096);
	const char *which = client_detail();

	client_close_fds();
	if (!rc)
		return 0;
	/* Names of tokens and keys are what a card says: they go to somebody's terminal. */
	if (buf_add_format(&text, "%s %s%s", error_name(rc), error_text(rc), *which ? " (" : "") ||
	    report_plain(&text, view_string(which)) || buf_add_format(&text, "%s", *which ? ")" : "") ||
	    buf_terminate(&text) || client_send_status("ERROR", (const char *)text.data))
		log_debug("the client did not hear of an error");
	return gpg_err_make(GPG_ERR_SOURCE_USER_1, (gpg_err_code_t)error_to_gpg(rc));
}

/* What a descriptor that comes is for. */
static const struct {
	const char *name;
	int *fd;
} descriptors[] = {
	{"INPUT", &client.input},     {"OUTPUT", &client.output}, {"MESSAGE", &client.message},
	{"ANCHORS", &client.anchors}, {"CRLS", &client.crls},	  {"PIN", &client.pin},
};

static gpg_error_t receive(assuan_context_t ctx, char *line)
{
	const char *name = assuan_get_command_name(ctx);
	gpg_error_t err;
	size_t i = 0;
	int *fd;

	while (strcmp(descriptors[i].name, name))
		i++;
	fd = descriptors[i].fd;

	/* "FD=n" would name a descriptor of this process, as if the client had one here. */
	if (strncmp(line, "FD", 2) || (line[2] && line[2] != ' '))
		return gpg_error(GPG_ERR_ASS_PARAMETER);
	if (*fd >= 0)
		close(*fd);
	err = assuan_receivefd(ctx, fd);
	if (err)
		*fd = -1;
	return err;
}

static gpg_error_t reset(assuan_context_t ctx, char *line)
{
	(void)ctx;
	(void)line;
	client_close_fds();
	*client.signer = 0;
	encrypt_forget();
	return 0;
}

static gpg_error_t option(assuan_context_t ctx, const char *name, const char *value)
{
	(void)ctx;
	return client_set_terminal(name, value) ? 0 : gpg_error(GPG_ERR_UNKNOWN_OPTION);
}

static int find_token(enum list_look look, const char *name, const struct token **ret_token)
{
	int rc = keys_refresh(look);

	return rc ? rc : keys_select_token(name, ret_token);
}

static int command_unlock(char *line)
{
	const struct token *token = NULL;
	int rc = client_tell_terminal();

	rc = rc || !*line ? rc : find_token(LIST_OBJECTS, line, &token);
	rc = rc == ERR_NO_TOKEN ? find_token(LIST_PATIENT, line, &token) : rc;
	return rc ? rc : ask_unlock(token ? token->ref : 0, client.pin);
}

static int command_lock(char *line)
{
	(void)line;
	return ask_simple(MSG_LOCK);
}

static int command_reload(char *line)
{
	(void)line;
	return ask_simple(MSG_RELOAD);
}

static int command_stop(char *line)
{
	(void)line;
	return ask_simple(MSG_STOP);
}

static int command_token(char *line)
{
	CLEAN_BUF struct buf result = BUF_INIT(BUF_MESSAGE_MAX);
	int rc = client_tell_terminal();

	rc = rc ? rc : token_command(line, client.input, client.pin, &result);
	return rc ? rc : client_send_data(result.data, result.length);
}

static int command_pklist(char *line)
{
	CLEAN_BUF struct buf list = BUF_INIT(KEY_LIST_MAX);
	int rc = key_command_list(line, &list);

	return rc ? rc : client_send_data(list.data, list.length);
}

static int command_pklogin(char *line)
{
	int rc = client_tell_terminal();

	return rc ? rc : key_command_login(line, client.pin);
}

/* The result may be what was decrypted. */
static int run_key_command(enum message_type type, char *line)
{
	static struct buf result = {.limit = KEY_RESULT_MAX, .secret = true};
	int rc = client_tell_terminal();

	rc = rc ? rc : key_command_run(type, line, client.pin, &result);
	rc = rc ? rc : client_send_data(result.data, result.length);
	buf_clear(&result);
	return rc;
}

static int command_pksign(char *line)
{
	return run_key_command(MSG_SIGN, line);
}

static int command_pkdecrypt(char *line)
{
	return run_key_command(MSG_DECRYPT, line);
}

static int command_pkderive(char *line)
{
	return run_key_command(MSG_DERIVE, line);
}

static int command_pkdata(char *line)
{
	return key_command_data(line);
}

static int command_getinfo(char *line)
{
	return strcmp(line, "version") ? ERR_USAGE : client_send_data(VERSION, strlen(VERSION));
}

/* SETTING: it is about the next request, and keeps the descriptors that came for that. */
static const struct command {
	const char *name;
	int (*run)(char *line);
	enum { REQUEST, SETTING } kind;
} commands[] = {
	{"SIGNER", command_signer, SETTING},
	{"SIGN", command_sign, REQUEST},
	{"RECIPIENT", command_recipient, SETTING},
	{"ENCRYPT", command_encrypt, REQUEST},
	{"DECRYPT", command_decrypt, REQUEST},
	{"VERIFY", command_verify, REQUEST},
	{"KEYS", command_keys, REQUEST},
	{"TOKENS", command_tokens, REQUEST},
	{"STATUS", command_status, REQUEST},
	{"CERTS", command_certs, REQUEST},
	{"DIAGNOSE", command_diagnose, REQUEST},
	{"UNLOCK", command_unlock, REQUEST},
	{"LOCK", command_lock, REQUEST},
	{"RELOAD", command_reload, REQUEST},
	{"STOP", command_stop, REQUEST},
	{"TOKEN", command_token, REQUEST},
	{"GETINFO", command_getinfo, SETTING},
	{"PKLIST", command_pklist, REQUEST},
	{"PKLOGIN", command_pklogin, REQUEST},
	{"PKDATA", command_pkdata, SETTING},
	{"PKSIGN", command_pksign, REQUEST},
	{"PKDECRYPT", command_pkdecrypt, REQUEST},
	{"PKDERIVE", command_pkderive, REQUEST},
};

static gpg_error_t run(assuan_context_t ctx, char *line)
{
	const char *name = assuan_get_command_name(ctx);
	const struct command *command = commands;
	int rc;

	while (strcmp(command->name, name))
		command++;
	client_clear_detail();
	rc = command->run(line);
	return !rc && command->kind == SETTING ? 0 : answer(rc);
}

static int register_commands(assuan_context_t ctx)
{
	gpg_error_t err = 0;

	for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0] && !err; i++)
		err = assuan_register_command(ctx, descriptors[i].name, receive, NULL);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0] && !err; i++)
		err = assuan_register_command(ctx, commands[i].name, run, NULL);
	err = err ? err : assuan_register_option_handler(ctx, option);
	err = err ? err : assuan_register_reset_notify(ctx, reset);
	return err ? ERR_INTERNAL : 0;
}

int request_serve(int fd)
{
	gpg_error_t err;

	if (assuan_new(&client.assuan)) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	replies_attach(client.assuan);
	err = assuan_init_socket_server(client.assuan, fd,
					ASSUAN_SOCKET_SERVER_ACCEPTED | ASSUAN_SOCKET_SERVER_FDPASSING);
	if (err || register_commands(client.assuan)) {
		close(fd);
		assuan_release(client.assuan);
		return ERR_INTERNAL;
	}
	assuan_set_hello_line(client.assuan, "smime-agent " VERSION " ready");
	while (!assuan_accept(client.assuan)) {
		err = assuan_process(client.assuan);
		if (err)
			log_debug("the client's connection ended: %s", gpg_strerror(err));
	}
	client_close_fds();
	if (replies_flush())
		log_debug("the client went before its last reply");
	assuan_release(client.assuan);
	return 0;
}
