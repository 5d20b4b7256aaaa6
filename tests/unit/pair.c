/* SPDX-License-Identifier: ISC
 *
 * Socket pairs for the tests of channels.
 */
#include "pair.h"

#include "fixture.h"

#include <string.h>
#include <sys/socket.h>

struct pair raw_pair(enum process self, enum process peer)
{
	struct pair pair = {NULL, NULL, -1};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	pair.here = channel_new(fds[0], self, peer);
	assert_non_null(pair.here);
	pair.raw = fds[1];
	return pair;
}

struct pair channel_pair(enum process self, enum process peer)
{
	struct pair pair = raw_pair(self, peer);

	pair.there = channel_new(TAKE_FD(pair.raw), peer, self);
	assert_non_null(pair.there);
	return pair;
}

void pair_done(struct pair *pair)
{
	channel_free(pair->here);
	channel_free(pair->there);
	clean_fd(&pair->raw);
}

void send_raw(int fd, const void *data, size_t length, const int *fds, size_t count)
{
	union {
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec vec = {(void *)(uintptr_t)data, length};
	struct msghdr header = {.msg_iov = &vec, .msg_iovlen = 1};

	if (count) {
		memset(&control, 0, sizeof control);
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(count * sizeof *fds);
		CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&header)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&header)->cmsg_len = CMSG_LEN(count * sizeof *fds);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, count * sizeof *fds);
	}
	assert_int_equal(sendmsg(fd, &header, MSG_NOSIGNAL), length);
}

void send_type(int fd, unsigned int type, size_t length, size_t count)
{
	CLEAN_FREE uint8_t *packet = calloc(1, MESSAGE_HEADER + length);
	int fds[FDS_MAX];

	assert_non_null(packet);
	packet[0] = (uint8_t)(type >> 8);
	packet[1] = (uint8_t)type;
	for (size_t i = 0; i < count; i++)
		fds[i] = STDERR_FILENO;
	send_raw(fd, packet, MESSAGE_HEADER + length, fds, count);
}
