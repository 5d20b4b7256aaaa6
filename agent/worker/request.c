/* SPDX-License-Identifier: ISC
 *
 * The socket protocol: its commands and how they are answered. A request's bytes are hostile; what it
 * may cost is this worker.
 */
#include "request.h"

#include "ask.h"
#include "certs_command.h"
#include "client.h"
#include "detail.h"
#include "gpgsm_command.h"
#include "key_command.h"
#include "keys.h"
#include "log.h"
#include "message_command.h"
#include "replies.h"
#include "socket_path.h"
#include "printable.h"
#include "report_command.h"
#include "token_command.h"
#include "verify_command.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What a command is about. A SETTING is about the next request, and keeps the descriptors that came for
 * that. */
enum kind { REQUEST, SETTING };

struct command {
	const char *name;
	int (*run)(char *line);
	enum kind kind;
};

/* What is spoken with a client: the agent's own protocol, or gpgsm's. */
struct dialect {
	const char *hello;
	const struct command *commands;
	size_t count;
	gpg_error_t (*option)(assuan_context_t ctx, const char *name, const char *value);
	gpg_err_source_t source;
	bool settings_keep; /* also one that fails */
};
static const struct dialect *spoken;

/* The socket that the client handed over to be served in its place; -1. */
static int adopted = -1;
static bool answered; /* the client sent what only a server does */

static unsigned int error_code(int rc)
{
	return spoken->source == GPG_ERR_SOURCE_GPGSM ? gpgsm_error(rc) : (unsigned int)error_to_gpg(rc);
}

/* libassuan's ERR line has room for libgpg-error's own sentence; ours goes before it as a status
 * line: the row's name, what happened, and to what or which. */
static gpg_error_t answer(int rc, enum kind kind)
{
	CLEAN_BUF struct buf text = BUF_INIT(4096);
	const char *which = detail_text();

	if (kind == REQUEST || (rc && !spoken->settings_keep))
		client_close_fds();
	if (!rc)
		return 0;
	/* Names of tokens and keys are what a card says: they go to somebody's terminal. */
	if (buf_add_format(&text, "%s %s%s", error_name(rc), error_text(rc), *which ? " (" : "") ||
	    printable_plain(&text, view_string(which)) || buf_add_format(&text, "%s", *which ? ")" : "") ||
	    buf_terminate(&text) || client_send_status("ERROR", (const char *)text.data))
		log_debug("the client did not hear of an error");
	return gpg_err_make(spoken->source, (gpg_err_code_t)error_code(rc));
}

/* What a descriptor that comes is for. */
static const struct {
	const char *name;
	int *fd;
} descriptors[] = {
	{"INPUT", &client.input},     {"OUTPUT", &client.output}, {"MESSAGE", &client.message},
	{"ANCHORS", &client.anchors}, {"CRLS", &client.crls},	  {"PIN", &client.pin},
};

static gpg_error_t take_descriptor(assuan_context_t ctx, const char *line)
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
	else
		gpgsm_encoding(name, line + 2);
	return err;
}

static gpg_error_t receive(assuan_context_t ctx, char *line)
{
	return assuan_process_done(ctx, take_descriptor(ctx, line));
}

static gpg_error_t adopt(assuan_context_t ctx, char *line)
{
	CLEAN_FD int fd = -1;
	gpg_error_t err = strcmp(line, "FD") ? gpg_error(GPG_ERR_ASS_PARAMETER) : assuan_receivefd(ctx, &fd);
	int rc;

	if (err)
		return assuan_process_done(ctx, err);
	detail_clear();
	rc = ask_adopt(fd);
	if (!rc) {
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK); /* lines are waited for */
		adopted = TAKE_FD(fd);
	}
	return assuan_process_done(ctx, answer(rc, REQUEST));
}

static void forget(void)
{
	client_close_fds();
	*client.signer = 0;
	client_forget_recipients();
	gpgsm_reset();
}

static gpg_error_t reset(assuan_context_t ctx, char *line)
{
	(void)ctx;
	(void)line;
	forget();
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

static gpg_error_t option_gpgsm(assuan_context_t ctx, const char *name, const char *value)
{
	int rc = gpgsm_option(name, value);

	(void)ctx;
	return !rc ? 0
		   : gpg_err_make(GPG_ERR_SOURCE_GPGSM,
				  rc == ERR_NOT_SUPPORTED ? GPG_ERR_UNKNOWN_OPTION : GPG_ERR_ASS_PARAMETER);
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

static const struct command commands[] = {
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

static const struct command gpgsm_commands[] = {
	{"SIGNER", gpgsm_signer, SETTING},
	{"SIGN", gpgsm_sign, REQUEST},
	{"VERIFY", gpgsm_verify, REQUEST},
	{"RECIPIENT", gpgsm_recipient, SETTING},
	{"ENCRYPT", gpgsm_encrypt, REQUEST},
	{"DECRYPT", gpgsm_decrypt, REQUEST},
	{"LISTKEYS", gpgsm_listkeys, REQUEST},
	{"LISTSECRETKEYS", gpgsm_listsecretkeys, REQUEST},
	{"EXPORT", gpgsm_export, REQUEST},
	{"IMPORT", gpgsm_import, REQUEST},
	{"DELKEYS", gpgsm_delkeys, REQUEST},
	{"GETINFO", gpgsm_getinfo, SETTING},
	{"GETAUDITLOG", gpgsm_getauditlog, REQUEST},
	{"GENKEY", gpgsm_unsupported, REQUEST},
	{"PASSWD", gpgsm_unsupported, REQUEST},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct dialect own = {"smime-agent " VERSION " ready, protocol " SOCKET_PROTOCOL, commands, COUNT(commands), option,
				   GPG_ERR_SOURCE_USER_1, false};
static const struct dialect gpgsm = {"GNU Privacy Guard's S/M server (smime-agent " VERSION ") ready",
				     gpgsm_commands, COUNT(gpgsm_commands), option_gpgsm,
				     GPG_ERR_SOURCE_GPGSM, true};

static gpg_error_t run_command(assuan_context_t ctx, char *line)
{
	const char *name = assuan_get_command_name(ctx);
	const struct command *command = spoken->commands;
	gpg_error_t err;

	while (strcmp(command->name, name))
		command++;
	detail_clear();
	err = assuan_process_done(ctx, answer(command->run(line), command->kind));
	if (command->kind == REQUEST)
		replies_request_done();
	return err;
}

static int register_commands(assuan_context_t ctx)
{
	gpg_error_t err = 0;

	for (size_t i = 0; i < COUNT(descriptors) && !err; i++)
		err = assuan_register_command(ctx, descriptors[i].name, receive, NULL);
	for (size_t i = 0; i < spoken->count && !err; i++)
		err = assuan_register_command(ctx, spoken->commands[i].name, run_command, NULL);
	if (!err && spoken == &own)
		err = assuan_register_command(ctx, "ADOPT", adopt, NULL);
	err = err ? err : assuan_register_option_handler(ctx, spoken->option);
	err = err ? err : assuan_register_reset_notify(ctx, reset);
	return err ? ERR_INTERNAL : 0;
}

/* A client that was told to hand over a socket whose other end another worker serves would have the two answer each
 * other for ever. */
static unsigned int look_for_answers(assuan_context_t ctx, void *hook, int outbound, const char *line, size_t length)
{
	(void)ctx;
	(void)hook;
	if (!outbound && ((length >= 2 && !memcmp(line, "OK", 2)) || (length >= 4 && !memcmp(line, "ERR ", 4))))
		answered = true;
	return 0;
}

/* Until the client goes, or has handed over another's socket. (With assuan_process_next commands say
 * themselves that they are done.) */
static void converse(assuan_context_t ctx)
{
	gpg_error_t err = 0;
	int done = 0;

	answered = false;
	while (adopted < 0 && !done && !answered && !(err = assuan_process_next(ctx, &done)))
		;
	if (answered)
		log_warn("the client's connection is ended: it sends answers, not commands");
	if (err)
		log_debug("the client's connection ended: %s", gpg_strerror(err));
	client_close_fds();
	if (replies_flush())
		log_debug("the client went before its last reply");
}

static int serve(int fd, const struct dialect *dialect, assuan_context_t *ret_context)
{
	gpg_error_t err;

	spoken = dialect;
	assuan_set_gpg_err_source(dialect->source);
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
	assuan_set_hello_line(client.assuan, dialect->hello);
	assuan_set_io_monitor(client.assuan, look_for_answers, NULL);
	if (!assuan_accept(client.assuan))
		converse(client.assuan);
	*ret_context = client.assuan;
	return 0;
}

int request_serve(int fd)
{
	assuan_context_t first, second;
	int rc = serve(fd, &own, &first);

	if (rc)
		return rc;
	forget();
	/* The first client stays connected: it waits for the other's end. */
	if (adopted >= 0 && !serve(TAKE_FD(adopted), &gpgsm, &second))
		assuan_release(second);
	assuan_release(first);
	return 0;
}
