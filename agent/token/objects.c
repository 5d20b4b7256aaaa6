/* SPDX-License-Identifier: ISC
 *
 * The tokens of the module and their certificates and keys. Everything a module says has a bound
 * here. A private key belongs to the certificates with its CKA_ID.
 */
#include "objects.h"

#include "log.h"
#include "module.h"

#include <stdatomic.h>
#include <string.h>

#define FIND_BATCH 64

static pthread_rwlock_t look_lock;
static atomic_int looks_held;
static struct token *tokens;
static uint32_t next_ref = 1;

void objects_init(void)
{
	pthread_rwlockattr_t attr;

	/* A look must get its turn while operations come without a pause. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&look_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

void objects_share(void)
{
	pthread_rwlock_rdlock(&look_lock);
}

void objects_unshare(void)
{
	pthread_rwlock_unlock(&look_lock);
}

struct token *objects_first(void)
{
	return tokens;
}

struct token *objects_token(uint32_t ref)
{
	for (struct token *token = tokens; token; token = token->next)
		if (token->ref == ref)
			return token;
	return NULL;
}

struct key *objects_key(uint32_t ref, struct token **ret_token)
{
	for (struct token *token = tokens; token; token = token->next)
		for (struct key *key = token->keys; key; key = key->next)
			if (key->ref == ref) {
				*ret_token = token;
				return key;
			}
	return NULL;
}

static void key_free(struct key *key)
{
	if (!key)
		return;
	buf_done(&key->id);
	buf_done(&key->label);
	buf_done(&key->der);
	free(key);
}

static void keys_free(struct key *keys)
{
	while (keys) {
		struct key *next = keys->next;

		key_free(keys);
		keys = next;
	}
}

static void token_free(struct token *token)
{
	keys_free(token->keys);
	if (token->open)
		session_pool_done(&token->pool);
	pthread_rwlock_destroy(&token->login_lock);
	free(token);
}

/* One attribute of variable size. An attribute that the object lacks leaves the buffer empty. */
static int read_bytes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		      struct buf *into)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};
	CK_RV rv = module->C_GetAttributeValue(session, object, &attribute, 1);
	int rc;

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
	    (rv == CKR_OK && attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION))
		return 0;
	if (rv != CKR_OK)
		return module_error(rv);
	rc = buf_reserve(into, attribute.ulValueLen);
	if (rc)
		return rc;
	attribute.pValue = into->data;
	rv = attribute.ulValueLen ? module->C_GetAttributeValue(session, object, &attribute, 1) : CKR_OK;
	if (rv != CKR_OK || attribute.ulValueLen > into->capacity)
		return rv == CKR_OK ? ERR_TOKEN : module_error(rv);
	into->length = attribute.ulValueLen;
	return 0;
}

static bool read_bool(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE attribute = {type, &value, sizeof value};

	return module->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK &&
	       attribute.ulValueLen == sizeof value && value;
}

/* The handles of a search, at most CERTS_MAX. The caller frees. */
static int find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count,
		CK_OBJECT_HANDLE **ret_found, size_t *ret_count)
{
	CLEAN_FREE CK_OBJECT_HANDLE *found = calloc(CERTS_MAX, sizeof *found);
	size_t length = 0;
	CK_ULONG got;
	CK_RV rv;

	if (!found)
		return ERR_NO_MEMORY;
	rv = module->C_FindObjectsInit(session, template, count);
	if (rv != CKR_OK)
		return module_error(rv);
	do {
		CK_ULONG room = CERTS_MAX - length < FIND_BATCH ? CERTS_MAX - length : FIND_BATCH;

		got = 0;
		rv = room ? module->C_FindObjects(session, found + length, room, &got) : CKR_OK;
		if (rv == CKR_OK && got <= room)
			length += got;
	} while (rv == CKR_OK && got);
	module->C_FindObjectsFinal(session);
	if (rv != CKR_OK)
		return module_error(rv);
	*ret_found = TAKE(found);
	*ret_count = length;
	return 0;
}

/* The ref that the same certificate had before, so that others need not learn a new one. */
static uint32_t earlier_ref(const struct key *keys, const struct key *like)
{
	for (; keys; keys = keys->next)
		if (view_equal(buf_view(&keys->der), buf_view(&like->der)) &&
		    view_equal(buf_view(&keys->id), buf_view(&like->id)))
			return keys->ref;
	return next_ref++;
}

static int read_cert(struct token *token, CK_OBJECT_HANDLE object, struct key **ret_key)
{
	CK_SESSION_HANDLE session = token->pool.anchor;
	struct key *key = calloc(1, sizeof *key);
	int rc;

	if (!key)
		return ERR_NO_MEMORY;
	key->id = BUF_INIT(KEY_ID_MAX);
	key->label = BUF_INIT(LABEL_MAX);
	key->der = BUF_INIT(CERT_DER_MAX);
	rc = read_bytes(session, object, CKA_VALUE, &key->der);
	rc = rc ? rc : read_bytes(session, object, CKA_ID, &key->id);
	rc = rc ? rc : read_bytes(session, object, CKA_LABEL, &key->label);
	if (rc) {
		key_free(key);
		return rc;
	}
	key->ref = earlier_ref(token->keys, key);
	*ret_key = key;
	return 0;
}

static int read_certs(struct token *token)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
				   {CKA_CERTIFICATE_TYPE, &type, sizeof type}};
	CLEAN_FREE CK_OBJECT_HANDLE *found = NULL;
	struct key *keys = NULL, **last = &keys;
	size_t count = 0;
	int rc = find(token->pool.anchor, template, 2, &found, &count);

	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		rc = read_cert(token, found[i], last);
		if (rc == ERR_TOO_LARGE)
			log_warn("slot %lu: an object over the limits is left out", token->slot);
		else if (rc)
			break;
		else
			last = &(*last)->next;
	}
	if (rc && rc != ERR_TOO_LARGE) {
		keys_free(keys);
		return rc;
	}
	keys_free(token->keys);
	token->keys = keys;
	return 0;
}

static void set_key(struct token *token, CK_OBJECT_HANDLE object, struct view id)
{
	CK_SESSION_HANDLE session = token->pool.anchor;
	CK_KEY_TYPE type = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &type, sizeof type};
	uint16_t flags = CERT_KEY;

	if (module->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK)
		return;
	if (read_bool(session, object, CKA_SIGN))
		flags |= CERT_SIGN;
	if (read_bool(session, object, CKA_DECRYPT) || read_bool(session, object, CKA_UNWRAP))
		flags |= CERT_DECRYPT;
	if (read_bool(session, object, CKA_DERIVE))
		flags |= CERT_DERIVE;
	if (read_bool(session, object, CKA_ALWAYS_AUTHENTICATE))
		flags |= CERT_ALWAYS_AUTH;
	for (struct key *key = token->keys; key; key = key->next)
		if (view_equal(buf_view(&key->id), id)) {
			key->handle = object;
			key->type = type;
			key->flags = flags;
		}
}

static bool login_required(const struct token *token)
{
	return token->info.flags & CKF_LOGIN_REQUIRED;
}

int objects_read_keys(struct token *token)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
	CLEAN_FREE CK_OBJECT_HANDLE *found = NULL;
	bool all = !login_required(token) || session_logged_in(&token->pool);
	size_t count = 0;
	int rc = find(token->pool.anchor, &template, 1, &found, &count);

	if (rc)
		return rc;
	for (struct key *key = token->keys; key; key = key->next)
		key->flags = all ? CERT_NO_KEY : 0;
	for (size_t i = 0; i < count; i++) {
		CLEAN_BUF struct buf id = BUF_INIT(KEY_ID_MAX);

		if (!read_bytes(token->pool.anchor, found[i], CKA_ID, &id))
			set_key(token, found[i], buf_view(&id));
	}
	return 0;
}

static unsigned int mechanism_offer(CK_MECHANISM_TYPE mechanism)
{
	switch (mechanism) {
	case CKM_RSA_X_509:
		return OFFER_RSA_RAW;
	case CKM_RSA_PKCS_OAEP:
		return OFFER_RSA_OAEP;
	case CKM_RSA_PKCS_PSS:
		return OFFER_RSA_PSS;
	}
	return 0;
}

static int read_mechanisms(struct token *token)
{
	CK_MECHANISM_TYPE list[512];
	CK_ULONG count = sizeof list / sizeof list[0];
	CK_RV rv = module->C_GetMechanismList(token->slot, list, &count);

	if (rv != CKR_OK || count > sizeof list / sizeof list[0])
		return rv == CKR_OK ? ERR_TOKEN : module_error(rv);
	token->offers = 0;
	for (CK_ULONG i = 0; i < count; i++)
		token->offers |= mechanism_offer(list[i]);
	return 0;
}

static int read_all(struct token *token)
{
	int rc = read_mechanisms(token);

	rc = rc ? rc : read_certs(token);
	return rc ? rc : objects_read_keys(token);
}

static struct token *token_new(CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
	struct token *token = calloc(1, sizeof *token);

	if (!token)
		return NULL;
	token->ref = next_ref++;
	token->slot = slot;
	token->info = *info;
	pthread_rwlock_init(&token->login_lock, NULL);
	if (!(info->flags & CKF_TOKEN_INITIALIZED))
		return token;
	if (session_pool_init(&token->pool, slot, info->ulMaxSessionCount))
		return token;
	token->open = true;
	if (read_all(token))
		log_warn("slot %lu: its objects could not be read", slot);
	return token;
}

static bool same_identity(const CK_TOKEN_INFO *a, const CK_TOKEN_INFO *b)
{
	return !memcmp(a->label, b->label, sizeof a->label) &&
	       !memcmp(a->manufacturerID, b->manufacturerID, sizeof a->manufacturerID) &&
	       !memcmp(a->model, b->model, sizeof a->model) &&
	       !memcmp(a->serialNumber, b->serialNumber, sizeof a->serialNumber);
}

static bool still_there(const struct token *token, const CK_TOKEN_INFO *info)
{
	CK_SESSION_INFO session;

	if (!same_identity(&token->info, info) ||
	    token->open != !!(info->flags & CKF_TOKEN_INITIALIZED))
		return false;
	return !token->open || module->C_GetSessionInfo(token->pool.anchor, &session) == CKR_OK;
}

static int look_at_slot(CK_SLOT_ID slot, bool deep)
{
	CK_TOKEN_INFO info;
	struct token **at = &tokens;
	CK_RV rv = module->C_GetTokenInfo(slot, &info);

	if (rv != CKR_OK) {
		log_debug("slot %lu: C_GetTokenInfo: %s", slot, p11_kit_strerror(rv));
		return 0;
	}
	while (*at && (*at)->slot != slot)
		at = &(*at)->next;
	if (*at && still_there(*at, &info)) {
		(*at)->seen = true;
		(*at)->info = info;
		/* What cannot be read now is not forgotten, and no reason to look at no other slot. */
		if (deep && (*at)->open && read_all(*at))
			log_warn("slot %lu: its objects could not be read again", slot);
		return 0;
	}
	if (*at) {
		struct token *gone = *at;

		*at = gone->next;
		token_free(gone);
	}
	while (*at)
		at = &(*at)->next;
	*at = token_new(slot, &info);
	if (!*at)
		return ERR_NO_MEMORY;
	(*at)->seen = true;
	return 0;
}

static void forget_unseen(void)
{
	for (struct token **at = &tokens; *at;) {
		struct token *token = *at;

		if (token->seen) {
			at = &token->next;
			continue;
		}
		*at = token->next;
		token_free(token);
	}
}

static int look_at_slots(bool deep)
{
	CK_SLOT_ID slots[TOKENS_MAX];
	CK_ULONG count = 0;
	CK_RV rv = module->C_GetSlotList(CK_TRUE, NULL, &count); /* some refresh only for NULL */
	int rc = 0;

	count = TOKENS_MAX;
	rv = rv == CKR_OK ? module->C_GetSlotList(CK_TRUE, slots, &count) : rv;
	if (rv != CKR_OK || count > TOKENS_MAX) {
		log_warn("C_GetSlotList: %s", p11_kit_strerror(rv));
		return rv == CKR_OK ? ERR_TOKEN : module_error(rv);
	}
	for (struct token *token = tokens; token; token = token->next)
		token->seen = false;
	for (CK_ULONG i = 0; i < count && !rc; i++)
		rc = look_at_slot(slots[i], deep);
	if (!rc)
		forget_unseen();
	return rc;
}

void objects_hold_looks(bool hold)
{
	atomic_fetch_add(&looks_held, hold ? 1 : -1);
}

int objects_look(bool deep)
{
	int rc;

	if (atomic_load(&looks_held))
		return 0;
	pthread_rwlock_wrlock(&look_lock);
	rc = look_at_slots(deep);
	pthread_rwlock_unlock(&look_lock);
	return rc;
}

int objects_check_tries(struct token *token, bool last_try)
{
	CK_TOKEN_INFO info;
	CK_RV rv = module->C_GetTokenInfo(token->slot, &info);

	if (rv != CKR_OK)
		return module_error(rv);
	if (!same_identity(&info, &token->info))
		return ERR_TOKEN_REMOVED;
	token->info = info;
	if (info.flags & CKF_USER_PIN_LOCKED)
		return ERR_PIN_LOCKED;
	return (info.flags & CKF_USER_PIN_FINAL_TRY) && !last_try ? ERR_PIN_LAST_TRY : 0;
}
