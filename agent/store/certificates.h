/* SPDX-License-Identifier: ISC
 *
 * Certificates in the database. What a certificate is, is not known here: bytes, and keys by which they
 * are found.
 */
#ifndef SMIME_STORE_CERTIFICATES_H
#define SMIME_STORE_CERTIFICATES_H

#include "channel.h"

/* Sends a page of rows to the channel, as answers to `id`. */
MUST_USE int certificates_find(const struct msg_store_find *find, struct channel *channel, uint32_t id);
MUST_USE int certificates_add(const struct msg_stored *row);
MUST_USE int certificates_remove(const struct msg_store_remove *which);

#endif
