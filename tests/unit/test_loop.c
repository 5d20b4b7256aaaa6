/* SPDX-License-Identifier: ISC
 *
 * The broker's loop: the order of timers, and watches and timers that are removed, added and set
 * anew by the callbacks themselves. A test that goes wrong by waiting is ended by an alarm.
 */
#include "loop.h"

#include "cleanup.h"
#include "fixture.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static char trace[64];

static void note(const char *what)
{
	assert_true(strlen(trace) + strlen(what) < sizeof trace);
	strcat(trace, what);
}

static void run(void)
{
	*trace = 0;
	alarm(20);
	loop_run();
	alarm(0);
}

static void end(void *context)
{
	note(context);
	loop_end();
}

static void expire(void *context)
{
	note(context);
}

static void timers_by_due_time(void **state)
{
	struct loop_timer timers[4] = {{0}};
	uint64_t before;

	(void)state;
	do { /* all at one time, whatever else the machine does */
		before = loop_now();
		loop_timer_set(&timers[0], 30, end, "d");
		loop_timer_set(&timers[1], 10, expire, "b");
		loop_timer_set(&timers[2], 0, expire, "a");
		loop_timer_set(&timers[3], 10, expire, "c"); /* equal times: in the order of setting */
	} while (loop_now() != before);
	run();
	assert_string_equal(trace, "abcd");
	assert_true(loop_now() - before >= 30);
	for (int i = 0; i < 4; i++)
		assert_false(timers[i].armed);
}

static void timers_cleared_and_set_anew(void **state)
{
	struct loop_timer timers[5] = {{0}};
	uint64_t before;

	(void)state;
	loop_timer_clear(&timers[0]); /* never set */
	do {
		before = loop_now();
		for (int i = 0; i < 3; i++)
			loop_timer_set(&timers[i], 5, expire, "x");
		loop_timer_set(&timers[3], 15, end, "e");
		loop_timer_clear(&timers[1]);
		loop_timer_clear(&timers[1]);
		loop_timer_set(&timers[0], 8, expire, "b"); /* later, and with another context */
		loop_timer_set(&timers[4], 100, expire, "x");
		loop_timer_set(&timers[4], 1, expire, "a");
	} while (loop_now() != before);
	run();
	assert_string_equal(trace, "axbe");
}

static struct loop_timer again, other, third;

static void set_again(void *context)
{
	static int left = 3;

	(void)context;
	note("t");
	assert_false(again.armed);
	if (--left)
		loop_timer_set(&again, 1, set_again, NULL);
	else
		loop_end();
}

static void timer_sets_itself(void **state)
{
	(void)state;
	loop_timer_set(&again, 0, set_again, NULL);
	run();
	assert_string_equal(trace, "ttt");
	assert_false(again.armed);
}

static void clear_other(void *context)
{
	(void)context;
	note("c");
	loop_timer_clear(&other);
}

static void timer_clears_the_next(void **state)
{
	(void)state;
	loop_timer_set(&again, 0, clear_other, NULL);
	loop_timer_set(&other, 0, expire, "x");
	loop_timer_set(&third, 0, end, "e");
	run();
	assert_string_equal(trace, "ce");
}

/* A source of one event, and what its callback does. */
struct source {
	int fd;
	struct loop_watch *watch;
	struct source *victim; /* removed by the callback */
	const char *name;
	bool last;
};

static void source_remove(struct source *source)
{
	loop_remove(TAKE(source->watch));
	clean_fd(&source->fd);
	source->fd = -1;
}

static void source_ready(void *context, uint32_t events)
{
	struct source *source = context;

	assert_int_equal(events, EPOLLIN);
	note(source->name);
	if (source->victim && source->victim->watch)
		source_remove(source->victim);
	if (source->last)
		loop_end();
}

static void source_add(struct source *source, struct source *victim, const char *name)
{
	source->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(source->fd >= 0);
	source->victim = victim;
	source->name = name;
	source->last = false;
	source->watch = loop_add(source->fd, EPOLLIN, source_ready, source);
	assert_non_null(source->watch);
}

static void watch_removes_itself(void **state)
{
	struct source source;
	struct loop_timer timer = {0};

	(void)state;
	source_add(&source, &source, "s");
	loop_timer_set(&timer, 10, end, "e");
	run();
	assert_string_equal(trace, "se");
	assert_null(source.watch);
}

/* Both are ready in one round: whichever comes first removes the other, which is not called. */
static void watch_removes_another(void **state)
{
	struct source a, b;
	struct loop_timer timer = {0};

	(void)state;
	source_add(&a, &b, "a");
	source_add(&b, &a, "a");
	loop_timer_set(&timer, 0, end, "e");
	run();
	assert_string_equal(trace, "ae");
	source_remove(a.watch ? &a : &b);
}

static struct source fresh;

static void replace(void *context, uint32_t events)
{
	struct source *old = context;
	int number = old->fd;

	(void)events;
	note("r");
	source_remove(old->victim);
	source_remove(old);
	source_add(&fresh, &fresh, "f");
	fresh.last = true;
	assert_true(fresh.fd == number || fresh.fd == number + 1 || fresh.fd == number - 1);
}

/* A descriptor's number is used again at once, in the round in which the old one's event is still
 * to be handled: the old context must not be called. */
static void number_used_again(void **state)
{
	struct source a = {0}, b = {0};

	(void)state;
	source_add(&a, NULL, "x");
	source_add(&b, NULL, "x");
	a.victim = &b;
	b.victim = &a;
	loop_remove(a.watch);
	loop_remove(b.watch);
	a.watch = loop_add(a.fd, EPOLLIN, replace, &a);
	b.watch = loop_add(b.fd, EPOLLIN, replace, &b);
	run();
	assert_string_equal(trace, "rf");
}

static void change_wakes(void *context)
{
	struct source *source = context;

	note("t");
	loop_change(source->watch, EPOLLIN);
	source->last = true;
}

static void events_changed(void **state)
{
	struct source source;
	struct loop_timer timer = {0};

	(void)state;
	source_add(&source, &source, "s");
	loop_change(source.watch, 0);
	loop_timer_set(&timer, 5, change_wakes, &source);
	run();
	assert_string_equal(trace, "ts");
}

static void remove_watch(void *context)
{
	note("r");
	source_remove(context);
}

static void timer_removes_watch(void **state)
{
	struct source source;
	struct loop_timer timers[2] = {{0}};

	(void)state;
	source_add(&source, NULL, "");
	loop_timer_set(&timers[0], 1, remove_watch, &source);
	loop_timer_set(&timers[1], 5, end, "e");
	run();
	assert_string_equal(trace, "re");
}

static void nothing_to_watch(void **state)
{
	(void)state;
	assert_null(loop_add(-1, EPOLLIN, source_ready, NULL));
	assert_null(loop_add(10000, EPOLLIN, source_ready, NULL));
	loop_remove(NULL);
}

enum { CROWD = 200 }; /* more than one round takes */

static void end_when_gone(void *context)
{
	struct source *sources = context;

	for (int i = 0; i < CROWD; i++)
		if (sources[i].watch) {
			loop_timer_set(&again, 1, end_when_gone, sources);
			return;
		}
	loop_end();
}

static void many_ready(void **state)
{
	struct source sources[CROWD];

	(void)state;
	for (int i = 0; i < CROWD; i++)
		source_add(&sources[i], &sources[i], "");
	loop_timer_set(&again, 0, end_when_gone, sources);
	run();
}

static int set_up(void **state)
{
	(void)state;
	return loop_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_by_due_time),	cmocka_unit_test(timers_cleared_and_set_anew),
		cmocka_unit_test(timer_sets_itself),	cmocka_unit_test(timer_clears_the_next),
		cmocka_unit_test(watch_removes_itself), cmocka_unit_test(watch_removes_another),
		cmocka_unit_test(number_used_again),	cmocka_unit_test(events_changed),
		cmocka_unit_test(timer_removes_watch),	cmocka_unit_test(nothing_to_watch),
		cmocka_unit_test(many_ready),
	};

	return cmocka_run_group_tests_name("loop", tests, set_up, NULL);
}
