/* SPDX-License-Identifier: ISC
 *
 * One thread for each connection. What it signs and derives are fixed bytes.
 */
#include "fake_agent.h"

#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256

enum fake_way fake_agent_list, fake_agent_keys;
unsigned int fake_agent_error;
uint32_t fake_agent_offset;
bool fake_agent_token = true;
bool fake_agent_news;

static char folder[] = "/tmp/smime-fake.XXXXXX";
static char path[64];
static int listener = -1;
static struct {
	int fd;
	pthread_t server;
} connections[CONNECTIONS_MAX];
static _Atomic unsigned int connection_count;
static unsigned int uses;
static struct view given_list;
static pthread_t thread;

unsigned int fake_agent_uses(void)
{
	return __atomic_load_n(&uses, __ATOMIC_SEQ_CST);
}

void fake_agent_set_list(struct view list)
{
	given_list = list;
}

void fake_agent_tell(void)
{
	static const char news[] = "S KEYS_CHANGED\n";
	unsigned int told = 0; /* those that ended are not */

	for (unsigned int i = 0; i < connection_count; i++)
		told += send(connections[i].fd, news, sizeof news - 1, MSG_NOSIGNAL) == sizeof news - 1;
	assert_true(told);
}

static void add_record(struct buf *into, char kind, const struct buf *payload)
{
	assert_int_equal(buf_add_u8(into, (uint8_t)kind), 0);
	assert_int_equal(buf_add_bytes(into, buf_view(payload)), 0);
}

static void add_key(struct buf *into, uint32_t ref, const struct msg_pk_key *like)
{
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct msg_pk_key row = *like;

	row.ref = ref + fake_agent_offset;
	row.token = 1;
	assert_int_equal(encode_pk_key(&payload, &row), 0);
	add_record(into, 'K', &payload);
}

void fake_agent_make_list(struct buf *into)
{
	static const uint8_t curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	static const uint8_t point[67] = {0x04, 0x41, 0x04};
	static const uint8_t modulus[256] = {0xc0}, exponent[] = {1, 0, 1};
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct msg_token token = {.ref = 1,
				  .flags = TOKEN_INITIALISED | TOKEN_LOGIN_REQUIRED | TOKEN_RSA_PKCS | TOKEN_RSA_PSS |
					   TOKEN_RSA_OAEP | TOKEN_ECDSA | TOKEN_ECDH | TOKEN_EDDSA,
				  .label = view_string("Fake")};
	struct msg_pk_key rsa = {.flags = CERT_KEY | CERT_SIGN | CERT_DECRYPT,
				 .type = KEY_RSA,
				 .id = view_string("r"),
				 .label = view_string("rsa"),
				 .der = view_string("a certificate"),
				 .subject = view_string("subject"),
				 .issuer = view_string("issuer"),
				 .serial = view_string("serial"),
				 .parameters = {modulus, sizeof modulus},
				 .public_value = {exponent, sizeof exponent}};
	struct msg_pk_key ec = {.flags = CERT_KEY | CERT_SIGN | CERT_DERIVE,
				.type = KEY_EC,
				.id = view_string("e"),
				.label = view_string("ec"),
				.parameters = {curve, sizeof curve},
				.public_value = {point, sizeof point}};

	if (!fake_agent_token)
		return;
	assert_int_equal(encode_token(&payload, &token), 0);
	add_record(into, 'T', &payload);
	add_key(into, FAKE_RSA, &rsa);
	add_key(into, FAKE_EC, &ec);
}

static void send_data(FILE *to, struct view data)
{
	for (size_t i = 0; i < data.length; i++) {
		if (i % 300 == 0)
			fprintf(to, "%sD ", i ? "\n" : "");
		if (data.data[i] == '%' || data.data[i] == '\n' || data.data[i] == '\r')
			fprintf(to, "%%%02X", data.data[i]);
		else
			fputc(data.data[i], to);
	}
	if (data.length)
		fputc('\n', to);
}

/* False: the connection ends. */
static bool answer(FILE *to, enum fake_way way, struct view data)
{
	static const uint8_t much[4000] = {1};

	switch (way) {
	case FAKE_RIGHT:
		send_data(to, data);
		break;
	case FAKE_LONG:
		send_data(to, (struct view){much, sizeof much});
		break;
	case FAKE_ERROR:
		fprintf(to, "ERR %u it is so\n", fake_agent_error);
		return true;
	case FAKE_CLOSES:
		fputs("D half of wh", to);
		return false;
	case FAKE_BABBLES:
		fputs("INQUIRE what is this\n", to);
		return true;
	case FAKE_SILENT:
		return true;
	case FAKE_ENDLESS:
		while (fputs("S PROGRESS on and on\n", to) >= 0 && !fflush(to))
			;
		return false;
	case FAKE_SLOW:
		nanosleep(&(struct timespec){3, 500000000}, NULL);
		send_data(to, data);
		break;
	case FAKE_EMPTY:
		break;
	}
	fputs("OK\n", to);
	return true;
}

static bool answer_list(FILE *to)
{
	CLEAN_BUF struct buf list = BUF_INIT(1 << 20);

	fake_agent_make_list(&list);
	return answer(to, fake_agent_list, given_list.data ? given_list : buf_view(&list));
}

/* "PKSIGN 11 ...": as many bytes as the key has. */
static bool answer_key(FILE *to, const char *line)
{
	static const uint8_t bytes[256] = {0x5a, 0xa5};
	bool derive = !strncmp(line, "PKDERIVE", 8);
	uint32_t ref = (uint32_t)strtoul(strchr(line, ' '), NULL, 10) - fake_agent_offset;

	if (ref != FAKE_RSA && ref != FAKE_EC)
		return fputs("ERR 68 no such key\n", to) > 0;
	__atomic_add_fetch(&uses, 1, __ATOMIC_SEQ_CST);
	if (fake_agent_news)
		fputs("S KEYS_CHANGED\n", to);
	return answer(to, fake_agent_keys, (struct view){bytes, ref == FAKE_RSA ? 256 : derive ? 32 : 64});
}

static void *serve(void *context)
{
	int fd = (int)(intptr_t)context;
	FILE *from = fdopen(dup(fd), "r"), *to = fdopen(dup(fd), "w");
	char line[1100];
	bool more = from && to;

	if (more)
		fputs("OK fake agent\n", to);
	while (more && !fflush(to) && fgets(line, sizeof line, from)) {
		if (!strncmp(line, "PKLIST", 6))
			more = answer_list(to);
		else if (!strncmp(line, "PKSIGN ", 7) || !strncmp(line, "PKDECRYPT ", 10) || !strncmp(line, "PKDERIVE ", 9))
			more = answer_key(to, line);
		else
			more = answer(to, !strncmp(line, "PKLOGIN", 7) ? fake_agent_keys : FAKE_EMPTY, (struct view){NULL, 0});
	}
	if (to)
		fclose(to);
	if (from)
		fclose(from);
	shutdown(fd, SHUT_RDWR);
	return NULL;
}

static void *take_connections(void *context)
{
	int fd = (int)(intptr_t)context;

	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection < 0)
			return NULL;
		if (connection_count == CONNECTIONS_MAX) {
			close(connection);
			continue;
		}
		/* It is known before it is served. */
		connections[connection_count++].fd = connection;
		if (pthread_create(&connections[connection_count - 1].server, NULL, serve, (void *)(intptr_t)connection))
			close(connections[--connection_count].fd);
	}
}

void fake_agent_start(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	signal(SIGPIPE, SIG_IGN);
	if (!*path)
		assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	unlink(path);
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 64), 0);
	setenv("SMIME_AGENT_SOCKET", path, 1);
	setenv("SMIME_AGENT_PROGRAM", "/bin/false", 1);
	assert_int_equal(pthread_create(&thread, NULL, take_connections, (void *)(intptr_t)listener), 0);
}

void fake_agent_stop(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	for (unsigned int i = 0; i < connection_count; i++)
		shutdown(connections[i].fd, SHUT_RDWR);
	for (unsigned int i = 0; i < connection_count; i++) {
		pthread_join(connections[i].server, NULL);
		close(connections[i].fd);
	}
	connection_count = 0;
	unlink(path);
	rmdir(folder);
	mkdir(folder, 0700);
}
