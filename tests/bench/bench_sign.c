/* SPDX-License-Identifier: ISC
 *
 * Signatures a second through the agent, on kept connections, beside a loop of C_Sign on the same
 * key in this process. One run measures both, in turn, so that the ratio holds on a noisy machine.
 *
 *     bench_sign MODULE PIN-FILE KEY-LABEL SECONDS CLIENTS...
 */
#include "smime-agent.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTENT_SIZE 2048
#define SAMPLES_MAX 400000

static const char *label;
static double seconds;
static atomic_int ready, running;

struct load {
	pthread_t thread;
	uint32_t *samples; /* in 0.1 us */
	size_t count;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_sign: %s\n", what);
	exit(1);
}

static void sample(struct load *load, double began)
{
	if (load->count == SAMPLES_MAX)
		die("too many signatures to keep: measure fewer seconds");
	load->samples[load->count++] = (uint32_t)((now() - began) * 1e7);
}

static void wait_for_start(void)
{
	ready++;
	while (!running)
		usleep(100);
}

/* ---- through the agent */

static void *client(void *context)
{
	struct smime_agent_sign_options options = {.key = label, .raw = 1};
	struct load *load = context;
	char content[CONTENT_SIZE], signature[8192];
	int in = memfd_create("content", 0), out[2];
	smime_agent *agent = NULL;

	memset(content, 'x', sizeof content);
	if (in < 0 || write(in, content, sizeof content) != sizeof content || pipe2(out, O_CLOEXEC) ||
	    smime_agent_connect(&agent, 0))
		die("cannot connect");
	wait_for_start();
	do {
		double began = now();

		lseek(in, 0, SEEK_SET);
		if (smime_agent_sign(agent, &options, in, out[1]))
			die(smime_agent_message(agent));
		if (read(out[0], signature, sizeof signature) < 500)
			die("no signature");
		sample(load, began);
	} while (running == 1);
	smime_agent_close(agent);
	return NULL;
}

/* ---- in this process */

static CK_FUNCTION_LIST *p11;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static CK_KEY_TYPE key_type;

static CK_SESSION_HANDLE open_session(void)
{
	CK_SESSION_HANDLE session;

	if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		die("C_OpenSession");
	return session;
}

static bool find_key(CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_ATTRIBUTE type = {CKA_KEY_TYPE, &key_type, sizeof key_type};
	CK_ULONG found = 0;

	p11->C_FindObjectsInit(session, template, 2);
	p11->C_FindObjects(session, &key, 1, &found);
	p11->C_FindObjectsFinal(session);
	return found && p11->C_GetAttributeValue(session, key, &type, 1) == CKR_OK;
}

static void load_module(const char *path, const char *pin)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	void *library = dlopen(path, RTLD_NOW);
	CK_RV (*get)(CK_FUNCTION_LIST **) = library ? (CK_RV(*)(CK_FUNCTION_LIST **))dlsym(library, "C_GetFunctionList") : NULL;
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;

	if (!get || get(&p11) != CKR_OK || p11->C_Initialize(&args) != CKR_OK ||
	    p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		die("module");
	for (CK_ULONG i = 0; i < count; i++) {
		CK_SESSION_HANDLE session;

		slot = slots[i];
		if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
		    p11->C_Login(session, CKU_USER, (unsigned char *)(uintptr_t)pin, strlen(pin)) == CKR_OK &&
		    find_key(session))
			return;
	}
	die("no such key");
}

static void *raw(void *context)
{
	static const unsigned char info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	CK_MECHANISM mechanism = {key_type == CKK_RSA ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
	unsigned char in[sizeof info + 32] = {0}, out[1024];
	struct load *load = context;
	CK_SESSION_HANDLE session = open_session();
	size_t skip = key_type == CKK_RSA ? 0 : sizeof info;

	memcpy(in, info, sizeof info);
	wait_for_start();
	do {
		double began = now();
		CK_ULONG length = sizeof out;

		in[sizeof in - 1]++;
		if (p11->C_SignInit(session, &mechanism, key) != CKR_OK ||
		    p11->C_Sign(session, in + skip, sizeof in - skip, out, &length) != CKR_OK)
			die("C_Sign");
		sample(load, began);
	} while (running == 1);
	return NULL;
}

/* ---- both */

struct figures {
	double rate, p50, p99; /* us */
};

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static struct figures summarise(struct load *loads, int count, double elapsed)
{
	uint32_t *all;
	size_t total = 0;
	struct figures figures;

	for (int i = 0; i < count; i++)
		total += loads[i].count;
	all = malloc((total + 1) * sizeof *all);
	total = 0;
	for (int i = 0; i < count; i++) {
		memcpy(all + total, loads[i].samples, loads[i].count * sizeof *all);
		total += loads[i].count;
	}
	qsort(all, total, sizeof *all, compare);
	figures = (struct figures){(double)total / elapsed, total ? all[total / 2] / 10.0 : 0,
				   total ? all[total * 99 / 100] / 10.0 : 0};
	free(all);
	return figures;
}

static struct figures run(void *(*thread)(void *), int count)
{
	struct load *loads = calloc((size_t)count, sizeof *loads);
	struct figures figures;
	double began, elapsed;

	ready = running = 0;
	for (int i = 0; i < count; i++) {
		loads[i].samples = malloc(SAMPLES_MAX * sizeof *loads[i].samples);
		if (!loads[i].samples || pthread_create(&loads[i].thread, NULL, thread, &loads[i]))
			die("threads");
	}
	while (ready < count)
		usleep(100);
	usleep((useconds_t)(seconds * 1e5)); /* what they started settles */
	began = now();
	running = 1;
	usleep((useconds_t)(seconds * 1e6));
	running = 2;
	for (int i = 0; i < count; i++)
		pthread_join(loads[i].thread, NULL);
	elapsed = now() - began;
	figures = summarise(loads, count, elapsed);
	for (int i = 0; i < count; i++)
		free(loads[i].samples);
	free(loads);
	return figures;
}

/* In a process of its own, so that its threads and the module's do not live beside the clients. */
static struct figures run_raw(const char *module, const char *pin, int threads)
{
	struct figures *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct figures figures;
	pid_t pid = fork();
	int status;

	if (!pid) {
		load_module(module, pin);
		*shared = run(raw, threads);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the process that signs without the agent failed");
	figures = *shared;
	munmap(shared, sizeof *shared);
	return figures;
}

static int compare_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Two processes and 64 bytes there and back, after a pause in which both sleep as they would: what
 * waking another process and being woken by it costs on this machine. The median, in us. */
static double ping_pong(void)
{
	enum { TURNS = 2001 };
	static double took[TURNS];
	char bytes[64] = {0};
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		die("socketpair");
	pid = fork();
	if (!pid) {
		close(pair[0]);
		while (read(pair[1], bytes, sizeof bytes) > 0)
			if (write(pair[1], bytes, sizeof bytes) < 0)
				break;
		_exit(0);
	}
	close(pair[1]);
	for (int i = 0; i < TURNS; i++) {
		double began;

		usleep(300);
		began = now();
		if (write(pair[0], bytes, sizeof bytes) < 0 || read(pair[0], bytes, sizeof bytes) < 0)
			die("ping-pong");
		took[i] = (now() - began) * 1e6;
	}
	close(pair[0]);
	waitpid(pid, NULL, 0);
	qsort(took, TURNS, sizeof took[0], compare_times);
	return took[TURNS / 2];
}

/* ---- CPU time of the agent's processes */

struct usage {
	double at;			/* s */
	double broker, workers, token;	/* s */
};

/* CPU time in s, its own and that of its children which have ended. */
static double cpu_of(const char *pid, char *name, double *ret_ended)
{
	char path[64], text[1024], *end;
	unsigned long user = 0, system = 0, ended_user = 0, ended_system = 0;
	double tick = (double)sysconf(_SC_CLK_TCK);
	ssize_t length;
	int fd;

	snprintf(path, sizeof path, "/proc/%.16s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = 0;
	end = strrchr(text, ')');
	if (!end)
		return 0;
	*end = 0;
	snprintf(name, 32, "%s", strchr(text, '(') + 1);
	sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &user, &system, &ended_user,
	       &ended_system);
	*ret_ended = (double)(ended_user + ended_system) / tick;
	return (double)(user + system) / tick;
}

static struct usage measure(int agent)
{
	struct usage usage = {.at = now()};
	bool seen = false;
	char command[64], line[64], name[32];
	FILE *list;

	snprintf(command, sizeof command, "pgrep -P %d; echo %d", agent, agent);
	list = popen(command, "r");
	while (list && fgets(line, sizeof line, list)) {
		double ended = 0, cpu;

		line[strcspn(line, "\n")] = 0;
		*name = 0;
		cpu = cpu_of(line, name, &ended);
		if (atoi(line) == agent) {
			usage.broker = cpu;
			usage.workers += ended;
		}
		if (strstr(name, "agent-tok"))
			usage.token += cpu, seen = true;
		if (strstr(name, "agent-wor"))
			usage.workers += cpu;
	}
	if (!seen)
		die("pgrep did not find the agent's processes");
	if (list)
		pclose(list);
	return usage;
}

static int take_pid(void *context, const void *data, size_t length)
{
	char text[4096];
	const char *found;

	snprintf(text, sizeof text, "%.*s", (int)length, (const char *)data);
	found = strstr(text, "\"pid\":\"");
	if (found)
		*(int *)context = atoi(found + 7);
	return 0;
}

static int agent_pid(void)
{
	smime_agent *agent = NULL;
	int pid = 0;

	if (smime_agent_connect(&agent, 0) || smime_agent_list(agent, SMIME_AGENT_STATE, 1, take_pid, &pid))
		die("no agent");
	smime_agent_close(agent);
	return pid;
}

/* Workers end with their connections: their CPU time is read while they still serve. Those that end meanwhile are
 * the broker's children that have ended. */
static struct usage before, after;

static void *watch_usage(void *context)
{
	int agent = *(int *)context;

	while (!running)
		usleep(1000);
	usleep((useconds_t)(seconds * 1e5));
	before = measure(agent);
	usleep((useconds_t)(seconds * 8e5));
	after = measure(agent);
	return NULL;
}

static void row(const char *module, const char *pin, int clients, double round_trip)
{
	struct figures one = run_raw(module, pin, 1), two = run_raw(module, pin, 2), ours;
	int agent = agent_pid();
	pthread_t watcher;
	double signatures;

	running = 0;
	pthread_create(&watcher, NULL, watch_usage, &agent);
	ours = run(client, clients);
	pthread_join(watcher, NULL);
	two.rate = (two.rate + run_raw(module, pin, 2).rate) / 2;
	signatures = ours.rate * (after.at - before.at);
	printf("%-8s %2d clients  %7.0f/s  ratio to raw (2 threads) %.2f  p50 %6.0f us  p99 %6.0f us  "
	       "CPU us: token process %.0f workers %.0f broker %.0f",
	       label, clients, ours.rate, ours.rate / two.rate, ours.p50, ours.p99,
	       (after.token - before.token) * 1e6 / signatures,
	       (after.workers - before.workers) * 1e6 / signatures,
	       (after.broker - before.broker) * 1e6 / signatures);
	if (clients == 1)
		printf("  p50 to (raw + 2 round trips of %.0f us) %.2f", round_trip,
		       ours.p50 / (one.p50 + 2 * round_trip));
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char pin[64] = "";
	double round_trip;
	FILE *file;

	if (argc < 6)
		die("usage: bench_sign MODULE PIN-FILE KEY-LABEL SECONDS CLIENTS...");
	file = fopen(argv[2], "re");
	if (!file || !fgets(pin, sizeof pin, file))
		die("PIN file");
	fclose(file);
	pin[strcspn(pin, "\n")] = 0;
	label = argv[3];
	seconds = atof(argv[4]);
	round_trip = ping_pong();
	for (int i = 5; i < argc; i++)
		row(argv[1], pin, atoi(argv[i]), round_trip);
	return 0;
}
