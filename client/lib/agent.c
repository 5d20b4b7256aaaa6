/* SPDX-License-Identifier: ISC
 *
 * The public functions: one request each. No cryptography, no parsing of mail.
 */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define LINES_MAX 16384

int smime_agent_connect(smime_agent **ret_agent, unsigned int flags)
{
	smime_agent *agent = calloc(1, sizeof *agent);

	*ret_agent = agent;
	if (!agent)
		return SMIME_AGENT_UNAVAILABLE;
	agent->fd = -1;
	agent->lines = BUF_INIT(LINES_MAX);
	return connection_result(agent, connection_open(agent, flags & SMIME_AGENT_START));
}

void smime_agent_close(smime_agent *agent)
{
	if (!agent)
		return;
	if (agent->fd >= 0)
		close(agent->fd);
	buf_done(&agent->lines);
	free(agent);
}

const char *smime_agent_message(const smime_agent *agent)
{
	return agent ? agent->message : error_text(ERR_NO_MEMORY);
}

const char *smime_agent_error_name(const smime_agent *agent)
{
	return error_name(agent ? agent->err : ERR_NO_MEMORY);
}

void smime_agent_set_progress(smime_agent *agent, smime_agent_progress progress, void *context)
{
	agent->progress = progress;
	agent->progress_context = context;
}

static int begin(smime_agent *agent)
{
	*agent->message = 0;
	return agent->fd < 0 ? ERR_CLOSED : 0;
}

/* Sends what is read, and begins the lines that go with what is written: the request follows. */
static int add_input(smime_agent *agent, int in_fd)
{
	int rc = begin(agent);

	rc = rc ? rc : connection_add(agent, "INPUT FD");
	rc = rc ? rc : connection_send(agent, in_fd);
	return rc ? rc : connection_add(agent, "OUTPUT FD");
}

static int finish_data(smime_agent *agent, int rc, smime_agent_data data, void *context)
{
	if (rc)
		connection_abandon(agent);
	else
		rc = connection_finish(agent, data, context);
	return connection_result(agent, rc);
}

static int finish(smime_agent *agent, int rc)
{
	return finish_data(agent, rc, NULL, NULL);
}

int smime_agent_sign(smime_agent *agent, const struct smime_agent_sign_options *options, int in_fd,
		     int out_fd)
{
	static const struct smime_agent_sign_options none;
	const struct smime_agent_sign_options *o = options ? options : &none;
	int rc = add_input(agent, in_fd);

	/* An empty name takes back an earlier request's. */
	rc = rc ? rc : connection_add(agent, "SIGNER %s", o->key ? o->key : "");
	rc = rc ? rc
		: connection_add(agent, "SIGN%s%s%s%s%s%s%s%s", o->opaque ? "" : " --detached",
				 o->raw ? "" : " --mail", o->pem ? " --pem" : "", o->crlf ? " --crlf" : "",
				 o->pss ? " --pss" : "", o->no_gcm ? " --no-gcm" : "",
				 o->digest ? " --digest=" : "", o->digest ? o->digest : "");
	return finish(agent, rc ? rc : connection_send(agent, out_fd));
}

/* Thousands of names have no room in what is sent at once. */
static int add_name(smime_agent *agent, const char *name)
{
	int rc = agent->lines.length > LINES_MAX / 2 ? connection_send(agent, -1) : 0;

	return rc ? rc : connection_add(agent, "RECIPIENT %s", name);
}

static int add_recipients(smime_agent *agent, const struct smime_agent_encrypt_options *o)
{
	int rc = begin(agent);

	for (size_t i = 0; i < o->certificate_count && !rc; i++) {
		rc = connection_add(agent, "INPUT FD");
		rc = rc ? rc : connection_send(agent, o->certificates[i]);
		rc = rc ? rc : connection_add(agent, "RECIPIENT --file");
	}
	for (size_t i = 0; o->recipients && o->recipients[i] && !rc; i++)
		rc = add_name(agent, o->recipients[i]);
	return rc;
}

static int add_encrypt(smime_agent *agent, const struct smime_agent_encrypt_options *o)
{
	const struct {
		bool given;
		const char *option;
	} flags[] = {
		{!o->raw, " --mail"},	   {o->sign, " --sign"},	 {o->opaque, " --opaque"},
		{o->pem, " --pem"},	   {o->pss, " --pss"},		 {o->oaep, " --oaep"},
		{o->self > 0, " --self"},  {o->self < 0, " --no-self"},	 {o->skip_missing, " --skip-missing"},
		{o->hide_subject, " --hide-subject"}, {o->bcc, " --separate-bcc"}, {o->crlf, " --crlf"},
	};
	char line[CONNECTION_LINE_MAX] = "ENCRYPT";

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (flags[i].given)
			strcat(line, flags[i].option);
	return connection_add(agent, "%s%s%s%s%s", line, o->cipher ? " --cipher=" : "", o->cipher ? o->cipher : "",
			      o->digest ? " --digest=" : "", o->digest ? o->digest : "");
}

static void hear_bcc(void *context, const char *line)
{
	const struct smime_agent_encrypt_options *options = context;

	if (!strncmp(line, "BCC ", 4))
		options->bcc(options->bcc_context, line + 4);
}

int smime_agent_encrypt(smime_agent *agent, const struct smime_agent_encrypt_options *options, int in_fd,
			int out_fd)
{
	int status, rc = add_recipients(agent, options);

	rc = rc ? rc : add_input(agent, in_fd);
	rc = rc ? rc : connection_send(agent, out_fd);
	rc = rc ? rc : connection_add(agent, "SIGNER %s", options->sign && options->key ? options->key : "");
	rc = rc ? rc : add_encrypt(agent, options);
	if (options->bcc) {
		agent->status = hear_bcc;
		agent->status_context = (void *)(uintptr_t)options;
	}
	status = finish(agent, rc);
	agent->status = NULL;
	return status;
}

int smime_agent_decrypt(smime_agent *agent, const char *key, int raw, int in_fd, int out_fd)
{
	int rc = add_input(agent, in_fd);

	rc = rc ? rc : connection_add(agent, "DECRYPT%s %s", raw ? "" : " --mail", key ? key : "");
	return finish(agent, rc ? rc : connection_send(agent, out_fd));
}

static int add_descriptor(smime_agent *agent, const char *line, int fd)
{
	int rc = fd < 0 ? 0 : connection_add(agent, "%s", line);

	return rc || fd < 0 ? rc : connection_send(agent, fd);
}

int smime_agent_verify(smime_agent *agent, const struct smime_agent_verify_options *options, int in_fd,
		       int out_fd, smime_agent_data data, void *context)
{
	static const struct smime_agent_verify_options none = SMIME_AGENT_VERIFY_NONE;
	const struct smime_agent_verify_options *o = options ? options : &none;
	int rc = begin(agent);

	rc = rc ? rc : add_descriptor(agent, "INPUT FD", in_fd);
	rc = rc ? rc : add_descriptor(agent, "MESSAGE FD", o->content_fd);
	rc = rc ? rc : add_descriptor(agent, "ANCHORS FD", o->anchors_fd);
	rc = rc ? rc : add_descriptor(agent, "CRLS FD", o->crls_fd);
	rc = rc ? rc : add_descriptor(agent, "OUTPUT FD", out_fd);
	rc = rc ? rc
		: connection_add(agent, "VERIFY%s%s%s%s%s", o->raw ? "" : " --mail",
				 !data ? "" : o->json ? " --json" : " --report", o->crl_check ? " --crl-check" : "",
				 o->at ? " --at=" : "", o->at ? o->at : "");
	return finish_data(agent, rc, data, context);
}

int smime_agent_list(smime_agent *agent, enum smime_agent_list what, int json, smime_agent_data data,
		     void *context)
{
	static const char *const commands[] = {"KEYS", "TOKENS", "STATUS", "DIAGNOSE"};
	int rc = begin(agent);

	if ((unsigned int)what >= sizeof commands / sizeof commands[0])
		rc = ERR_USAGE;
	rc = rc ? rc : connection_add(agent, "%s%s", commands[what], json ? " --json" : "");
	return finish_data(agent, rc, data, context);
}

static int add_pin(smime_agent *agent, int pin_fd)
{
	int rc = pin_fd < 0 ? 0 : connection_add(agent, "PIN FD");

	return rc || pin_fd < 0 ? rc : connection_send(agent, pin_fd);
}

int smime_agent_unlock(smime_agent *agent, const char *name, int pin_fd)
{
	int rc = begin(agent);

	rc = rc ? rc : add_pin(agent, pin_fd);
	rc = rc ? rc : connection_add(agent, "UNLOCK %s", name ? name : "");
	return finish(agent, rc);
}

static int simple(smime_agent *agent, const char *command)
{
	int rc = begin(agent);

	rc = rc ? rc : connection_add(agent, "%s", command);
	return finish(agent, rc);
}

int smime_agent_lock(smime_agent *agent)
{
	return simple(agent, "LOCK");
}

int smime_agent_reload(smime_agent *agent)
{
	return simple(agent, "RELOAD");
}

/* systemd may listen in place of an agent that does not run yet. The name is what all may read of a process that cannot be
 * traced. */
static bool is_agent(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && !fgets(name, sizeof name, file))
		*name = 0;
	if (file)
		fclose(file);
	return !strcmp(name, "smime-agent\n");
}

int smime_agent_stop(smime_agent *agent)
{
	CLEAN_FD int pidfd = agent->agent ? (int)syscall(SYS_pidfd_open, agent->agent, 0) : -1;
	struct pollfd gone = {pidfd, POLLIN, 0};
	bool none = agent->fd < 0 && agent->err == ERR_CLOSED && pidfd < 0;
	int status = agent->fd >= 0 ? simple(agent, "STOP") : error_status(agent->err);

	if (agent->fd >= 0)
		close(agent->fd);
	agent->fd = -1;
	/* To an agent that cannot take the command, as one of another protocol, SIGTERM means the same. */
	if (status && pidfd >= 0 && is_agent(agent->agent))
		status = syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) && errno != ESRCH ? status : 0;
	if (none || !status) {
		*agent->message = 0;
		status = connection_result(agent, 0);
	}
	if (!status && pidfd >= 0)
		poll(&gone, 1, -1);
	return status;
}

static int add_encoded(struct buf *line, const char *value)
{
	int rc = 0;

	for (; *value && !rc; value++) {
		unsigned char c = (unsigned char)*value;

		rc = c <= ' ' || c == '%' || c == 127 ? buf_add_format(line, "%%%02X", c) : buf_add_u8(line, c);
	}
	return rc;
}

static int make_token_line(struct buf *line, const char *verb, const char *const *arguments)
{
	int rc = buf_add_format(line, "TOKEN %s", verb);

	for (; arguments && arguments[0] && !rc; arguments += 2) {
		rc = buf_add_format(line, " %s=", arguments[0]);
		rc = rc ? rc : add_encoded(line, arguments[1]);
	}
	return rc ? rc : buf_terminate(line);
}

int smime_agent_token(smime_agent *agent, const char *verb, const char *const *arguments, int in_fd,
		      int pin_fd, smime_agent_data data, void *context)
{
	CLEAN_BUF struct buf line = BUF_INIT(CONNECTION_LINE_MAX);
	int rc = begin(agent);

	rc = rc ? rc : make_token_line(&line, verb, arguments);
	if (!rc && in_fd >= 0) {
		rc = connection_add(agent, "INPUT FD");
		rc = rc ? rc : connection_send(agent, in_fd);
	}
	rc = rc ? rc : add_pin(agent, pin_fd);
	rc = rc ? rc : connection_add(agent, "%s", (const char *)line.data);
	return finish_data(agent, rc, data, context);
}
