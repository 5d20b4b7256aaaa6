/* SPDX-License-Identifier: ISC
 *
 * S/MIME capabilities (RFC 8551 section 2.5.2): what a person's mail program says that it reads, and which
 * content cipher all of several can read.
 */
#ifndef SMIME_WORKER_CAPABILITIES_H
#define SMIME_WORKER_CAPABILITIES_H

#include "buf.h"

/* Longer lists say nothing that matters here. */
#define CAPABILITIES_MAX 4096

enum capability {
	CAPABILITY_AES_128_CBC = 1,
	CAPABILITY_AES_192_CBC = 2,
	CAPABILITY_AES_256_CBC = 4,
	CAPABILITY_AES_128_GCM = 8,
	CAPABILITY_AES_192_GCM = 16,
	CAPABILITY_AES_256_GCM = 32,
	CAPABILITY_RSA_OAEP = 64,
};

#define CAPABILITIES_GCM ((unsigned int)(CAPABILITY_AES_128_GCM | CAPABILITY_AES_192_GCM | CAPABILITY_AES_256_GCM))

/* Every content cipher that this agent reads. */
#define CAPABILITIES_OWN                                                                            \
	((unsigned int)(CAPABILITY_AES_128_CBC | CAPABILITY_AES_192_CBC | CAPABILITY_AES_256_CBC) | CAPABILITIES_GCM)

/* Bits of the SMIMECapabilities in DER. Where nothing is known (it is empty or damaged) AES-CBC, which
 * every client of the last fifteen years reads; where no cipher is named that is good enough, AES-128-CBC,
 * which RFC 8551 wants of all. */
unsigned int capabilities_read(struct view der);

/* The SMIMECapabilities of this agent's signatures, DER, with or without AES-GCM; empty without memory. */
struct view capabilities_own(bool gcm);

/* The strongest cipher that all of the bits have, as OpenSSL's NID. */
int capabilities_cipher(unsigned int common);

/* The cipher of that name, as in "aes-256-gcm"; NID_undef where there is none that may be used. */
int capabilities_cipher_by_name(const char *name);

#endif
