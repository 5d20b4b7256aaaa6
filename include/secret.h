/* SPDX-License-Identifier: ISC
 *
 * PINs and what contains them: memory that is locked against swapping, left out of core files,
 * absent after fork, and wiped when it is freed.
 */
#ifndef SMIME_SECRET_H
#define SMIME_SECRET_H

#include "buf.h"

/* Longer PINs exist on no token that is known; PKCS#11 sets no limit. */
#define SECRET_MAX 255

struct secret {
	size_t length;
	uint8_t data[SECRET_MAX + 1]; /* NUL behind the last byte */
};

/* A copy of bytes (at most SECRET_MAX) in protected memory; NULL if longer or without memory. */
struct secret *secret_new(struct view bytes);

/* Wipes and frees; NULL is fine. */
void secret_free(struct secret *secret);

bool secret_equal(const struct secret *a, const struct secret *b);

/* Protected memory for other holders of secrets. secret_alloc gives zeroed bytes or NULL. */
void *secret_alloc(size_t size);
void secret_release(void *memory, size_t size);

/* Overwrites in a way that the compiler keeps. */
void secret_wipe(void *memory, size_t size);

static inline void clean_secret(struct secret **secret)
{
	secret_free(*secret);
}
#define CLEAN_SECRET CLEANUP(clean_secret)

/* For the start of main(): no core file, no ptrace by others of the same user, nothing inherited
 * on standard descriptors that are closed. ERR_INTERNAL if the kernel refuses: then end. */
MUST_USE int secret_harden_process(void);

#endif
