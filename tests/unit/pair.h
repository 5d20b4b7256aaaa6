/* SPDX-License-Identifier: ISC
 *
 * A channel and what is at its other end, and packets sent by hand.
 */
#ifndef SMIME_UNIT_PAIR_H
#define SMIME_UNIT_PAIR_H

#include "channel.h"

#define FDS_MAX 100

/* One end is a channel, the other a bare socket or a channel too. */
struct pair {
	struct channel *here, *there;
	int raw;
};

struct pair raw_pair(enum process self, enum process peer);
struct pair channel_pair(enum process self, enum process peer);
void pair_done(struct pair *pair);
#define CLEAN_PAIR CLEANUP(pair_done)

void send_raw(int fd, const void *data, size_t length, const int *fds, size_t count);
/* A packet of that type with `length` zero bytes behind the header, and `count` descriptors. */
void send_type(int fd, unsigned int type, size_t length, size_t count);

#endif
