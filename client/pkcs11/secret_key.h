/* SPDX-License-Identifier: ISC
 *
 * Session objects: the secrets that key agreement and unwrapping gave this program, or that it made
 * itself. Used with the module's lock held.
 */
#ifndef SMIME_PKCS11_SECRET_KEY_H
#define SMIME_PKCS11_SECRET_KEY_H

#include "buf.h"
#include "module.h"
#include "secret.h"

struct secret_key {
	struct secret_key *next;
	CK_OBJECT_HANDLE handle;
	CK_SESSION_HANDLE session; /* it ends with this one */
	CK_KEY_TYPE type;
	bool sensitive, extractable;
	struct secret *value;
	struct buf label, id;
};

/* What a template asks of the key to be made. */
struct secret_template {
	bool has_class, has_type;
	CK_KEY_TYPE type;
	CK_ULONG length; /* 0: not said */
	bool sensitive, extractable;
	struct view label, id, value; /* value: of C_CreateObject */
};

/* CKR_TEMPLATE_INCONSISTENT for another class or a token object's, CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV secret_template_read(const CK_ATTRIBUTE *attributes, CK_ULONG count, struct secret_template *ret_template);

CK_RV secret_key_new(CK_SESSION_HANDLE session, const struct secret_template *template, struct view value,
		     CK_OBJECT_HANDLE *ret_handle);
struct secret_key *secret_key_find(CK_OBJECT_HANDLE handle);
struct secret_key *secret_keys_first(void);
void secret_key_free(struct secret_key *key);

void secret_keys_end_session(CK_SESSION_HANDLE session);
void secret_keys_end(void);
/* In a forked process: forgets without touching; the values did not come along. */
void secret_keys_abandon(void);

#endif
