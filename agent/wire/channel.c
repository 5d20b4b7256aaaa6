/* SPDX-License-Identifier: ISC
 *
 * Private messages over SOCK_SEQPACKET. The peer is trusted no further than messages.def says.
 */
#include "channel.h"

#include "cleanup.h"
#include "log.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define PACKET_MAX (MESSAGE_HEADER + BUF_MESSAGE_MAX)
/* HELLO's payload in 0.1.0, which had no protocol in it. */
#define HELLO_UNVERSIONED 19
/* The certificates of a token process with as many as it may have; a peer that is further behind is stuck. */
#define QUEUE_MAX (32 * 1024 * 1024)

struct packet {
	struct packet *next;
	int fd;
	bool secret; /* lives in protected memory */
	size_t length;
	uint8_t data[];
};

struct channel {
	int fd;
	enum process self, peer;
	bool nonblocking;
	struct packet *first, **last;
	size_t queued;
};

/* One pair of buffers a thread: receiving and sending end before the next begins. */
static _Thread_local uint8_t *receive_buffer;
static _Thread_local size_t received;
static _Thread_local struct buf send_buffer = {.limit = PACKET_MAX, .secret = true};

struct channel *channel_new(int fd, enum process self, enum process peer)
{
	struct channel *channel = calloc(1, sizeof *channel);

	if (!channel) {
		close(fd);
		return NULL;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* nothing that a child starts may hold its channel open */
	channel->fd = fd;
	channel->self = self;
	channel->peer = peer;
	channel->last = &channel->first;
	return channel;
}

static void packet_free(struct packet *packet)
{
	if (packet->fd >= 0)
		close(packet->fd);
	if (packet->secret)
		secret_release(packet, sizeof *packet + packet->length);
	else
		free(packet);
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	while (channel->first) {
		struct packet *packet = channel->first;

		channel->first = packet->next;
		packet_free(packet);
	}
	close(channel->fd);
	free(channel);
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

int channel_set_nonblocking(struct channel *channel)
{
	int flags = fcntl(channel->fd, F_GETFL);

	if (flags < 0 || fcntl(channel->fd, F_SETFL, flags | O_NONBLOCK))
		return ERR_INTERNAL;
	channel->nonblocking = true;
	return 0;
}

static int send_packet(int socket, const void *data, size_t length, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec vec = {(void *)(uintptr_t)data, length};
	struct msghdr header = {.msg_iov = &vec, .msg_iovlen = 1};
	ssize_t sent;

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof control);
		header.msg_control = &control;
		header.msg_controllen = sizeof control.space;
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
	}
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
}

static int enqueue(struct channel *channel, bool secret, const struct buf *message, int fd)
{
	size_t length = message->length;
	struct packet *packet;

	if (channel->queued + length > QUEUE_MAX)
		return ERR_BUSY;
	packet = secret ? secret_alloc(sizeof *packet + length) : malloc(sizeof *packet + length);
	if (!packet)
		return ERR_NO_MEMORY;
	packet->next = NULL;
	packet->secret = secret;
	packet->length = length;
	packet->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd >= 0 && packet->fd < 0) {
		packet_free(packet);
		return ERR_INTERNAL;
	}
	memcpy(packet->data, message->data, length);
	*channel->last = packet;
	channel->last = &packet->next;
	channel->queued += length;
	return 0;
}

bool channel_pending(const struct channel *channel)
{
	return channel->first != NULL;
}

int channel_flush(struct channel *channel)
{
	while (channel->first) {
		struct packet *packet = channel->first;
		int rc = send_packet(channel->fd, packet->data, packet->length, packet->fd);

		if (rc == ERR_TIMEOUT)
			return 0;
		if (rc)
			return rc;
		channel->first = packet->next;
		if (!channel->first)
			channel->last = &channel->first;
		channel->queued -= packet->length;
		packet_free(packet);
	}
	return 0;
}

static struct buf *begin_packet(enum message_type type, uint32_t id)
{
	buf_clear(&send_buffer);
	if (buf_add_u16(&send_buffer, (uint16_t)type) || buf_add_u16(&send_buffer, 0) ||
	    buf_add_u32(&send_buffer, id))
		return NULL;
	return &send_buffer;
}

static int send_or_queue(struct channel *channel, int fd)
{
	struct view header = buf_view(&send_buffer);
	unsigned int flags;
	uint16_t type;
	int rc = view_u16(&header, &type);

	rc = rc ? rc : message_check(type, send_buffer.length - MESSAGE_HEADER, channel->self, channel->peer);
	if (rc)
		return rc;
	flags = message_row(type)->flags;
	if (fd >= 0 && !(flags & MESSAGE_FD))
		return ERR_PROTOCOL;
	rc = channel->first ? ERR_TIMEOUT : send_packet(channel->fd, send_buffer.data, send_buffer.length, fd);
	return rc == ERR_TIMEOUT ? enqueue(channel, flags & MESSAGE_SECRET, &send_buffer, fd) : rc;
}

/* Sends what was encoded, unless that failed, and wipes it. */
static int end_packet(struct channel *channel, int rc, int fd)
{
	rc = rc ? rc : send_or_queue(channel, fd);
	buf_clear(&send_buffer);
	return rc;
}

#define M(number, name, from, to, limit, flags, fields, meaning)                                          \
	int send_##name(struct channel *channel, uint32_t id, const struct msg_##fields *message, int fd) \
	{                                                                                                 \
		struct buf *buf = begin_packet(MSG_##name, id);                                           \
		int rc = buf ? encode_##fields(buf, message) : ERR_NO_MEMORY;                             \
                                                                                                          \
		return end_packet(channel, rc, fd);                                                       \
	}
#include "messages.def"
#undef M

int channel_forward(struct channel *channel, enum message_type type, uint32_t id,
		    struct view payload, int fd)
{
	struct buf *buf = begin_packet(type, id);
	int rc = buf ? buf_add(buf, payload.data, payload.length) : ERR_NO_MEMORY;

	return end_packet(channel, rc, fd);
}

/* The packet's one descriptor, or -1; further ones are closed. */
static int take_descriptor(struct msghdr *header)
{
	int kept = -1;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof fd, sizeof fd);
			if (kept < 0)
				kept = fd;
			else
				close(fd);
		}
	}
	return kept;
}

static int receive_packet(int socket, bool wait, size_t *ret_length, int *ret_fd)
{
	union {
		char space[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec vec = {receive_buffer, PACKET_MAX};
	struct msghdr header = {.msg_iov = &vec,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof control.space};
	ssize_t length;

	/* ECONNRESET is told once, of a peer that ended before it read all: what it had said until then is still there. */
	do {
		length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	} while (length < 0 && (errno == EINTR || errno == ECONNRESET));
	if (length < 0)
		return errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
	*ret_fd = header.msg_controllen ? take_descriptor(&header) : -1;
	*ret_length = (size_t)length;
	if (!length)
		return ERR_CLOSED;
	return header.msg_flags & MSG_TRUNC ? ERR_PROTOCOL : 0;
}

static int parse_packet(const struct channel *channel, size_t length, int fd, struct message *ret_message)
{
	struct view packet = {receive_buffer, length};
	struct message message = {.fd = fd};
	uint16_t type, zero;
	int rc = view_u16(&packet, &type);

	rc = rc ? rc : view_u16(&packet, &zero);
	rc = rc || !zero ? rc : ERR_PROTOCOL;
	rc = rc ? rc : view_u32(&packet, &message.id);
	rc = rc ? rc : message_check(type, packet.length, channel->peer, channel->self);
	if (rc)
		return rc;
	if (fd >= 0 && !(message_row(type)->flags & MESSAGE_FD)) {
		close(fd);
		message.fd = -1;
	}
	message.type = (enum message_type)type;
	message.payload = packet;
	*ret_message = message;
	return 0;
}

int channel_receive(struct channel *channel, bool wait, struct message *ret_message)
{
	int rc, fd = -1;

	if (!receive_buffer)
		receive_buffer = secret_alloc(PACKET_MAX);
	if (!receive_buffer)
		return ERR_NO_MEMORY;
	if (received)
		secret_wipe(receive_buffer, received);
	received = 0;
	rc = receive_packet(channel->fd, wait && !channel->nonblocking, &received, &fd);
	rc = rc ? rc : parse_packet(channel, received, fd, ret_message);
	if (rc && fd >= 0)
		close(fd);
	return rc;
}

static struct channel *log_channel;

static void send_log(enum log_level level, const char *line)
{
	uint8_t packet[MESSAGE_HEADER + 1 + 4 + 1024];
	size_t length = strnlen(line, 1024);

	/* Not through the thread's send buffer: a line may be logged while a message is being built. */
	memset(packet, 0, MESSAGE_HEADER);
	packet[1] = MSG_LOG;
	packet[8] = (uint8_t)level;
	memset(packet + 9, 0, 4);
	packet[11] = (uint8_t)(length >> 8);
	packet[12] = (uint8_t)length;
	memcpy(packet + 13, line, length);
	(void)send_packet(log_channel->fd, packet, 13 + length, -1);
}

void channel_log_open(struct channel *channel, int level)
{
	log_channel = channel;
	log_open(send_log, (enum log_level)level);
}

/* A broker of 0.1.0 does not understand READY, nor why its children end: it would fail requests until somebody ends it.
 * SIGTERM ends it as `smime agent stop` does, and the next client starts one of this version. */
static void end_broker(const struct channel *channel)
{
	pid_t parent = getppid();
	CLEAN_FD int pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
	struct ucred maker;
	socklen_t length = sizeof maker;

	/* The parent made the channel, and lives: it is the process that pidfd means. */
	if (pidfd >= 0 && !getsockopt(channel->fd, SOL_SOCKET, SO_PEERCRED, &maker, &length) && maker.pid == parent &&
	    getppid() == parent)
		syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
}

/* Says what this process speaks, whatever the broker speaks. ERR_VERSION: not the same. */
static int answer_hello(struct channel *channel, struct view hello)
{
	const struct msg_ready ready = {message_protocol()};
	bool versioned = hello.length != HELLO_UNVERSIONED;
	uint64_t protocol;
	int rc = versioned ? view_u64(&hello, &protocol) : ERR_VERSION;

	if (!versioned)
		end_broker(channel);
	rc = rc ? rc : send_READY(channel, 0, &ready, -1);
	return rc ? rc : protocol == ready.protocol ? 0 : ERR_VERSION;
}

static int take_hello(struct channel *channel, struct msg_hello *ret_hello, int *ret_fd)
{
	struct message message;
	int rc = channel_receive(channel, true, &message);

	if (rc)
		return rc;
	rc = message.type == MSG_HELLO ? answer_hello(channel, message.payload) : ERR_PROTOCOL;
	rc = rc ? rc : decode_hello(message.payload, ret_hello);
	if (!rc && ret_fd)
		*ret_fd = message.fd;
	else if (message.fd >= 0)
		close(message.fd);
	return rc;
}

struct channel *channel_to_broker(enum process self, struct msg_hello *ret_hello, int *ret_fd)
{
	struct channel *channel;
	int rc;

	if (secret_harden_process() || prctl(PR_SET_PDEATHSIG, SIGKILL))
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	channel = channel_new(CHANNEL_CHILD_FD, self, PROCESS_BROKER);
	rc = channel ? take_hello(channel, ret_hello, ret_fd) : ERR_NO_MEMORY;
	if (rc == ERR_VERSION)
		_exit(0); /* the broker knows, and there is nothing to do */
	if (rc) {
		channel_free(channel);
		return NULL;
	}
	channel_log_open(channel, ret_hello->log_level);
	return channel;
}
