/* SPDX-License-Identifier: ISC
 *
 * The private messages: their numbers, payload structs and codecs, made from messages.def and
 * payloads.def. A decoded struct borrows from the buffer that it was decoded from.
 */
#ifndef SMIME_MESSAGES_H
#define SMIME_MESSAGES_H

#include "buf.h"

enum process {
	PROCESS_BROKER = 1,
	PROCESS_WORKER = 2,
	PROCESS_TOKEN = 4,
	PROCESS_ADMIN = 8,
	PROCESS_PROMPT = 16,
	PROCESS_WATCH = 32,
	PROCESS_STORE = 64,
};

enum message_flag { MESSAGE_SECRET = 1, MESSAGE_FD = 2 };

enum message_type {
#define M(number, name, from, to, limit, flags, fields, meaning) MSG_##name = (number),
#include "messages.def"
#undef M
	MSG_LIMIT = 71, /* one more than the largest number */
};

/* What a person set for mail. */
enum mail_flag { MAIL_PROTECT_HEADERS = 1, MAIL_ENCRYPT_TO_SELF = 2, MAIL_HIDE_SUBJECT = 4 };

enum content_cipher {
	CONTENT_CIPHER_AUTO, /* the strongest that everybody reads */
	CONTENT_CIPHER_AES_128_CBC,
	CONTENT_CIPHER_AES_192_CBC,
	CONTENT_CIPHER_AES_256_CBC,
	CONTENT_CIPHER_AES_128_GCM,
	CONTENT_CIPHER_AES_192_GCM,
	CONTENT_CIPHER_AES_256_GCM,
	CONTENT_CIPHER_CBC, /* the strongest AES-CBC that everybody reads; and GCM is not what is read here */
};

enum mechanism {
	MECHANISM_RSA_PKCS1 = 1, /* signing: data is the DigestInfo */
	MECHANISM_RSA_PSS,
	MECHANISM_RSA_OAEP,
	MECHANISM_ECDSA, /* the signature is r and s, of equal length */
	MECHANISM_EDDSA, /* data is the message */
	MECHANISM_ECDH,	 /* data is the peer's public point, uncompressed */
	/* Signing: data is as long as the modulus, encoded for RSASSA-PSS (RFC 8017 section 9.1.1), for a token
	 * that does not do it. */
	MECHANISM_RSA_PSS_BLOCK,
};

enum hash { HASH_NONE, HASH_SHA1, HASH_SHA224, HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_LIMIT };

/* What a DECRYPT's RESULT holds: the key, or the RSA block with its padding still on it, from a
 * token that does raw RSA (no padding oracle of the token's) or only part of OAEP. */
enum result_form {
	FORM_KEY,
	FORM_RSA_BLOCK,
	/* With ERR_TOKEN: the token unpads itself, and what it answered may mean bad padding or a
	 * failure of its own. Neither an oracle nor output may come of it. */
	FORM_UNCLEAR,
};

/* What LIST looks at before it answers: nothing, which tokens there are, or all that is on them; and the same
 * after having waited for a module that takes very long to start, which may have what was not found. */
enum list_look { LIST_KNOWN, LIST_TOKENS, LIST_OBJECTS, LIST_PATIENT };

/* Whether cards' readers can be seen. */
enum pcsc_state {
	PCSC_ABSENT, /* pcscd does not run, or not yet */
	PCSC_RUNNING,
	PCSC_REFUSED, /* it runs, and does not let this user in */
	PCSC_LISTED,  /* it runs, and its readers were told */
};

enum reader_state {
	READER_GONE,
	READER_EMPTY,
	READER_CARD,
	READER_MUTE, /* a card that does not answer */
};

/* Which new PINs have to be typed twice. */
enum prompt_repeat { PROMPT_REPEAT_FIRST = 1, PROMPT_REPEAT_SECOND = 2 };

enum token_flag {
	TOKEN_LOGIN_REQUIRED = 1,
	TOKEN_LOGGED_IN = 2,
	TOKEN_PROTECTED_PATH = 4, /* the PIN is typed at the reader */
	TOKEN_PIN_COUNT_LOW = 8,
	TOKEN_PIN_FINAL_TRY = 16,
	TOKEN_PIN_LOCKED = 32,
	TOKEN_PIN_TO_BE_CHANGED = 64,
	TOKEN_PIN_SET = 128,
	TOKEN_WRITE_PROTECTED = 256,
	TOKEN_INITIALISED = 512,
	/* what it can do with a key */
	TOKEN_RSA_RAW = 1024,
	TOKEN_RSA_PKCS = 2048,
	TOKEN_RSA_OAEP = 4096,
	TOKEN_RSA_PSS = 8192,
	TOKEN_ECDSA = 16384,
	TOKEN_ECDH = 32768,
	TOKEN_EDDSA = 65536,
	/* the broker's word: it was there, and may come back */
	TOKEN_ABSENT = 131072,
	/* the token process's word: its objects could not be read, and what was known of them may still be true */
	TOKEN_UNREAD = 262144,
};

enum key_type { KEY_OTHER, KEY_RSA, KEY_EC, KEY_EDWARDS, KEY_MONTGOMERY };

/* How a client asks for a key's use. */
enum door {
	DOOR_MESSAGES, /* the worker makes what is signed, and opens what is decrypted */
	DOOR_KEYS,     /* PKCS#11: the client says what the key is used on */
};

enum cert_flag {
	CERT_KEY = 1,	      /* a private key with this id was seen */
	CERT_NO_KEY = 2,      /* the token was logged in to, and there is none */
	CERT_SIGN = 4,	      /* CKA_SIGN; the next two likewise. Known once CERT_KEY is */
	CERT_DECRYPT = 8,
	CERT_DERIVE = 16,
	CERT_ALWAYS_AUTH = 32, /* wants its PIN at each use */
};

enum admin_verb {
	ADMIN_INIT = 1,
	ADMIN_KEYGEN,
	ADMIN_CSR,
	ADMIN_IMPORT_CERT,
	ADMIN_CHANGE_PIN,
	ADMIN_VERB_LIMIT,
};

/* How a certificate of the store is found. */
enum store_by {
	STORE_ALL,
	STORE_FINGERPRINT,   /* its start, in hexadecimal digits of either case; or all 40 of GnuPG's, SHA-1 */
	STORE_EXPIRING,	     /* whose end is from one time to another: u64 each, seconds since 1970 */
	STORE_ADDRESS,	     /* a mail address */
	STORE_SUBJECT,	     /* the DER of the subject's Name, however it spells its strings */
	STORE_KEY_ID,	     /* the octets of subjectKeyIdentifier */
	STORE_ISSUER_SERIAL, /* the DER of IssuerAndSerialNumber (RFC 5652 section 10.2.4) */
	STORE_SHA1,	     /* the store's own: GnuPG's fingerprint, lower case */
	STORE_BY_LIMIT,
};

/* How a certificate came into the store. Of two ways the greater is kept. */
enum store_source {
	STORE_CHAIN = 1,   /* an intermediate that was in a message */
	STORE_SIGNED_MAIL, /* the signer's, of a message whose signature was good */
	STORE_IMPORTED,	   /* by the person */
	STORE_SOURCE_LIMIT,
};

/* Rows in one answer to STORE_FIND; fewer are the last. */
#define STORE_PAGE 64
/* Of one certificate: it fits in a message with its keys. */
#define STORE_CERT_MAX 32768
#define STORE_CAPABILITIES_MAX 4096
#define STORE_KEYS_MAX 24576
#define STORE_CRL_MAX (16u << 20)

#define MESSAGE_HEADER 8

typedef struct view field_view;
typedef uint8_t field_u8;
typedef uint16_t field_u16;
typedef uint32_t field_u32;
typedef uint64_t field_u64;

#define F(type, name) field_##type name;
#define P(payload, fields)                                                                    \
	struct msg_##payload {                                                                \
		fields                                                                        \
	};                                                                                    \
	/* Appends the fields. ERR_TOO_LARGE, ERR_NO_MEMORY. */                               \
	MUST_USE int encode_##payload(struct buf *buf, const struct msg_##payload *message);  \
	/* Reads the fields, which must end at the view's last byte. ERR_PROTOCOL. */         \
	MUST_USE int decode_##payload(struct view from, struct msg_##payload *ret_message);
#include "payloads.def"
#undef P
#undef F

struct message_row {
	const char *name;
	unsigned int from, to, flags;
	size_t limit;
	const char *meaning;
};

/* The row of a number, or NULL. */
const struct message_row *message_row(unsigned int type);

/* What this program speaks with the agent's other processes: a hash (FNV-1a, 64 bits) of its version and of the rows of
 * messages.def and payloads.def. Two programs with the same one understand each other. */
uint64_t message_protocol(void);

/* 0 where `from` may send this message, of this payload size, to `to`; else ERR_PROTOCOL. */
MUST_USE int message_check(unsigned int type, size_t payload, enum process from, enum process to);

#endif
