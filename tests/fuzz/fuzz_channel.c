/* SPDX-License-Identifier: ISC
 *
 * A packet from a process that was taken over, with a descriptor in it. What the table forbids is
 * refused, and its descriptor closed.
 */
#include "channel.h"
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>

static void send_packet(int to, const uint8_t *data, size_t size)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec vec = {(void *)(uintptr_t)data, size};
	struct msghdr header = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = &control,
				.msg_controllen = sizeof control.space};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof to);
	memcpy(CMSG_DATA(cmsg), &to, sizeof to);
	require(sendmsg(to, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size);
}

/* The first byte says who receives from whom. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lowest = fuzz_lowest_fd(), pair[2], rc;
	struct channel *channel;
	struct message message;
	enum process self, peer;

	if (size < 2 || size > BUF_MESSAGE_MAX + 4096)
		return 0;
	self = (enum process)(1 << (data[0] & 7) % 5);
	peer = (enum process)(1 << (data[0] >> 3 & 7) % 5);
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	channel = channel_new(pair[0], self, peer);
	require(channel);
	send_packet(pair[1], data + 1, size - 1);
	rc = channel_receive(channel, false, &message);
	if (!rc) {
		require(!message_check(message.type, message.payload.length, peer, self));
		require(message.fd < 0 || message_row(message.type)->flags & MESSAGE_FD);
		if (message.fd >= 0)
			close(message.fd);
	}
	channel_free(channel);
	close(pair[1]);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
