/* SPDX-License-Identifier: ISC
 *
 * Channels over real socket pairs: what the table forbids is refused on both sides, descriptors
 * never leak, and a peer that does not read is queued for, up to a bound. Where a well-behaved
 * channel cannot misbehave, the packets are sent by hand.
 */
#include "channel.h"

#include "fixture.h"
#include "log.h"
#include "pair.h"
#include "payloads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define WORKER PROCESS_WORKER
#define TOKEN_PROCESS PROCESS_TOKEN
#define ADMIN PROCESS_ADMIN
#define PROMPT PROCESS_PROMPT
#define WATCH PROCESS_WATCH
#define STORE PROCESS_STORE
#define BROKER PROCESS_BROKER
#define SECRET MESSAGE_SECRET
#define FD MESSAGE_FD

#define PROCESS_BITS 7

static const struct expected {
	unsigned int number, from, to, flags;
	size_t limit;
	const char *payload;
} rows[] = {
#define M(number, name, from, to, limit, flags, fields, meaning) {number, from, to, flags, limit, #fields},
#include "messages.def"
#undef M
};

#define ROWS (sizeof rows / sizeof rows[0])

static bool allowed(const struct expected *row, unsigned int from, unsigned int to)
{
	return row->from & 1u << from && row->to & 1u << to;
}

static void pass_row(const struct expected *row, enum process from, enum process to)
{
	CLEAN_PAIR struct pair pair = channel_pair(from, to);
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct message got;

	assert_int_equal(payload_find(row->payload)->example(&payload, row->number), 0);
	assert_int_equal(channel_forward(pair.here, row->number, 0xdeadbeef, buf_view(&payload), -1), 0);
	assert_int_equal(channel_receive(pair.there, true, &got), 0);
	assert_int_equal(got.type, row->number);
	assert_int_equal(got.id, 0xdeadbeef);
	assert_int_equal(got.fd, -1);
	assert_true(view_equal(got.payload, buf_view(&payload)));
}

/* What may not go that way is neither sent nor received. */
static void refuse_row(const struct expected *row, enum process from, enum process to)
{
	CLEAN_PAIR struct pair sending = raw_pair(from, to);
	CLEAN_PAIR struct pair receiving = raw_pair(to, from);
	struct message got = {.id = 77};
	uint8_t byte;

	assert_int_equal(channel_forward(sending.here, row->number, 1, view_string(NULL), -1),
			 ERR_PROTOCOL);
	assert_int_equal(recv(sending.raw, &byte, 1, MSG_DONTWAIT), -1);
	send_type(receiving.raw, row->number, 0, 0);
	assert_int_equal(channel_receive(receiving.here, true, &got), ERR_PROTOCOL);
	assert_int_equal(got.id, 77);
}

static void every_row_every_direction(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (unsigned int from = 0; from < PROCESS_BITS; from++)
			for (unsigned int to = 0; to < PROCESS_BITS; to++) {
				if (allowed(&rows[i], from, to))
					pass_row(&rows[i], 1u << from, 1u << to);
				else
					refuse_row(&rows[i], 1u << from, 1u << to);
			}
}

/* The first allowed direction of a row. */
static struct pair pair_for(const struct expected *row)
{
	for (unsigned int from = 0; from < PROCESS_BITS; from++)
		for (unsigned int to = 0; to < PROCESS_BITS; to++)
			if (allowed(row, from, to))
				return raw_pair(1u << to, 1u << from);
	fail();
	return (struct pair){NULL, NULL, -1};
}

/* However many descriptors come, one is kept where the row has FD, and all others are closed. */
static void descriptors_of_every_row(void **state)
{
	static const size_t counts[] = {0, 1, 2, 4, 5, FDS_MAX};

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
			CLEAN_PAIR struct pair pair = pair_for(&rows[i]);
			unsigned int before = fixture_descriptors();
			bool kept = rows[i].flags & FD && counts[j];
			struct message got;

			send_type(pair.raw, rows[i].number, 0, counts[j]);
			assert_int_equal(channel_receive(pair.here, true, &got), 0);
			assert_int_equal(got.fd >= 0, kept);
			assert_int_equal(fixture_descriptors(), before + kept);
			if (kept)
				assert_int_equal(fcntl(got.fd, F_GETFD), FD_CLOEXEC);
			clean_fd(&got.fd);
		}
}

static void descriptor_arrives(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, WORKER);
	CLEAN_FD int file = fixture_file("content", 7);
	struct msg_serve serve = {.pid = 1};
	struct stat sent, received;
	struct message got;

	(void)state;
	assert_int_equal(send_SERVE(pair.here, 1, &serve, file), 0);
	assert_int_equal(channel_receive(pair.there, true, &got), 0);
	assert_true(got.fd >= 0);
	assert_int_equal(fstat(file, &sent), 0); /* it stayed the sender's */
	assert_int_equal(fstat(got.fd, &received), 0);
	assert_int_equal(sent.st_ino, received.st_ino);
	close(got.fd);
}

static void descriptor_is_not_sent_where_forbidden(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		enum process from = rows[i].from & BROKER ? BROKER : rows[i].from & -rows[i].from;
		enum process to = from == BROKER ? rows[i].to & -(rows[i].to & ~BROKER) : BROKER;
		CLEAN_PAIR struct pair pair = raw_pair(from, to);
		int rc = channel_forward(pair.here, rows[i].number, 1, view_string(NULL), STDERR_FILENO);

		assert_int_equal(rc, rows[i].flags & FD ? 0 : ERR_PROTOCOL);
	}
}

static void descriptor_of_refused_packet_is_closed(void **state)
{
	CLEAN_PAIR struct pair pair = raw_pair(WORKER, BROKER);
	unsigned int before = fixture_descriptors();
	struct message got;

	(void)state;
	send_type(pair.raw, MSG_SERVE, 1025, 1); /* over the row's limit */
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	send_type(pair.raw, MSG_LIMIT, 0, 1);
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	send_type(pair.raw, MSG_RESULT, BUF_MESSAGE_MAX + 1, 1); /* cut by the kernel */
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	send_raw(pair.raw, "abc", 3, (const int[]){STDERR_FILENO}, 1);
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	assert_int_equal(fixture_descriptors(), before);
}

static void sizes_of_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		CLEAN_PAIR struct pair pair = pair_for(&rows[i]);
		struct message got;

		send_type(pair.raw, rows[i].number, rows[i].limit, 0);
		assert_int_equal(channel_receive(pair.here, true, &got), 0);
		assert_int_equal(got.payload.length, rows[i].limit);
		send_type(pair.raw, rows[i].number, rows[i].limit + 1, 0);
		assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	}
}

static void too_large_to_send(void **state)
{
	CLEAN_PAIR struct pair pair = raw_pair(WORKER, BROKER);
	CLEAN_FREE uint8_t *data = calloc(1, BUF_MESSAGE_MAX + 1);
	uint8_t byte;

	(void)state;
	assert_int_equal(channel_forward(pair.here, MSG_LOG, 1, (struct view){data, 2049}, -1),
			 ERR_PROTOCOL);
	assert_int_equal(
		channel_forward(pair.here, MSG_ADMIN, 1, (struct view){data, BUF_MESSAGE_MAX + 1}, -1),
		ERR_TOO_LARGE);
	assert_int_equal(recv(pair.raw, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(channel_forward(pair.here, MSG_ADMIN, 1, (struct view){data, BUF_MESSAGE_MAX}, -1),
			 0);
}

static void damaged_headers(void **state)
{
	static const uint8_t reserved[][MESSAGE_HEADER] = {{0, MSG_CHANGED, 0, 1}, {0, MSG_CHANGED, 1, 0}};
	static const uint8_t whole[MESSAGE_HEADER] = {0, MSG_CHANGED};
	CLEAN_PAIR struct pair pair = raw_pair(WORKER, BROKER);
	struct message got;

	(void)state;
	for (size_t length = 1; length < MESSAGE_HEADER; length++) {
		send_raw(pair.raw, whole, length, NULL, 0);
		assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	}
	for (size_t i = 0; i < 2; i++) {
		send_raw(pair.raw, reserved[i], MESSAGE_HEADER, NULL, 0);
		assert_int_equal(channel_receive(pair.here, true, &got), ERR_PROTOCOL);
	}
	for (unsigned int type = 0; type < 0x10000; type += type < 300 ? 1 : 251) {
		send_type(pair.raw, type, 0, 0);
		assert_int_equal(channel_receive(pair.here, true, &got),
				 !message_check(type, 0, BROKER, WORKER) ? 0 : ERR_PROTOCOL);
	}
	send_raw(pair.raw, whole, MESSAGE_HEADER, NULL, 0);
	assert_int_equal(channel_receive(pair.here, true, &got), 0);
}

static void closed_peer(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(WORKER, BROKER);
	struct message got;

	(void)state;
	assert_int_equal(channel_forward(pair.there, MSG_CHANGED, 1, view_string(NULL), -1), 0);
	channel_free(TAKE(pair.there));
	assert_int_equal(channel_receive(pair.here, true, &got), 0); /* what was sent before */
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_CLOSED);
	assert_int_equal(channel_receive(pair.here, false, &got), ERR_CLOSED);
	assert_int_equal(channel_forward(pair.here, MSG_STATUS, 1, view_string(NULL), -1), ERR_CLOSED);
}

static void empty_packet_is_the_end(void **state)
{
	CLEAN_PAIR struct pair pair = raw_pair(WORKER, BROKER);
	unsigned int before = fixture_descriptors();
	struct message got;

	(void)state;
	send_raw(pair.raw, "", 0, (const int[]){STDERR_FILENO}, 1);
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_CLOSED);
	assert_int_equal(fixture_descriptors(), before);
}

static void nothing_there_yet(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(WORKER, BROKER);
	struct message got = {.id = 77};

	(void)state;
	assert_int_equal(channel_receive(pair.here, false, &got), ERR_TIMEOUT);
	assert_int_equal(channel_set_nonblocking(pair.here), 0);
	assert_int_equal(channel_receive(pair.here, true, &got), ERR_TIMEOUT);
	assert_int_equal(got.id, 77);
	assert_int_equal(channel_forward(pair.there, MSG_CHANGED, 5, view_string(NULL), -1), 0);
	assert_int_equal(channel_receive(pair.here, true, &got), 0);
	assert_int_equal(got.id, 5);
}

/* Sends until a message had to be queued; each has its number as its id. */
static uint32_t fill_queue(struct channel *channel, enum message_type type, struct view payload)
{
	uint32_t id = 0;

	assert_int_equal(channel_set_nonblocking(channel), 0);
	while (!channel_pending(channel))
		assert_int_equal(channel_forward(channel, type, id++, payload, -1), 0);
	return id;
}

static void queue_keeps_order_and_descriptors(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, WORKER);
	CLEAN_FREE uint8_t *data = calloc(1, 4000);
	unsigned int before = fixture_descriptors();
	uint32_t last = fill_queue(pair.here, MSG_RESULT, (struct view){data, 4000});
	int file = fixture_file("x", 1);
	struct message got;

	(void)state;
	assert_int_equal(channel_forward(pair.here, MSG_RESULT, last++, view_string("with"), file), 0);
	close(file); /* the queue has its own */
	assert_int_equal(channel_forward(pair.here, MSG_CHANGED, last++, view_string(NULL), -1), 0);
	for (uint32_t id = 0; id < last; id++) {
		assert_int_equal(channel_receive(pair.there, true, &got), 0);
		assert_int_equal(got.id, id);
		assert_int_equal(got.fd >= 0, id == last - 2);
		clean_fd(&got.fd);
		assert_int_equal(channel_flush(pair.here), 0);
	}
	assert_false(channel_pending(pair.here));
	assert_int_equal(channel_receive(pair.there, false, &got), ERR_TIMEOUT);
	assert_int_equal(channel_forward(pair.here, MSG_CHANGED, 9, view_string(NULL), -1), 0);
	assert_false(channel_pending(pair.here));
	assert_int_equal(fixture_descriptors(), before);
}

/* Room in the socket lets nothing overtake what is queued; a queue that was emptied serves again, for
 * more in all than its bound. */
static void queue_used_again(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, WORKER);
	CLEAN_FREE uint8_t *data = calloc(1, 60000);
	uint32_t expected = 0, sent = 0;
	struct message got;

	(void)state;
	assert_int_equal(channel_set_nonblocking(pair.here), 0);
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 20; i++)
			assert_int_equal(channel_forward(pair.here, MSG_CERT, sent++,
							 (struct view){data, 60000}, -1), 0);
		assert_true(channel_pending(pair.here));
		assert_int_equal(channel_receive(pair.there, true, &got), 0);
		assert_int_equal(got.id, expected++);
		assert_int_equal(channel_forward(pair.here, MSG_CHANGED, sent++, view_string(NULL), -1), 0);
		while (expected < sent) {
			assert_int_equal(channel_receive(pair.there, false, &got), 0);
			assert_int_equal(got.id, expected++);
			assert_int_equal(channel_flush(pair.here), 0);
		}
		assert_false(channel_pending(pair.here));
	}
}

static void queue_is_bounded(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, WORKER);
	CLEAN_FREE uint8_t *data = calloc(1, 60000);
	unsigned int before = fixture_descriptors();
	size_t queued = 0;
	int rc = 0;

	(void)state;
	fill_queue(pair.here, MSG_CERT, (struct view){data, 60000});
	while (!rc && queued < 64u * 1024 * 1024) {
		rc = channel_forward(pair.here, MSG_CERT, 1, (struct view){data, 60000}, -1);
		queued += 60000;
	}
	assert_int_equal(rc, ERR_BUSY);
	assert_true(queued > 8u * 1024 * 1024); /* a card reader full of certificates fits */
	assert_int_equal(channel_flush(pair.here), 0);
	assert_true(channel_pending(pair.here));
	channel_free(TAKE(pair.here)); /* with all that is queued */
	assert_int_equal(fixture_descriptors(), before - 1);
}

static void queue_ends_with_its_descriptors(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, WORKER);
	unsigned int before = fixture_descriptors();

	(void)state;
	fill_queue(pair.here, MSG_RESULT, view_string("something"));
	for (int i = 0; i < 10; i++)
		assert_int_equal(channel_forward(pair.here, MSG_RESULT, 1, view_string("x"), STDERR_FILENO),
				 0);
	assert_int_equal(fixture_descriptors(), before + 10);
	channel_free(TAKE(pair.here));
	assert_int_equal(fixture_descriptors(), before - 1);
}

static void flush_to_closed_peer(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, WORKER);

	(void)state;
	assert_int_equal(channel_flush(pair.here), 0); /* nothing to do */
	fill_queue(pair.here, MSG_RESULT, view_string("something"));
	channel_free(TAKE(pair.there));
	assert_int_equal(channel_flush(pair.here), ERR_CLOSED);
}

/* How often memory with this secret in it was wiped (linked in secret_wipe's place). */
static const char secret[] = "topsecret";
static unsigned int secrets_wiped;

void __real_secret_wipe(void *memory, size_t size);
void __wrap_secret_wipe(void *memory, size_t size);

void __wrap_secret_wipe(void *memory, size_t size)
{
	bool held = memmem(memory, size, secret, sizeof secret - 1);

	__real_secret_wipe(memory, size);
	assert_null(memmem(memory, size, secret, sizeof secret - 1));
	secrets_wiped += held;
}

static void buffers_are_wiped(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(PROMPT, BROKER);
	const struct msg_pins pins = {.first = view_string(secret)};
	struct message got;

	(void)state;
	secrets_wiped = 0;
	assert_int_equal(send_PINS(pair.here, 1, &pins, -1), 0);
	assert_int_equal(secrets_wiped, 1);
	assert_int_equal(channel_receive(pair.there, true, &got), 0);
	assert_non_null(memmem(got.payload.data, got.payload.length, secret, sizeof secret - 1));
	assert_int_equal(channel_receive(pair.there, false, &got), ERR_TIMEOUT);
	assert_int_equal(secrets_wiped, 2);
}

/* A message that is not sent, because its fields are too long or the peer is gone, leaves nothing either. */
static void what_is_not_sent_is_wiped(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(PROMPT, BROKER);
	CLEAN_FREE uint8_t *large = calloc(1, BUF_MESSAGE_MAX);
	struct msg_pins pins = {.first = view_string(secret), .second = {large, BUF_MESSAGE_MAX}};

	(void)state;
	secrets_wiped = 0;
	assert_int_equal(send_PINS(pair.here, 1, &pins, -1), ERR_TOO_LARGE);
	assert_int_equal(secrets_wiped, 1);
	pins.second.length = 2000; /* more than the row allows */
	assert_int_equal(send_PINS(pair.here, 1, &pins, -1), ERR_PROTOCOL);
	assert_int_equal(secrets_wiped, 2);
	pins.second.length = 0;
	channel_free(TAKE(pair.there));
	assert_int_equal(send_PINS(pair.here, 1, &pins, -1), ERR_CLOSED);
	assert_int_equal(secrets_wiped, 3);
}

/* A process that ends while a message for it is under way has been heard to the last word. */
static void last_words(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(BROKER, STORE);
	const struct msg_result result = {.detail = view_string("done")};
	struct message got;

	(void)state;
	assert_int_equal(send_STORE_REMOVE(pair.here, 1, &(struct msg_store_remove){}, -1), 0);
	assert_int_equal(send_RESULT(pair.there, 1, &result, -1), 0);
	assert_int_equal(send_RESULT(pair.there, 2, &result, -1), 0);
	channel_free(TAKE(pair.there));
	for (uint32_t id = 1; id <= 2; id++) {
		assert_int_equal(channel_receive(pair.here, false, &got), 0);
		assert_int_equal(got.id, id);
	}
	assert_int_equal(channel_receive(pair.here, false, &got), ERR_CLOSED);
}

static void log_lines(void **state)
{
	CLEAN_PAIR struct pair pair = channel_pair(WORKER, BROKER);
	struct msg_log line;
	struct message got;
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	channel_log_open(pair.here, LOG_LEVEL_INFO);
	log_debug("not seen");
	log_warn("a line with %s", "a word");
	log_error("%s", text);
	assert_int_equal(send_STATUS(pair.here, 4, &(struct msg_nothing){}, -1), 0);
	assert_int_equal(channel_receive(pair.there, true, &got), 0);
	assert_int_equal(got.type, MSG_LOG);
	assert_int_equal(decode_log(got.payload, &line), 0);
	assert_int_equal(line.level, LOG_LEVEL_WARN);
	assert_true(view_equal(line.line, view_string("a line with a word")));
	assert_int_equal(channel_receive(pair.there, true, &got), 0);
	assert_int_equal(decode_log(got.payload, &line), 0);
	assert_true(line.line.length >= 1000 && line.line.length <= 1024);
	assert_int_equal(channel_receive(pair.there, true, &got), 0);
	assert_int_equal(got.type, MSG_STATUS);
	assert_int_equal(got.id, 4);
	log_open(log_to_stderr, LOG_LEVEL_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_every_direction),
		cmocka_unit_test(descriptors_of_every_row),
		cmocka_unit_test(descriptor_arrives),
		cmocka_unit_test(descriptor_is_not_sent_where_forbidden),
		cmocka_unit_test(descriptor_of_refused_packet_is_closed),
		cmocka_unit_test(sizes_of_every_row),
		cmocka_unit_test(too_large_to_send),
		cmocka_unit_test(damaged_headers),
		cmocka_unit_test(closed_peer),
		cmocka_unit_test(empty_packet_is_the_end),
		cmocka_unit_test(nothing_there_yet),
		cmocka_unit_test(queue_keeps_order_and_descriptors),
		cmocka_unit_test(queue_used_again),
		cmocka_unit_test(queue_is_bounded),
		cmocka_unit_test(queue_ends_with_its_descriptors),
		cmocka_unit_test(flush_to_closed_peer),
		cmocka_unit_test(buffers_are_wiped),
		cmocka_unit_test(what_is_not_sent_is_wiped),
		cmocka_unit_test(last_words),
		cmocka_unit_test(log_lines),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
