/* SPDX-License-Identifier: ISC
 *
 * smime-agent-store: keeps certificates and CRLs in an SQLite file. A process of its own, since a database
 * waits (for the disk, for another agent's lock) and its file may be damaged. Must never parse X.509, or
 * see a key or a PIN. Trusts the broker; rows are bytes, the file is hostile.
 */
#include "certificates.h"
#include "crls.h"
#include "database.h"
#include "file.h"
#include "log.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Of quiet, after which what was written is settled. */
#define SETTLE_MS 1000

static struct channel *channel;

/* Where the store is comes first. */
static int confine(struct view payload)
{
	struct msg_store_open open;
	CLEAN_FREE char *path = NULL;
	int rc = decode_store_open(payload, &open);
	uint8_t seed;

	sqlite3_randomness(sizeof seed, &seed); /* takes its seed from /dev/urandom, which the sandbox has not */
	path = rc ? NULL : view_dup(open.path);
	return path ? file_confine(path) : ERR_NO_MEMORY;
}

static int answer_open(void)
{
	int rc = database_begin(false);

	return rc ? rc : database_end(0);
}

static int answer_find(struct view payload, uint32_t id)
{
	struct msg_store_find find;
	int rc = decode_store_find(payload, &find);

	return rc ? rc : certificates_find(&find, channel, id);
}

static int answer_add(struct view payload)
{
	struct msg_stored row;
	int rc = decode_stored(payload, &row);

	return rc ? rc : certificates_add(&row);
}

static int answer_remove(struct view payload)
{
	struct msg_store_remove which;
	int rc = decode_store_remove(payload, &which);

	return rc ? rc : certificates_remove(&which);
}

static int answer_crl_add(struct view payload, int fd)
{
	struct msg_crl crl;
	int rc = decode_crl(payload, &crl);

	return rc ? rc : crls_add(&crl, fd);
}

static int answer_crl_find(struct view payload, int *ret_fd)
{
	struct msg_crl_find find;
	int rc = decode_crl_find(payload, &find);

	return rc ? rc : crls_find(&find, ret_fd);
}

static int answer(const struct message *message, int *ret_fd)
{
	/* With another folder at the place this process can do no more: the broker starts the next one, and asks it. */
	if (!file_folder_is_same())
		return ERR_CLOSED;
	switch (message->type) {
	case MSG_STORE_OPEN:
		return answer_open();
	case MSG_STORE_FIND:
		return answer_find(message->payload, message->id);
	case MSG_STORE_ADD:
		return answer_add(message->payload);
	case MSG_STORE_REMOVE:
		return answer_remove(message->payload);
	case MSG_CRL_ADD:
		return answer_crl_add(message->payload, message->fd);
	case MSG_CRL_FIND:
		return answer_crl_find(message->payload, ret_fd);
	default:
		return ERR_PROTOCOL;
	}
}

static int serve(const struct message *message)
{
	CLEAN_FD int fd = -1;
	int err = answer(message, &fd);
	struct msg_result result;

	if (err && database_damaged()) {
		err = database_repair();
		err = err ? err : answer(message, &fd);
	}
	result = (struct msg_result){.error = (uint32_t)-err};
	if (err == ERR_STORE || err == ERR_NO_SPACE)
		result.detail = view_string(database_detail());
	if (err == ERR_CLOSED)
		return err;
	return send_RESULT(channel, message->id, &result, fd);
}

/* ERR_TIMEOUT after a while of quiet. */
static int wait_message(bool written)
{
	struct pollfd watched = {channel_fd(channel), POLLIN, 0};

	return poll(&watched, 1, written ? SETTLE_MS : -1) ? 0 : ERR_TIMEOUT;
}

static int serve_next(bool *written)
{
	struct message message;
	int rc;

	if (wait_message(*written)) {
		database_settle();
		*written = false;
	}
	rc = channel_receive(channel, true, &message);
	if (rc)
		return rc;
	*written = *written || message.type == MSG_STORE_ADD || message.type == MSG_STORE_REMOVE ||
		   message.type == MSG_CRL_ADD;
	rc = serve(&message);
	if (message.fd >= 0)
		close(message.fd);
	return rc;
}

int main(void)
{
	struct msg_hello hello;
	struct message first;
	bool written = false;
	int rc;

	umask(077);
	channel = channel_to_broker(PROCESS_STORE, &hello, NULL);
	if (!channel || channel_receive(channel, true, &first) || first.type != MSG_STORE_OPEN || confine(first.payload))
		return 1;
	rc = serve(&first);
	while (!rc)
		rc = serve_next(&written);
	_exit(rc == ERR_CLOSED ? 0 : 1); /* destructors could ask for what the sandbox forbids */
}
