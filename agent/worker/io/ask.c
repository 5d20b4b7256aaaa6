/* SPDX-License-Identifier: ISC
 *
 * Requests to the broker, one at a time.
 */
#include "ask.h"

#include <stdio.h>
#include <string.h>

static struct channel *broker;
static uint64_t spool_limit;
static uint32_t next_id = 1;
static bool changed = true, news, finishing;
static char detail[256];

/* Rows that may come before RESULT. */
struct rows {
	ask_token token;
	ask_cert cert;
	ask_note note;
	ask_stored stored;
	void *context;
};

void ask_open(struct channel *channel, uint64_t spool_max)
{
	broker = channel;
	spool_limit = spool_max;
}

const char *ask_detail(void)
{
	return detail;
}

void ask_clear_detail(void)
{
	*detail = 0;
}

int ask_fd(void)
{
	return channel_fd(broker);
}

/* What the broker says without being asked. */
static bool take_news(const struct message *message)
{
	if (message->type == MSG_CHANGED)
		changed = news = true;
	if (message->type == MSG_FINISH)
		finishing = true;
	return message->type == MSG_CHANGED || message->type == MSG_FINISH;
}

int ask_hear(void)
{
	struct message message;
	int rc;

	while (!(rc = channel_receive(broker, false, &message)))
		take_news(&message);
	return rc == ERR_TIMEOUT ? 0 : rc;
}

bool ask_news(void)
{
	return news;
}

void ask_clear_news(void)
{
	news = false;
}

bool ask_finishing(void)
{
	return finishing;
}

bool ask_keys_changed(void)
{
	bool was;

	/* A broker that went is noticed by the request. */
	if (ask_hear())
		changed = true;
	was = changed;
	changed = false;
	return was;
}

static int take_row(const struct rows *rows, const struct message *message)
{
	struct msg_token token;
	struct msg_cert cert;
	struct msg_note note;
	struct msg_stored stored;
	int rc;

	if (take_news(message))
		return 0;
	switch (message->type) {
	case MSG_TOKEN:
		rc = rows && rows->token ? decode_token(message->payload, &token) : ERR_PROTOCOL;
		return rc ? rc : rows->token(rows->context, &token);
	case MSG_CERT:
		rc = rows && rows->cert ? decode_cert(message->payload, &cert) : ERR_PROTOCOL;
		return rc ? rc : rows->cert(rows->context, &cert);
	case MSG_NOTE:
		rc = rows && rows->note ? decode_note(message->payload, &note) : ERR_PROTOCOL;
		return rc ? rc : rows->note(rows->context, &note);
	case MSG_STORED:
		rc = rows && rows->stored ? decode_stored(message->payload, &stored) : ERR_PROTOCOL;
		return rc ? rc : rows->stored(rows->context, &stored);
	default:
		return ERR_PROTOCOL;
	}
}

static void keep_detail(const struct msg_result *result)
{
	size_t length = result->detail.length;

	if (length >= sizeof detail)
		length = sizeof detail - 1;
	if (length)
		memcpy(detail, result->detail.data, length);
	detail[length] = 0;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)detail[i] < ' ')
			detail[i] = '?';
}

/* Takes rows until the RESULT of `id`; its struct is borrowed until the next receive. A row that a
 * callback refuses does not stop the others: the channel must be read to the RESULT. */
static int wait_result(uint32_t id, const struct rows *rows, struct msg_result *ret_result, int *ret_fd)
{
	int failed = 0;

	for (;;) {
		struct message message;
		int rc = channel_receive(broker, true, &message);

		if (rc)
			return rc;
		if (message.type == MSG_RESULT && message.id == id) {
			rc = decode_result(message.payload, ret_result);
			if (ret_fd)
				*ret_fd = message.fd;
			else if (message.fd >= 0)
				close(message.fd);
			keep_detail(ret_result);
			rc = rc ? rc : error_from_wire(ret_result->error);
			return rc ? rc : failed;
		}
		rc = take_row(rows, &message);
		if (message.fd >= 0)
			close(message.fd);
		if (rc == ERR_PROTOCOL)
			return rc;
		failed = failed ? failed : rc;
	}
}

static int wait_plain(uint32_t id, const struct rows *rows)
{
	struct msg_result result = {0};

	return wait_result(id, rows, &result, NULL);
}

int ask_list(enum list_look look, ask_token token, ask_cert cert, void *context)
{
	struct rows rows = {.token = token, .cert = cert, .context = context};
	struct msg_list message = {(uint8_t)look};
	uint32_t id = next_id++;
	int rc = send_LIST(broker, id, &message, -1);

	return rc ? rc : wait_plain(id, &rows);
}

int ask_key_op(enum message_type type, const struct msg_key_op *request, int pin_fd, struct buf *into,
	       enum result_form *ret_form)
{
	struct msg_result result = {0};
	uint32_t id = next_id++;
	int rc = type == MSG_SIGN      ? send_SIGN(broker, id, request, pin_fd)
		 : type == MSG_DECRYPT ? send_DECRYPT(broker, id, request, pin_fd)
				       : send_DERIVE(broker, id, request, pin_fd);

	rc = rc ? rc : wait_result(id, NULL, &result, NULL);
	if (ret_form)
		*ret_form = (enum result_form)result.form;
	return rc ? rc : buf_add(into, result.data.data, result.data.length);
}

int ask_status(ask_note note, void *context)
{
	static const struct msg_nothing nothing;
	struct rows rows = {.note = note, .context = context};
	uint32_t id = next_id++;
	int rc = send_STATUS(broker, id, &nothing, -1);

	return rc ? rc : wait_plain(id, &rows);
}

int ask_terminal(const struct msg_terminal *terminal)
{
	return send_TERMINAL(broker, next_id++, terminal, -1);
}

int ask_unlock(uint32_t token, int pin_fd)
{
	struct msg_unlock message = {token};
	uint32_t id = next_id++;
	int rc = send_UNLOCK(broker, id, &message, pin_fd);

	return rc ? rc : wait_plain(id, NULL);
}

int ask_simple(enum message_type type)
{
	uint32_t id = next_id++;
	int rc = channel_forward(broker, type, id, (struct view){NULL, 0}, -1);

	return rc ? rc : wait_plain(id, NULL);
}

int ask_adopt(int fd)
{
	static const struct msg_nothing nothing;
	uint32_t id = next_id++;
	int rc = send_ADOPT(broker, id, &nothing, fd);

	return rc ? rc : wait_plain(id, NULL);
}

/* For the RESULT of `id`, which must come with a file. */
static int wait_file(uint32_t id, int *ret_fd)
{
	struct msg_result result = {0};
	int fd = -1, rc = wait_result(id, NULL, &result, &fd);

	if (!rc && fd < 0)
		rc = ERR_PROTOCOL;
	if (!rc)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return rc;
}

int ask_spool(int *ret_fd, uint64_t *ret_limit)
{
	uint32_t id = next_id++;
	int rc = channel_forward(broker, MSG_SPOOL, id, (struct view){NULL, 0}, -1);

	*ret_limit = spool_limit;
	return rc ? rc : wait_file(id, ret_fd);
}

int ask_store_find(const struct msg_store_find *find, ask_stored row, void *context)
{
	struct rows rows = {.stored = row, .context = context};
	uint32_t id = next_id++;
	int rc = send_STORE_FIND(broker, id, find, -1);

	return rc ? rc : wait_plain(id, &rows);
}

int ask_store_add(const struct msg_stored *row)
{
	uint32_t id = next_id++;
	int rc = send_STORE_ADD(broker, id, row, -1);

	return rc ? rc : wait_plain(id, NULL);
}

int ask_store_remove(const char *fingerprint)
{
	struct msg_store_remove message = {view_string(fingerprint)};
	uint32_t id = next_id++;
	int rc = send_STORE_REMOVE(broker, id, &message, -1);

	return rc ? rc : wait_plain(id, NULL);
}

int ask_crl_add(const struct msg_crl *crl, int fd)
{
	uint32_t id = next_id++;
	int rc = send_CRL_ADD(broker, id, crl, fd);

	return rc ? rc : wait_plain(id, NULL);
}

int ask_crl_find(struct view issuers, int *ret_fd)
{
	struct msg_crl_find message = {issuers};
	uint32_t id = next_id++;
	int rc = send_CRL_FIND(broker, id, &message, -1);

	return rc ? rc : wait_file(id, ret_fd);
}

int ask_anchors(int *ret_fd)
{
	uint32_t id = next_id++;
	int rc = channel_forward(broker, MSG_ANCHORS, id, (struct view){NULL, 0}, -1);

	return rc ? rc : wait_file(id, ret_fd);
}

int ask_password(bool again, int pin_fd, struct buf *into)
{
	struct msg_password message = {again};
	struct msg_result result = {0};
	uint32_t id = next_id++;
	int rc = send_PASSWORD(broker, id, &message, pin_fd);

	rc = rc ? rc : wait_result(id, NULL, &result, NULL);
	return rc ? rc : buf_add(into, result.data.data, result.data.length);
}

int ask_admin(const struct msg_admin *request, int pin_fd, struct buf *into)
{
	struct msg_result result = {0};
	uint32_t id = next_id++;
	int rc = send_ADMIN(broker, id, request, pin_fd);

	rc = rc ? rc : wait_result(id, NULL, &result, NULL);
	return rc ? rc : buf_add(into, result.data.data, result.data.length);
}
