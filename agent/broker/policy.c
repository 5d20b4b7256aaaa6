/* SPDX-License-Identifier: ISC
 *
 * The pkcs11-allow lines of the configuration. What keyUsage says is the worker's to enforce; the
 * broker knows what the token says of the key.
 */
#include "policy.h"

#include "settings.h"
#include "uri.h"

#include <string.h>

static unsigned int operation_bit(enum message_type type)
{
	return type == MSG_SIGN ? CONFIG_SIGN : type == MSG_DECRYPT ? CONFIG_DECRYPT : CONFIG_DERIVE;
}

static bool fits_program(const char *rule, const struct peer *peer)
{
	return !strcmp(rule, "*") || !strcmp(rule, peer->program);
}

/* A URI that cannot be parsed was refused when the configuration was read. */
static bool fits_key(const char *rule, const struct key *key)
{
	const struct token *token = key->token;
	struct uri uri = {0};
	bool fits;

	if (!strcmp(rule, "*"))
		return true;
	if (strncmp(rule, "pkcs11:", 7))
		return view_equal(view_string(rule), buf_view(&key->label));
	fits = !uri_parse(rule, &uri) &&
	       uri_match_token(&uri, token->label, token->manufacturer, token->model, token->serial) &&
	       uri_match_object(&uri, buf_view(&key->label), buf_view(&key->id));
	uri_done(&uri);
	return fits;
}

/* What the token says that the key is for; it says nothing before a login. */
static bool is_for(const struct key *key, enum message_type type)
{
	uint16_t flag = type == MSG_SIGN ? CERT_SIGN : type == MSG_DECRYPT ? CERT_DECRYPT : CERT_DERIVE;

	return !(key->flags & CERT_KEY) || (key->flags & flag);
}

/* Several certificates may be for one private key: a rule for one is a rule for the key. */
static bool fits_any(const char *rule, const struct key *key)
{
	for (const struct key *other = key->token->keys; other; other = other->next)
		if ((other == key || (key->id.length && view_equal(buf_view(&other->id), buf_view(&key->id)))) &&
		    fits_key(rule, other))
			return true;
	return false;
}

int policy_check(const struct peer *peer, const struct key *key, enum message_type type, enum door door)
{
	const struct config_list *rule = settings()->pkcs11_allow;

	if (door != DOOR_KEYS)
		return 0;
	while (rule && !(fits_program(rule->second, peer) && fits_any(rule->value, key)))
		rule = rule->next;
	if (rule && !(rule->number & operation_bit(type)))
		return ERR_FORBIDDEN;
	return is_for(key, type) ? 0 : ERR_KEY_UNUSABLE;
}
