/* SPDX-License-Identifier: ISC
 *
 * Passes workers' requests to the store's process and its answers back. A process that fails is started
 * again, and what it was asked is asked once more: every request of the store can be repeated.
 */
#include "certs.h"

#include "log.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ATTEMPTS_MAX 2
/* Another agent's lock is waited for up to 10 s; a damaged file of 100,000 certificates is read in less. */
#define ANSWER_LIMIT_MS 60000
#define PATH_SIZE 4096

struct request {
	struct request *next;
	uint32_t id; /* towards the store */
	uint32_t peer, peer_id;
	enum message_type type;
	struct buf payload;
	int fd; /* owned; -1 */
	unsigned int attempts;
};

static struct request *requests;
static struct child *store;
static uint32_t next_id = 1;
static struct loop_timer limit;
static char path[PATH_SIZE];
static char problem[300];

static void start(void);

static void request_free(struct request *request)
{
	for (struct request **at = &requests; *at; at = &(*at)->next)
		if (*at == request) {
			*at = request->next;
			break;
		}
	if (request->fd >= 0)
		close(request->fd);
	buf_done(&request->payload);
	free(request);
}

static void finish(struct request *request, const struct msg_result *result, int fd)
{
	peer_reply_file(request->peer, request->peer_id, result, fd);
	request_free(request);
}

static void fail(struct request *request, int err, const char *detail)
{
	struct msg_result result = {.error = (uint32_t)-err, .detail = view_string(detail)};

	finish(request, &result, -1);
}

static struct request *find(uint32_t id)
{
	for (struct request *request = requests; request; request = request->next)
		if (request->id == id)
			return request;
	return NULL;
}

static void gone(void *context)
{
	(void)context;
	store = NULL;
	loop_timer_clear(&limit);
	for (struct request *request = requests, *next; request; request = next) {
		next = request->next;
		if (request->attempts >= ATTEMPTS_MAX)
			fail(request, ERR_STORE, "its process failed twice");
	}
	if (requests)
		start();
}

static void out_of_time(void *context)
{
	(void)context;
	log_error("the certificate store does not answer and is ended");
	child_kill(store);
	gone(NULL);
}

static void watch_time(void)
{
	if (requests)
		loop_timer_set(&limit, ANSWER_LIMIT_MS, out_of_time, NULL);
	else
		loop_timer_clear(&limit);
}

static void send(struct request *request)
{
	request->attempts++;
	child_sent(store, channel_forward(store->channel, request->type, request->id,
					  buf_view(&request->payload), request->fd));
	watch_time();
}

static void opened(const struct msg_result *result)
{
	snprintf(problem, sizeof problem, "%.*s", (int)result->detail.length,
		 result->error ? (const char *)result->detail.data : "");
	if (result->error)
		log_error("certificate store %s cannot be used: %s", path, log_quote(problem));
}

static int hear(void *context, struct message *message)
{
	struct request *request = find(message->id);
	struct peer *peer = request ? peer_find(request->peer) : NULL;
	struct msg_result result;
	int rc;

	(void)context;
	watch_time();
	if (message->type == MSG_STORED) {
		if (peer)
			child_sent(peer->worker, channel_forward(peer->worker->channel, MSG_STORED,
								 request->peer_id, message->payload, -1));
		return 0;
	}
	rc = message->type == MSG_RESULT ? decode_result(message->payload, &result) : ERR_PROTOCOL;
	if (rc)
		return rc;
	if (!message->id)
		opened(&result);
	if (request)
		finish(request, &result, message->fd);
	watch_time();
	return 0;
}

static void start(void)
{
	struct msg_hello hello = settings_hello();
	struct msg_store_open open = {view_string(path)};

	store = child_spawn(PROCESS_STORE, hello, -1, hear, gone, NULL);
	if (!store) {
		snprintf(problem, sizeof problem, "its process cannot be started");
		while (requests)
			fail(requests, ERR_STORE, problem);
		return;
	}
	child_send(store, STORE_OPEN, 0, store_open, &open, -1);
	for (struct request *request = requests; request; request = request->next)
		send(request);
}

int certs_answer(struct peer *peer, struct message *message)
{
	struct request *request = calloc(1, sizeof *request), **end = &requests;
	int rc = request ? 0 : ERR_NO_MEMORY;

	if (rc)
		return rc;
	*request = (struct request){.peer = peer->number,
				    .peer_id = message->id,
				    .id = next_id++,
				    .type = message->type,
				    .payload = BUF_INIT(BUF_MESSAGE_MAX),
				    .fd = -1};
	rc = buf_add(&request->payload, message->payload.data, message->payload.length);
	if (rc) {
		free(request);
		return rc;
	}
	next_id += !next_id; /* 0 is STORE_OPEN's */
	request->fd = TAKE_FD(message->fd);
	while (*end)
		end = &(*end)->next;
	*end = request;
	if (store)
		send(request);
	else
		start();
	return 0;
}

/* The configured one, else certs.db below the user's data folder; empty where there is none. */
static void find_path(char into[PATH_SIZE])
{
	const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	*into = 0;
	if (settings()->certificate_store)
		snprintf(into, PATH_SIZE, "%s", settings()->certificate_store);
	else if (base && *base == '/')
		snprintf(into, PATH_SIZE, "%s/smime-agent/certs.db", base);
	else if (home && *home == '/')
		snprintf(into, PATH_SIZE, "%s/.local/share/smime-agent/certs.db", home);
}

void certs_configure(void)
{
	char wanted[PATH_SIZE];

	find_path(wanted);
	if (store && !strcmp(wanted, path))
		return;
	strcpy(path, wanted);
	child_kill(store);
	start();
}

const char *certs_path(void)
{
	return path;
}

const char *certs_problem(void)
{
	return *problem ? problem : NULL;
}

int certs_open_anchors(void)
{
	const char *file = settings()->trust_anchors;
	CLEAN_FD int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode))
		return TAKE_FD(fd);
	log_error("trust anchors %s: %s", file, fd < 0 ? strerror(errno) : "no regular file");
	return -1;
}

void certs_end(void)
{
	loop_timer_clear(&limit);
	while (requests)
		request_free(requests);
}
