/* SPDX-License-Identifier: ISC
 *
 * From messages to the module and back. The token process decides nothing about who may use a key.
 */
#include "answer.h"

#include "contents.h"
#include "log.h"
#include "module.h"
#include "objects.h"
#include "operation.h"
#include "report.h"
#include "secret.h"

#include <string.h>

struct reply {
	struct channel *channel;
	uint32_t id;
};

/* The rows of one report reach the broker together, whichever threads report. Locks are taken in this
 * order: objects_share, report_lock, a token's login_lock; a login lets go of its token's before it
 * reports. */
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

int answer_error(struct channel *channel, uint32_t id, int err, const char *detail)
{
	struct msg_result result = {.error = (uint32_t)-err, .detail = view_string(detail)};

	return send_RESULT(channel, id, &result, -1);
}

static int send_module(void *context, const char *name, const char *path)
{
	const struct reply *reply = context;
	struct msg_module row = {view_string(name), view_string(path)};

	return send_MODULE(reply->channel, reply->id, &row, -1);
}

int answer_modules(struct channel *channel, const struct message *message)
{
	struct reply reply = {channel, message->id};

	return answer_error(channel, message->id, module_each_configured(send_module, &reply), "p11-kit");
}

static int send_token(void *context, const struct msg_token *token)
{
	const struct reply *reply = context;

	return send_TOKEN(reply->channel, reply->id, token, -1);
}

static int send_cert(void *context, const struct msg_cert *cert)
{
	const struct reply *reply = context;

	return send_CERT(reply->channel, reply->id, cert, -1);
}

int answer_look(struct channel *channel, const struct message *message)
{
	struct reply reply = {channel, message->id};
	struct msg_look look;
	int rc = decode_look(message->payload, &look);

	rc = rc ? rc : objects_look(look.deep);
	objects_share();
	pthread_mutex_lock(&report_lock);
	rc = rc ? rc : report_all(send_token, send_cert, &reply);
	rc = answer_error(channel, message->id, rc, NULL);
	pthread_mutex_unlock(&report_lock);
	objects_unshare();
	return rc;
}

typedef int (*key_operation)(struct token *token, const struct key *key,
			     const struct msg_key_op *request, struct operation_result *result);

static int run_on_key(key_operation run, const struct msg_key_op *request,
		      struct operation_result *result)
{
	struct token *token = NULL;
	const struct key *key = objects_key(request->key, &token);
	int rc;

	if (!key)
		return ERR_KEY_STALE;
	pthread_rwlock_rdlock(&token->login_lock);
	if (key->flags & CERT_KEY)
		rc = run(token, key, request, result);
	else if (token->unread)
		rc = ERR_KEY_STALE;
	else
		rc = key->flags & CERT_NO_KEY ? ERR_KEY_UNUSABLE : ERR_NOT_LOGGED_IN;
	pthread_rwlock_unlock(&token->login_lock);
	return rc;
}

static int answer_key_op(struct channel *channel, const struct message *message, key_operation run)
{
	struct operation_result outcome = {.rv = CKR_OK};
	struct msg_result result = {0};
	struct msg_key_op request;
	int rc = decode_key_op(message->payload, &request);

	if (!rc) {
		objects_share();
		rc = run_on_key(run, &request, &outcome);
		objects_unshare();
	}
	result.error = (uint32_t)-rc;
	if (rc && outcome.rv != CKR_OK)
		result.detail = view_string(p11_kit_strerror(outcome.rv));
	result.form = outcome.form;
	if (!rc)
		result.data = (struct view){outcome.data, outcome.length};
	rc = send_RESULT(channel, message->id, &result, -1);
	secret_wipe(&outcome, sizeof outcome);
	return rc;
}

int answer_sign(struct channel *channel, const struct message *message)
{
	return answer_key_op(channel, message, operation_sign);
}

int answer_decrypt(struct channel *channel, const struct message *message)
{
	return answer_key_op(channel, message, operation_decrypt);
}

int answer_derive(struct channel *channel, const struct message *message)
{
	return answer_key_op(channel, message, operation_derive);
}

static int login(struct token *token, const struct msg_login *request)
{
	bool pin_pad = !request->pin.length;
	int rc;

	if (pin_pad && !(token->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH))
		return ERR_PIN_NEEDED;
	rc = objects_check_tries(token, request->last_try);
	if (rc)
		return rc;
	if (pin_pad)
		objects_hold_looks(true);
	rc = session_login(&token->pool, pin_pad ? NULL : request->pin.data, request->pin.length);
	if (pin_pad)
		objects_hold_looks(false);
	/* For the tries that the next prompt shows; the right PIN may have given some back. */
	if ((rc || (token->info.flags & CKF_USER_PIN_COUNT_LOW)) && objects_check_tries(token, true))
		log_debug("slot %lu: no try is left", token->slot);
	return rc ? rc : contents_read_keys(token);
}

static int report_login(struct token *token, struct reply *reply, int err)
{
	int rc = 0;

	pthread_mutex_lock(&report_lock);
	if (token)
		rc = report_token(token, send_token, send_cert, reply);
	rc = rc ? rc : answer_error(reply->channel, reply->id, err, NULL);
	pthread_mutex_unlock(&report_lock);
	return rc;
}

int answer_login(struct channel *channel, const struct message *message)
{
	struct reply reply = {channel, message->id};
	struct token *token = NULL;
	struct msg_login request;
	int rc = decode_login(message->payload, &request);

	if (rc)
		return report_login(NULL, &reply, rc);
	objects_share();
	token = objects_token(request.token);
	if (token && token->open) {
		pthread_rwlock_wrlock(&token->login_lock);
		rc = login(token, &request);
		pthread_rwlock_unlock(&token->login_lock);
		rc = report_login(token, &reply, rc);
	} else {
		rc = report_login(NULL, &reply, ERR_TOKEN_REMOVED);
	}
	objects_unshare();
	return rc;
}

int answer_logout(struct channel *channel, const struct message *message)
{
	struct token *token = NULL;
	struct msg_token_ref request;
	int rc = decode_token_ref(message->payload, &request);

	objects_share();
	token = rc ? NULL : objects_token(request.token);
	if (token && token->open) {
		pthread_rwlock_wrlock(&token->login_lock);
		rc = session_logout(&token->pool);
		rc = rc ? rc : contents_read_keys(token);
		pthread_rwlock_unlock(&token->login_lock);
	}
	objects_unshare();
	return answer_error(channel, message->id, rc, NULL);
}
