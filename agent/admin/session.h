/* SPDX-License-Identifier: ISC
 *
 * PKCS#11 called directly, for what libp11 0.4.12 cannot do: it makes RSA keys only, one Ed25519 key keeps it from
 * listing any, and some tokens refuse certificates as it writes them. The library is the one that libp11 loaded, and its login counts here too.
 */
#ifndef SMIME_ADMIN_SESSION_H
#define SMIME_ADMIN_SESSION_H

#include "module.h"

#include <p11-kit/p11-kit.h>

/* PKCS#11 3.0; p11-kit 0.24's header has some of them only. */
#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif
#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif

struct session {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE handle;
};

/* One that may write, on the module's token. session_close in any case. */
MUST_USE int session_open(struct module *module, struct session *ret_session);
void session_close(struct session *session);
#define CLEAN_SESSION CLEANUP(session_close)

/* What `rv` of that call means; logged if it is a failure. */
int session_error(const char *call, CK_RV rv);

/* Appends the attribute's value; nothing for an object that has none. */
MUST_USE int session_read(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
			  struct buf *into);
/* CK_UNAVAILABLE_INFORMATION where the object has none. */
CK_ULONG session_read_number(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
bool session_read_bool(const struct session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

/* The objects of the class, with this id unless it is empty; at most `most`. */
MUST_USE int session_find(const struct session *session, CK_OBJECT_CLASS class, struct view id,
			  CK_OBJECT_HANDLE *found, CK_ULONG most, CK_ULONG *ret_count);

#endif
