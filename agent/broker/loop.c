/* SPDX-License-Identifier: ISC
 *
 * epoll, a short list of timers, and a queue of events.
 */
#include "loop.h"

#include "cleanup.h"

#include <sys/epoll.h>
#include <time.h>

#define EVENTS 64

struct loop_watch {
	struct loop_watch *next;
	int fd;
	loop_ready ready; /* NULL once removed */
	void *context;
};

static int epoll = -1;
static bool running;
/* Removed while events for them may still be at hand; freed when no event is. */
static struct loop_watch *removed;
/* Sorted by due time. */
static struct loop_timer *timers;
/* In the order in which they were posted. */
static struct loop_event *posted;

int loop_init(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? ERR_INTERNAL : 0;
}

struct loop_watch *loop_add(int fd, uint32_t events, loop_ready ready, void *context)
{
	struct loop_watch *watch = calloc(1, sizeof *watch);
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (!watch)
		return NULL;
	*watch = (struct loop_watch){.fd = fd, .ready = ready, .context = context};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(watch);
		return NULL;
	}
	return watch;
}

void loop_change(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	epoll_ctl(epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_remove(struct loop_watch *watch)
{
	if (!watch)
		return;
	epoll_ctl(epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->ready = NULL;
	watch->next = removed;
	removed = watch;
}

static void free_removed(void)
{
	while (removed) {
		struct loop_watch *next = removed->next;

		free(removed);
		removed = next;
	}
}

uint64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void loop_timer_clear(struct loop_timer *timer)
{
	if (!timer->armed)
		return;
	for (struct loop_timer **at = &timers; *at; at = &(*at)->next)
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
	timer->due = loop_now() + ms;
	timer->expired = expired;
	timer->context = context;
	timer->armed = true;
	while (*at && (*at)->due <= timer->due)
		at = &(*at)->next;
	timer->next = *at;
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

static void deliver_events(void)
{
	while (posted) {
		struct loop_event *event = posted;

		posted = event->next;
		event->posted = false;
		event->deliver(event->context);
	}
}

static void run_timers(void)
{
	uint64_t now = loop_now();

	while (timers && timers->due <= now) {
		struct loop_timer *timer = timers;

		loop_timer_clear(timer);
		timer->expired(timer->context);
		deliver_events();
	}
}

static int time_to_wait(void)
{
	uint64_t now;

	if (!timers)
		return -1;
	now = loop_now();
	if (timers->due <= now)
		return 0;
	return timers->due - now > 3600000 ? 3600000 : (int)(timers->due - now);
}

void loop_run(void)
{
	struct epoll_event events[EVENTS];

	running = true;
	deliver_events();
	while (running) {
		int count = epoll_wait(epoll, events, EVENTS, time_to_wait());

		for (int i = 0; i < count; i++) {
			struct loop_watch *watch = events[i].data.ptr;

			if (watch->ready)
				watch->ready(watch->context, events[i].events);
			deliver_events();
		}
		free_removed();
		run_timers();
	}
	free_removed();
}

void loop_end(void)
{
	running = false;
}
