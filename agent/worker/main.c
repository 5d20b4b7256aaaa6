/* SPDX-License-Identifier: ISC
 *
 * smime-agent-worker: serves one client, then ends. Started beforehand, enters its sandbox, waits
 * for its client. Must never open a file or a socket, see a PIN, or see a key its client may not
 * use. Trusts the broker; the client, its messages and every certificate are hostile.
 */
#include "ask.h"
#include "expiry.h"
#include "key_command.h"
#include "keys.h"
#include "log.h"
#include "preferences.h"
#include "remote_key.h"
#include "request.h"
#include "sandbox.h"
#include "warmup.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* Everything that OpenSSL does once, and may want files or much time for, before the sandbox. */
static int prepare_ssl(void)
{
	/* The system's openssl.cnf may load what the sandbox forbids, and costs a client a wait. */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
					 OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
				 NULL))
		return ERR_INTERNAL;
	return remote_key_load();
}

/* Other messages before the client have no meaning yet. */
static int take_client(struct channel *channel, int *ret_fd)
{
	struct message message;
	struct msg_serve serve;
	int rc = channel_receive(channel, true, &message);

	rc = rc ? rc : message.type == MSG_SERVE ? decode_serve(message.payload, &serve) : ERR_PROTOCOL;
	if (!rc && message.fd < 0)
		rc = ERR_PROTOCOL;
	if (rc)
		return rc;
	key_command_set_client(serve.pid, serve.program);
	*ret_fd = message.fd;
	return 0;
}

int main(void)
{
	struct channel *channel;
	struct msg_hello hello;
	int rc, fd = -1, certificates = -1;

	channel = channel_to_broker(PROCESS_WORKER, &hello, &certificates);
	if (!channel || prepare_ssl())
		return 1;
	ask_open(channel, hello.spool_max);
	preferences_set(&hello);
	expiry_set_days(hello.expiry_days);
	if (certificates >= 0)
		keys_read_chain_file(certificates);
	rc = sandbox_enter(&(struct sandbox){0});
	if (rc) {
		log_error("a worker cannot be started: %s", error_text(rc));
		return 1;
	}
	warmup_openssl();
	rc = take_client(channel, &fd);
	rc = rc ? rc : request_serve(fd);
	/* Nothing is left to be written; destructors could ask for what the sandbox forbids. */
	_exit(rc && rc != ERR_CLOSED ? 1 : 0);
}
