/* SPDX-License-Identifier: ISC
 *
 * From the state of the agent, the tokens and the certificates to sentences for a person. It decides
 * nothing; names are a token's or a certificate's word, and are cleaned before they are printed.
 */
#include "diagnosis.h"

#include "ask.h"
#include "expiry.h"
#include "keys.h"
#include "printable.h"

#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_MAX 1024

enum level { OK, NOTE, PROBLEM };

struct diagnosis {
	struct buf *into;
	int rc;
	unsigned int readers, modules, signers;
	bool pcscd;
};

/* The sentence may have foreign names in it; the advice is ours. */
static void add(struct diagnosis *work, enum level level, const char *area, const char *advice,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add(struct diagnosis *work, enum level level, const char *area, const char *advice,
		const char *format, ...)
{
	static const char *const levels[] = {"ok", "note", "problem"};
	char text[2 * NOTE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!work->rc)
		work->rc = buf_add_format(work->into, "%s\t%s\t", levels[level], area);
	if (!work->rc)
		work->rc = printable_plain(work->into, view_string(text));
	if (!work->rc)
		work->rc = buf_add_format(work->into, "\t%s\n", advice ? advice : "");
}

/* The word at the front of a note; *rest goes on behind it. */
static const char *take_word(char **rest)
{
	char *word = *rest, *blank = strchr(word, ' ');

	*rest = blank ? blank + 1 : word + strlen(word);
	if (blank)
		*blank = 0;
	return word;
}

static void diagnose_pcscd(struct diagnosis *work, char *value)
{
	const char *state = take_word(&value);

	work->pcscd = !strcmp(state, "running");
	if (work->pcscd)
		add(work, OK, "pcscd", NULL, "pcscd runs");
	else if (!strcmp(state, "refused"))
		add(work, PROBLEM, "pcscd", "polkit has to allow this user org.debian.pcsc-lite.access_pcsc and access_card",
		    "pcscd runs, and does not let you in: %s", value);
	else
		add(work, keys_tokens() ? NOTE : PROBLEM, "pcscd",
		    "for smart cards: install pcscd, and see `systemctl status pcscd.socket`",
		    "pcscd does not answer: %s", value);
}

static bool in_reader(const struct token *token, const char *reader)
{
	return *token->reader && !strncmp(token->reader, reader, strlen(token->reader));
}

static void diagnose_reader(struct diagnosis *work, char *value)
{
	const char *state = take_word(&value), *atr = take_word(&value);
	bool claimed = false;

	work->readers++;
	if (!strcmp(state, "mute")) {
		add(work, PROBLEM, "reader", "put the card in the other way round, or clean its contacts",
		    "%s: the card does not answer", value);
		return;
	}
	if (strcmp(state, "card")) {
		add(work, NOTE, "reader", NULL, "%s: no card is in it", value);
		return;
	}
	for (const struct token *token = keys_tokens(); token; token = token->next)
		if (in_reader(token, value)) {
			claimed = true;
			add(work, OK, "reader", NULL, "%s: card %s, which %s knows as %s", value, atr, token->module,
			    token->label);
		}
	if (!claimed)
		add(work, PROBLEM, "reader",
		    "install the PKCS#11 module of the card's vendor, or opensc-pkcs11, and name it with a `module` "
		    "line in agent.conf if p11-kit does not",
		    "%s: card %s, which no module knows", value, atr);
}

static void diagnose_module(struct diagnosis *work, char *value)
{
	const char *state = take_word(&value);
	char *last = strrchr(value, ' ');
	unsigned int count = 0;

	work->modules++;
	if (last)
		*last = 0; /* the process */
	for (const struct token *token = keys_tokens(); token; token = token->next)
		count += !strcmp(token->module, value);
	if (!strcmp(state, "ready"))
		add(work, OK, "module", NULL, "%s is loaded, and shows %u token%s", value, count, count == 1 ? "" : "s");
	else if (strcmp(state, "failed"))
		add(work, PROBLEM, "module", "see the agent's log; if it stays so, the module hangs or crashes",
		    "%s is not ready: %s", value, state);
}

static int take_note(void *context, const struct msg_note *note)
{
	struct diagnosis *work = context;
	char value[NOTE_MAX];

	snprintf(value, sizeof value, "%.*s", (int)note->value.length, (const char *)note->value.data);
	if (view_equal(note->name, view_string("pcscd")))
		diagnose_pcscd(work, value);
	else if (view_equal(note->name, view_string("reader")))
		diagnose_reader(work, value);
	else if (view_equal(note->name, view_string("module")))
		diagnose_module(work, value);
	else if (view_equal(note->name, view_string("module_problem")))
		add(work, PROBLEM, "module", "correct or remove its `module` line, or install what it needs", "%s", value);
	else if (view_equal(note->name, view_string("pinentry")))
		add(work, OK, "pinentry", NULL, "%s asks for PINs", value);
	else if (view_equal(note->name, view_string("pinentry_problem")))
		add(work, PROBLEM, "pinentry", "install a pinentry, or name one with `pinentry-program` in agent.conf", "%s", value);
	else if (view_equal(note->name, view_string("certificates_problem")))
		add(work, PROBLEM, "store", "signing and decrypting go on; see `certificate-store` in smime-agent.conf(5)",
		    "the certificate store cannot be used: %s", value);
	return work->rc;
}

static void diagnose_pin(struct diagnosis *work, const struct token *token)
{
	const char *name = token->label;

	if (!(token->flags & TOKEN_INITIALISED))
		add(work, NOTE, "token", "make it a token with `smime token init`", "%s has one that is not initialised", token->module);
	else if (token->flags & TOKEN_PIN_LOCKED)
		add(work, PROBLEM, "token", "unblock it with the PUK or the SO PIN", "%s: its PIN is locked", name);
	else if (token->flags & TOKEN_PIN_FINAL_TRY)
		add(work, PROBLEM, "token", "be sure of the PIN, and enter it with `smime unlock`",
		    "%s: one try is left before its PIN locks", name);
	else if (token->flags & TOKEN_PIN_COUNT_LOW)
		add(work, NOTE, "token", NULL, "%s: a wrong PIN was entered of late", name);
	else if (token->flags & TOKEN_PIN_TO_BE_CHANGED)
		add(work, PROBLEM, "token", "set a new one with `smime token change-pin`", "%s: its PIN has to be changed", name);
	else if ((token->flags & TOKEN_LOGIN_REQUIRED) && !(token->flags & TOKEN_PIN_SET))
		add(work, PROBLEM, "token", "see `smime token init`", "%s has no user PIN yet", name);
	else
		add(work, OK, "token", NULL, "%s (%s) is there", name, token->serial);
}

static void diagnose_token(struct diagnosis *work, const struct token *token)
{
	unsigned int certs = 0, bare = 0;

	for (const struct key *key = keys_first(); key; key = key->next)
		certs += key->token == token;
	for (const struct key *key = keys_bare(); key; key = key->next)
		bare += key->token == token;
	diagnose_pin(work, token);
	if (bare)
		add(work, NOTE, "key", "write its certificate with `smime token import-cert`",
		    "%s has %u key%s without a certificate, which mail cannot use", token->label, bare, bare == 1 ? "" : "s");
	if (!certs && !bare && (token->flags & TOKEN_INITIALISED))
		add(work, NOTE, "token", NULL, "%s shows no certificate and no key", token->label);
}

/* The issuer that is not at hand, where the chain ends; NULL if it is complete. */
static const X509_NAME *missing_issuer(struct key *key)
{
	STACK_OF(X509) *chain = keys_chain(key);
	X509 *top = chain && sk_X509_num(chain) ? sk_X509_value(chain, sk_X509_num(chain) - 1) : key->cert;

	return X509_self_signed(top, 0) == 1 || keys_issuer(top) ? NULL : X509_get_issuer_name(top);
}

/* Once for all that it issued. */
static void diagnose_chain(struct diagnosis *work, struct key *key)
{
	const X509_NAME *missing = missing_issuer(key);
	char issuer[300];

	for (struct key *before = keys_first(); before != key && missing; before = before->next) {
		const X509_NAME *other = missing_issuer(before);

		if (other && !X509_NAME_cmp(other, missing))
			missing = NULL;
	}
	if (!missing)
		return;
	X509_NAME_oneline(missing, issuer, sizeof issuer);
	add(work, NOTE, "key", "unless that is the root, add its certificate to the `certificates` file of agent.conf",
	    "the certificate of an issuer is not at hand: %s", issuer);
}

static void diagnose_key(struct diagnosis *work, struct key *key)
{
	static const char *const uses[] = {"", "signs", "decrypts", "signs and decrypts"};
	CLEAN_BUF struct buf addresses = BUF_INIT(4096);
	char name[200], after[TIME_TEXT_SIZE];

	if (X509_check_ca(key->cert))
		return; /* there for the chain */
	snprintf(name, sizeof name, "%.16s (%.*s) on %.64s", key->fingerprint, (int)(key->label.length < 64 ? key->label.length : 64),
		 (const char *)key->label.data, key->token->label);
	cert_time(X509_get0_notAfter(key->cert), TIME_RFC3339, after);
	if (cert_addresses(key->cert, &addresses) || buf_terminate(&addresses))
		return;
	buf_join_lines(&addresses, ' ');
	if (key->flags & CERT_NO_KEY)
		add(work, NOTE, "key", NULL, "%s is a certificate without its private key", name);
	else if (!key->uses)
		add(work, PROBLEM, "key", "ask the CA for a certificate for mail (emailProtection)",
		    "%s: its certificate is not for signing or decrypting mail", name);
	else if (!cert_has_begun(key->cert))
		add(work, PROBLEM, "key", "look at the computer's clock", "%s: its certificate is not valid yet", name);
	else if (cert_has_ended(key->cert))
		add(work, NOTE, "key", "renew it; keep the key for old mail", "%s: its certificate ended on %.10s", name, after);
	else if (!addresses.length)
		add(work, PROBLEM, "key", "ask the CA for one with your address: recipients compare it with the sender's",
		    "%s: its certificate has no mail address", name);
	else if (expiry_is_soon(key->cert, NULL))
		add(work, NOTE, "key", "renew it", "%s: its certificate ends on %.10s", name, after);
	else
		add(work, OK, "key", NULL, "%s %s for %s until %.10s", name, uses[key->uses & 3], (char *)addresses.data, after);
	diagnose_chain(work, key);
	work->signers += (key->uses & CERT_USE_SIGN) && !(key->flags & CERT_NO_KEY) && !cert_check_dates(key->cert);
}

static int diagnose_correspondent(void *context, bool own, const X509 *cert, int days)
{
	struct diagnosis *work = context;
	CLEAN_BUF struct buf addresses = BUF_INIT(4096);

	if (own)
		return 0;
	if (cert_addresses((X509 *)(uintptr_t)cert, &addresses) || buf_terminate(&addresses))
		return 0;
	add(work, NOTE, "store", "ask for a signed mail with the new one",
	    "the certificate of %.*s ends in %d day%s", (int)strcspn((char *)addresses.data, "\n"),
	    (char *)addresses.data, days, days == 1 ? "" : "s");
	return 0;
}

static void diagnose_whole(struct diagnosis *work)
{
	if (!work->modules)
		add(work, PROBLEM, "module", "install opensc-pkcs11 or the module of the card's vendor",
		    "no PKCS#11 module is configured");
	if (work->pcscd && !work->readers)
		add(work, keys_tokens() ? NOTE : PROBLEM, "reader", "for a smart card: plug the reader in",
		    "no reader is connected");
	if (!keys_tokens())
		add(work, PROBLEM, "token", "insert a card; or make a token with `smime token init`", "no token is there");
	else if (!work->signers)
		add(work, PROBLEM, "key", "see above", "no key can sign mail today");
}

int diagnose(struct buf *into)
{
	struct diagnosis work = {.into = into};

	work.rc = keys_refresh(LIST_OBJECTS);
	if (!work.rc)
		work.rc = ask_status(take_note, &work);
	if (work.rc)
		return work.rc;
	for (const struct token *token = keys_tokens(); token; token = token->next)
		diagnose_token(&work, token);
	for (struct key *key = keys_first(); key; key = key->next)
		diagnose_key(&work, key);
	/* A store that fails was told of above. */
	if (expiry_each(diagnose_correspondent, &work) == ERR_NO_MEMORY)
		return ERR_NO_MEMORY;
	diagnose_whole(&work);
	return work.rc;
}
