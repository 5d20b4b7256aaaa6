/* SPDX-License-Identifier: ISC
 *
 * What the token processes have: tokens, and the certificates (with their keys) on them. A token is known by what it says
 * of itself, not by its slot, and keeps its ref here while token processes come and go. Certificates are bytes here: the
 * broker does not parse X.509. A token process is its number here, and what it tells is a report. Only keyring.c writes the
 * fields of a token and a key; PINs are elsewhere (pincache.h).
 */
#ifndef SMIME_BROKER_KEYRING_H
#define SMIME_BROKER_KEYRING_H

#include "report.h"

struct reader;

enum token_state {
	TOKEN_SHOWN,   /* its process shows it */
	TOKEN_UNSHOWN, /* its process ended, and the next one has not looked yet */
	TOKEN_GONE,    /* its process looked, and it is in no slot; it stays known for when it comes back */
	TOKEN_PULLED,  /* its reader said that it went */
	TOKEN_DOUBTED, /* it is gone, but its reader has a card: its process was started again to look at that */
};

/* Where it was seen. */
enum token_place {
	PLACE_SLOT,   /* in a slot that is no reader of pcscd's: an HSM, a TPM, a soft token */
	PLACE_READER, /* once in a reader, which may be gone */
};

struct token {
	struct token *next;
	uint32_t ref;
	uint32_t process; /* the number of its token process */
	uint32_t process_ref; /* what that calls it; 0 unless it is shown */
	uint32_t flags;	   /* TOKEN_*, of messages.h */
	enum token_state state;
	enum token_place place;
	char *label, *manufacturer, *model, *serial;
	char *reader; /* the slot's description */
	struct key *keys;
	uint32_t report;       /* the number of the last report that showed it */
	unsigned int removals; /* how often it went */
	int looked; /* its reader's count when its process was asked to look, of that which found it; -1: not known */
};

enum key_state {
	KEY_SHOWN,
	KEY_LEFT_OUT,	     /* the last report showed its token, and not the key: its process may have misread it */
	KEY_LEFT_OUT_BEFORE, /* that was an earlier process, and the present one has not shown it yet */
};

struct key {
	struct key *next;
	uint32_t ref;
	struct token *token;
	uint32_t process_ref; /* what its token process calls it; 0 unless it is shown */
	uint16_t flags; /* CERT_* */
	enum key_state state;
	uint32_t report; /* the number of the last report that showed it */
	struct buf id, label, der;
	uint8_t type; /* enum key_type; this and the public half: of a key without a certificate */
	struct buf parameters, public_value;
};

/* The tokens, in the order they were first seen. */
struct token *keyring_tokens(void);
struct token *keyring_token(uint32_t ref);
struct key *keyring_key(uint32_t ref);
/* By its label, or by a pkcs11: URI of it. */
bool keyring_is_named(const struct token *token, const char *name);
/* It is in no slot, as far as is known. */
bool keyring_is_absent(const struct token *token);

/* Takes what a token process tells. `partial`: tokens that it does not tell of stay as they are (a LOGIN's report).
 * *ret_changed: anything but a login changed. ERR_NO_MEMORY, after which the report may be taken in part. */
MUST_USE int keyring_take_report(uint32_t process, const struct report *report, bool partial, bool *ret_changed);

/* The process is started: what the one before left out is looked at with new eyes. */
void keyring_process_starts(uint32_t process);
/* The process is going to look for what it does not show yet. */
void keyring_process_looks(uint32_t process);
/* The process ended: its tokens stay known, logged out. */
void keyring_process_ended(uint32_t process);
/* The module is not configured any more: its tokens are freed. */
void keyring_forget_process(uint32_t process);

/* The token was pulled from its reader. Its keys stay known. */
void keyring_pull(struct token *token);
/* A card came into the reader, whatever was doubted of the one before. */
void keyring_reader_filled(const struct reader *reader);

/* The token was initialised: what it was before is no more, and is freed. */
void keyring_forget_token(struct token *token);

/* The token takes key operations, or takes them no more. */
void keyring_set_login(struct token *token, bool logged_in);

/* The reader that the token is in; NULL for one that is in none that pcscd knows. Insertions and removals in it (0 without
 * one); whether it holds a card, whichever. */
const struct reader *keyring_reader(const struct token *token);
uint16_t keyring_reader_count(const struct token *token);
bool keyring_reader_has_card(const struct token *token);

/* Whether an absent token may be there all the same, and its process failed to see it the last time: a card is in its
 * reader, of which the module shows nothing, or nobody said that it went. */
bool keyring_may_be_there(const struct token *token);
/* Whether the same card is listed through a module that goes first: then this is to be left out. */
bool keyring_shadowed(const struct token *token);
/* Whether the process has tokens that are there; that are there and in no reader. */
bool keyring_has_present(uint32_t process);
bool keyring_has_readerless(uint32_t process);
/* Whether the present process may have failed to see the token, or any of its tokens: a card that its reader has, keys of
 * one that is there. The next process is to look; keyring_doubt before, since a card is doubted once. */
bool keyring_is_missing(const struct token *token);
bool keyring_has_missing(uint32_t process);
void keyring_doubt(struct token *token);
void keyring_doubt_all(uint32_t process);

#endif
