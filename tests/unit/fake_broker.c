/* SPDX-License-Identifier: ISC
 *
 * The loop and the children of a test. A child is one end of a real channel, so that what the broker sends is checked
 * against messages.def as it is in the agent.
 */
#include "fake_broker.h"

#include "cleanup.h"

#include <sys/socket.h>
#include <unistd.h>

struct loop_watch {
	struct loop_watch *next;
	int fd;
	loop_ready ready;
	void *context;
};

struct fake_end {
	struct fake_end *next;
	struct child *child;
	struct channel *channel; /* the child's end */
};

static uint64_t now = 1000000;
static struct loop_watch *watches;
static struct loop_timer *timers;
static struct loop_event *posted;
static struct child *children;
static struct fake_end *ends;
static unsigned int refused_kinds;
static pid_t next_pid = 1000;

/* loop.h */

int loop_init(void)
{
	return 0;
}

struct loop_watch *loop_add(int fd, uint32_t events, loop_ready ready, void *context)
{
	struct loop_watch *watch = calloc(1, sizeof *watch);

	(void)events;
	assert_non_null(watch);
	*watch = (struct loop_watch){watches, fd, ready, context};
	watches = watch;
	return watch;
}

void loop_change(struct loop_watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
}

void loop_remove(struct loop_watch *watch)
{
	for (struct loop_watch **at = &watches; *at && watch; at = &(*at)->next)
		if (*at == watch) {
			*at = watch->next;
			free(watch);
			return;
		}
}

uint64_t loop_now(void)
{
	return now;
}

void loop_timer_clear(struct loop_timer *timer)
{
	for (struct loop_timer **at = &timers; *at && timer->armed; at = &(*at)->next)
		if (*at == timer) {
			*at = timer->next;
			break;
		}
	timer->armed = false;
}

void loop_timer_set(struct loop_timer *timer, uint64_t ms, void (*expired)(void *), void *context)
{
	struct loop_timer **at = &timers;

	loop_timer_clear(timer);
	while (*at && (*at)->due <= now + ms)
		at = &(*at)->next;
	*timer = (struct loop_timer){*at, now + ms, expired, context, true};
	*at = timer;
}

void loop_event_clear(struct loop_event *event)
{
	for (struct loop_event **at = &posted; *at && event->posted; at = &(*at)->next)
		if (*at == event) {
			*at = event->next;
			break;
		}
	event->posted = false;
}

void loop_post(struct loop_event *event, void (*deliver)(void *), void *context)
{
	struct loop_event **at = &posted;

	if (event->posted)
		return;
	*event = (struct loop_event){NULL, deliver, context, true};
	while (*at)
		at = &(*at)->next;
	*at = event;
}

void loop_run(void)
{
	fail_msg("the loop is the test's");
}

void loop_end(void)
{
}

void fake_settle(void)
{
	while (posted) {
		struct loop_event *event = posted;

		posted = event->next;
		event->posted = false;
		event->deliver(event->context);
	}
}

uint64_t fake_next_timer(void)
{
	return !timers ? UINT64_MAX : timers->due > now ? timers->due - now : 0;
}

void fake_advance(uint64_t ms)
{
	uint64_t until = now + ms;

	fake_settle();
	while (timers && timers->due <= until) {
		struct loop_timer *timer = timers;

		now = timer->due > now ? timer->due : now;
		loop_timer_clear(timer);
		timer->expired(timer->context);
		fake_settle();
	}
	now = until;
}

bool fake_ready(int fd, uint32_t events)
{
	for (struct loop_watch *watch = watches; watch; watch = watch->next)
		if (watch->fd == fd) {
			watch->ready(watch->context, events);
			fake_settle();
			return true;
		}
	return false;
}

/* child.h */

void child_set_directory(const char *directory)
{
	(void)directory;
}

void child_when_outdated(child_outdated_event event)
{
	(void)event;
}

int child_outdated(void)
{
	return 0;
}

struct child *child_spawn(enum process kind, struct msg_hello hello, int fd, child_message on_message, child_gone on_gone,
			  void *context)
{
	struct child *child = (refused_kinds & (unsigned int)kind) ? NULL : calloc(1, sizeof *child);
	struct fake_end *end = calloc(1, sizeof *end);
	int pair[2];

	(void)hello;
	(void)fd;
	assert_non_null(end);
	if (!child) {
		free(end);
		return NULL;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*child = (struct child){.next = children,
				.pid = next_pid++,
				.ready = true,
				.kind = kind,
				.channel = channel_new(pair[0], PROCESS_BROKER, kind),
				.on_message = on_message,
				.on_gone = on_gone,
				.context = context};
	*end = (struct fake_end){ends, child, channel_new(pair[1], kind, PROCESS_BROKER)};
	assert_non_null(child->channel);
	assert_non_null(end->channel);
	assert_int_equal(channel_set_nonblocking(child->channel), 0);
	assert_int_equal(channel_set_nonblocking(end->channel), 0);
	children = child;
	ends = end;
	return child;
}

static void child_unlink(struct child *child)
{
	for (struct child **at = &children; *at; at = &(*at)->next)
		if (*at == child) {
			*at = child->next;
			return;
		}
	fail_msg("a child ends twice");
}

static void child_release(struct child *child)
{
	for (struct fake_end **at = &ends; *at; at = &(*at)->next)
		if ((*at)->child == child) {
			struct fake_end *end = *at;

			*at = end->next;
			channel_free(end->channel);
			free(end);
			break;
		}
	channel_free(child->channel);
	free(child);
}

void child_kill(struct child *child)
{
	if (!child)
		return;
	child_unlink(child);
	child_release(child);
}

void child_sent(struct child *child, int rc)
{
	(void)child;
	assert_int_equal(rc, 0);
}

void child_reap(void)
{
}

void child_kill_all(void)
{
	while (children)
		child_kill(children);
}

struct child *fake_children(void)
{
	return children;
}

struct child *fake_child(enum process kind)
{
	for (struct child *child = children; child; child = child->next)
		if (child->kind == kind)
			return child;
	return NULL;
}

unsigned int fake_child_count(enum process kind)
{
	unsigned int count = 0;

	for (const struct child *child = children; child; child = child->next)
		count += child->kind == kind;
	return count;
}

void fake_refuse_children(unsigned int kinds)
{
	refused_kinds = kinds;
}

static struct channel *end_of(const struct child *child)
{
	for (struct fake_end *end = ends; end; end = end->next)
		if (end->child == child)
			return end->channel;
	fail_msg("no such child");
	return NULL;
}

bool fake_hear(struct child *child, struct message *message)
{
	static int last_fd = -1;
	int rc;

	if (last_fd >= 0)
		close(last_fd);
	last_fd = -1;
	while (channel_pending(child->channel))
		assert_int_equal(channel_flush(child->channel), 0);
	rc = channel_receive(end_of(child), false, message);
	if (rc == ERR_TIMEOUT)
		return false;
	assert_int_equal(rc, 0);
	last_fd = message->fd;
	return true;
}

struct message fake_expect(struct child *child, enum message_type type)
{
	struct message message = {0};

	assert_non_null(child);
	assert_true(fake_hear(child, &message));
	assert_int_equal(message.type, type);
	return message;
}

/* Another child may have the memory of one that ended. */
static bool is_there(pid_t pid)
{
	for (const struct child *child = children; child; child = child->next)
		if (child->pid == pid)
			return true;
	return false;
}

void fake_die(struct child *child)
{
	child_unlink(child);
	child->on_gone(child->context);
	child_release(child);
	fake_settle();
}

bool fake_say(struct child *child, enum message_type type, uint32_t id, struct view payload, int fd)
{
	struct message message = {type, id, payload, fd};
	pid_t pid = child->pid;
	int rc = child->on_message(child->context, &message);

	if (message.fd >= 0)
		close(message.fd);
	if (rc && is_there(pid))
		fake_die(child);
	fake_settle();
	return is_there(pid);
}

bool fake_result(struct child *child, uint32_t id, int err)
{
	struct msg_result result = {.error = (uint32_t)-err};

	return FAKE_SAY(child, RESULT, id, result, &result);
}

void fake_end(void)
{
	refused_kinds = 0;
	child_kill_all();
	while (timers)
		loop_timer_clear(timers);
	while (posted)
		loop_event_clear(posted);
}
