/* SPDX-License-Identifier: ISC
 *
 * Keeping what signed mail brings: the certificates of who signed it, so that one can write to them.
 */
#ifndef SMIME_WORKER_COLLECT_H
#define SMIME_WORKER_COLLECT_H

#include "layer.h"

/* Puts the certificates of every good signature into the store, with what their owners' programs can read;
 * what goes wrong is logged, and no more. */
void collect_signers(const struct layer_list *layers);

#endif
