/* SPDX-License-Identifier: ISC
 *
 * From what a module says of a token to rows for the broker.
 */
#include "report.h"

#include <string.h>

static uint32_t token_flags(const struct token *token)
{
	static const struct {
		CK_FLAGS from;
		uint32_t to;
	} table[] = {
		{CKF_LOGIN_REQUIRED, TOKEN_LOGIN_REQUIRED},
		{CKF_PROTECTED_AUTHENTICATION_PATH, TOKEN_PROTECTED_PATH},
		{CKF_USER_PIN_COUNT_LOW, TOKEN_PIN_COUNT_LOW},
		{CKF_USER_PIN_FINAL_TRY, TOKEN_PIN_FINAL_TRY},
		{CKF_USER_PIN_LOCKED, TOKEN_PIN_LOCKED},
		{CKF_USER_PIN_TO_BE_CHANGED, TOKEN_PIN_TO_BE_CHANGED},
		{CKF_USER_PIN_INITIALIZED, TOKEN_PIN_SET},
		{CKF_WRITE_PROTECTED, TOKEN_WRITE_PROTECTED},
		{CKF_TOKEN_INITIALIZED, TOKEN_INITIALISED},
	};
	uint32_t flags = token->mechanisms;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (token->info.flags & table[i].from)
			flags |= table[i].to;
	if (token->open && session_logged_in(&token->pool))
		flags |= TOKEN_LOGGED_IN;
	if (token->unread)
		flags |= TOKEN_UNREAD;
	return flags;
}

/* PKCS#11 pads its fixed fields with blanks; some modules end them with a zero. */
static struct view unpadded(const unsigned char *field, size_t size)
{
	size = strnlen((const char *)field, size);
	while (size && field[size - 1] == ' ')
		size--;
	return (struct view){field, size};
}

static int send_rows(const struct token *token, token_callback report, cert_callback report_cert,
			void *context)
{
	const CK_TOKEN_INFO *info = &token->info;
	struct msg_token message = {
		.ref = token->ref,
		.flags = token_flags(token),
		.label = unpadded(info->label, sizeof info->label),
		.manufacturer = unpadded(info->manufacturerID, sizeof info->manufacturerID),
		.model = unpadded(info->model, sizeof info->model),
		.serial = unpadded(info->serialNumber, sizeof info->serialNumber),
		.reader = unpadded(token->slot_info.slotDescription, sizeof token->slot_info.slotDescription),
	};
	int rc = report(context, &message);

	for (const struct key *key = token->keys; key && !rc; key = key->next) {
		struct msg_cert cert = {key->ref,
					token->ref,
					key->flags,
					buf_view(&key->id),
					buf_view(&key->label),
					buf_view(&key->der),
					(uint8_t)key->type,
					buf_view(&key->parameters),
					buf_view(&key->public_value)};

		rc = report_cert(context, &cert);
	}
	return rc;
}

int report_token(struct token *token, token_callback report, cert_callback report_cert,
			 void *context)
{
	/* Not while a person types at a PIN pad: then nothing changes that could be reported half. */
	bool locked = !pthread_rwlock_tryrdlock(&token->login_lock);
	int rc = send_rows(token, report, report_cert, context);

	if (locked)
		pthread_rwlock_unlock(&token->login_lock);
	return rc;
}

int report_all(token_callback token, cert_callback cert, void *context)
{
	int rc = 0;

	for (struct token *at = objects_first(); at && !rc; at = at->next)
		rc = report_token(at, token, cert, context);
	return rc;
}
