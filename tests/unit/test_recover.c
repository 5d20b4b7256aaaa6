/* SPDX-License-Identifier: ISC
 *
 * Whether a failure is an operation's own, or that of a module which found the card before pcscd had noticed it: pcscd
 * then takes the card's power.
 */
#include "recover.h"

#include "fixture.h"
#include "keyring.h"
#include "pincache.h"
#include "readers.h"

static struct reader reader = {.name = "Reader 0", .state = READER_CARD};
static struct host host;
static struct token token;
static struct key key;
static struct request request;
static void (*later)(void *context); /* what the timer is for */
static int finished;	   /* with this error; 1: not */
static bool waits;

/* Of the rest of the broker. */

struct key *keyring_key(uint32_t ref)
{
	(void)ref;
	return &key;
}

const struct reader *readers_of(const struct token *of)
{
	(void)of;
	return &reader;
}

uint16_t readers_count(const struct token *of)
{
	(void)of;
	return reader.cards;
}

void loop_timer_set(struct loop_timer *timer, uint64_t ms, void (*callback)(void *context), void *context)
{
	(void)timer;
	(void)ms;
	(void)context;
	later = callback;
}

/* The process that failed is ended, and the next one looks. */
bool host_distrust(struct host *of)
{
	of->starts++;
	token.met = reader.cards;
	return true;
}

void route_wait_for_host(struct request *of, struct host *at)
{
	(void)of;
	(void)at;
	waits = true;
}

void route_finish(struct request *of, int err, const struct msg_result *from)
{
	(void)of;
	(void)from;
	finished = err;
}

void host_look(struct host *of, bool deep, uint32_t ref, host_done done, void *context)
{
	(void)of;
	(void)deep;
	(void)ref;
	(void)done;
	(void)context;
}

void route_run(struct request *of)
{
	(void)of;
}

void route_looked(void *context, int err, const struct msg_result *result)
{
	(void)context;
	(void)err;
	(void)result;
}

void route_ask_pin(struct request *of, struct key *with)
{
	(void)of;
	(void)with;
}

void bad_pins_add(struct bad_pins *list, struct secret *pin)
{
	(void)list;
	secret_free(pin);
}

const struct secret *pincache_get(const struct token *of)
{
	(void)of;
	return NULL;
}

/* A request that began at this count, with a process that was asked to look at that one. */
static void begin(uint16_t began, uint16_t met, uint16_t now)
{
	host = (struct host){.state = HOST_READY};
	token = (struct token){.host = &host, .meeting = true, .met = met};
	key = (struct key){.token = &token};
	request = (struct request){.cards = began, .attempts = ATTEMPTS_MAX};
	reader.cards = now;
	finished = 1;
	waits = false;
}

/* It failed for good, and its module's next process is there: whether it goes on. */
static bool goes_on(void)
{
	recover_await_verdict(&request, &token, ERR_TOKEN);
	later(&request);
	assert_true(waits);
	assert_true(request.concluding);
	assert_int_equal(finished, 1);
	return recover_after_event(&request, &token);
}

static void nothing_happened(void **state)
{
	(void)state;
	begin(3, 3, 3);
	assert_false(goes_on());
}

static void pcscd_noticed_meanwhile(void **state)
{
	(void)state;
	begin(2, 2, 3);
	assert_true(goes_on());
	assert_int_equal(request.attempts, ATTEMPTS_MAX - 1);
	assert_false(goes_on()); /* once for each event */
}

static void pcscd_noticed_before_the_request_and_after_the_module(void **state)
{
	(void)state;
	begin(3, 2, 3);
	assert_true(goes_on());
	assert_false(goes_on());
}

static void the_module_came_after_the_request(void **state)
{
	(void)state;
	begin(2, 3, 3);
	assert_true(goes_on());
	assert_false(goes_on());
}

static void the_card_went(void **state)
{
	(void)state;
	begin(2, 2, 4);
	token.removals = 1;
	assert_false(goes_on());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_happened),
		cmocka_unit_test(pcscd_noticed_meanwhile),
		cmocka_unit_test(pcscd_noticed_before_the_request_and_after_the_module),
		cmocka_unit_test(the_module_came_after_the_request),
		cmocka_unit_test(the_card_went),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
