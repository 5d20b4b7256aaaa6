/* SPDX-License-Identifier: ISC
 *
 * What a message was found to be made of, layer by layer: what each covers, and what its signatures are
 * worth. Filled in by verify.c and mail_verify.c, read by verify_report.c.
 */
#ifndef SMIME_WORKER_LAYER_H
#define SMIME_WORKER_LAYER_H

#include "signature.h"

/* "2.1.3": the place of a part in its multiparts. */
#define LAYER_PATH_SIZE 128

enum layer_kind { LAYER_SIGNED, LAYER_ENCRYPTED, LAYER_FORWARDED };

/* What a person should know of a layer beside its verdict: bits. */
enum layer_note {
	LAYER_UNSIGNED_TEXT = 1,   /* text around the parts of multipart/signed, or behind a CMS message */
	LAYER_EXTRA_PARTS = 2,	   /* more parts than the content and its signature */
	LAYER_AMONG_PARTS = 4,	   /* encrypted, and beside it parts that are not */
	LAYER_AMONG_HTML = 8,	   /* one of them HTML, which could pull the decrypted text out */
	LAYER_UNAUTHENTICATED = 16, /* encrypted with a cipher that does not notice alterations */
	LAYER_SENDER_DIFFERS = 32, /* the Sender field is somebody else */
	LAYER_NO_ADDRESS = 256,	   /* the signer's certificate has no mail address (RFC 8550 section 3) */
	LAYER_HEADER_PROTECTED = 64, /* the header was protected (RFC 9788) */
	LAYER_HEADER_DIFFERS = 128,  /* and is not what stands outside */
	LAYER_ELSEWHERE = 512,	     /* a part of it is a reference to what is kept elsewhere */
};

struct layer {
	struct layer *next;
	struct layer *inside; /* the layer around it, or NULL */
	unsigned int number;	    /* from 1 */
	enum layer_kind kind;
	bool detached;		/* signed: beside its content */
	bool whole;		/* covers the whole message, not a part of it or one forwarded in it */
	char path[LAYER_PATH_SIZE]; /* "" or where among the parts */
	unsigned int notes;
	unsigned int reasons;	/* of the layer itself, where no signature could be read */
	struct signature *signatures;
	int cipher;		/* encrypted: NID */
	int error;		/* it could not be read: why */
	struct buf differing;	/* names of header fields, a line each */
};

struct layer_list {
	struct layer *first, **end;
	unsigned int count;
	int error; /* why the message was not looked at to its end, or 0 */
};

/* Hundreds of nested layers are an attack. */
#define LAYER_DEPTH_MAX 16
#define LAYER_COUNT_MAX 100
#define LAYER_PARTS_MAX 1000

void layer_list_init(struct layer_list *list);
void layer_list_done(struct layer_list *list);

/* Adds one. ERR_TOO_LARGE over LAYER_COUNT_MAX, ERR_NO_MEMORY. It stays the list's. */
MUST_USE int layer_add(struct layer_list *list, enum layer_kind kind, struct layer **ret_layer);

/* EFAIL: the parts of a multipart inside `around` were looked at, which added the layers from `from` on. What stands
 * beside an encrypted one can pull its text out, in a program that shows them as one. */
void layer_note_neighbours(struct layer *from, const struct layer *around, bool html);

/* Reasons of a layer and of all its signatures. */
unsigned int layer_reasons(const struct layer *layer);

/* 0 where the whole message is signed and every signature in it good; else the error of the worst:
 * ERR_BAD_SIGNATURE, an error of a layer, ERR_CANNOT_VERIFY, ERR_SIGNATURE_BUT, ERR_PARTLY_SIGNED,
 * ERR_NOT_SIGNED. */
int layer_list_verdict(const struct layer_list *list);

#endif
