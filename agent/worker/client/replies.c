/* SPDX-License-Identifier: ISC
 *
 * libassuan's system hooks, for one connection.
 */
#include "replies.h"

#include "ask.h"
#include "client.h"
#include "log.h"
#include "secret.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE 16384
/* Once the agent is about to end: for a client's first request, and for the rest of one that it has begun. Clients send them
 * at once. */
#define REST_MS 2000

static struct {
	int fd;
	size_t length;
	char data[BUFFER_SIZE];
} out = {.fd = -1};

static int send_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return ERR_CLOSED;
		data += sent;
		length -= (size_t)sent;
	}
	return 0;
}

int replies_flush(void)
{
	int rc = out.length ? send_all(out.fd, out.data, out.length) : 0;

	secret_wipe(out.data, out.length); /* it may be what was decrypted */
	out.length = 0;
	return rc;
}

static bool telling;
static bool asked; /* the client has had an answer to a request */
static bool over;  /* the last request that this worker takes is answered */

void replies_request_done(void)
{
	asked = true;
	if (ask_hear())
		log_debug("the broker went");
	over = ask_finishing();
}

void replies_tell_changes(void)
{
	telling = true;
}

/* The answer to what the client would have asked next. */
static int send_last_words(int fd)
{
	char words[300];
	int length = snprintf(words, sizeof words, "S ERROR %s %s\nERR %u %s\n", error_name(ERR_UPGRADED),
			      error_text(ERR_UPGRADED), error_to_gpg(ERR_UPGRADED), error_text(ERR_UPGRADED));

	return send_all(fd, words, (size_t)length);
}

static int tell_news(int fd)
{
	static const char news[] = "S KEYS_CHANGED\n";
	int rc = ask_news() ? send_all(fd, news, sizeof news - 1) : 0;

	ask_clear_news();
	return rc;
}

/* Waits for the client to say something; meanwhile, for news of the broker. */
static int wait_client(int fd)
{
	struct pollfd watched[] = {{fd, POLLIN, 0}, {ask_fd(), POLLIN, 0}};

	for (;;) {
		int wait = !ask_finishing() ? -1 : !asked || client_has_descriptors() ? REST_MS : 0, count;

		if (telling && tell_news(fd))
			return ERR_CLOSED;
		count = poll(watched, 2, wait);
		if (!count)
			return send_last_words(fd) ? ERR_CLOSED : ERR_UPGRADED;
		if (count < 0 && errno != EINTR)
			return ERR_INTERNAL;
		if (count > 0 && watched[0].revents)
			return 0;
		if (count > 0 && ask_hear())
			return ERR_CLOSED;
	}
}

static ssize_t collect(int fd, const void *data, size_t length)
{
	out.fd = fd;
	if (length > sizeof out.data - out.length && replies_flush()) {
		errno = EPIPE;
		return -1;
	}
	if (length > sizeof out.data)
		length = sizeof out.data; /* libassuan writes the rest in its next call */
	memcpy(out.data + out.length, data, length);
	out.length += length;
	return (ssize_t)length;
}

static ssize_t hook_write(assuan_context_t context, assuan_fd_t fd, const void *data, size_t length)
{
	(void)context;
	return collect(fd, data, length);
}

/* A server sends no descriptors. */
static int hook_sendmsg(assuan_context_t context, assuan_fd_t fd, const assuan_msghdr_t message, int flags)
{
	(void)context;
	(void)flags;
	if (message->msg_iovlen != 1 || message->msg_controllen) {
		errno = EINVAL;
		return -1;
	}
	return (int)collect(fd, message->msg_iov->iov_base, message->msg_iov->iov_len);
}

static int hook_recvmsg(assuan_context_t context, assuan_fd_t fd, assuan_msghdr_t message, int flags)
{
	(void)context;
	flags |= MSG_CMSG_CLOEXEC;
	if (over)
		return replies_flush() || send_last_words(fd) ? -1 : 0;
	if (out.length) {
		ssize_t got = recvmsg(fd, message, flags | MSG_DONTWAIT);

		if (got >= 0 || errno != EAGAIN)
			return (int)got;
		/* The client waits, or will. */
		if (replies_flush())
			return 0;
	}
	return wait_client(fd) ? 0 : (int)recvmsg(fd, message, flags);
}

static ssize_t hook_read(assuan_context_t context, assuan_fd_t fd, void *into, size_t size)
{
	(void)context;
	return replies_flush() || wait_client(fd) ? 0 : read(fd, into, size);
}

static int hook_close(assuan_context_t context, assuan_fd_t fd)
{
	(void)context;
	/* After BYE its answer is still here. */
	if (fd == out.fd && replies_flush())
		errno = 0;
	return close(fd);
}

void replies_attach(assuan_context_t context)
{
	/* A server that was given its socket uses no others. */
	static struct assuan_system_hooks hooks = {
		.version = ASSUAN_SYSTEM_HOOKS_VERSION,
		.close = hook_close,
		.read = hook_read,
		.write = hook_write,
		.recvmsg = hook_recvmsg,
		.sendmsg = hook_sendmsg,
	};

	assuan_ctx_set_system_hooks(context, &hooks);
}
