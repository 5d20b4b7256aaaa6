/* SPDX-License-Identifier: ISC
 *
 * What the agent has, in this program's memory: slots, tokens, certificates and keys. Slot ids and
 * object handles stay what they are while tokens and the agent come and go. Used with the module's lock
 * held.
 */
#ifndef SMIME_PKCS11_KEYRING_H
#define SMIME_PKCS11_KEYRING_H

#include "messages.h"
#include "module.h"

/* A token that the agent has or had, or an empty place for one that comes later: some programs ask for
 * the slots once, at their start. */
struct slot {
	struct slot *next;
	CK_SLOT_ID id;
	bool empty;   /* never had a token yet */
	bool present; /* the token */
	bool was;     /* it, before the list that is being read */
	bool event;   /* it came or went since C_WaitForSlotEvent was last asked */
	bool logged_in; /* this program said C_Login */
	uint32_t ref, flags; /* the agent's, and TOKEN_* */
	char *label, *manufacturer, *model, *serial;
};

/* One row of the agent's: a certificate, or a key without one. */
struct key {
	struct key *next;
	struct slot *slot;
	CK_ULONG number;
	bool present;
	bool private_key; /* stands for the private and public key: one of several certificates for one key */
	uint32_t ref;
	uint16_t flags; /* CERT_* */
	uint16_t uses;	/* of all certificates for the key together */
	enum key_type type;
	struct buf id, label, der, subject, issuer, serial, parameters, public_value;
};

/* An object is one side of a key: its handle has the key's number and this. */
enum side { SIDE_CERT = 1, SIDE_PUBLIC, SIDE_PRIVATE };

/* Puts the answer to PKLIST in place of what was known. ERR_PROTOCOL, ERR_NO_MEMORY. */
MUST_USE int keyring_take(struct view list);
/* The agent is not there: no token is. */
void keyring_clear(void);

struct slot *keyring_slots(void);
struct slot *keyring_slot(CK_SLOT_ID id);
struct key *keyring_keys(void);

bool keyring_has(const struct key *key, enum side side);
CK_OBJECT_HANDLE keyring_handle(const struct key *key, enum side side);
/* The key of a handle, if its token is there and it has that side; else NULL. */
struct key *keyring_find(CK_OBJECT_HANDLE handle, enum side *ret_side);
/* What the agent calls the private key with this handle now, by a certificate that is for MSG_SIGN and so on;
 * false if there is none. */
bool keyring_ref(CK_OBJECT_HANDLE handle, enum message_type type, uint32_t *ret_ref);

/* RSA: bytes of the modulus; others: bytes of a coordinate. */
CK_ULONG keyring_key_size(const struct key *key);

void keyring_end(void);
/* In a forked process: forgets without touching, since another thread may have been changing it. */
void keyring_abandon(void);

#endif
