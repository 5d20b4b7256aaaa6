/* SPDX-License-Identifier: ISC
 *
 * Making a key on the token: born there, never to leave it.
 */
#ifndef SMIME_ADMIN_KEYGEN_H
#define SMIME_ADMIN_KEYGEN_H

#include "module.h"

/* type: "rsa:2048", "rsa:3072", "rsa:4096", "ec:P-256", "ec:P-384", "ec:P-521",
 * "ed25519", "x25519"; "" is rsa:3072.
 * The caller has logged in. ERR_USAGE for another type; ERR_MECHANISM where the token cannot. */
MUST_USE int keygen(struct module *module, const char *type, struct view label);

#endif
