/* SPDX-License-Identifier: ISC
 *
 * What the token hosts have: tokens, and the certificates (with their keys) on them. A token is
 * known by what it says of itself, not by its slot, and keeps its ref here while hosts come and go.
 * Certificates are bytes here: the broker does not parse X.509.
 */
#ifndef SMIME_BROKER_KEYRING_H
#define SMIME_BROKER_KEYRING_H

#include "loop.h"
#include "messages.h"
#include "secret.h"

struct host;
struct login;

/* No token takes more wrong PINs than this before it locks. */
#define BAD_PINS_MAX 16

struct bad_pins {
	struct secret *pins[BAD_PINS_MAX];
	unsigned int next;
};

struct token {
	struct token *next;
	uint32_t ref;
	struct host *host; /* NULL: no longer configured, a login is still going on */
	uint32_t host_ref; /* 0 while the host does not show it */
	uint32_t flags;	   /* TOKEN_* */
	char *label, *manufacturer, *model, *serial;
	char *reader; /* the slot's description */
	bool carded;  /* it was seen in a reader of pcscd's, which may be gone */
	struct key *keys;
	bool seen;
	bool absent; /* not in any slot; it stays known for when it comes back */
	bool pulled; /* and that is what its reader said */
	bool doubted; /* its reader has a card, and its module was started anew to look at it */
	unsigned int removals; /* how often it went */
	bool meeting; /* `met` is set */
	uint16_t met; /* its reader's count when its module was asked to look, of that which found it */
	/* login.c's and pincache.c's part */
	struct login *login;	/* one that is going on */
	unsigned int locks;	/* how often it was locked */
	struct secret *pin;	/* cached */
	struct bad_pins bad_pins; /* failed since the last that worked */
	unsigned int guesses;	/* wrong PINs given while it was open */
	uint64_t guess_time;	/* ms, of the last */
	bool source_failed;	/* pin-source's PIN was wrong */
	struct loop_timer expiry;
	uint64_t pin_since; /* ms, when it was entered */
	unsigned int deferred; /* how often its end was put off for an operation */
};

struct key {
	struct key *next;
	uint32_t ref;
	struct token *token;
	uint32_t host_ref;
	uint16_t flags; /* CERT_* */
	bool seen;
	unsigned int missing_since; /* the start of its host since which it was not seen, though its token was; 0 */
	struct buf id, label, der;
	uint8_t type; /* enum key_type; this and the public half: of a key without a certificate */
	struct buf parameters, public_value;
	struct bad_pins bad_pins; /* of a key with a PIN for each use */
	bool pin_unclear; /* the last of them may have been right: the login was lost as it was sent */
	bool pin_cleared; /* it was that, once since the last use */
};

/* The tokens, in the order they were first seen. */
struct token *keyring_tokens(void);
struct token *keyring_token(uint32_t ref);
/* By its label, or by a pkcs11: URI of it. */
bool keyring_is_named(const struct token *token, const char *name);
struct key *keyring_key(uint32_t ref);
/* The token a host calls host_ref; NULL. */
struct token *keyring_host_token(const struct host *host, uint32_t host_ref);

/* A report of a host: keyring_begin, the rows, then keyring_end. `partial`: tokens without a row
 * stay (a LOGIN's report). keyring_end returns whether anything but a login changed. ERR_PROTOCOL
 * for rows that do not fit together. */
void keyring_begin(struct host *host);
MUST_USE int keyring_take_token(struct host *host, const struct msg_token *row);
MUST_USE int keyring_take_cert(struct host *host, const struct msg_cert *row);
bool keyring_end(struct host *host, bool partial);

/* The host is going to look for what it does not show yet. */
void keyring_looks(const struct host *host);

/* The token is in no slot any more. Its keys stay known; its PIN is forgotten, unless the
 * configuration says to keep it. */
void keyring_absent(struct token *token);
/* Whether the same card is listed through a module that goes first: then this is to be left out. */
bool keyring_shadowed(const struct token *token);
/* Whether the host has tokens that are there; that are there and in no reader. */
bool keyring_has_present(const struct host *host);
bool keyring_has_readerless(const struct host *host);
/* Whether this process of the host may have failed to see it, or any of its tokens: a card that its reader has, keys of
 * one that is there. The next process is to look; keyring_doubt before, since a card is doubted once. */
bool keyring_is_missing(const struct token *token);
bool keyring_has_missing(const struct host *host);
void keyring_doubt(const struct host *host);

/* The host died: its tokens stay known, logged out. */
void keyring_host_down(struct host *host);
/* The host is not configured any more. */
void keyring_forget_host(struct host *host);

#endif
