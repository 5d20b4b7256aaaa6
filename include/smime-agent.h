/* SPDX-License-Identifier: ISC
 *
 * libsmime-agent: sign, verify and decrypt S/MIME with keys that smime-agent holds on smart cards, HSMs and
 * other PKCS#11 tokens.
 *
 *     smime_agent *agent;
 *     if (smime_agent_connect(&agent, SMIME_AGENT_START) == SMIME_AGENT_OK &&
 *         smime_agent_sign(agent, &options, in, out) == SMIME_AGENT_OK) ...
 *
 * Messages go through file descriptors (files, pipes, sockets), of any size. A connection serves
 * one thread at a time. Keys and PINs never reach this library or its caller.
 */
#ifndef SMIME_AGENT_H
#define SMIME_AGENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What every function returns; also the exit status of the smime command. */
enum smime_agent_status {
	SMIME_AGENT_OK = 0,
	SMIME_AGENT_NO = 1,	     /* the answer is no: not for our keys, tampered, not CMS, ... */
	SMIME_AGENT_USAGE = 2,	     /* wrong arguments, or more than one key fits */
	SMIME_AGENT_UNAVAILABLE = 3, /* agent, token or reader is not there or failed */
	SMIME_AGENT_REFUSED = 4,     /* by policy or by the person, or the PIN was wrong */
};

/* A connection to the agent. */
typedef struct smime_agent smime_agent;

/* Start the agent if none runs. One that was upgraded, and finishes what it has begun, is waited for, for up to 10 s. */
#define SMIME_AGENT_START 1u

/* Connects to the user's agent: SMIME_AGENT_SOCKET, else the socket below XDG_RUNTIME_DIR. `flags`:
 * 0 or SMIME_AGENT_START. On SMIME_AGENT_OK *agent is to be closed; on failure it is one that can
 * only be asked for its message, or NULL without memory; to be closed as well. */
int smime_agent_connect(smime_agent **agent, unsigned int flags);

/* Ends the connection. NULL is fine. */
void smime_agent_close(smime_agent *agent);

/* What the last call that failed on this connection had to say: one sentence for people; after one that did
 * not fail it is empty, or a warning. Never NULL; valid until the next call. */
const char *smime_agent_message(const smime_agent *agent);

/* The same for programs, as in "PIN_WRONG" (the names of docs/PROTOCOL.md). */
const char *smime_agent_error_name(const smime_agent *agent);

/* Called now and then during long work with the bytes read so far; NULL for none. */
typedef void (*smime_agent_progress)(void *context, uint64_t bytes);
void smime_agent_set_progress(smime_agent *agent, smime_agent_progress progress, void *context);

struct smime_agent_sign_options {
	const char *key;    /* mail address, fingerprint (start), label or pkcs11: URI; NULL: the
			       From address's, or the only one */
	const char *digest; /* "sha256", "sha384", "sha512"; NULL: what suits the key */
	int raw;	    /* in: bytes, out: CMS; else in: a mail, out: a signed mail */
	int opaque;	    /* the content goes inside the signature (RFC 8551 section 3.5.2) */
	int pem;	    /* with raw: PEM rather than DER */
	int pss;	    /* RSASSA-PSS rather than PKCS#1 v1.5 */
	int crlf;	    /* with raw: the bytes are text, and its lines are made to end with CRLF */
	int no_gcm;	    /* do not say that AES-GCM is read: the person's mail program does not */
	int reserved[6];    /* 0; for options to come */
};

/* Signs what is read from in_fd, to its end, and writes the result to out_fd. Both stay the
 * caller's. `options` may be NULL. What was written when it fails is of no use. */
int smime_agent_sign(smime_agent *agent, const struct smime_agent_sign_options *options, int in_fd,
		     int out_fd);

/* Decrypts what is read from in_fd: a mail, or CMS (DER or PEM) if `raw`. `key` is for a message
 * that names none of the keys at hand; NULL else. What was written when it fails must not be used:
 * it was not verified. */
int smime_agent_decrypt(smime_agent *agent, const char *key, int raw, int in_fd, int out_fd);

struct smime_agent_encrypt_options {
	/* Mail addresses, fingerprints (start), labels or pkcs11: URIs, NULL at the end; and descriptors of
	   certificates (PEM or DER). Without any: the addresses of the mail's To, Cc and Bcc. */
	const char *const *recipients;
	const int *certificates;
	size_t certificate_count;
	const char *cipher; /* "aes-256-gcm", "aes-128-cbc", ...; NULL: the strongest that all can read */
	const char *key;    /* with sign: as in smime_agent_sign_options, and so are the next six */
	const char *digest;
	int sign; /* sign before encrypting */
	int raw;
	int opaque;
	int pem;
	int pss;
	int oaep;	  /* RSAES-OAEP rather than PKCS#1 v1.5, also where it is not known to be read */
	int self;	  /* to oneself, too: 1 yes, -1 no, 0 as the agent is configured */
	int skip_missing; /* leave out whom there is no certificate for; the message then says whom */
	int hide_subject; /* the mail's subject is not left outside (RFC 9788); 0: as the agent is configured */
	/* For mail without named recipients: called with each address of Bcc, which then is left out; it gets a
	   message of its own by another call. NULL: they are recipients like others. */
	void (*bcc)(void *context, const char *address);
	void *bcc_context;
	int crlf;	 /* with raw: the bytes are text, and its lines are made to end with CRLF */
	int reserved[7]; /* 0; for options to come */
};

/* Encrypts what is read from in_fd, to its end, and writes the result to out_fd: SMIME_AGENT_NO, and
 * nothing is written, if there is a recipient without a certificate that can be used. A mail's Bcc field is taken
 * out. */
int smime_agent_encrypt(smime_agent *agent, const struct smime_agent_encrypt_options *options, int in_fd,
			int out_fd);

/* Takes a piece of a list; a return other than 0 drops the rest. */
typedef int (*smime_agent_data)(void *context, const void *data, size_t length);

struct smime_agent_verify_options {
	int content_fd; /* with raw: what a detached signature is about; -1: none */
	int anchors_fd; /* certificates to trust in place of the agent's (PEM, or one in DER); -1: none */
	int crls_fd;	/* revocation lists (PEM or DER), which asks for their check; -1: none */
	const char *at; /* judge by this time (RFC 3339, in UTC); NULL: now */
	int raw;	/* in: CMS (DER, PEM or base64); else a mail */
	int json;	/* the report as JSON rather than text */
	int crl_check;	/* every certificate needs a revocation list */
	int reserved[8]; /* 0; for options to come */
};
#define SMIME_AGENT_VERIFY_NONE {-1, -1, -1, NULL, 0, 0, 0, {0}}

/* Verifies what is read from in_fd. SMIME_AGENT_OK only if the whole is signed, and every signature in it
 * good; SMIME_AGENT_NO else, with smime_agent_error_name: "SIGNATURE_BUT" where the signature fits what
 * was signed but for instance nobody trusts the signer, "BAD_SIGNATURE", "CANNOT_VERIFY", "PARTLY_SIGNED",
 * "NOT_SIGNED", or why the message could not be read. The report goes to `data` in any case, unless NULL.
 *
 * What was signed, and nothing else, goes to out_fd, unless it is -1; to be used with SMIME_AGENT_OK and
 * "SIGNATURE_BUT" only. `options` may be NULL: a mail, and a report as text. */
int smime_agent_verify(smime_agent *agent, const struct smime_agent_verify_options *options, int in_fd,
		       int out_fd, smime_agent_data data, void *context);

enum smime_agent_list { SMIME_AGENT_KEYS, SMIME_AGENT_TOKENS, SMIME_AGENT_STATE, SMIME_AGENT_DIAGNOSIS };

/* The keys, the tokens or the agent's state, as text for people, or as JSON (RFC 8259). The diagnosis is
 * lines in either case: level (ok, note, problem), area, sentence, advice, with tabs between. */
int smime_agent_list(smime_agent *agent, enum smime_agent_list what, int json, smime_agent_data data,
		     void *context);

/* Logs in to the token that `name` fits (a label, a pkcs11: URI, or a key on it; NULL: the only
 * one). The agent reads the PIN, one line, from pin_fd; -1: it asks the person. */
int smime_agent_unlock(smime_agent *agent, const char *name, int pin_fd);

/* Logs out of every token and forgets every PIN. */
int smime_agent_lock(smime_agent *agent);

/* Reads the configuration again. */
int smime_agent_reload(smime_agent *agent);

/* Ends the agent; returns when its process is gone. The connection is of no more use. May also be called after
 * smime_agent_connect failed: an agent that cannot be talked to is ended by SIGTERM, and one that does not run is no
 * failure. */
int smime_agent_stop(smime_agent *agent);

/* Administers a token. `verb`: "INIT", "KEYGEN", "CSR", "IMPORT-CERT", "CHANGE-PIN"; `arguments`:
 * name and value in turn, then NULL (docs/PROTOCOL.md, TOKEN); in_fd: the certificate of
 * IMPORT-CERT, or -1; pin_fd as for unlock, a line for each PIN. */
int smime_agent_token(smime_agent *agent, const char *verb, const char *const *arguments, int in_fd,
		      int pin_fd, smime_agent_data data, void *context);

/* The certificate store: other people's certificates, by which mail is encrypted to them. They come from
 * signed mail, or are imported. */
enum smime_agent_certs {
	SMIME_AGENT_CERTS_LIST = 0,
	SMIME_AGENT_CERTS_SHOW = 1,	/* with all that is known of each, and whether it is trusted */
	SMIME_AGENT_CERTS_EXPIRING = 2, /* that end soon, one's own too; lines of "own" or "other", days,
					   fingerprint and address, with tabs between */
	SMIME_AGENT_CERTS_ADDRESSES = 3, /* lines of "sign" or "encrypt" and an address that there is a key or a
					    certificate for, with a tab between; without a name */
};

/* Lists the certificates that `name` fits: an address, the start of a fingerprint (6 digits or more), a
 * part of the subject; NULL: all. As text for people, or as JSON. */
int smime_agent_certs_list(smime_agent *agent, enum smime_agent_certs what, const char *name, int json,
			   smime_agent_data data, void *context);

/* Imports certificates and revocation lists from in_fd: PEM, DER, PKCS#7, PKCS#12 or vCard. Private keys in
 * it are left out. The password of a PKCS#12 file is read by the agent from pin_fd, one line; -1: it asks
 * the person. What comes: lines of "certificate" and its fingerprint; then "certificates", "crls", "keys"
 * (private ones, left out), "damaged" and "elsewhere" (vCard keys that are links) and how many, with tabs
 * between. */
int smime_agent_certs_import(smime_agent *agent, int in_fd, int pin_fd, smime_agent_data data, void *context);

enum smime_agent_format { SMIME_AGENT_PEM = 0, SMIME_AGENT_DER = 1, SMIME_AGENT_P7 = 2 };

/* Writes the certificates that `name` fits (an address, the start of a fingerprint; NULL: all, in PEM) to
 * out_fd. DER is for one alone. */
int smime_agent_certs_export(smime_agent *agent, const char *name, enum smime_agent_format format, int out_fd);

/* Writes the certificates of the message (a signed mail, CMS, or a file of certificates) in in_fd to out_fd, in
 * PEM: all of them, or the signers' alone if `signers`; or the addresses in them, a line each, if `addresses`. */
int smime_agent_certs_extract(smime_agent *agent, int signers, int addresses, int in_fd, int out_fd);

/* Removes the certificate that `name` fits; all that it fits if `all`. */
int smime_agent_certs_remove(smime_agent *agent, const char *name, int all);

#ifdef __cplusplus
}
#endif

#endif
