/* SPDX-License-Identifier: ISC
 *
 * The socket protocol without a worker: STATUS, LOCK, STOP, and a reason for everything else. Lines are hostile; they are
 * compared with a few words, and never parsed further. A visitor that does not take its answers at once is dropped.
 */
#include "doorman.h"

#include "buf.h"
#include "lock.h"
#include "log.h"
#include "loop.h"
#include "socket_path.h"
#include "status.h"
#include "status_text.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A line of Assuan's and its end; what is longer is no line. */
#define LINE_MAX_BYTES 1002
/* Bytes of a "D " line before they are escaped, which makes at most three of one. */
#define DATA_CHUNK 300
/* More are turned away. They cost a descriptor each. */
#define VISITORS_MAX 64
#define REPLY_MAX 262144

struct visitor {
	struct visitor *next;
	int fd;
	int why;
	struct loop_watch *watch;
	char in[LINE_MAX_BYTES];
	size_t length;
};

static struct visitor *visitors;

unsigned int doorman_visitors(void)
{
	unsigned int count = 0;

	for (const struct visitor *visitor = visitors; visitor; visitor = visitor->next)
		count++;
	return count;
}

static void visitor_free(struct visitor *visitor)
{
	for (struct visitor **at = &visitors; *at; at = &(*at)->next)
		if (*at == visitor) {
			*at = visitor->next;
			break;
		}
	loop_remove(visitor->watch);
	close(visitor->fd);
	free(visitor);
}

static int add_data(struct buf *reply, struct view data)
{
	int rc = 0;

	for (size_t i = 0; i < data.length && !rc; i++) {
		uint8_t c = data.data[i];

		if (i % DATA_CHUNK == 0)
			rc = buf_add_format(reply, "%sD ", i ? "\n" : "");
		rc = rc ? rc
			: c == '%' || c == '\n' || c == '\r' ? buf_add_format(reply, "%%%02X", c) : buf_add_u8(reply, c);
	}
	return rc ? rc : buf_add_u8(reply, '\n');
}

static void take_note(void *context, const char *name, const char *value)
{
	if (status_text_add(context, view_string(name), view_string(value)))
		log_debug("status: no room for %s", name);
}

static int add_status(struct buf *reply, int why, bool json)
{
	CLEAN_BUF struct buf text = BUF_INIT(REPLY_MAX / 4);
	CLEAN_STATUS_TEXT struct status_text status;
	int rc = status_text_begin(&status, &text, json);

	if (rc)
		return rc;
	status_tell(why, take_note, &status);
	rc = status_text_end(&status);
	return rc ? rc : add_data(reply, buf_view(&text));
}

/* ERR_CLOSED: after the reply the connection ends. */
static int answer_line(struct visitor *visitor, const char *line, struct buf *reply)
{
	int rc;

	if (!strncmp(line, "OPTION ", 7) || !strcmp(line, "RESET") || !strcmp(line, "NOP"))
		return buf_add_format(reply, "OK\n");
	if (!strcmp(line, "STATUS") || !strcmp(line, "STATUS --json")) {
		rc = add_status(reply, visitor->why, line[6]);
		return rc ? rc : buf_add_format(reply, "OK\n");
	}
	if (!strcmp(line, "LOCK")) {
		lock_all();
		log_info("locked by a client that no worker serves");
		return buf_add_format(reply, "OK\n");
	}
	if (!strcmp(line, "STOP")) {
		loop_end();
		log_info("stopped by a client that no worker serves");
	}
	if (!strcmp(line, "STOP") || !strcmp(line, "BYE")) {
		rc = buf_add_format(reply, "OK\n");
		return rc ? rc : ERR_CLOSED;
	}
	return buf_add_format(reply, "S ERROR %s %s\nERR %u %s\n", error_name(visitor->why), error_text(visitor->why),
			      error_to_gpg(visitor->why), error_text(visitor->why));
}

/* Answers every whole line that there is, and keeps the rest. */
static int answer_lines(struct visitor *visitor, struct buf *reply)
{
	char *end;
	int rc = 0;

	while (!rc && (end = memchr(visitor->in, '\n', visitor->length))) {
		size_t length = (size_t)(end - visitor->in) + 1;

		*end = 0;
		if (end > visitor->in && end[-1] == '\r')
			end[-1] = 0;
		rc = answer_line(visitor, visitor->in, reply);
		visitor->length -= length;
		memmove(visitor->in, visitor->in + length, visitor->length);
	}
	return rc || visitor->length < sizeof visitor->in ? rc : ERR_PROTOCOL;
}

static int send_reply(const struct visitor *visitor, const struct buf *reply)
{
	return send(visitor->fd, reply->data, reply->length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)reply->length
		       ? 0 : ERR_CLOSED;
}

static void visitor_ready(void *context, uint32_t events)
{
	CLEAN_BUF struct buf reply = BUF_INIT(REPLY_MAX);
	struct visitor *visitor = context;
	/* Descriptors that come with a line are closed by the kernel: nobody takes them. */
	ssize_t got = recv(visitor->fd, visitor->in + visitor->length, sizeof visitor->in - visitor->length, MSG_DONTWAIT);
	int rc = got > 0 ? 0 : ERR_CLOSED;

	(void)events;
	if (!rc) {
		visitor->length += (size_t)got;
		rc = answer_lines(visitor, &reply);
	}
	if (reply.length && send_reply(visitor, &reply))
		rc = ERR_CLOSED;
	if (rc)
		visitor_free(visitor);
}

static int greet(const struct visitor *visitor)
{
	CLEAN_BUF struct buf line = BUF_INIT(256);
	int rc = buf_add_format(&line, "OK smime-agent " VERSION " %s, protocol " SOCKET_PROTOCOL "\n",
				visitor->why == ERR_UPGRADED ? "restarting" : "cannot serve");

	return rc ? rc : send_reply(visitor, &line);
}

void doorman_take(int fd, int why)
{
	struct visitor *visitor = doorman_visitors() < VISITORS_MAX ? calloc(1, sizeof *visitor) : NULL;

	if (!visitor) {
		close(fd);
		return;
	}
	*visitor = (struct visitor){.next = visitors, .fd = fd, .why = why};
	visitors = visitor;
	visitor->watch = loop_add(fd, EPOLLIN, visitor_ready, visitor);
	if (!visitor->watch || greet(visitor))
		visitor_free(visitor);
}

void doorman_end(void)
{
	while (visitors)
		visitor_free(visitors);
}
