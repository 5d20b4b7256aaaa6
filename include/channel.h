/* SPDX-License-Identifier: ISC
 *
 * A channel carries private messages over a SOCK_SEQPACKET socket pair: one packet, one message,
 * at most one descriptor. What comes in is checked against messages.def before anyone sees it.
 */
#ifndef SMIME_CHANNEL_H
#define SMIME_CHANNEL_H

#include "messages.h"

/* The descriptor on which a child process finds its channel to the broker. */
#define CHANNEL_CHILD_FD 3

struct message {
	enum message_type type;
	uint32_t id;
	struct view payload; /* borrowed until this thread's next receive */
	int fd;		     /* -1, or owned by whoever received it */
};

struct channel;

/* A channel over fd, which it owns. `self` and `peer` are checked as sender and receiver of every
 * message. NULL without memory; fd is closed then. */
struct channel *channel_new(int fd, enum process self, enum process peer);
void channel_free(struct channel *channel);
static inline void clean_channel(struct channel **channel)
{
	channel_free(*channel);
}
#define CLEAN_CHANNEL CLEANUP(clean_channel)

int channel_fd(const struct channel *channel);

/* send_NAME: sends that message of messages.def, whose fields are those of its row. It waits if the socket is full; on a
 * channel that does not wait (the broker's), what does not fit is queued, up to 32 MiB. `fd` may be -1; it stays the
 * caller's. What was encoded is wiped. ERR_CLOSED; ERR_TOO_LARGE, ERR_PROTOCOL for what the table forbids; ERR_NO_MEMORY;
 * ERR_BUSY for a peer that lets its queue fill. */
#define M(number, name, from, to, limit, flags, fields, meaning) \
	MUST_USE int send_##name(struct channel *channel, uint32_t id, const struct msg_##fields *message, int fd);
#include "messages.def"
#undef M

/* Sends a payload as it is. Errors as send_NAME. */
MUST_USE int channel_forward(struct channel *channel, enum message_type type, uint32_t id,
			     struct view payload, int fd);

/* The next message. With `wait` false, or on a channel that does not wait, ERR_TIMEOUT says that
 * there is none yet. ERR_CLOSED at the end, ERR_PROTOCOL for what the table forbids; the channel
 * is of no more use after these. A descriptor that the row does not allow is closed. */
MUST_USE int channel_receive(struct channel *channel, bool wait, struct message *ret_message);

/* For the broker: never wait; queue instead. */
MUST_USE int channel_set_nonblocking(struct channel *channel);
/* Whether something is queued, and the attempt to send it. ERR_CLOSED. */
bool channel_pending(const struct channel *channel);
MUST_USE int channel_flush(struct channel *channel);

/* Log lines go over this channel from now on, from any thread. It must outlive that. */
void channel_log_open(struct channel *channel, int level);

/* For the start of every child's main(): hardens the process, has it end with the broker, takes HELLO,
 * answers READY, and sends log lines to the broker from then on. HELLO's descriptor (or -1) is the
 * caller's; ret_fd may be NULL. The channel is for the life of the process; NULL: end. Ends the process where the broker
 * is of another version (message_protocol). */
struct channel *channel_to_broker(enum process self, struct msg_hello *ret_hello, int *ret_fd);

#endif
