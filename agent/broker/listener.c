/* SPDX-License-Identifier: ISC
 *
 * One listening Unix socket, in a folder of the user's own.
 */
#include "listener.h"

#include "cleanup.h"
#include "log.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define BACKLOG 64
#define SYSTEMD_FIRST_FD 3
/* Clients taken in one go. */
#define BURST 8
/* Each 10 ms. */
#define OTHER_TRIES 300

static int listening = -1;
static int lock = -1; /* held while this agent lives */
static struct loop_watch *watch;
static void (*on_client)(int fd);
static char bound[sizeof((struct sockaddr_un *)0)->sun_path];

bool listener_is_passed(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	return pid && count && atoi(pid) == getpid() && atoi(count) == 1;
}

static int passed_socket(void)
{
	if (!listener_is_passed())
		return -1;
	fcntl(SYSTEMD_FIRST_FD, F_SETFD, FD_CLOEXEC);
	fcntl(SYSTEMD_FIRST_FD, F_SETFL, fcntl(SYSTEMD_FIRST_FD, F_GETFL) | O_NONBLOCK);
	return SYSTEMD_FIRST_FD;
}

/* Whoever else can write in the folder can put a socket of theirs in place of this one. */
static int check_folder(const char *folder)
{
	struct stat facts;

	if (stat(folder, &facts)) {
		log_error("%s: %s", folder, strerror(errno));
		return ERR_INTERNAL;
	}
	if (S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() && !(facts.st_mode & 077))
		return 0;
	log_error("%s, the socket's folder, must belong to the agent's user and be closed to others: chmod 700 %s", folder,
		  folder);
	return ERR_CONFIG;
}

static int make_folder(const char *path)
{
	CLEAN_FREE char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!slash)
		return ERR_NO_MEMORY;
	slash[slash == folder] = 0;
	if (mkdir(folder, 0700) && errno != EEXIST) {
		log_error("%s cannot be made: %s", folder, strerror(errno));
		return ERR_INTERNAL;
	}
	return check_folder(folder);
}

/* Whoever has the lock owns the path: a socket that is there is a dead agent's. */
static int take_lock(const char *path)
{
	char name[sizeof bound + 8];

	snprintf(name, sizeof name, "%s.lock", path);
	lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0) {
		log_error("%s: %s", name, strerror(errno));
		return ERR_INTERNAL;
	}
	return flock(lock, LOCK_EX | LOCK_NB) ? ERR_BUSY : 0;
}

/* Whoever started this process wants to talk to an agent, and the one that was faster may not listen
 * yet. */
static void wait_for_other(const char *path)
{
	const struct timespec pause = {0, 10000000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	for (int i = 0; i < OTHER_TRIES; i++) {
		CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || !connect(fd, (struct sockaddr *)&address, sizeof address))
			return;
		nanosleep(&pause, NULL);
	}
}

static int bind_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int failed;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path);
	mask = umask(0177);
	failed = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG);
	umask(mask);
	if (failed) {
		log_error("%s: %s", path, strerror(errno));
		return ERR_INTERNAL;
	}
	strcpy(bound, path);
	listening = TAKE_FD(fd);
	return 0;
}

int listener_open(const char *path)
{
	int rc;

	listening = passed_socket();
	if (listening >= 0)
		return 0;
	if (strlen(path) >= sizeof bound) {
		log_error("%s: too long for a socket's path", path);
		return ERR_CONFIG;
	}
	rc = make_folder(path);
	rc = rc ? rc : take_lock(path);
	if (rc == ERR_BUSY)
		wait_for_other(path);
	return rc ? rc : bind_socket(path);
}

static void accept_clients(void *context, uint32_t events)
{
	(void)context;
	(void)events;
	for (int i = 0; i < BURST; i++) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		on_client(fd);
	}
}

int listener_start(void (*client)(int fd))
{
	on_client = client;
	/* Again, since SO_PEERCRED names to clients the process that called this: not the one that went
	 * when the agent went to the background, nor systemd. */
	if (listen(listening, BACKLOG))
		return ERR_INTERNAL;
	watch = loop_add(listening, EPOLLIN, accept_clients, NULL);
	return watch ? 0 : ERR_NO_MEMORY;
}

void listener_close(void)
{
	loop_remove(watch);
	watch = NULL;
	if (*bound)
		unlink(bound);
	*bound = 0;
	if (listening >= 0)
		close(listening);
	if (lock >= 0)
		close(lock);
	listening = lock = -1;
}
