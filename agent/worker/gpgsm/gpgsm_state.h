/* SPDX-License-Identifier: ISC
 *
 * The state of the one client of gpgsm's dialect.
 */
#ifndef SMIME_WORKER_GPGSM_STATE_H
#define SMIME_WORKER_GPGSM_STATE_H

#include "gpgsm_words.h"

extern struct gpgsm_state gpgsm_state;

#endif
