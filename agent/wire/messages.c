/* SPDX-License-Identifier: ISC
 *
 * The table of messages and the codecs of their payloads, made from messages.def and payloads.def.
 */
#include "messages.h"

#define WORKER PROCESS_WORKER
#define TOKEN_PROCESS PROCESS_TOKEN
#define ADMIN PROCESS_ADMIN
#define PROMPT PROCESS_PROMPT
#define WATCH PROCESS_WATCH
#define STORE PROCESS_STORE
#define BROKER PROCESS_BROKER
#define SECRET MESSAGE_SECRET
#define FD MESSAGE_FD

static const struct message_row rows[MSG_LIMIT] = {
#define M(number, name, from, to, limit, flags, fields, meaning) \
	[number] = {#name, (from), (to), (flags), (limit), meaning},
#include "messages.def"
#undef M
};

/* The tables as they stand in the source. */
static const char protocol_text[] = VERSION
#define M(number, name, from, to, limit, flags, fields, meaning) \
	"\n" #number " " #name " " #from " " #to " " #limit " " #flags " " #fields
#include "messages.def"
#undef M
#define P(payload, fields) "\n" #payload " " #fields
#include "payloads.def"
#undef P
	;

uint64_t message_protocol(void)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a's offset basis and prime for 64 bits */

	for (const char *at = protocol_text; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 0x100000001b3;
	return hash;
}

const struct message_row *message_row(unsigned int type)
{
	return type < MSG_LIMIT && rows[type].name ? &rows[type] : NULL;
}

int message_check(unsigned int type, size_t payload, enum process from, enum process to)
{
	const struct message_row *row = message_row(type);

	if (!row || !(row->from & from) || !(row->to & to) || payload > row->limit)
		return ERR_PROTOCOL;
	return 0;
}

static int add_field_u8(struct buf *buf, uint8_t value)
{
	return buf_add_u8(buf, value);
}

static int add_field_u16(struct buf *buf, uint16_t value)
{
	return buf_add_u16(buf, value);
}

static int add_field_u32(struct buf *buf, uint32_t value)
{
	return buf_add_u32(buf, value);
}

static int add_field_u64(struct buf *buf, uint64_t value)
{
	return buf_add_u64(buf, value);
}

static int add_field_view(struct buf *buf, struct view value)
{
	return buf_add_bytes(buf, value);
}

#define view_view view_bytes

#define F(type, name) rc = rc ? rc : add_field_##type(buf, message->name);
#define P(payload, fields)                                                      \
	int encode_##payload(struct buf *buf, const struct msg_##payload *message) \
	{                                                                       \
		int rc = 0;                                                     \
                                                                                \
		(void)buf;                                                      \
		(void)message;                                                  \
		fields return rc;                                               \
	}
#include "payloads.def"
#undef P
#undef F

#define F(type, name) rc = rc ? rc : view_##type(&from, &message.name);
#define P(payload, fields)                                                      \
	int decode_##payload(struct view from, struct msg_##payload *ret_message) \
	{                                                                       \
		struct msg_##payload message = {};                              \
		int rc = 0;                                                     \
                                                                                \
		fields if (rc) return rc;                                       \
		if (from.length)                                                \
			return ERR_PROTOCOL;                                    \
		*ret_message = message;                                         \
		return 0;                                                       \
	}
#include "payloads.def"
#undef P
#undef F
