/* SPDX-License-Identifier: ISC
 *
 * A connection is used by one thread at a time. One that broke is dropped, and the next use makes a
 * new one: nothing has to be loaded again when the agent or a card comes back.
 */
#include "agent.h"

#include "connection.h"
#include "keyring.h"
#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

/* Threads that use keys at the same moment; more wait. A token host works on as many at most. */
#define CONNECTIONS_MAX 4
/* After the agent could not be reached, until it is tried again. */
#define PAUSE_MS 1000
/* For the agent to greet, and to list: the module's lock is held meanwhile. A test has less. */
#ifndef LIST_LIMIT_S
#define LIST_LIMIT_S 60
#endif
/* Bytes of data in one line: two digits each, and the command. */
#define DATA_CHUNK 400
#define ATTEMPTS_MAX 3

struct connection {
	struct connection *next;
	struct smime_agent agent;
	ino_t socket; /* of the descriptor, which the program may have closed and opened anew */
	bool used, orphan;
	bool lists; /* the agent tells this one of changes */
};

static struct connection *connections;
static bool list_valid;
static pid_t list_agent; /* whose the list is: another agent's numbers are others */
static uint64_t paused_until; /* ms */

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static bool owns_socket(const struct connection *connection)
{
	struct stat status;

	return connection->agent.fd >= 0 && !fstat(connection->agent.fd, &status) &&
	       S_ISSOCK(status.st_mode) && status.st_ino == connection->socket;
}

static void connection_free(struct connection *connection)
{
	if (owns_socket(connection))
		close(connection->agent.fd);
	buf_done(&connection->agent.lines);
	free(connection);
}

static void drop(struct connection *connection)
{
	struct connection **at = &connections;

	while (*at && *at != connection)
		at = &(*at)->next;
	if (*at)
		*at = connection->next;
	if (connection->lists)
		list_valid = false;
	connection_free(connection);
}

static void give_back(struct connection *connection)
{
	connection->used = false;
	if (connection->agent.changed && connection->lists)
		list_valid = false;
	connection->agent.changed = false;
	if (connection->orphan)
		connection_free(connection);
	else if (connection->agent.fd < 0)
		drop(connection);
	module_wake();
}

/* Whether an idle connection is still one; hears what the agent has to say. */
static bool is_alive(struct connection *connection)
{
	if (!owns_socket(connection) || connection_hear(&connection->agent)) {
		drop(connection);
		return false;
	}
	if (connection->agent.changed && connection->lists)
		list_valid = false;
	connection->agent.changed = false;
	return true;
}

static struct connection *find_idle(unsigned int *ret_count)
{
	struct connection *next, *found = NULL;

	*ret_count = 0;
	for (struct connection *at = connections; at; at = next) {
		next = at->next;
		if (!at->used && !is_alive(at))
			continue;
		++*ret_count;
		if (!at->used && (!found || at->lists))
			found = at;
	}
	return found;
}

static int connect_once(struct connection **ret_connection)
{
	struct connection *connection = calloc(1, sizeof *connection);
	struct stat status;
	int rc;

	if (!connection)
		return ERR_NO_MEMORY;
	connection->agent.fd = -1;
	connection->agent.lines = BUF_INIT(65536);
	connection_limit(&connection->agent, LIST_LIMIT_S);
	rc = connection_open(&connection->agent, true);
	if (!rc && !fstat(connection->agent.fd, &status))
		connection->socket = status.st_ino;
	rc = rc ? rc : connection_finish(&connection->agent, NULL, NULL);
	connection_limit(&connection->agent, 0); /* later, a person may be asked */
	if (rc) {
		connection_free(connection);
		return rc;
	}
	connection->next = connections;
	connections = connection;
	*ret_connection = connection;
	return 0;
}

static int connect_new(struct connection **ret_connection)
{
	int rc;

	if (now_ms() < paused_until)
		return ERR_CLOSED;
	rc = connect_once(ret_connection);
	if (rc)
		paused_until = now_ms() + PAUSE_MS;
	/* A program that shows no sentence of the module's. */
	if (rc == ERR_AGENT_OLD || rc == ERR_PROGRAM_OLD)
		log_to_syslog(LOG_LEVEL_ERROR, error_text(rc));
	return rc;
}

static int borrow(struct connection **ret_connection)
{
	unsigned long life = module_life();
	struct connection *connection;
	unsigned int count;
	int rc = 0;

	while (!(connection = find_idle(&count)) && count >= CONNECTIONS_MAX) {
		module_sleep();
		if (module_life() != life)
			return ERR_CLOSED;
	}
	if (!connection)
		rc = connect_new(&connection);
	if (rc)
		return rc;
	connection->used = true;
	*ret_connection = connection;
	return 0;
}

/* What the agent answers; an answer that there was no room for is none. */
struct answer {
	struct buf *into;
	int rc;
};

static int collect(void *context, const void *data, size_t length)
{
	struct answer *answer = context;

	if (!answer->rc)
		answer->rc = buf_add(answer->into, data, length);
	return answer->rc;
}

static int finish(struct connection *connection, int rc, struct buf *into)
{
	struct answer answer = {into, 0};

	if (rc) {
		connection_abandon(&connection->agent);
		return rc;
	}
	rc = connection_finish(&connection->agent, into ? collect : NULL, &answer);
	/* Also a worker says so, whose agent went before it. */
	if (rc == ERR_CLOSED && owns_socket(connection)) {
		close(connection->agent.fd);
		connection->agent.fd = -1;
	}
	return rc ? rc : answer.rc;
}

/* Reads the list. The lock is held: others would find half of it. */
static int read_list(struct connection *connection, bool look)
{
	CLEAN_BUF struct buf list = BUF_INIT(64u << 20);
	int rc = connection_add(&connection->agent, look ? "PKLIST --look" : "PKLIST");

	connection_limit(&connection->agent, LIST_LIMIT_S);
	rc = finish(connection, rc, &list);
	connection_limit(&connection->agent, 0);
	if (rc)
		return rc;
	connection->lists = true;
	connection->agent.changed = false;
	list_agent = connection->agent.agent;
	return keyring_take(buf_view(&list));
}

static struct connection *listing(void)
{
	struct connection *found;
	unsigned int count;

	find_idle(&count);
	for (found = connections; found && !found->lists;)
		found = found->next;
	return found;
}

void agent_refresh(bool look)
{
	struct connection *connection = listing();
	unsigned long life = module_life();
	int rc = 0;

	/* In use by another thread: its news is taken when it is given back. */
	if (list_valid && !look && connection)
		return;
	if (!connection || connection->used)
		rc = borrow(&connection);
	else
		connection->used = true;
	if (module_life() != life) {
		if (!rc)
			give_back(connection);
		return;
	}
	if (rc) {
		keyring_clear();
		return;
	}
	rc = read_list(connection, look);
	list_valid = !rc;
	if (rc)
		keyring_clear();
	give_back(connection);
}

static int send_pin(struct connection *connection, const unsigned char *pin, CK_ULONG length)
{
	int ends[2], rc = 0;

	/* As much as a pipe takes without a reader, and no line end: it is one line. */
	if (length > 256 || memchr(pin, '\n', length))
		return ERR_PIN_LENGTH;
	if (pipe2(ends, O_CLOEXEC))
		return ERR_NO_MEMORY;
	if (write(ends[1], pin, length) != (ssize_t)length)
		rc = ERR_INTERNAL;
	close(ends[1]);
	rc = rc ? rc : connection_add(&connection->agent, "PIN FD");
	rc = rc ? rc : connection_send(&connection->agent, ends[0]);
	close(ends[0]);
	return rc;
}

/* A connection to the agent whose the list is: another agent's number is another token, perhaps. */
static int borrow_for_slot(const struct slot *slot, struct connection **ret_connection)
{
	unsigned long life = module_life();

	for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		int rc;

		agent_refresh(false);
		if (module_life() != life)
			return ERR_CLOSED;
		rc = slot->present ? borrow(ret_connection) : ERR_TOKEN_REMOVED;
		if (rc)
			return rc;
		if (list_valid && (*ret_connection)->agent.agent == list_agent && slot->present)
			return 0;
		give_back(*ret_connection);
	}
	return ERR_TOKEN_REMOVED;
}

int agent_login(const struct slot *slot, const unsigned char *pin, CK_ULONG length)
{
	struct connection *connection;
	uint32_t token;
	int rc = borrow_for_slot(slot, &connection);

	if (rc)
		return rc;
	token = slot->ref;
	module_wait_begin();
	rc = pin ? send_pin(connection, pin, length) : 0;
	rc = rc ? rc : connection_add(&connection->agent, "PKLOGIN %u", token);
	rc = finish(connection, rc, NULL);
	if (module_wait_end() != CKR_OK)
		rc = rc ? rc : ERR_CLOSED;
	give_back(connection);
	list_valid = false; /* tries were spent, or given back */
	/* Too many wrong ones were compared: to this program the PIN is locked. */
	return rc == ERR_FORBIDDEN ? ERR_PIN_LOCKED : rc;
}

static int add_data(struct smime_agent *agent, struct view data)
{
	char hex[2 * DATA_CHUNK + 1];
	int rc = 0;

	for (size_t at = 0; !rc && (at < data.length || !at); at += DATA_CHUNK) {
		size_t length = data.length - at < DATA_CHUNK ? data.length - at : DATA_CHUNK;

		for (size_t i = 0; i < length; i++) {
			hex[2 * i] = "0123456789abcdef"[data.data[at + i] >> 4];
			hex[2 * i + 1] = "0123456789abcdef"[data.data[at + i] & 15];
		}
		hex[2 * length] = 0;
		rc = connection_add(agent, "PKDATA %s%s", at ? "--append " : "", hex);
	}
	return rc;
}

static const char *hash_option(enum hash hash)
{
	static const char *const names[HASH_LIMIT] = {"", "sha1", "sha224", "sha256", "sha384", "sha512"};

	return names[hash];
}

static int add_command(struct smime_agent *agent, const struct agent_request *request, uint32_t ref)
{
	static const char *const mechanisms[] = {
		[MECHANISM_RSA_PKCS1] = "rsa-pkcs1", [MECHANISM_RSA_PSS] = "rsa-pss",
		[MECHANISM_RSA_OAEP] = "rsa-oaep",   [MECHANISM_ECDSA] = "ecdsa",
		[MECHANISM_EDDSA] = "eddsa",	     [MECHANISM_ECDH] = "ecdh"};
	const char *command = request->type == MSG_SIGN	     ? "PKSIGN"
			      : request->type == MSG_DECRYPT ? "PKDECRYPT"
							     : "PKDERIVE";
	CLEAN_BUF struct buf options = BUF_INIT(900);
	int rc = buf_terminate(&options);

	if (request->hash)
		rc = buf_add_format(&options, " --hash=%s --mgf=%s --salt=%lu", hash_option(request->hash),
				    hash_option(request->mgf), request->salt);
	if (!rc && request->label.length)
		rc = buf_add_format(&options, " --label=");
	for (size_t i = 0; i < request->label.length && !rc; i++)
		rc = buf_add_format(&options, "%02x", request->label.data[i]);
	rc = rc ? rc : buf_terminate(&options);
	return rc ? rc
		  : connection_add(agent, "%s %u %s%s", command, ref, mechanisms[request->mechanism],
				   (const char *)options.data);
}

static int run(struct connection *connection, const struct agent_request *request, uint32_t ref,
	       struct buf *into)
{
	struct smime_agent *agent = &connection->agent;
	int rc = add_data(agent, request->data);

	if (!rc && request->pin)
		rc = send_pin(connection, request->pin->data, request->pin->length);
	rc = rc ? rc : add_command(agent, request, ref);
	return finish(connection, rc, into);
}

/* What another list of keys may mend: the agent is a new one, or the token was away. */
static bool may_be_mended(int err)
{
	return err == ERR_CLOSED || err == ERR_PROTOCOL || err == ERR_KEY_STALE || err == ERR_NO_TOKEN;
}

/* A connection to the agent whose the list is, with what it calls the key. */
static int borrow_for_key(CK_OBJECT_HANDLE key, enum message_type type, struct connection **ret_connection,
			  uint32_t *ret_ref)
{
	int rc = keyring_ref(key, type, ret_ref) ? borrow(ret_connection) : ERR_TOKEN_REMOVED;

	if (rc)
		return rc;
	if (list_valid && (*ret_connection)->agent.agent == list_agent && keyring_ref(key, type, ret_ref))
		return 0;
	give_back(*ret_connection);
	return ERR_KEY_STALE;
}

CK_RV agent_ask(const struct agent_request *request, struct buf *into)
{
	unsigned long life = module_life();
	int rc = ERR_KEY_STALE;

	for (int attempt = 0; attempt < ATTEMPTS_MAX && may_be_mended(rc); attempt++) {
		struct connection *connection;
		uint32_t ref;

		list_valid = list_valid && !attempt;
		agent_refresh(false);
		rc = borrow_for_key(request->key, request->type, &connection, &ref);
		if (module_life() != life) {
			if (!rc)
				give_back(connection);
			return CKR_CRYPTOKI_NOT_INITIALIZED;
		}
		if (rc)
			continue;
		module_wait_begin();
		buf_clear(into);
		rc = run(connection, request, ref, into);
		if (module_wait_end() != CKR_OK) {
			give_back(connection);
			return CKR_CRYPTOKI_NOT_INITIALIZED;
		}
		give_back(connection);
	}
	return module_rv(rc);
}

void agent_end(void)
{
	while (connections) {
		struct connection *connection = connections;

		connections = connection->next;
		if (connection->used)
			connection->orphan = true;
		else
			connection_free(connection);
	}
	list_valid = false;
	paused_until = 0;
}

void agent_abandon(void)
{
	for (struct connection *at = connections; at; at = at->next)
		if (owns_socket(at))
			close(at->agent.fd);
	connections = NULL;
	list_valid = false;
}
