/* SPDX-License-Identifier: ISC
 *
 * Loads the one PKCS#11 module of this process. Must never initialise a second one: by name, p11-kit
 * loads those beside it, too.
 */
/* p11_kit_set_progname has been exported since 0.18, and is still called unstable. */
#define P11_KIT_FUTURE_UNSTABLE_API 1

#include "module.h"

#include "cleanup.h"
#include "log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

CK_FUNCTION_LIST *module;
static char problem[512];

/* p11-kit's configuration says enable-in and disable-in by this name. */
#define PROGRAM_NAME "smime-agent"
/* What `make install` registers, with disable-in for this name; an administrator may have copied it. */
#define OWN_MODULE "smime-agent"
/* p11-kit's name for what a module wants in pReserved; NSS's softokn has its database there. */
#define INIT_RESERVED "x-init-reserved"

static CK_FUNCTION_LIST *load_by_name(const char *name)
{
	CK_FUNCTION_LIST **all = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
	CK_FUNCTION_LIST *found = all ? p11_kit_module_for_name(all, name) : NULL;

	free(all);
	return found;
}

/* Programs' door to the agent (client/pkcs11) shows what the agent has: here it would be a loop. */
static bool is_ours(CK_FUNCTION_LIST *loaded)
{
	static const char manufacturer[] = "smime-agent ";
	CK_INFO info;

	return loaded->C_GetInfo(&info) == CKR_OK &&
	       !memcmp(info.manufacturerID, manufacturer, sizeof manufacturer - 1);
}

const char *module_problem(void)
{
	return problem;
}

int module_load(const char *name, const char *path)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CLEAN_FREE char *reserved = NULL;
	CK_FUNCTION_LIST *loaded;
	CK_RV rv;

	p11_kit_set_progname(PROGRAM_NAME);
	loaded = *path ? p11_kit_module_load(path, P11_KIT_MODULE_UNMANAGED) : load_by_name(name);
	if (!loaded) {
		snprintf(problem, sizeof problem, "it cannot be loaded: %s", p11_kit_message());
		return ERR_MODULE;
	}
	if (!*path)
		args.pReserved = reserved = p11_kit_config_option(loaded, INIT_RESERVED);
	rv = loaded->C_Initialize(&args);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		snprintf(problem, sizeof problem, "C_Initialize: %s", p11_kit_strerror(rv));
		return ERR_MODULE;
	}
	if (is_ours(loaded)) {
		snprintf(problem, sizeof problem, "it is the agent's own, and would ask the agent");
		return ERR_MODULE;
	}
	module = loaded;
	return 0;
}

static int is_trust_module(CK_FUNCTION_LIST *candidate)
{
	CLEAN_FREE char *policy = p11_kit_config_option(candidate, "trust-policy");

	return policy && !strcmp(policy, "yes");
}

/* Empty where the path would not do: p11-kit has the rest of what the module needs under its name. */
static char *path_of(CK_FUNCTION_LIST *configured)
{
	CLEAN_FREE char *reserved = p11_kit_config_option(configured, INIT_RESERVED);
	char *path = reserved ? NULL : p11_kit_module_get_filename(configured);

	return path ? path : strdup("");
}

int module_each_configured(module_callback each, void *context)
{
	CK_FUNCTION_LIST **all;
	int rc = 0;

	p11_kit_set_progname(PROGRAM_NAME);
	all = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
	if (!all) {
		log_error("p11-kit: %s", p11_kit_message());
		return ERR_MODULE;
	}
	for (CK_FUNCTION_LIST **at = all; *at && !rc; at++) {
		CLEAN_FREE char *name = p11_kit_module_get_name(*at);
		CLEAN_FREE char *path = path_of(*at);

		if (name && path && strcmp(name, OWN_MODULE) && !is_trust_module(*at))
			rc = each(context, name, path);
	}
	free(all);
	return rc;
}

int module_session_lost(CK_RV rv)
{
	return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED;
}

static const struct {
	CK_RV rv;
	int err;
} translations[] = {
	{CKR_OK, 0},
	{CKR_HOST_MEMORY, ERR_NO_MEMORY},
	{CKR_PIN_INCORRECT, ERR_PIN_WRONG},
	{CKR_PIN_INVALID, ERR_PIN_WRONG},
	{CKR_PIN_LEN_RANGE, ERR_PIN_LENGTH},
	{CKR_PIN_LOCKED, ERR_PIN_LOCKED},
	{CKR_PIN_EXPIRED, ERR_PIN_EXPIRED},
	{CKR_USER_PIN_NOT_INITIALIZED, ERR_PIN_NOT_SET},
	{CKR_USER_NOT_LOGGED_IN, ERR_NOT_LOGGED_IN},
	{CKR_FUNCTION_CANCELED, ERR_CANCELLED},
	{CKR_FUNCTION_REJECTED, ERR_CANCELLED},
	{CKR_TOKEN_NOT_PRESENT, ERR_TOKEN_REMOVED},
	{CKR_DEVICE_REMOVED, ERR_TOKEN_REMOVED},
	{CKR_SLOT_ID_INVALID, ERR_TOKEN_REMOVED},
	{CKR_TOKEN_NOT_RECOGNIZED, ERR_TOKEN_REMOVED},
	{CKR_KEY_HANDLE_INVALID, ERR_KEY_STALE},
	{CKR_OBJECT_HANDLE_INVALID, ERR_KEY_STALE},
	{CKR_KEY_FUNCTION_NOT_PERMITTED, ERR_KEY_UNUSABLE},
	{CKR_KEY_TYPE_INCONSISTENT, ERR_MECHANISM},
	{CKR_KEY_SIZE_RANGE, ERR_MECHANISM},
	{CKR_MECHANISM_INVALID, ERR_MECHANISM},
	{CKR_MECHANISM_PARAM_INVALID, ERR_MECHANISM},
	{CKR_ARGUMENTS_BAD, ERR_MECHANISM},
	{CKR_FUNCTION_NOT_SUPPORTED, ERR_MECHANISM},
	/* What a wrong PKCS#1 padding can look like: the caller must not tell it from wrong content. */
	{CKR_ENCRYPTED_DATA_INVALID, ERR_DECRYPT},
	{CKR_ENCRYPTED_DATA_LEN_RANGE, ERR_DECRYPT},
	{CKR_DATA_INVALID, ERR_DECRYPT},
	{CKR_DATA_LEN_RANGE, ERR_DECRYPT},
	{CKR_TOKEN_WRITE_PROTECTED, ERR_TOKEN_READ_ONLY},
};

int module_error(CK_RV rv)
{
	for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++)
		if (translations[i].rv == rv)
			return translations[i].err;
	return ERR_TOKEN;
}
