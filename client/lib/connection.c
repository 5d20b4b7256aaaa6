/* SPDX-License-Identifier: ISC
 *
 * The client's end of the socket. The agent is the user's own, and its lines are checked all the
 * same.
 */
#include "connection.h"

#include "cleanup.h"
#include "environment.h"
#include "log.h"
#include "secret.h"
#include "socket_path.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* For an agent that restarts: it finishes what it has begun. Within this, tried again after each pause. */
#define RESTART_LIMIT_MS 10000
/* For one that ended before it greeted, or cannot serve, as while a package's files are being replaced. */
#define LOST_LIMIT_MS 1000
#define PAUSE_MS 20
/* Lines that an agent may say while nothing was asked, between two looks. */
#define UNASKED_MAX 100

extern char **environ;

/* The user whose agent this client wants, where that is not its own: SMIME_AGENT_USER, a name or a number. */
static bool is_named(uid_t user)
{
	const char *named = environment_get("SMIME_AGENT_USER");
	struct passwd entry, *found = NULL;
	char text[4096], number[16];

	if (!named || !*named)
		return false;
	snprintf(number, sizeof number, "%u", user);
	return !strcmp(named, number) ||
	       (!getpwnam_r(named, &entry, text, sizeof text, &found) && found && found->pw_uid == user);
}

/* Whoever listens gets to see what is signed and decrypted: the client's own user, root, or who is named. */
static bool may_listen(uid_t user)
{
	return !user || (user == getuid() && user == geteuid()) || is_named(user);
}

static int try_connect(smime_agent *agent, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred who;
	socklen_t length = sizeof who;

	if (fd < 0 || strlen(path) >= sizeof address.sun_path)
		return ERR_CONFIG;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof address))
		return errno == ENOENT || errno == ECONNREFUSED ? ERR_CLOSED : ERR_FORBIDDEN;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length))
		return ERR_CLOSED;
	if (!may_listen(who.uid))
		return ERR_LISTENER;
	agent->agent = who.pid;
	agent->fd = TAKE_FD(fd);
	agent->in_length = 0;
	return 0;
}

/* With these options it returns once a socket answers, its own or that of an agent that another program
 * started at the same moment. */
static int start_agent(void)
{
	const char *program = environment_get("SMIME_AGENT_PROGRAM");
	char *const argv[] = {"smime-agent", "--background", "--if-needed", NULL};
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid;
	int status, failed;

	/* It would run with the program's rights, in the environment of whoever started that. */
	if (environment_is_foreign())
		return ERR_FOREIGN_RIGHTS;
	/* The program that this runs in may block signals, or ignore them. */
	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawnattr_init(&attributes))
		return ERR_SPAWN;
	failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ||
		 posix_spawnattr_setsigmask(&attributes, &none) ||
		 posix_spawnattr_setsigdefault(&attributes, &all) ||
		 posix_spawn(&pid, program ? program : SMIME_AGENT_BINDIR "/smime-agent", NULL, &attributes,
			     argv, environ);
	posix_spawnattr_destroy(&attributes);
	if (failed)
		return ERR_SPAWN;
	/* It may also have been waited for by that program; either way it has ended. */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno == ECHILD ? 0 : ERR_SPAWN;
	return 0;
}

/* What the person's pinentry needs to know, once for a connection. */
static int send_terminal(smime_agent *agent)
{
	static const struct {
		const char *option, *variable;
		bool since_1; /* 0.1.0 takes no such option */
	} table[] = {{"display", "DISPLAY", false},
		     {"wayland-display", "WAYLAND_DISPLAY", false},
		     {"ttytype", "TERM", false},
		     {"xauthority", "XAUTHORITY", true},
		     {"session-bus", "DBUS_SESSION_BUS_ADDRESS", true}};
	const char *locale = environment_get("LC_ALL");
	char tty[256];
	int rc = 0;

	for (size_t i = 0; i < sizeof table / sizeof table[0] && !rc; i++) {
		const char *value = environment_get(table[i].variable);

		if (value && *value && strlen(value) < 200 && (agent->numbered || !table[i].since_1))
			rc = connection_add(agent, "OPTION %s=%s", table[i].option, value);
	}
	locale = locale && *locale ? locale : environment_get("LC_CTYPE");
	locale = locale && *locale ? locale : environment_get("LANG");
	if (!rc && locale && *locale && strlen(locale) < 200)
		rc = connection_add(agent, "OPTION lc-ctype=%s", locale);
	for (int fd = 0; fd <= 2 && !rc; fd++)
		if (!ttyname_r(fd, tty, sizeof tty))
			return connection_add(agent, "OPTION ttyname=%s", tty);
	return rc;
}

int connection_add(smime_agent *agent, const char *format, ...)
{
	char line[CONNECTION_LINE_MAX + 1];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (length < 0 || length > CONNECTION_LINE_MAX || strpbrk(line, "\r\n"))
		return ERR_USAGE;
	agent->expected++;
	agent->unsent++;
	return buf_add_format(&agent->lines, "%s\n", line);
}

int connection_send(smime_agent *agent, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct buf *lines = &agent->lines;
	size_t at = 0;

	while (at < lines->length) {
		struct iovec vec = {lines->data + at, lines->length - at};
		struct msghdr header = {.msg_iov = &vec, .msg_iovlen = 1};
		ssize_t sent;

		if (fd >= 0) {
			struct cmsghdr *cmsg;

			header.msg_control = &control;
			header.msg_controllen = sizeof control.space;
			cmsg = CMSG_FIRSTHDR(&header);
			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			cmsg->cmsg_len = CMSG_LEN(sizeof fd);
			memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
		}
		sent = sendmsg(agent->fd, &header, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		/* An agent that went may have left last words; anything else, as a descriptor that is none,
		 * is the caller's. */
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			break;
		if (sent < 0)
			return ERR_USAGE;
		at += (size_t)sent;
		fd = -1;
	}
	buf_clear(lines);
	agent->unsent = 0;
	return 0;
}

void connection_abandon(smime_agent *agent)
{
	if (agent->fd < 0)
		return;
	agent->expected -= agent->unsent;
	agent->unsent = 0;
	buf_clear(&agent->lines);
	if (connection_add(agent, "RESET") || connection_finish(agent, NULL, NULL))
		log_debug("a request that was given up left an error");
	*agent->message = 0;
}

/* The other side can no longer be understood. */
static int give_up(smime_agent *agent, int rc)
{
	close(agent->fd);
	agent->fd = -1;
	return rc;
}

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Whether there is something to read by then. One that never stops talking is late, too. */
static bool wait_until(int fd, uint64_t deadline)
{
	struct pollfd readable = {fd, POLLIN, 0};

	for (uint64_t now = now_ms(); now < deadline && !readable.revents; now = now_ms())
		if (poll(&readable, 1, (int)(deadline - now)) < 0 && errno != EINTR)
			return false;
	return readable.revents;
}

static int fill(smime_agent *agent, int flags)
{
	ssize_t got;

	if (agent->in_length == sizeof agent->in)
		return ERR_PROTOCOL;
	if (agent->deadline && !flags && !wait_until(agent->fd, agent->deadline))
		return ERR_TIMEOUT;
	do {
		got = recv(agent->fd, agent->in + agent->in_length, sizeof agent->in - agent->in_length, flags);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_TIMEOUT;
	if (got <= 0)
		return ERR_CLOSED;
	agent->in_length += (size_t)got;
	return 0;
}

/* The next line, without its end. Data may have NULs in it. */
static int take_line(smime_agent *agent, int flags, char line[sizeof agent->in], size_t *ret_length)
{
	char *end;
	size_t length;

	while (!(end = memchr(agent->in, '\n', agent->in_length))) {
		int rc = fill(agent, flags);

		if (rc)
			return rc;
	}
	length = (size_t)(end - agent->in);
	memcpy(line, agent->in, length);
	line[length] = 0;
	*ret_length = length;
	agent->in_length -= length + 1;
	memmove(agent->in, end + 1, agent->in_length);
	secret_wipe(agent->in + agent->in_length, length + 1); /* it may be what was decrypted */
	return 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Data lines have %, CR and LF as %XX. There is a NUL behind the text. */
static size_t decode_data(char *text, size_t length)
{
	size_t to = 0;

	for (size_t from = 0; from < length; from++) {
		if (text[from] == '%' && hex(text[from + 1]) >= 0 && hex(text[from + 2]) >= 0) {
			text[to++] = (char)(hex(text[from + 1]) << 4 | hex(text[from + 2]));
			from += 2;
		} else {
			text[to++] = text[from];
		}
	}
	return to;
}

/* "ERR code sentence": the sentence is libgpg-error's, and is kept only where the agent gave none of
 * its own before. */
static void take_error(smime_agent *agent, const char *line)
{
	char *text;
	unsigned long code = strtoul(line, &text, 10);

	if (agent->err)
		return;
	agent->err = code ? error_from_gpg((unsigned int)code) : ERR_PROTOCOL;
	if (!*agent->message)
		snprintf(agent->message, sizeof agent->message, "%s", *text == ' ' ? text + 1 : text);
}

/* "ERROR name sentence" goes before the ERR of the same command; "WARNING name sentence" may go before OK. */
static void take_status(smime_agent *agent, const char *line)
{
	unsigned long long bytes;

	if (agent->status)
		agent->status(agent->status_context, line);
	if (!strcmp(line, "KEYS_CHANGED"))
		agent->changed = true;
	if (agent->progress && sscanf(line, "PROGRESS smime ? %llu", &bytes) == 1)
		agent->progress(agent->progress_context, bytes);
	if (agent->err || (strncmp(line, "ERROR ", 6) && strncmp(line, "WARNING ", 8)))
		return;
	line += strcspn(line, " ") + 1;
	line += strcspn(line, " ");
	snprintf(agent->message, sizeof agent->message, "%s", *line ? line + 1 : "");
}

static int take_lines(smime_agent *agent, char line[sizeof agent->in], smime_agent_data data, void *context)
{
	bool wanted = data != NULL;
	size_t length;

	while (agent->expected) {
		int rc = take_line(agent, 0, line, &length);

		if (rc)
			return rc;
		if (!strncmp(line, "OK", 2) && (!line[2] || line[2] == ' ')) {
			agent->expected--;
		} else if (!strncmp(line, "ERR ", 4)) {
			agent->expected--;
			take_error(agent, line + 4);
		} else if (!strncmp(line, "D ", 2)) {
			if (wanted && data(context, line + 2, decode_data(line + 2, length - 2)))
				wanted = false;
		} else if (!strncmp(line, "S ", 2)) {
			take_status(agent, line + 2);
		} else if (*line != '#') {
			return ERR_PROTOCOL;
		}
	}
	return 0;
}

/* "OK smime-agent VERSION STATE, protocol N". */
static int read_greeting(smime_agent *agent, const char *line)
{
	const char *protocol = strstr(line, ", protocol ");
	unsigned long theirs = protocol ? strtoul(protocol + strlen(", protocol "), NULL, 10) : 1;
	unsigned long ours = strtoul(SOCKET_PROTOCOL, NULL, 10);

	if (!strncmp(line, "ERR ", 4)) {
		take_error(agent, line + 4);
		return agent->err;
	}
	if (strncmp(line, "OK", 2))
		return ERR_PROTOCOL;
	agent->numbered = protocol != NULL;
	agent->restarting = strstr(line, " restarting,") != NULL;
	agent->limited = strstr(line, " cannot serve,") != NULL;
	return theirs == ours ? 0 : theirs < ours ? ERR_AGENT_OLD : ERR_PROGRAM_OLD;
}

int connection_take_greeting(smime_agent *agent)
{
	char line[sizeof agent->in];
	size_t length;
	int rc = take_line(agent, 0, line, &length);

	rc = rc ? rc : read_greeting(agent, line);
	return rc ? give_up(agent, rc) : 0;
}

/* ret_lost: there is an agent, but perhaps a better one soon. */
static int connect_once(smime_agent *agent, const char *path, bool start, bool *ret_lost)
{
	int rc = try_connect(agent, path);

	agent->err = 0;
	*agent->message = 0;
	*ret_lost = false;
	if (rc == ERR_CLOSED && start) {
		rc = start_agent();
		rc = rc ? rc : try_connect(agent, path);
	}
	if (rc)
		return rc;
	rc = connection_take_greeting(agent);
	*ret_lost = rc == ERR_CLOSED || (!rc && start && agent->limited);
	return rc || !start || !agent->restarting ? rc : give_up(agent, ERR_UPGRADED);
}

int connection_open(smime_agent *agent, bool start)
{
	const struct timespec pause = {0, PAUSE_MS * 1000000};
	uint64_t began = now_ms(), limit = LOST_LIMIT_MS;
	char path[256];
	bool lost;
	int rc = socket_path(path, sizeof path);

	if (rc)
		return rc;
	for (;;) {
		rc = connect_once(agent, path, start, &lost);
		if (rc == ERR_UPGRADED)
			limit = RESTART_LIMIT_MS; /* also for its end */
		if ((rc != ERR_UPGRADED && !lost) || now_ms() - began >= limit)
			return rc ? rc : send_terminal(agent);
		if (agent->fd >= 0)
			close(agent->fd);
		agent->fd = -1;
		nanosleep(&pause, NULL);
	}
}

static int take_replies(smime_agent *agent, smime_agent_data data, void *context)
{
	char line[sizeof agent->in];
	int rc = take_lines(agent, line, data, context);

	secret_wipe(line, sizeof line);
	return rc;
}

int connection_finish(smime_agent *agent, smime_agent_data data, void *context)
{
	int rc = connection_send(agent, -1);

	agent->err = 0;
	*agent->message = 0;
	if (rc)
		return rc;
	rc = take_replies(agent, data, context);
	if (rc)
		rc = give_up(agent, rc);
	/* A connection that was refused has one error and no reply after it. */
	return agent->err ? agent->err : rc;
}

void connection_limit(smime_agent *agent, unsigned int seconds)
{
	agent->deadline = seconds ? now_ms() + (uint64_t)seconds * 1000 : 0;
}

int connection_hear(smime_agent *agent)
{
	char line[sizeof agent->in];
	size_t length;
	unsigned int count = 0;
	int rc;

	while (!(rc = take_line(agent, MSG_DONTWAIT, line, &length))) {
		if (++count > UNASKED_MAX)
			return ERR_PROTOCOL;
		if (!strncmp(line, "S ", 2))
			take_status(agent, line + 2);
		else if (*line != '#')
			return ERR_PROTOCOL;
	}
	return rc == ERR_TIMEOUT ? 0 : rc;
}

int connection_result(smime_agent *agent, int err)
{
	agent->err = err;
	if (err && !*agent->message)
		snprintf(agent->message, sizeof agent->message, "%s", error_text(err));
	return error_status(err);
}
