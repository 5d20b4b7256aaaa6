/* SPDX-License-Identifier: ISC
 *
 * Commands of the socket protocol. A request's bytes are hostile; what it may cost is this worker.
 */
#include "request.h"

#include "ask.h"
#include "cms_decrypt.h"
#include "cms_sign.h"
#include "diagnosis.h"
#include "key_command.h"
#include "keys.h"
#include "log.h"
#include "mail_decrypt.h"
#include "mail_sign.h"
#include "replies.h"
#include "report.h"
#include "token_command.h"

#include <assuan.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NAME_MAX_LENGTH 1000
/* Between two PROGRESS lines. */
#define PROGRESS_BYTES (8u << 20)

/* One connection. Buffers of the streams are here, once. */
static struct {
	assuan_context_t assuan;
	int input, output, pin;
	char signer[NAME_MAX_LENGTH];
	char display[256], wayland[256], tty[256], tty_type[256], locale[256];
	bool terminal_changed;
	uint64_t progress_shown;
	struct input in;
	struct output out;
} session = {.input = -1, .output = -1, .pin = -1};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_fds(void)
{
	close_fd(&session.input);
	close_fd(&session.output);
	close_fd(&session.pin);
}

/* libassuan's ERR line has room for libgpg-error's own sentence; ours goes before it as a status
 * line: the row's name, what happened, and to what or which. */
static gpg_error_t answer(int rc)
{
	CLEAN_BUF struct buf text = BUF_INIT(4096);
	const char *which = *keys_detail() ? keys_detail() : ask_detail();

	close_fds();
	if (!rc)
		return 0;
	/* Names of tokens and keys are what a card says: they go to somebody's terminal. */
	if (buf_add_format(&text, "%s %s%s", error_name(rc), error_text(rc), *which ? " (" : "") ||
	    report_plain(&text, view_string(which)) || buf_add_format(&text, "%s", *which ? ")" : "") ||
	    buf_terminate(&text) || assuan_write_status(session.assuan, "ERROR", (const char *)text.data))
		log_debug("the client did not hear of an error");
	return gpg_err_make(GPG_ERR_SOURCE_USER_1, (gpg_err_code_t)error_to_gpg(rc));
}

/* For the start of each request: what was said of an earlier one is not this one's. */
static void begin(void)
{
	keys_clear_detail();
	ask_clear_detail();
}

static gpg_error_t receive(assuan_context_t ctx, const char *line, int *fd)
{
	gpg_error_t err;

	/* "FD=n" would name a descriptor of this process, as if the client had one here. */
	if (strncmp(line, "FD", 2) || (line[2] && line[2] != ' '))
		return gpg_error(GPG_ERR_ASS_PARAMETER);
	close_fd(fd);
	err = assuan_receivefd(ctx, fd);
	if (err)
		*fd = -1;
	return err;
}

static gpg_error_t cmd_input(assuan_context_t ctx, char *line)
{
	return receive(ctx, line, &session.input);
}

static gpg_error_t cmd_output(assuan_context_t ctx, char *line)
{
	return receive(ctx, line, &session.output);
}

/* Where a PIN is to be read from: handed on to the broker, never read here. */
static gpg_error_t cmd_pin(assuan_context_t ctx, char *line)
{
	return receive(ctx, line, &session.pin);
}

static gpg_error_t cmd_signer(assuan_context_t ctx, char *line)
{
	(void)ctx;
	if (strlen(line) >= sizeof session.signer)
		return gpg_error(GPG_ERR_TOO_LARGE);
	strcpy(session.signer, line);
	return 0;
}

static gpg_error_t reset(assuan_context_t ctx, char *line)
{
	(void)ctx;
	(void)line;
	close_fds();
	*session.signer = 0;
	return 0;
}

static gpg_error_t option(assuan_context_t ctx, const char *name, const char *value)
{
	const struct {
		const char *name;
		char *into;
	} table[] = {
		{"display", session.display}, {"ttyname", session.tty},
		{"ttytype", session.tty_type}, {"lc-ctype", session.locale},
		{"wayland-display", session.wayland},
	};

	(void)ctx;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (!strcmp(name, table[i].name)) {
			snprintf(table[i].into, sizeof session.display, "%s", value);
			session.terminal_changed = true;
			return 0;
		}
	return gpg_error(GPG_ERR_UNKNOWN_OPTION);
}

/* Tells the broker where this client's person sits, before anything that may ask. */
static int tell_terminal(void)
{
	struct msg_terminal terminal = {view_string(session.display), view_string(session.wayland),
					view_string(session.tty), view_string(session.tty_type),
					view_string(session.locale)};

	if (!session.terminal_changed)
		return 0;
	session.terminal_changed = false;
	return ask_terminal(&terminal);
}

static void show_progress(void *context, uint64_t total)
{
	char text[64];

	(void)context;
	if (total < session.progress_shown + PROGRESS_BYTES)
		return;
	session.progress_shown = total;
	snprintf(text, sizeof text, "smime ? %llu 0", (unsigned long long)total);
	if (assuan_write_status(session.assuan, "PROGRESS", text) || replies_flush())
		session.progress_shown = UINT64_MAX - PROGRESS_BYTES; /* it went: nobody to tell */
}

static int open_streams(void)
{
	if (session.input < 0 || session.output < 0)
		return ERR_USAGE;
	input_init(&session.in, session.input);
	session.in.progress = show_progress;
	session.progress_shown = 0;
	output_init(&session.out, session.output);
	return tell_terminal();
}

/* Takes the next word off the line; NULL at its end. */
static char *next_word(char **line)
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

struct sign_request {
	struct sign_options options;
	bool mail;
};

static int parse_sign(char *line, struct sign_request *request)
{
	char *word;

	while ((word = next_word(&line))) {
		if (!strcmp(word, "--detached"))
			request->options.detached = true;
		else if (!strcmp(word, "--mail"))
			request->mail = true;
		else if (!strcmp(word, "--pem"))
			request->options.pem = true;
		else if (!strcmp(word, "--pss"))
			request->options.pss = true;
		else if (!strncmp(word, "--digest=", 9))
			request->options.digest = word + 9;
		else
			return ERR_USAGE;
	}
	return request->mail && request->options.pem ? ERR_USAGE : 0;
}

/* The key that was asked for; without one, the sender's, if there is one, or the only one. */
static int select_signer(const struct view *header, struct key **ret_key)
{
	const char *name = *session.signer ? session.signer : NULL;
	char address[256];
	struct mime_field from;
	int rc = ERR_NO_KEY;

	if (name)
		return keys_select(name, CERT_USE_SIGN, ret_key);
	if (header && mime_find_field(*header, "From", &from) &&
	    mime_address(from.value, address, sizeof address))
		rc = keys_select(address, CERT_USE_SIGN, ret_key);
	return rc == ERR_NO_KEY ? keys_select(NULL, CERT_USE_SIGN, ret_key) : rc;
}

static int find_signer(const struct view *header, struct key **ret_key)
{
	int rc = keys_refresh(LIST_KNOWN);

	rc = rc ? rc : select_signer(header, ret_key);
	if (rc != ERR_NO_KEY)
		return rc;
	rc = keys_refresh(LIST_OBJECTS); /* perhaps it is new */
	return rc ? rc : select_signer(header, ret_key);
}

static int sign_mail(struct sign_request *request)
{
	CLEAN_BUF struct buf block = BUF_INIT(MIME_HEADER_MAX);
	struct view header;
	struct key *key;
	int rc = mime_read_header(&session.in, &block);

	header = buf_view(&block);
	rc = rc ? rc : find_signer(&header, &key);
	return rc ? rc : mail_sign(&session.in, header, &session.out, key, &request->options);
}

static int sign_raw(struct sign_request *request)
{
	struct key *key;
	int rc = find_signer(NULL, &key);

	return rc ? rc : cms_sign(&session.in, &session.out, key, &request->options);
}

static gpg_error_t cmd_sign(assuan_context_t ctx, char *line)
{
	struct sign_request request = {0};
	int rc;

	(void)ctx;
	begin();
	rc = parse_sign(line, &request);
	rc = rc ? rc : open_streams();
	if (!rc)
		rc = request.mail ? sign_mail(&request) : sign_raw(&request);
	return answer(rc);
}

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

/* DER, or PEM of any label. */
static int decrypt_raw(const char *name)
{
	static const char begin[] = "-----BEGIN ";
	struct view start;
	int rc = input_peek(&session.in, sizeof begin - 1, &start);

	if (!rc && start.length >= sizeof begin - 1 && !memcmp(start.data, begin, sizeof begin - 1)) {
		char byte = 0;

		while (!rc && byte != '\n')
			rc = input_read_all(&session.in, &byte, 1);
		input_decode_base64(&session.in);
	}
	rc = rc ? rc : cms_decrypt(&session.in, name, write_out, &session.out);
	return rc ? rc : output_flush(&session.out);
}

static gpg_error_t cmd_decrypt(assuan_context_t ctx, char *line)
{
	bool mail = !strncmp(line, "--mail", 6) && (!line[6] || line[6] == ' ');
	const char *name = line + (mail ? 6 : 0);
	int rc;

	(void)ctx;
	begin();
	rc = open_streams();
	name += strspn(name, " ");
	name = *name ? name : NULL;
	if (!rc)
		rc = mail ? mail_decrypt(&session.in, &session.out, name) : decrypt_raw(name);
	return answer(rc);
}

static int make_report(const char *command, bool json, struct buf *into)
{
	if (!strcmp(command, "KEYS"))
		return report_keys(into, json);
	if (!strcmp(command, "TOKENS"))
		return report_tokens(into, json);
	return strcmp(command, "STATUS") ? diagnose(into) : report_status(into, json);
}

static gpg_error_t cmd_report(assuan_context_t ctx, char *line)
{
	CLEAN_BUF struct buf text = BUF_INIT(REPORT_MAX);
	gpg_error_t err;
	int rc;

	begin();
	rc = make_report(assuan_get_command_name(ctx), !strcmp(line, "--json"), &text);
	err = rc ? 0 : assuan_send_data(ctx, text.data, text.length);

	return err ? err : answer(rc);
}

static gpg_error_t cmd_unlock(assuan_context_t ctx, char *line)
{
	const struct token *token = NULL;
	int rc;

	(void)ctx;
	begin();
	rc = tell_terminal();
	rc = rc || !*line ? rc : keys_refresh(LIST_OBJECTS);
	rc = rc || !*line ? rc : keys_select_token(line, &token);
	return answer(rc ? rc : ask_unlock(token ? token->ref : 0, session.pin));
}

static gpg_error_t cmd_simple(assuan_context_t ctx, char *line)
{
	const char *name = assuan_get_command_name(ctx);

	(void)line;
	return answer(ask_simple(*name == 'L' ? MSG_LOCK : *name == 'R' ? MSG_RELOAD : MSG_STOP));
}

/* An answer that may hold what was decrypted. */
static gpg_error_t send_result(assuan_context_t ctx, int rc, const struct buf *result)
{
	gpg_error_t err = rc || !result->length ? 0 : assuan_send_data(ctx, result->data, result->length);

	return err ? err : answer(rc);
}

static gpg_error_t cmd_token(assuan_context_t ctx, char *line)
{
	CLEAN_BUF struct buf result = BUF_INIT(BUF_MESSAGE_MAX);
	int rc;

	begin();
	rc = tell_terminal();
	return send_result(ctx, rc ? rc : token_command(line, session.input, session.pin, &result), &result);
}

static gpg_error_t cmd_pklist(assuan_context_t ctx, char *line)
{
	CLEAN_BUF struct buf list = BUF_INIT(KEY_LIST_MAX);

	begin();
	return send_result(ctx, key_command_list(line, &list), &list);
}

static gpg_error_t cmd_pklogin(assuan_context_t ctx, char *line)
{
	int rc = tell_terminal();

	(void)ctx;
	begin();
	return answer(rc ? rc : key_command_login(line, session.pin));
}

static gpg_error_t cmd_pkdata(assuan_context_t ctx, char *line)
{
	int rc = key_command_data(line);

	(void)ctx;
	return rc ? gpg_error(GPG_ERR_ASS_PARAMETER) : 0;
}

static gpg_error_t cmd_key(assuan_context_t ctx, char *line)
{
	static struct buf result = {.limit = KEY_RESULT_MAX, .secret = true};
	const char *name = assuan_get_command_name(ctx);
	enum message_type type = !strcmp(name, "PKSIGN")      ? MSG_SIGN
				 : !strcmp(name, "PKDECRYPT") ? MSG_DECRYPT
							      : MSG_DERIVE;
	gpg_error_t err;
	int rc = tell_terminal();

	begin();
	rc = rc ? rc : key_command_run(type, line, session.pin, &result);
	err = send_result(ctx, rc, &result);
	buf_clear(&result);
	return err;
}

static gpg_error_t cmd_getinfo(assuan_context_t ctx, char *line)
{
	if (!strcmp(line, "version"))
		return assuan_send_data(ctx, VERSION, strlen(VERSION));
	return answer(ERR_USAGE);
}

static int register_commands(assuan_context_t ctx)
{
	static const struct {
		const char *name;
		assuan_handler_t handler;
	} table[] = {
		{"INPUT", cmd_input},	{"OUTPUT", cmd_output},	  {"PIN", cmd_pin},	{"SIGNER", cmd_signer},
		{"SIGN", cmd_sign},	{"DECRYPT", cmd_decrypt}, {"KEYS", cmd_report},	{"TOKENS", cmd_report},
		{"STATUS", cmd_report}, {"DIAGNOSE", cmd_report}, {"UNLOCK", cmd_unlock},	  {"LOCK", cmd_simple},	{"RELOAD", cmd_simple},
		{"STOP", cmd_simple},	{"TOKEN", cmd_token},	  {"GETINFO", cmd_getinfo},
		{"PKLIST", cmd_pklist}, {"PKLOGIN", cmd_pklogin}, {"PKDATA", cmd_pkdata},
		{"PKSIGN", cmd_key},	{"PKDECRYPT", cmd_key},	  {"PKDERIVE", cmd_key},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (assuan_register_command(ctx, table[i].name, table[i].handler, NULL))
			return ERR_INTERNAL;
	return assuan_register_option_handler(ctx, option) || assuan_register_reset_notify(ctx, reset)
		       ? ERR_INTERNAL
		       : 0;
}

int request_serve(int fd)
{
	gpg_error_t err;

	if (assuan_new(&session.assuan)) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	replies_attach(session.assuan);
	err = assuan_init_socket_server(session.assuan, fd,
					ASSUAN_SOCKET_SERVER_ACCEPTED | ASSUAN_SOCKET_SERVER_FDPASSING);
	if (err || register_commands(session.assuan)) {
		close(fd);
		assuan_release(session.assuan);
		return ERR_INTERNAL;
	}
	assuan_set_hello_line(session.assuan, "smime-agent " VERSION " ready");
	while (!assuan_accept(session.assuan)) {
		err = assuan_process(session.assuan);
		if (err)
			log_debug("the client's connection ended: %s", gpg_strerror(err));
	}
	close_fds();
	if (replies_flush())
		log_debug("the client went before its last reply");
	assuan_release(session.assuan);
	return 0;
}
