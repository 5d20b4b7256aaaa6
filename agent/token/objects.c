/* SPDX-License-Identifier: ISC
 *
 * The tokens of the module: which there are, and what is known of them.
 */
#include "objects.h"

#include "contents.h"
#include "log.h"
#include "module.h"

#include <stdatomic.h>
#include <string.h>

/* A module may say anything; more slots than this are not asked for. */
#define SLOTS_MAX 4096
/* Slots may get tokens while they are listed: so many more fit, and if that is too few, they are listed again. */
#define SLOTS_MARGIN 8
#define LIST_ATTEMPTS_MAX 3

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

static void token_free(struct token *token)
{
	contents_free(token->keys);
	if (token->open)
		session_pool_done(&token->pool);
	pthread_rwlock_destroy(&token->login_lock);
	pthread_mutex_destroy(&token->derive_lock);
	free(token);
}

/* A session may be stuck in a search that did not end: a second try is made with another one. */
static void read_objects(struct token *token)
{
	int rc = contents_read(token);

	if (rc && !session_pool_renew(&token->pool))
		rc = contents_read(token);
	token->unread = rc;
	if (rc)
		log_warn("slot %lu: its objects could not be read: %s", token->slot, error_text(rc));
}

static struct token *token_new(CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
	struct token *token = calloc(1, sizeof *token);

	if (!token)
		return NULL;
	token->ref = next_ref++;
	token->slot = slot;
	token->info = *info;
	if (module->C_GetSlotInfo(slot, &token->slot_info) != CKR_OK)
		memset(&token->slot_info, ' ', sizeof token->slot_info);
	pthread_rwlock_init(&token->login_lock, NULL);
	pthread_mutex_init(&token->derive_lock, NULL);
	if (!(info->flags & CKF_TOKEN_INITIALIZED))
		return token;
	token->unread = true;
	if (session_pool_init(&token->pool, slot, info->ulMaxSessionCount))
		return token;
	token->open = true;
	read_objects(token);
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
	if (!same_identity(&token->info, info) ||
	    token->open != !!(info->flags & CKF_TOKEN_INITIALIZED))
		return false;
	return !token->open || session_is_ours(&token->pool, token->pool.anchor);
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
		if ((*at)->open && (deep || (*at)->unread))
			read_objects(*at);
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

/* The slots that have a token; the caller frees. More may come while they are counted. */
static int list_slots(CK_SLOT_ID **ret_slots, CK_ULONG *ret_count)
{
	CLEAN_FREE CK_SLOT_ID *slots = NULL;
	CK_ULONG count = 0;
	CK_RV rv = CKR_BUFFER_TOO_SMALL;

	for (int i = 0; i < LIST_ATTEMPTS_MAX && rv == CKR_BUFFER_TOO_SMALL; i++) {
		rv = module->C_GetSlotList(CK_TRUE, NULL, &count); /* some refresh only for NULL */
		free(slots);
		count = rv == CKR_OK && count < SLOTS_MAX ? count + SLOTS_MARGIN : SLOTS_MAX;
		slots = calloc(count, sizeof *slots);
		if (!slots)
			return ERR_NO_MEMORY;
		rv = rv == CKR_OK ? module->C_GetSlotList(CK_TRUE, slots, &count) : rv;
	}
	if (rv != CKR_OK) {
		log_warn("C_GetSlotList: %s", p11_kit_strerror(rv));
		return module_error(rv);
	}
	*ret_slots = TAKE(slots);
	*ret_count = count;
	return 0;
}

static int look_at_slots(bool deep)
{
	CLEAN_FREE CK_SLOT_ID *slots = NULL;
	CK_ULONG count = 0;
	int rc = list_slots(&slots, &count);

	if (rc)
		return rc;
	for (struct token *token = tokens; token; token = token->next)
		token->seen = false;
	if (count > TOKENS_MAX)
		log_warn("the module has %lu slots with a token; the first %d are used", count, TOKENS_MAX);
	for (CK_ULONG i = 0; i < count && i < TOKENS_MAX && !rc; i++)
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
