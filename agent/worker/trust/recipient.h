/* SPDX-License-Identifier: ISC
 *
 * Whom the next message is for: names and certificates that the client gave, the certificate that is
 * used for each, and why there is none where there is none.
 */
#ifndef SMIME_WORKER_RECIPIENT_H
#define SMIME_WORKER_RECIPIENT_H

#include "keys.h"

/* More make a message that few servers take, and none that envelope.c reads again. */
#define RECIPIENTS_MAX 2000

/* Why a recipient gets no message; of several certificates the one that says most, which stands last. */
enum recipient_problem {
	RECIPIENT_OK,
	RECIPIENT_NONE,
	RECIPIENT_KEY, /* a kind of key that nothing can be encrypted to */
	RECIPIENT_WRONG_USE,
	RECIPIENT_AMBIGUOUS,
	RECIPIENT_NOT_YET,
	RECIPIENT_EXPIRED,
	RECIPIENT_UNTRUSTED,
	RECIPIENT_REVOKED,
	RECIPIENT_PROBLEMS,
};

struct recipient {
	struct recipient *next;
	char *name; /* as it was given, or the address of a certificate that was handed over */
	X509 *cert; /* NULL with a problem */
	enum recipient_problem problem;
	unsigned int capabilities; /* CAPABILITY_* of what is known to be read */
};

struct recipients {
	struct recipient *first, **end;
	size_t count;
	const struct recipient *self; /* added by recipients_add_self */
};

/* Finds the certificate for a name: a mail address, the start of a fingerprint (of one's own keys from 6 digits,
 * of the store from 16), a label of one's own keys, or a pkcs11: URI of one; and keeps it with what was found. ERR_TOO_LARGE beyond the limit. What is wrong with the
 * recipient is no error; it is in *ret_recipient. ERR_STORE where nothing else than the store could know. */
MUST_USE int recipients_add(struct recipients *list, const char *name, const struct recipient **ret_recipient);
/* The same with a certificate that the client has, which is read from the descriptor, PEM or DER.
 * ERR_NOT_CERTIFICATE. */
MUST_USE int recipients_add_file(struct recipients *list, int fd, const struct recipient **ret_recipient);
/* One's own certificate for reading what was sent: the address's, or the only one, if there is one at
 * all. A certificate that is on the list is not put there twice. */
MUST_USE int recipients_add_self(struct recipients *list, const char *address);
void recipients_clear(struct recipients *list);

/* What all that have a certificate can read: CAPABILITY_* bits. */
unsigned int recipients_capabilities(const struct recipients *list);
/* How many have one. */
size_t recipients_usable(const struct recipients *list);

/* For people: what is wrong, and what to do about it. */
const char *recipient_reason(enum recipient_problem problem);
const char *recipient_advice(enum recipient_problem problem);
/* The number of gpgsm's INV_RECP line. */
unsigned int recipient_inv_recp(enum recipient_problem problem);

#endif
