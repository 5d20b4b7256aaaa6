/* SPDX-License-Identifier: ISC
 *
 * Sets the broker up as its main does.
 */
#include "stage.h"

#include "cards.h"
#include "certificate_store.h"
#include "doorman.h"
#include "events.h"
#include "modules.h"
#include "key_operation.h"
#include "reload.h"
#include "secret.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char config_path[] = "/tmp/smime-stage-XXXXXX";
static int config_fd = -1;

/* The client's ends of its connections. */
static struct { uint32_t peer; int fd; } clients[1024];
static unsigned int client_count;

static void write_config(const char *config)
{
	CLEAN_FREE char *text = NULL;

	assert_true(asprintf(&text, "%slog-level error\ncertificate-store /nonexistent/certs.db\n", config) > 0);
	assert_int_equal(ftruncate(config_fd, 0), 0);
	assert_int_equal(pwrite(config_fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

void stage_begin(const char *config)
{
	strcpy(config_path + strlen(config_path) - 6, "XXXXXX");
	config_fd = mkstemp(config_path);
	assert_true(config_fd >= 0);
	write_config(config);
	assert_int_equal(settings_load(config_path), 0);
	events_wire();
	modules_configure(settings());
	readers_start(&cards_reader_events);
	fake_settle();
}

void stage_reload(const char *config)
{
	write_config(config);
	assert_int_equal(reload_settings(), 0);
	fake_settle();
}

void stage_end(void)
{
	while (client_count)
		close(clients[--client_count].fd);
	readers_end();
	modules_end();
	fake_settle();
	for (struct child *child; (child = fake_child(PROCESS_WORKER));)
		fake_die(child);
	for (struct child *child; (child = fake_child(PROCESS_PROMPT));)
		fake_die(child);
	peers_end();
	certificate_store_end();
	doorman_end();
	fake_advance(3600000); /* whatever waited has an end */
	assert_int_equal(key_operations_count(), 0);
	fake_end();
	settings_end();
	close(config_fd);
	unlink(config_path);
}

static void say_key(struct child *process, uint32_t id, uint32_t token, char letter)
{
	uint8_t name = (uint8_t)letter;
	uint16_t flags = CERT_KEY | CERT_SIGN | CERT_DECRYPT | (letter < 'a' ? CERT_ALWAYS_AUTH : 0);
	struct msg_cert row = {.ref = name, .token = token, .flags = flags, .id = {&name, 1}, .label = {&name, 1}, .der = {&name, 1}};

	assert_true(FAKE_SAY(process, CERT, id, cert, &row));
}

bool stage_report(struct child *process, uint32_t id, const struct stage_token *tokens, int err)
{
	uint32_t ref = 1;

	for (; tokens && tokens->label; tokens++, ref++) {
		struct msg_token row = {.ref = ref,
					.flags = tokens->flags | TOKEN_INITIALISED,
					.label = view_string(tokens->label),
					.serial = view_string(tokens->label),
					.reader = view_string(tokens->slot)};

		assert_true(FAKE_SAY(process, TOKEN, id, token, &row));
		for (const char *key = tokens->keys; *key; key++)
			say_key(process, id, ref, *key);
	}
	return fake_result(process, id, err);
}

void stage_start(struct child *process, const struct stage_token *tokens)
{
	struct message message = fake_expect(process, MSG_START);

	assert_true(fake_result(process, message.id, 0));
	message = fake_expect(process, MSG_LOOK);
	assert_true(stage_report(process, message.id, tokens, 0));
}

/* The worker that serves the newest client. */
static struct child *newest_worker(void)
{
	struct child *found = NULL;
	uint32_t number = client_count ? clients[client_count - 1].peer : 0;

	for (struct child *child = fake_children(); child; child = child->next) {
		const struct peer *peer = child->kind == PROCESS_WORKER ? child->context : NULL;

		if (peer && peer->serving && peer->number > number) {
			number = peer->number;
			found = child;
		}
	}
	return found;
}

struct child *stage_client(void)
{
	struct child *worker;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peer_serve(pair[0]);
	fake_settle();
	worker = newest_worker();
	if (!worker) { /* none can be started */
		close(pair[1]);
		return NULL;
	}
	fake_expect(worker, MSG_SERVE);
	assert_true(client_count < sizeof clients / sizeof clients[0]);
	clients[client_count].peer = ((const struct peer *)worker->context)->number;
	clients[client_count++].fd = pair[1];
	return worker;
}

void stage_hang_up(struct child *worker)
{
	const struct peer *peer = worker->context;

	assert_true(fake_ready(peer->connection, EPOLLHUP));
}

static uint32_t find_key(char letter)
{
	for (const struct token *token = keyring_tokens(); token; token = token->next)
		for (const struct key *key = token->keys; key; key = key->next)
			if (key->der.length == 1 && key->der.data[0] == (uint8_t)letter)
				return key->ref;
	return 0;
}

void stage_sign(struct child *worker, uint32_t id, char key)
{
	struct msg_key_op message = {.key = find_key(key), .mechanism = MECHANISM_ECDSA, .hash = HASH_SHA256,
				     .data = view_string("0123456789abcdef0123456789abcdef")};

	assert_true(FAKE_SAY(worker, SIGN, id, key_op, &message));
}

int stage_answer(struct child *worker, uint32_t id)
{
	struct msg_result result;
	struct message message;
	int err = 1;

	while (fake_hear(worker, &message))
		if (message.type == MSG_RESULT && message.id == id) {
			assert_int_equal(err, 1); /* once */
			assert_int_equal(decode_result(message.payload, &result), 0);
			err = error_from_wire(result.error);
		}
	return err;
}

void stage_reader(enum reader_state state, uint16_t cards)
{
	struct msg_reader message = {.name = view_string("Reader 0"), .state = (uint8_t)state, .cards = cards};

	assert_true(FAKE_SAY(fake_child(PROCESS_WATCH), READER, 0, reader, &message));
}
