/* SPDX-License-Identifier: ISC
 *
 * smime-agent, the broker: listens, knows each client, asks for PINs and keeps them, starts and
 * watches the other processes. Must never load a PKCS#11 module or parse CMS, MIME or X.509.
 * Trusts nobody; must not die of what a peer sends.
 */
#include "cards.h"
#include "certificate_store.h"
#include "doorman.h"
#include "environment.h"
#include "events.h"
#include "modules.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "peer.h"
#include "reload.h"
#include "secret.h"
#include "settings.h"
#include "socket_path.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

/* How long clients may take to go once the agent was told to stop. */
#define GRACE_MS 1000
/* A descriptor for each worker and its log, and a margin. */
#define DESCRIPTORS 4096

struct options {
	const char *config;
	bool background;
	bool if_needed;
};

static void usage(FILE *to)
{
	fputs("usage: smime-agent [--background] [--if-needed] [--config FILE]\n"
	      "Holds the sessions to smart cards and other PKCS#11 tokens, and signs and decrypts for\n"
	      "mail programs and the smime command, which ask it over a Unix socket.\n\n"
	      "  --background    return once the socket answers, and go on in the background\n"
	      "  --if-needed     where an agent answers already, that is success\n"
	      "  --config FILE   read FILE instead of ~/.config/smime-agent/agent.conf\n"
	      "  --help, --version\n",
	      to);
}

/* An exit status, or -1 to go on. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {{"background", no_argument, NULL, 'b'},
					      {"if-needed", no_argument, NULL, 'i'},
					      {"config", required_argument, NULL, 'c'},
					      {"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {0}};
	int option;

	while ((option = getopt_long(argc, argv, "bc:hV", table, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->background = true;
			break;
		case 'i':
			options->if_needed = true;
			break;
		case 'c':
			options->config = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			printf("smime-agent %s\n", VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc)
		usage(stderr);
	return optind < argc ? 2 : -1;
}

static void on_signal(void *context, uint32_t events)
{
	int fd = *(int *)context;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			child_reap();
		else if (info.ssi_signo != SIGHUP)
			loop_end();
		else if (reload_settings())
			log_error("SIGHUP changed nothing");
	}
}

static struct loop_watch *signals;

static int watch_signals(void)
{
	static int fd;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return ERR_INTERNAL;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	signals = fd >= 0 ? loop_add(fd, EPOLLIN, on_signal, &fd) : NULL;
	return signals ? 0 : ERR_INTERNAL;
}

static int open_log(const struct options *options)
{
	const struct config *config = settings();
	log_sink sink = options->background ? log_to_syslog : log_to_stderr;

	if (config->log_file && log_open_file(config->log_file)) {
		log_error("log file %s cannot be opened: %s", config->log_file, strerror(errno));
		return ERR_CONFIG;
	}
	log_open(config->log_file ? log_to_file : sink, (enum log_level)config->log_level);
	return 0;
}

/* Everything that can fail is done before this; the parent's return says that the socket answers. */
static int go_to_background(void)
{
	int null;
	pid_t pid = fork();

	if (pid < 0)
		return ERR_INTERNAL;
	if (pid > 0)
		_exit(0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (setsid() < 0 || null < 0)
		return ERR_INTERNAL;
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close(null);
	return chdir("/") ? ERR_INTERNAL : 0;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* What the starting program had open would stay open for as long as the agent lives: its pipes, and
 * perhaps descriptors with PINs. systemd's socket is meant. */
static void close_inherited(void)
{
	close_range(listener_is_passed() ? 4 : 3, ~0u, 0);
}

static int set_up(const struct options *options, char *path, size_t path_size)
{
	int rc;

	close_inherited();
	rc = secret_harden_process();
	umask(077);
	raise_descriptor_limit();
	rc = rc ? rc : socket_path(path, path_size);
	rc = rc ? rc : settings_load(options->config);
	if (rc)
		return rc;
	rc = listener_open(path);
	if (rc == ERR_BUSY && !options->if_needed)
		log_error("an agent is running already: %s", path);
	rc = rc ? rc : open_log(options);
	if (!rc && options->background)
		rc = go_to_background();
	rc = rc ? rc : loop_init();
	rc = rc ? rc : watch_signals();
	return rc ? rc : listener_start(peer_serve);
}

static void grace_over(void *context)
{
	(void)context;
	loop_end();
}

/* The programs that run do what they have begun, and the next client starts the new agent. */
static void outdated(void)
{
	log_warn("%s", error_text(child_outdated()));
	peers_finish(loop_end);
}

/* Clients that are being served end by themselves once they have their answer. */
static void wind_down(void)
{
	struct loop_timer grace = {0};
	uint64_t end = loop_now() + GRACE_MS;

	listener_close();
	readers_end();
	modules_end();
	peers_end();
	certificate_store_end();
	while ((peers_serving() || doorman_visitors()) && loop_now() < end) {
		loop_timer_set(&grace, 20, grace_over, NULL);
		loop_run();
		loop_timer_clear(&grace);
	}
	doorman_end();
	loop_remove(signals);
	child_kill_all();
	settings_end();
}

int main(int argc, char **argv)
{
	struct options options = {0};
	char path[256];
	int status = parse_options(argc, argv, &options);
	int rc;

	if (status >= 0)
		return status;
	if (environment_is_foreign()) {
		fputs("smime-agent: it must not run with another user's rights: remove the setuid and setgid bits\n", stderr);
		return error_status(ERR_FORBIDDEN);
	}
	rc = set_up(&options, path, sizeof path);
	if (rc == ERR_BUSY && options.if_needed)
		return 0; /* what was wanted is there: an agent that answers */
	if (rc) {
		fprintf(stderr, "smime-agent: %s\n", error_text(rc));
		return error_status(rc);
	}
	if (getenv("SMIME_AGENT_LIBEXEC"))
		child_set_directory(getenv("SMIME_AGENT_LIBEXEC"));
	status_describe(path, time(NULL));
	log_info("version %s, process %d, listening on %s", VERSION, getpid(), path);
	events_wire();
	child_when_outdated(outdated);
	modules_configure(settings());
	readers_start(&cards_reader_events);
	certificate_store_configure();
	peers_fill();
	loop_run();
	wind_down();
	return 0;
}
