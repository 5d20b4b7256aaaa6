/* SPDX-License-Identifier: ISC
 *
 * smime-agent-token: one per PKCS#11 module. Holds its sessions and its login, and runs operations
 * in parallel where the module can. Must never see message content or decide who may use a key.
 * Trusts the broker; trusts the module with its own tokens and nothing else.
 */
#include "answer.h"
#include "log.h"
#include "module.h"
#include "objects.h"

#include <pthread.h>
#include <unistd.h>

/* Two keep two cores busy; another lets a second slot work while a slow card holds the first. More cost
 * more switching than they bring. */
#define THREADS 3

typedef int (*handler)(struct channel *channel, const struct message *message);

static const handler handlers[MSG_LIMIT] = {
	[MSG_MODULES] = answer_modules, [MSG_LOOK] = answer_look,     [MSG_SIGN] = answer_sign,
	[MSG_DECRYPT] = answer_decrypt, [MSG_DERIVE] = answer_derive, [MSG_LOGIN] = answer_login,
	[MSG_LOGOUT] = answer_logout,
};

static int answer_start(struct channel *channel, const struct message *message)
{
	CLEAN_FREE char *name = NULL;
	CLEAN_FREE char *path = NULL;
	struct msg_module request;
	int rc = decode_module(message->payload, &request);

	if (!rc) {
		name = view_dup(request.name);
		path = view_dup(request.path);
		rc = name && path ? module_load(name, path) : ERR_NO_MEMORY;
	}
	if (answer_error(channel, message->id, rc, rc ? module_problem() : NULL))
		return ERR_CLOSED;
	return rc;
}

/* Every thread waits on the same socket; the kernel gives each packet to one of them. */
static void *serve(void *context)
{
	struct channel *channel = context;
	struct message message;

	while (!channel_receive(channel, true, &message)) {
		if (!handlers[message.type] || handlers[message.type](channel, &message))
			break;
	}
	/* The broker is gone or broke the protocol. Not exit(): other threads are in the module. */
	_exit(0);
}

/* Until START has succeeded there is one thread, and no module to ask. */
static int wait_for_start(struct channel *channel)
{
	struct message message;
	int rc;

	while (!(rc = channel_receive(channel, true, &message))) {
		if (message.type == MSG_START)
			return answer_start(channel, &message);
		if (message.type != MSG_MODULES || answer_modules(channel, &message))
			return ERR_PROTOCOL;
	}
	return rc;
}

int main(void)
{
	struct channel *channel;
	struct msg_hello hello;

	channel = channel_to_broker(PROCESS_TOKEN, &hello, NULL);
	if (!channel || wait_for_start(channel))
		return 1;
	objects_init();
	for (int i = 1; i < THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, serve, channel))
			log_warn("a thread could not be started");
		else
			pthread_detach(thread);
	}
	serve(channel);
}
