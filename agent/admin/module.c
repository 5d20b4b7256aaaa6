/* SPDX-License-Identifier: ISC
 *
 * libp11 around one module.
 */
#include "module.h"

#include "log.h"
#include "uri.h"

#include <openssl/err.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

int module_open(struct module *module, struct view path)
{
	*module = (struct module){.path = view_dup(path), .ctx = PKCS11_CTX_new()};
	if (!module->path || !module->ctx)
		return ERR_NO_MEMORY;
	if (!*module->path)
		return ERR_NOT_SUPPORTED; /* known to p11-kit by name only */
	if (PKCS11_CTX_load(module->ctx, module->path)) {
		PKCS11_CTX_free(module->ctx);
		module->ctx = NULL;
		log_error("module %s: cannot be loaded", module->path);
		return ERR_MODULE;
	}
	if (PKCS11_enumerate_slots(module->ctx, &module->slots, &module->slot_count))
		return module_error();
	return 0;
}

void module_close(struct module *module)
{
	if (module->slots)
		PKCS11_release_all_slots(module->ctx, module->slots, module->slot_count);
	if (module->ctx) {
		PKCS11_CTX_unload(module->ctx);
		PKCS11_CTX_free(module->ctx);
	}
	free(module->path);
	*module = (struct module){0};
}

static bool is_named(const PKCS11_TOKEN *token, const struct uri *uri)
{
	return token->label && token->manufacturer && token->model && token->serialnr &&
	       uri_match_token(uri, token->label, token->manufacturer, token->model, token->serialnr);
}

int module_find(struct module *module, const char *name, bool blank)
{
	struct uri uri = {0};
	int rc = *name ? uri_parse(name, &uri) : blank ? 0 : ERR_NO_TOKEN;

	for (unsigned int i = 0; i < module->slot_count && !rc; i++) {
		const PKCS11_TOKEN *token = module->slots[i].token;

		if (!token || !(*name ? (blank || token->initialized) && is_named(token, &uri) : !token->initialized))
			continue;
		/* A blank one's URI may fit others, and one that is not blank would lose its keys. */
		if (module->slot && *name && blank)
			rc = ERR_AMBIGUOUS_TOKEN;
		module->slot = module->slot ? module->slot : &module->slots[i];
	}
	uri_done(&uri);
	return rc ? rc : module->slot ? 0 : ERR_NO_TOKEN;
}

int module_login(struct module *module, bool so, const char *pin, bool last_try)
{
	const PKCS11_TOKEN *token = module->slot->token;

	if (!so && token->userPinLocked)
		return ERR_PIN_LOCKED;
	if (!so && token->userPinFinalTry && !last_try)
		return ERR_PIN_LAST_TRY;
	if (PKCS11_open_session(module->slot, 1) || PKCS11_login(module->slot, so, pin))
		return module_error();
	return 0;
}

int module_error_of(unsigned long rv)
{
	static const struct {
		unsigned long rv;
		int err;
	} table[] = {
		{CKR_PIN_INCORRECT, ERR_PIN_WRONG},
		{CKR_PIN_INVALID, ERR_PIN_LENGTH},
		{CKR_PIN_LEN_RANGE, ERR_PIN_LENGTH},
		{CKR_PIN_LOCKED, ERR_PIN_LOCKED},
		{CKR_PIN_EXPIRED, ERR_PIN_EXPIRED},
		{CKR_USER_PIN_NOT_INITIALIZED, ERR_PIN_NOT_SET},
		{CKR_TOKEN_WRITE_PROTECTED, ERR_TOKEN_READ_ONLY},
		{CKR_SESSION_READ_ONLY, ERR_TOKEN_READ_ONLY},
		{CKR_TOKEN_NOT_PRESENT, ERR_TOKEN_REMOVED},
		{CKR_DEVICE_REMOVED, ERR_TOKEN_REMOVED},
		{CKR_MECHANISM_INVALID, ERR_MECHANISM},
		{CKR_CURVE_NOT_SUPPORTED, ERR_MECHANISM},
		{CKR_DOMAIN_PARAMS_INVALID, ERR_MECHANISM},
		{CKR_KEY_SIZE_RANGE, ERR_MECHANISM},
		{CKR_FUNCTION_NOT_SUPPORTED, ERR_MECHANISM},
		{CKR_KEY_FUNCTION_NOT_PERMITTED, ERR_KEY_UNUSABLE},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (rv == table[i].rv)
			return table[i].err;
	return ERR_TOKEN;
}

int module_error(void)
{
	unsigned long code = ERR_peek_last_error();

	if (code)
		log_error("libp11: %s", ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "failed");
	return module_error_of((unsigned long)ERR_GET_REASON(code));
}
