/* SPDX-License-Identifier: ISC
 *
 * What workers may ask of the broker. Each request is answered by RESULT, perhaps after rows.
 */
#include "answer.h"

#include "admin.h"
#include "certificate_store.h"
#include "client_pin.h"
#include "modules.h"
#include "key_operation.h"
#include "keyring.h"
#include "lock.h"
#include "log.h"
#include "login.h"
#include "password.h"
#include "prompt.h"
#include "readers.h"
#include "reload.h"
#include "settings.h"
#include "status.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A request that waits for something, and for whom. */
struct pending {
	uint32_t peer, id;
	unsigned int looks; /* still going on */
	bool deep, patient;
	void (*next)(void *context); /* once they ended */
	uint32_t token;	    /* to unlock */
	int pin_fd;	    /* owned; -1 */
};

static struct pending *pending_new(const struct peer *peer, const struct message *message)
{
	struct pending *pending = calloc(1, sizeof *pending);

	if (pending)
		*pending = (struct pending){.peer = peer->number, .id = message->id, .pin_fd = -1};
	return pending;
}

static void pending_free(struct pending *pending)
{
	if (pending && pending->pin_fd >= 0)
		close(pending->pin_fd);
	free(pending);
}

static void send_key(struct peer *peer, uint32_t id, const struct key *key)
{
	struct msg_cert row = {key->ref,	     key->token->ref,	  key->flags,
			       buf_view(&key->id), buf_view(&key->label), buf_view(&key->der),
			       key->type,	     buf_view(&key->parameters), buf_view(&key->public_value)};

	child_send(peer->worker, CERT, id, &row, -1);
}

/* What a module has whose process is gone, and cannot be started any more, is not known. */
static bool processes_were_lost(void)
{
	for (const struct token_process *process = token_process_first(); process; process = process->next)
		if (!process->child && !process->problem)
			return true;
	return false;
}

static void send_list(void *context)
{
	struct pending *pending = context;
	struct peer *peer = peer_find(pending->peer);

	for (struct token *token = keyring_tokens(); token && peer; token = token->next) {
		const struct token_process *process = token_process_find(token->process);
		struct msg_token row = {token->ref,
					token->flags | (keyring_is_absent(token) ? TOKEN_ABSENT : 0),
					view_string(token->label),
					view_string(token->manufacturer),
					view_string(token->model),
					view_string(token->serial),
					view_string(process ? process->name : ""),
					view_string(token->reader)};

		if (keyring_shadowed(token))
			continue;
		child_send(peer->worker, TOKEN, pending->id, &row, -1);
		for (struct key *key = token->keys; key; key = key->next)
			send_key(peer, pending->id, key);
	}
	peer_reply(pending->peer, pending->id, processes_were_lost() ? child_outdated() : 0, NULL, -1);
	pending_free(pending);
}

/* Calls `next` once no token process has anything left to tell; at worst, with what is known. */
static void settle(struct pending *pending, void (*next)(void *context))
{
	if (modules_when_settled(next, pending, pending->patient))
		next(pending);
}

static void look_done(void *context, int err, const struct outcome *outcome)
{
	struct pending *pending = context;

	(void)err;
	(void)outcome;
	if (!--pending->looks)
		settle(pending, pending->next);
}

static void look_everywhere(void *context)
{
	struct pending *pending = context;

	pending->looks = 1;
	for (struct token_process *process = token_process_first(); process; process = process->next) {
		pending->looks++;
		token_process_look(process, pending->deep, 0, look_done, pending);
	}
	look_done(pending, 0, NULL);
}

static int answer_list(struct peer *peer, struct message *message)
{
	struct pending *pending = pending_new(peer, message);
	struct msg_list list;
	int rc = pending ? decode_list(message->payload, &list) : ERR_NO_MEMORY;

	if (rc) {
		pending_free(pending);
		return rc;
	}
	pending->next = send_list;
	pending->deep = list.look >= LIST_OBJECTS;
	pending->patient = list.look == LIST_PATIENT;
	settle(pending, list.look == LIST_KNOWN ? send_list : look_everywhere);
	return 0;
}

static const char *doubt_display(const char *text, uid_t user)
{
	return terminal_doubt_display(text, settings()->display_forwarded, user);
}

static const char *doubt_wayland(const char *text, uid_t user)
{
	return terminal_doubt_wayland(text, getenv("XDG_RUNTIME_DIR"), user);
}

static const char *doubt_bus(const char *text, uid_t user)
{
	(void)user;
	return terminal_doubt_bus(text);
}

static const char *doubt_name(const char *text, uid_t user)
{
	(void)user;
	return terminal_doubt_name(text);
}

/* Keeps the claim, or an empty text where it is not believed. */
static int set_claim(struct peer *peer, char **field, struct view claim, const char *what,
		     const char *(*doubt)(const char *text, uid_t user))
{
	char *text = view_dup(claim);
	const char *why = text && *text ? doubt(text, peer->uid) : NULL;

	free(*field);
	*field = text;
	if (!why)
		return text ? 0 : ERR_NO_MEMORY;
	log_warn("client %u: the %s %s is not used: %s", peer->number, what, log_quote(text), why);
	*text = 0;
	return 0;
}

static int set_place(struct peer *peer, char **field, struct view claim, const char *what,
		     const char *(*doubt)(const char *text, uid_t user))
{
	int rc = set_claim(peer, field, claim, what, doubt);

	peer->disbelieved = peer->disbelieved || (!rc && claim.length && !**field);
	return rc;
}

static int answer_terminal(struct peer *peer, struct message *message)
{
	struct msg_terminal claims;
	int rc = decode_terminal(message->payload, &claims);

	peer->disbelieved = false;
	rc = rc ? rc : set_claim(peer, &peer->tty_type, claims.tty_type, "terminal type", doubt_name);
	rc = rc ? rc : set_claim(peer, &peer->locale, claims.locale, "locale", doubt_name);
	rc = rc ? rc : set_claim(peer, &peer->xauthority, claims.xauthority, "XAUTHORITY file", terminal_doubt_xauthority);
	rc = rc ? rc : set_claim(peer, &peer->bus, claims.bus, "D-Bus address", doubt_bus);
	rc = rc ? rc : set_place(peer, &peer->display, claims.display, "display", doubt_display);
	rc = rc ? rc : set_place(peer, &peer->wayland, claims.wayland, "Wayland socket", doubt_wayland);
	return rc ? rc : set_place(peer, &peer->tty, claims.tty, "terminal", terminal_doubt_tty);
}

static void send_note(void *context, const char *name, const char *value)
{
	struct pending *pending = context;
	struct msg_note row = {view_string(name), view_string(value)};

	child_send(peer_find(pending->peer)->worker, NOTE, pending->id, &row, -1);
}

static void send_status(void *context)
{
	struct pending *pending = context;

	if (peer_find(pending->peer))
		status_tell(child_outdated(), send_note, pending);
	peer_reply(pending->peer, pending->id, 0, NULL, -1);
	pending_free(pending);
}

static int answer_status(struct peer *peer, struct message *message)
{
	struct pending *pending = pending_new(peer, message);

	if (!pending)
		return ERR_NO_MEMORY;
	readers_when_known(send_status, pending);
	return 0;
}

/* Who gave a PIN, or had one asked for, and what came of it. */
static void record_unlock(const struct pending *pending, int err)
{
	const struct peer *peer = peer_find(pending->peer);
	const struct token *token = pending->token ? keyring_token(pending->token) : NULL;

	log_info("process %d (%s) unlock%s%s: %s", peer ? peer->pid : 0, peer ? log_quote(peer->program) : "gone",
		 token ? " of token " : "", token ? log_quote(token->label) : "", err ? error_name(err) : "ok");
}

static void unlocked(void *context, int err)
{
	struct pending *pending = context;

	record_unlock(pending, err);
	peer_reply(pending->peer, pending->id, err, NULL, -1);
	pending_free(pending);
}

static bool wants_login(const struct token *token)
{
	return token->process_ref && (token->flags & TOKEN_LOGIN_REQUIRED) &&
	       (token->flags & TOKEN_INITIALISED);
}

/* ref 0: the only token that takes a login. */
static struct token *token_to_unlock(uint32_t ref, int *ret_err)
{
	struct token *found = ref ? keyring_token(ref) : NULL;

	*ret_err = ERR_NO_TOKEN;
	if (ref)
		return found && found->process_ref ? found : NULL;
	for (struct token *token = keyring_tokens(); token; token = token->next) {
		if (!wants_login(token))
			continue;
		if (found) {
			*ret_err = ERR_AMBIGUOUS_TOKEN;
			return NULL;
		}
		found = token;
	}
	return found;
}

static void unlock_token(void *context)
{
	struct pending *pending = context;
	int err;
	struct token *token = token_to_unlock(pending->token, &err);

	if (!token && err == ERR_NO_TOKEN && !pending->next) {
		pending->next = unlock_token; /* perhaps it is new */
		pending->deep = pending->patient = true;
		settle(pending, look_everywhere);
	} else if (!token) {
		unlocked(pending, err);
	} else if (!wants_login(token)) {
		unlocked(pending, 0);
	} else {
		pending->token = token->ref;
		if (pending->pin_fd >= 0)
			client_pin_login(token, pending->peer, pending->pin_fd, unlocked, pending);
		else
			login_token(token, pending->peer, unlocked, pending);
	}
}

static int answer_unlock(struct peer *peer, struct message *message)
{
	struct pending *pending = pending_new(peer, message);
	struct msg_unlock request;
	int rc = pending ? decode_unlock(message->payload, &request) : ERR_NO_MEMORY;

	if (rc) {
		pending_free(pending);
		return rc;
	}
	pending->token = request.token;
	pending->pin_fd = TAKE_FD(message->fd);
	settle(pending, unlock_token);
	return 0;
}

static int answer_lock(struct peer *peer, struct message *message)
{
	lock_all();
	log_info("locked by process %d", peer->pid);
	peer_reply(peer->number, message->id, 0, NULL, -1);
	return 0;
}

static int answer_reload(struct peer *peer, struct message *message)
{
	peer_reply(peer->number, message->id, reload_settings(), NULL, -1);
	return 0;
}

static int answer_stop(struct peer *peer, struct message *message)
{
	log_info("stopped by process %d", peer->pid);
	peer_reply(peer->number, message->id, 0, NULL, -1);
	loop_end();
	return 0;
}

static int answer_spool(struct peer *peer, struct message *message)
{
	const char *directory = settings()->spool_directory;
	CLEAN_FD int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		log_error("spool directory %s: %s", directory, strerror(errno));
	peer_reply(peer->number, message->id, fd < 0 ? ERR_NO_SPACE : 0, NULL, fd);
	return 0;
}

static int answer_anchors(struct peer *peer, struct message *message)
{
	CLEAN_FD int fd = certificate_store_open_anchors();

	peer_reply(peer->number, message->id, fd < 0 ? ERR_CONFIG : 0, fd < 0 ? settings()->trust_anchors : NULL, fd);
	return 0;
}

static int answer_adopt(struct peer *peer, struct message *message)
{
	peer_reply(peer->number, message->id, peer_adopt(peer, message->fd), NULL, -1);
	return 0;
}

typedef int (*answer)(struct peer *peer, struct message *message);

static const answer answers[MSG_LIMIT] = {
	[MSG_LIST] = answer_list,     [MSG_TERMINAL] = answer_terminal, [MSG_STATUS] = answer_status,
	[MSG_UNLOCK] = answer_unlock, [MSG_LOCK] = answer_lock,		[MSG_RELOAD] = answer_reload,
	[MSG_STOP] = answer_stop,     [MSG_SPOOL] = answer_spool,	[MSG_ADMIN] = answer_admin,
	[MSG_SIGN] = key_operation_take,   [MSG_DECRYPT] = key_operation_take,	[MSG_DERIVE] = key_operation_take,
	[MSG_STORE_FIND] = certificate_store_answer, [MSG_STORE_ADD] = certificate_store_answer, [MSG_STORE_REMOVE] = certificate_store_answer,
	[MSG_CRL_ADD] = certificate_store_answer, [MSG_CRL_FIND] = certificate_store_answer,	[MSG_ANCHORS] = answer_anchors,
	[MSG_PASSWORD] = password_answer,
	[MSG_ADOPT] = answer_adopt,
};

int answer_worker(struct peer *peer, struct message *message)
{
	if (!answers[message->type])
		return ERR_PROTOCOL;
	/* A worker asks one thing at a time; only TERMINAL has no answer. More would be a queue that a
	 * captured worker could fill. */
	if (message->type != MSG_TERMINAL) {
		if (peer->asking)
			return ERR_PROTOCOL;
		peer->asking = true;
	}
	return answers[message->type](peer, message);
}

void answer_peer_gone(uint32_t peer)
{
	key_operations_peer_gone(peer);
	prompt_peer_gone(peer);
	admin_peer_gone(peer);
}
