/* SPDX-License-Identifier: ISC
 *
 * Who is connected. A client is believed to be who the kernel says, and nothing more.
 */
#include "peer.h"

#include "log.h"
#include "settings.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* New idle workers are started once the client that took the last one has had its start. */
#define FILL_DELAY_MS 3
/* A worker that ends before it had a client will do so again. */
#define FILL_PAUSE_MS 2000
/* A worker whose client went may end what it has begun; it may also be stuck in writing for nobody. */
#define GRACE_MS 1000

static struct peer *peers;
static uint32_t next_number = 1;
static struct loop_timer fill_timer;
static const struct peer_events *peer_events;
static void (*on_finished)(void);
static struct loop_event finished_event;

struct peer *peer_find(uint32_t number)
{
	for (struct peer *peer = peers; peer; peer = peer->next)
		if (peer->number == number)
			return peer;
	return NULL;
}

bool peer_attended(uint32_t number)
{
	const struct peer *peer = peer_find(number);

	return peer && !peer->hung_up &&
	       ((peer->display && *peer->display) || (peer->wayland && *peer->wayland) || (peer->tty && *peer->tty));
}

unsigned int peers_serving(void)
{
	unsigned int count = 0;

	for (const struct peer *peer = peers; peer; peer = peer->next)
		count += peer->serving;
	return count;
}

static void peer_unlink(struct peer *peer)
{
	for (struct peer **at = &peers; *at; at = &(*at)->next)
		if (*at == peer) {
			*at = peer->next;
			return;
		}
}

static void peer_free(struct peer *peer)
{
	peer_unlink(peer);
	loop_timer_clear(&peer->grace);
	loop_remove(peer->watch);
	loop_remove(peer->adopted_watch);
	if (peer->connection >= 0)
		close(peer->connection);
	if (peer->adopted >= 0)
		close(peer->adopted);
	child_kill(peer->worker);
	free(peer->program);
	free(peer->display);
	free(peer->wayland);
	free(peer->xauthority);
	free(peer->bus);
	free(peer->tty);
	free(peer->tty_type);
	free(peer->locale);
	free(peer);
}

static void fill_now(void *context)
{
	(void)context;
	peers_fill();
}

static void fill_later(uint64_t ms)
{
	/* An armed timer stays: clients in quick succession must not put it off for ever. */
	if (!fill_timer.armed)
		loop_timer_set(&fill_timer, ms, fill_now, NULL);
}

static void finished(void *context)
{
	(void)context;
	on_finished();
}

static void check_finished(void)
{
	if (on_finished && !peers_serving())
		loop_post(&finished_event, finished, NULL);
}

static int unserved_reason(void)
{
	return child_outdated() ? child_outdated() : ERR_SPAWN;
}

static void worker_gone(void *context)
{
	struct peer *peer = context;
	uint64_t pause = peer->serving ? FILL_DELAY_MS : FILL_PAUSE_MS;
	bool unserved = peer->serving && peer->worker && !peer->worker->ready && !peer->hung_up;

	peer->worker = NULL;
	peer_unlink(peer); /* nothing that ends now may answer it */
	peer_events->gone(peer->number);
	if (unserved) {
		loop_remove(TAKE(peer->watch));
		peer_events->unserved(TAKE_FD(peer->connection), unserved_reason());
	}
	peer_free(peer);
	fill_later(pause);
	check_finished();
}

static void grace_over(void *context)
{
	struct peer *peer = context;

	child_kill(TAKE(peer->worker));
	worker_gone(peer);
}

/* A worker that waits for the broker, or writes, does not see that its client went. */
static void hung_up(void *context, uint32_t events)
{
	struct peer *peer = context;

	(void)events;
	loop_remove(TAKE(peer->watch));
	loop_remove(TAKE(peer->adopted_watch));
	peer->hung_up = true;
	loop_timer_set(&peer->grace, GRACE_MS, grace_over, peer);
	peer_events->hung_up(peer->number);
}

static int hear_worker(void *context, struct message *message)
{
	struct peer *peer = context;

	return peer->serving ? peer_events->message(peer, message) : ERR_PROTOCOL;
}

static struct peer *add_peer(void)
{
	struct peer *peer = calloc(1, sizeof *peer);
	struct msg_hello hello = settings_hello();
	CLEAN_FD int certificates = settings_open_certificates();

	if (!peer)
		return NULL;
	peer->worker = child_spawn(PROCESS_WORKER, hello, certificates, hear_worker, worker_gone, peer);
	if (!peer->worker) {
		free(peer);
		return NULL;
	}
	peer->connection = peer->adopted = -1;
	peer->number = next_number++;
	peer->next = peers;
	peers = peer;
	return peer;
}

static struct peer *idle_peer(void)
{
	for (struct peer *peer = peers; peer; peer = peer->next)
		if (!peer->serving)
			return peer;
	return NULL;
}

void peers_fill(void)
{
	unsigned int idle = 0;

	for (const struct peer *peer = peers; peer; peer = peer->next)
		idle += !peer->serving;
	while (idle < settings()->idle_workers && add_peer())
		idle++;
}

static char *program_of(pid_t pid)
{
	char link[64], path[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof link, "/proc/%d/exe", pid);
	length = readlink(link, path, sizeof path - 1);
	path[length > 0 ? length : 0] = 0;
	return strdup(path);
}

/* An Assuan error line, so that the client can say what is wrong. */
static void refuse(int fd, int err)
{
	char line[256];
	int length = snprintf(line, sizeof line, "ERR %u %s\n", error_to_gpg(err), error_text(err));

	if (send(fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("a client that was refused did not hear it");
}

/* Whoever may use this agent. */
static int identify(int fd, struct ucred *ret_who)
{
	struct ucred who;
	socklen_t length = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) || (who.uid != getuid() && who.uid != 0))
		return ERR_FORBIDDEN;
	*ret_who = who;
	return 0;
}

static bool has_option(int fd, int option, int wanted)
{
	int value = -1;
	socklen_t length = sizeof value;

	return !getsockopt(fd, SOL_SOCKET, option, &value, &length) && value == wanted;
}

static int check_adopted(int fd, struct ucred *ret_who)
{
	struct ucred who = {0};
	int rc;

	if (!has_option(fd, SO_DOMAIN, AF_UNIX) || !has_option(fd, SO_TYPE, SOCK_STREAM) ||
	    !has_option(fd, SO_ACCEPTCONN, 0))
		return ERR_USAGE;
	rc = identify(fd, &who);
	/* A client's own end of its connection: nobody would be seen to go. */
	if (!rc && who.pid == getpid())
		rc = ERR_USAGE;
	if (!rc)
		*ret_who = who;
	return rc;
}

int peer_adopt(struct peer *peer, int fd)
{
	struct ucred who = {0};
	char *program;
	int rc = peer->adopted >= 0 ? ERR_USAGE : check_adopted(fd, &who);

	if (rc) {
		log_warn("client %u: process %d wanted a socket to be served that is none of its own",
			 peer->number, peer->pid);
		return rc;
	}
	program = program_of(who.pid);
	peer->adopted = program ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	peer->adopted_watch = peer->adopted >= 0 ? loop_add(peer->adopted, 0, hung_up, peer) : NULL;
	if (!peer->adopted_watch) {
		free(program);
		return ERR_NO_MEMORY;
	}
	log_debug("client %u: process %d (%s), through process %d", peer->number, who.pid, log_quote(program),
		  peer->pid);
	free(peer->program);
	peer->program = program;
	peer->pid = who.pid;
	peer->uid = who.uid;
	return 0;
}

static int introduce(struct peer *peer, int fd, const struct ucred *who)
{
	struct msg_serve serve = {.pid = (uint32_t)who->pid, .uid = who->uid};

	peer->pid = who->pid;
	peer->uid = who->uid;
	peer->program = program_of(who->pid);
	if (!peer->program)
		return ERR_NO_MEMORY;
	serve.program = view_string(peer->program);
	if (serve.program.length > 900)
		serve.program.length = 900;
	peer->serving = true;
	peer->connection = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	peer->watch = loop_add(peer->connection, 0, hung_up, peer); /* EPOLLHUP is always told */
	if (!peer->watch)
		return ERR_NO_MEMORY;
	child_send(peer->worker, SERVE, 0, &serve, fd);
	log_debug("client %u: process %d (%s)", peer->number, peer->pid, log_quote(peer->program));
	return 0;
}

void peer_serve(int connection)
{
	CLEAN_FD int fd = connection;
	struct ucred who;
	struct peer *peer;

	if (identify(fd, &who)) {
		log_warn("a client of another user was refused");
		refuse(fd, ERR_FORBIDDEN);
		return;
	}
	if (peers_serving() >= settings()->max_connections) {
		log_warn("process %d was refused: %u clients are connected", who.pid, peers_serving());
		refuse(fd, ERR_BUSY);
		return;
	}
	peer = child_outdated() ? NULL : idle_peer();
	peer = peer ? peer : add_peer();
	if (!peer || introduce(peer, fd, &who)) {
		if (peer)
			peer_free(peer);
		peer_events->unserved(TAKE_FD(fd), unserved_reason());
	}
	fill_later(FILL_DELAY_MS);
}

void peers_keys_changed(void)
{
	static const struct msg_nothing nothing;

	for (struct peer *peer = peers; peer; peer = peer->next)
		if (peer->serving)
			child_send(peer->worker, CHANGED, 0, &nothing, -1);
}

static void end_idle(void)
{
	for (struct peer *peer = peers, *next; peer; peer = next) {
		next = peer->next;
		if (!peer->serving)
			peer_free(peer);
	}
}

void peers_renew(void)
{
	end_idle();
	peers_fill();
}

void peers_when(const struct peer_events *events)
{
	peer_events = events;
}

void peers_finish(void (*done)(void))
{
	static const struct msg_nothing nothing;

	on_finished = done;
	peers_end();
	for (struct peer *peer = peers; peer; peer = peer->next)
		child_send(peer->worker, FINISH, 0, &nothing, -1);
	check_finished();
}

void peers_end(void)
{
	loop_timer_clear(&fill_timer);
	end_idle();
}

/* A process that cannot be started any more fails requests in many ways. */
static int explain(int err)
{
	switch (err) {
	case ERR_SPAWN:
	case ERR_MODULE:
	case ERR_PINENTRY:
	case ERR_STORE:
	case ERR_TOKEN_CRASHED:
		return child_outdated() ? child_outdated() : err;
	default:
		return err;
	}
}

void peer_reply_file(uint32_t number, uint32_t id, const struct msg_result *result, int fd)
{
	struct peer *peer = peer_find(number);
	struct msg_result told = *result;

	if (!peer)
		return;
	told.error = (uint32_t)-explain(-(int)told.error);
	peer->asking = false;
	child_send(peer->worker, RESULT, id, &told, fd);
}

void peer_reply_result(uint32_t number, uint32_t id, const struct msg_result *result)
{
	peer_reply_file(number, id, result, -1);
}

void peer_reply(uint32_t number, uint32_t id, int err, const char *detail, int fd)
{
	struct msg_result result = {.error = (uint32_t)-err, .detail = view_string(detail)};

	peer_reply_file(number, id, &result, fd);
}
