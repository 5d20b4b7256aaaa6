/* SPDX-License-Identifier: ISC
 *
 * What an agent answers to a client: replies, status and data lines.
 */
#include "connection.h"
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>

struct seen {
	size_t length;
	bool refuse;
};

static int take(void *context, const void *data, size_t length)
{
	struct seen *seen = context;

	require(length < sizeof ((struct smime_agent *)NULL)->in && (!length || data));
	seen->length += length;
	return seen->refuse;
}

static void progress(void *context, uint64_t bytes)
{
	(void)bytes;
	*(bool *)context = true;
}

/* The first byte says how many replies are to come, whether the greeting is first, and who listens. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smime_agent agent;
	int lowest = fuzz_lowest_fd(), pair[2], rc, status;
	bool shown = false;
	struct seen seen;

	if (!size || size > 65536)
		return 0;
	seen = (struct seen){0, data[0] & 32};
	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	require(size == 1 || send(pair[1], data + 1, size - 1, MSG_DONTWAIT) == (ssize_t)size - 1);
	close(pair[1]);
	memset(&agent, 0x5a, sizeof agent);
	agent = (struct smime_agent){.fd = pair[0], .expected = data[0] & 15, .lines = BUF_INIT(64),
				     .progress = data[0] & 64 ? progress : NULL, .progress_context = &shown};
	rc = data[0] & 128 ? connection_take_greeting(&agent) : 0;
	require(!rc == (agent.fd >= 0));
	rc = rc ? rc : connection_finish(&agent, data[0] & 16 ? take : NULL, &seen);
	require(rc <= 0 && memchr(agent.message, 0, sizeof agent.message));
	require(rc || !agent.expected);
	status = connection_result(&agent, rc);
	require(rc ? status >= 1 && status <= 4 && *agent.message : !status);
	require(seen.length < size);
	if (agent.fd >= 0)
		close(agent.fd);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
