/* SPDX-License-Identifier: ISC
 *
 * Passes workers' requests to the store's process and its answers back. A process that fails is started
 * again, and what it was asked is asked once more: every request of the store can be repeated.
 */
#include "certificate_store.h"

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

struct store_request {
	struct store_request *next;
	uint32_t id; /* towards the store */
	uint32_t peer, peer_id;
	enum message_type type;
	struct buf payload;
	int fd; /* owned; -1 */
	unsigned int attempts;
};

static struct store_request *requests;
static struct child *store;
static uint32_t next_id = 1;
static struct loop_timer limit;
static char path[PATH_SIZE];
static char problem[300];

static void store_start(void);

static void request_free(struct store_request *request)
{
	for (struct store_request **at = &requests; *at; at = &(*at)->next)
		if (*at == request) {
			*at = request->next;
			break;
		}
	if (request->fd >= 0)
		close(request->fd);
	buf_done(&request->payload);
	free(request);
}

static void request_finish(struct store_request *request, const struct msg_result *result, int fd)
{
	peer_reply_file(request->peer, request->peer_id, result, fd);
	request_free(request);
}

static void request_fail(struct store_request *request, int err, const char *detail)
{
	struct msg_result result = {.error = (uint32_t)-err, .detail = view_string(detail)};

	request_finish(request, &result, -1);
}

static struct store_request *find_request(uint32_t id)
{
	for (struct store_request *request = requests; request; request = request->next)
		if (request->id == id)
			return request;
	return NULL;
}

static void store_gone(void *context)
{
	(void)context;
	store = NULL;
	loop_timer_clear(&limit);
	for (struct store_request *request = requests, *next; request; request = next) {
		next = request->next;
		if (request->attempts >= ATTEMPTS_MAX)
			request_fail(request, ERR_STORE, "its process failed twice");
	}
	if (requests)
		store_start();
}

static void out_of_time(void *context)
{
	(void)context;
	log_error("the certificate store does not answer and is ended");
	child_kill(store);
	store_gone(NULL);
}

static void watch_time(void)
{
	if (requests)
		loop_timer_set(&limit, ANSWER_LIMIT_MS, out_of_time, NULL);
	else
		loop_timer_clear(&limit);
}

static void send_request(struct store_request *request)
{
	request->attempts++;
	child_sent(store, channel_forward(store->channel, request->type, request->id,
					  buf_view(&request->payload), request->fd));
	watch_time();
}

static void store_opened(const struct msg_result *result)
{
	snprintf(problem, sizeof problem, "%.*s", (int)result->detail.length,
		 result->error ? (const char *)result->detail.data : "");
	if (result->error)
		log_error("certificate store %s cannot be used: %s", path, log_quote(problem));
}

static int hear_store(void *context, struct message *message)
{
	struct store_request *request = find_request(message->id);
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
		store_opened(&result);
	if (request)
		request_finish(request, &result, message->fd);
	watch_time();
	return 0;
}

static void store_start(void)
{
	struct msg_hello hello = settings_hello();
	struct msg_store_open open = {view_string(path)};

	store = child_spawn(PROCESS_STORE, hello, -1, hear_store, store_gone, NULL);
	if (!store) {
		snprintf(problem, sizeof problem, "its process cannot be started");
		while (requests)
			request_fail(requests, ERR_STORE, problem);
		return;
	}
	child_send(store, STORE_OPEN, 0, &open, -1);
	for (struct store_request *request = requests; request; request = request->next)
		send_request(request);
}

int certificate_store_answer(struct peer *peer, struct message *message)
{
	struct store_request *request = calloc(1, sizeof *request), **end = &requests;
	int rc = request ? 0 : ERR_NO_MEMORY;

	if (rc)
		return rc;
	*request = (struct store_request){.peer = peer->number,
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
		send_request(request);
	else
		store_start();
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

void certificate_store_configure(void)
{
	char wanted[PATH_SIZE];

	find_path(wanted);
	if (store && !strcmp(wanted, path))
		return;
	strcpy(path, wanted);
	child_kill(store);
	store_start();
}

const char *certificate_store_path(void)
{
	return path;
}

const char *certificate_store_problem(void)
{
	return *problem ? problem : NULL;
}

int certificate_store_open_anchors(void)
{
	const char *file = settings()->trust_anchors;
	CLEAN_FD int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode))
		return TAKE_FD(fd);
	log_error("trust anchors %s: %s", file, fd < 0 ? strerror(errno) : "no regular file");
	return -1;
}

void certificate_store_end(void)
{
	loop_timer_clear(&limit);
	while (requests)
		request_free(requests);
}
