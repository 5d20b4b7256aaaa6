/* SPDX-License-Identifier: ISC
 *
 * Merges the agent's list into what is known already, by what tokens and keys are and not by what the
 * agent calls them.
 */
#include "keyring.h"

#include "cleanup.h"

#include <stdlib.h>
#include <string.h>

/* Places for tokens that come after a program asked for the slots. */
#define EMPTY_SLOTS 2
#define EMPTY_SLOT_FIRST 1
/* Slot ids of tokens are above the empty ones. */
#define SLOT_ID_MIN 0x10000
#define SLOT_ID_MASK 0x7fffffff
#define SIDE_BITS 2
/* Of tokens and keys, those that went counted in. More is left out. */
#define SLOTS_MAX 1000
#define KEYS_MAX 20000
#define FIELD_MAX 40000

static struct slot *slots;
static struct key *keys, **keys_end = &keys;
static CK_ULONG key_count;
/* Keys by number, for handles. */
static struct key **index_of_keys;

struct slot *keyring_slots(void)
{
	return slots;
}

struct slot *keyring_slot(CK_SLOT_ID id)
{
	for (struct slot *slot = slots; slot; slot = slot->next)
		if (slot->id == id)
			return slot;
	return NULL;
}

struct key *keyring_keys(void)
{
	return keys;
}

static struct slot *add_slot(CK_SLOT_ID id)
{
	struct slot *slot, **at = &slots;
	unsigned int count = 0;

	for (; *at; at = &(*at)->next)
		count++;
	slot = count < SLOTS_MAX ? calloc(1, sizeof *slot) : NULL;
	if (!slot)
		return NULL;
	slot->id = id;
	slot->empty = true;
	*at = slot;
	return slot;
}

/* FNV-1a over what the token is: the same in every program and after every start. */
static CK_SLOT_ID slot_id(const struct msg_token *row)
{
	const struct view *fields[] = {&row->manufacturer, &row->model, &row->serial, &row->label};
	uint32_t hash = 2166136261u;

	for (size_t f = 0; f < 4; f++) {
		for (size_t i = 0; i < fields[f]->length; i++)
			hash = (hash ^ fields[f]->data[i]) * 16777619u;
		hash *= 16777619u;
	}
	hash = (hash & SLOT_ID_MASK) | SLOT_ID_MIN;
	while (keyring_slot(hash))
		hash = ((hash + 1) & SLOT_ID_MASK) | SLOT_ID_MIN;
	return hash;
}

static bool is_token(const struct slot *slot, const struct msg_token *row)
{
	return !slot->empty && view_equal(view_string(slot->label), row->label) &&
	       view_equal(view_string(slot->manufacturer), row->manufacturer) &&
	       view_equal(view_string(slot->model), row->model) &&
	       view_equal(view_string(slot->serial), row->serial);
}

/* A new token's slot: at first one of its own; later, a program may know the slots already. */
static struct slot *place_for(const struct msg_token *row, bool first)
{
	for (struct slot *slot = slots; slot && !first; slot = slot->next)
		if (slot->empty)
			return slot;
	return add_slot(slot_id(row));
}

static void clear_slot(struct slot *slot)
{
	free(TAKE(slot->label));
	free(TAKE(slot->manufacturer));
	free(TAKE(slot->model));
	free(TAKE(slot->serial));
}

static int fill_slot(struct slot *slot, const struct msg_token *row)
{
	slot->label = view_dup(row->label);
	slot->manufacturer = view_dup(row->manufacturer);
	slot->model = view_dup(row->model);
	slot->serial = view_dup(row->serial);
	if (!slot->label || !slot->manufacturer || !slot->model || !slot->serial) {
		clear_slot(slot);
		return ERR_NO_MEMORY;
	}
	slot->empty = false;
	return 0;
}

/* No name has one; what is compared is up to it. */
static bool has_nul(struct view text)
{
	return text.length && memchr(text.data, 0, text.length);
}

static int take_token(struct view payload, bool first)
{
	struct slot *slot = slots;
	struct msg_token row;
	int rc = decode_token(payload, &row);

	if (rc || !(row.flags & TOKEN_INITIALISED) || has_nul(row.label) || has_nul(row.manufacturer) ||
	    has_nul(row.model) || has_nul(row.serial))
		return rc;
	while (slot && (slot->present || !is_token(slot, &row)))
		slot = slot->next;
	if (!slot) {
		slot = place_for(&row, first);
		if (!slot)
			return 0;
		rc = fill_slot(slot, &row);
	}
	if (rc)
		return rc;
	slot->present = true;
	slot->ref = row.ref;
	slot->flags = row.flags;
	return 0;
}

static int copy(struct buf *to, struct view from)
{
	buf_done(to);
	*to = BUF_INIT(FIELD_MAX);
	return buf_add(to, from.data, from.length);
}

static void key_free(struct key *key)
{
	struct buf *fields[] = {&key->id,     &key->label,  &key->der,	      &key->subject,
				&key->issuer, &key->serial, &key->parameters, &key->public_value};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		buf_done(fields[i]);
	free(key);
}

static int fill_key(struct key *key, const struct msg_pk_key *row)
{
	int rc = copy(&key->id, row->id);

	rc = rc ? rc : copy(&key->der, row->der);
	rc = rc ? rc : copy(&key->subject, row->subject);
	rc = rc ? rc : copy(&key->issuer, row->issuer);
	rc = rc ? rc : copy(&key->serial, row->serial);
	rc = rc ? rc : copy(&key->parameters, row->parameters);
	return rc ? rc : copy(&key->public_value, row->public_value);
}

static struct key *add_key(struct slot *slot, const struct msg_pk_key *row)
{
	struct key **more, *key = key_count < KEYS_MAX ? calloc(1, sizeof *key) : NULL;

	if (!key || fill_key(key, row)) {
		if (key)
			key_free(key);
		return NULL;
	}
	more = realloc(index_of_keys, (key_count + 1) * sizeof *more);
	if (!more) {
		key_free(key);
		return NULL;
	}
	index_of_keys = more;
	index_of_keys[key_count] = key;
	key->number = key_count++;
	key->slot = slot;
	key->type = row->type <= KEY_MONTGOMERY ? (enum key_type)row->type : KEY_OTHER;
	*keys_end = key;
	keys_end = &key->next;
	return key;
}

static bool is_key(const struct key *key, const struct slot *slot, const struct msg_pk_key *row)
{
	return key->slot == slot && !key->present && view_equal(buf_view(&key->id), row->id) &&
	       view_equal(buf_view(&key->der), row->der) &&
	       view_equal(buf_view(&key->parameters), row->parameters) &&
	       view_equal(buf_view(&key->public_value), row->public_value);
}

static int take_key(struct view payload)
{
	struct slot *slot = slots;
	struct key *key = keys;
	struct msg_pk_key row;
	int rc = decode_pk_key(payload, &row);

	if (rc)
		return rc;
	while (slot && !(slot->present && slot->ref == row.token))
		slot = slot->next;
	if (!slot)
		return 0; /* of a token that is not initialised */
	while (key && !is_key(key, slot, &row))
		key = key->next;
	key = key ? key : add_key(slot, &row);
	/* One that there is no room for is left out; the others are there. */
	if (!key || copy(&key->label, row.label))
		return 0;
	key->present = true;
	key->ref = row.ref;
	key->flags = row.flags;
	return 0;
}

static bool is_usable(const struct key *key)
{
	return key->present && !(key->flags & CERT_NO_KEY) && key->type != KEY_OTHER;
}

static bool same_private(const struct key *a, const struct key *b)
{
	return is_usable(a) && is_usable(b) && a->slot == b->slot && view_equal(buf_view(&a->id), buf_view(&b->id)) &&
	       view_equal(buf_view(&a->parameters), buf_view(&b->parameters)) &&
	       view_equal(buf_view(&a->public_value), buf_view(&b->public_value));
}

/* Several certificates may be for one key, which is to be there once, for all that they allow. */
static void choose_private(void)
{
	for (struct key *key = keys; key; key = key->next) {
		struct key *other = keys;

		key->uses = key->flags;
		while (other != key && !(other->private_key && same_private(other, key)))
			other = other->next;
		key->private_key = is_usable(key) && other == key;
		if (other != key)
			other->uses |= key->flags;
	}
}

static int take_record(struct view *list, bool first)
{
	struct view payload;
	uint8_t kind;
	int rc = view_u8(list, &kind);

	rc = rc ? rc : view_bytes(list, &payload);
	if (rc)
		return rc;
	if (kind == 'T')
		return take_token(payload, first);
	return kind == 'K' ? take_key(payload) : ERR_PROTOCOL;
}

/* All tokens are away until the list says otherwise. */
static void begin(void)
{
	for (struct key *key = keys; key; key = key->next)
		key->present = key->private_key = false;
	for (struct slot *slot = slots; slot; slot = slot->next) {
		slot->was = slot->present;
		slot->present = false;
	}
}

/* What is there from the first is no event. */
static void end(bool first)
{
	choose_private();
	for (struct slot *slot = slots; slot; slot = slot->next) {
		slot->event = slot->event || (!first && slot->present != slot->was);
		slot->logged_in = slot->logged_in && slot->present;
	}
}

static int add_empty_slots(void)
{
	for (CK_SLOT_ID id = EMPTY_SLOT_FIRST; id < EMPTY_SLOT_FIRST + EMPTY_SLOTS; id++)
		if (!add_slot(id))
			return ERR_NO_MEMORY;
	return 0;
}

int keyring_take(struct view list)
{
	bool first = !slots;
	int rc = 0;

	begin();
	while (list.length && !rc)
		rc = take_record(&list, first);
	if (first && add_empty_slots())
		rc = ERR_NO_MEMORY;
	end(first);
	return rc;
}

void keyring_clear(void)
{
	/* A program that asks for the slots but once is to find some. */
	if (!slots && add_empty_slots())
		return;
	begin();
	end(false);
}

bool keyring_has(const struct key *key, enum side side)
{
	if (!key->present)
		return false;
	return side == SIDE_CERT ? key->der.length > 0 : key->private_key;
}

CK_OBJECT_HANDLE keyring_handle(const struct key *key, enum side side)
{
	return key->number << SIDE_BITS | side;
}

struct key *keyring_find(CK_OBJECT_HANDLE handle, enum side *ret_side)
{
	CK_ULONG number = handle >> SIDE_BITS;
	enum side side = handle & ((1u << SIDE_BITS) - 1);

	if (!side || number >= key_count || !keyring_has(index_of_keys[number], side))
		return NULL;
	*ret_side = side;
	return index_of_keys[number];
}

bool keyring_ref(CK_OBJECT_HANDLE handle, enum message_type type, uint32_t *ret_ref)
{
	uint16_t use = type == MSG_SIGN ? CERT_SIGN : type == MSG_DECRYPT ? CERT_DECRYPT : CERT_DERIVE;
	enum side side;
	const struct key *key = keyring_find(handle, &side), *row = keys;

	if (!key || side != SIDE_PRIVATE)
		return false;
	while (row && !((row->flags & use) && same_private(row, key)))
		row = row->next;
	if (row)
		*ret_ref = row->ref;
	return row;
}

/* The point, without the OCTET STRING around it. */
static CK_ULONG point_length(const struct buf *point)
{
	CK_ULONG length = point->length;

	if (length > 3 && point->data[0] == 4 && point->data[1] == length - 2)
		return length - 2;
	if (length > 4 && point->data[0] == 4 && point->data[1] == 0x81 && point->data[2] == length - 3)
		return length - 3;
	return length;
}

/* Of curves by their OID, for a private key whose point the token does not tell (RFC 5480, RFC 5639). */
static CK_ULONG curve_size(const struct buf *oid)
{
	static const struct {
		const char *oid;
		size_t length, size;
	} curves[] = {
		{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, 32}, {"\x06\x05\x2b\x81\x04\x00\x22", 7, 48},
		{"\x06\x05\x2b\x81\x04\x00\x23", 7, 66},		{"\x06\x05\x2b\x81\x04\x00\x0a", 7, 32},
		{"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07", 11, 32},
		{"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", 11, 48},
		{"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0d", 11, 64},
	};

	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
		if (oid->length == curves[i].length && !memcmp(oid->data, curves[i].oid, oid->length))
			return curves[i].size;
	return 0;
}

/* 04 and two coordinates (SEC 1 section 2.3.3); RFC 7748 and RFC 8032 have one. */
static CK_ULONG coordinate(const struct key *key)
{
	CK_ULONG length = point_length(&key->public_value);

	if (key->type != KEY_EC)
		return length ? length : 32;
	return length ? length / 2 : curve_size(&key->parameters) ? curve_size(&key->parameters) : 66;
}

CK_ULONG keyring_key_size(const struct key *key)
{
	size_t zeros = 0;

	if (key->type != KEY_RSA)
		return coordinate(key);
	while (zeros < key->parameters.length && !key->parameters.data[zeros])
		zeros++;
	return key->parameters.length - zeros;
}

void keyring_end(void)
{
	while (keys) {
		struct key *next = keys->next;

		key_free(keys);
		keys = next;
	}
	while (slots) {
		struct slot *next = slots->next;

		clear_slot(slots);
		free(slots);
		slots = next;
	}
	free(index_of_keys);
	keyring_abandon();
}

void keyring_abandon(void)
{
	keys = NULL;
	keys_end = &keys;
	slots = NULL;
	index_of_keys = NULL;
	key_count = 0;
}
