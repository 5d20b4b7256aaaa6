/* SPDX-License-Identifier: ISC
 *
 * Examples and codec attacks for every payload, made from payloads.def: each block below goes over
 * the rows once. Fields differ from each other, so that two of them swapped are seen.
 */
#include "payloads.h"

#include "fixture.h"

#include <string.h>

/* Values count on from the seed; every third view is empty. */
static uint64_t next_value(unsigned int *seed)
{
	return ++*seed * 0x9e3779b97f4a7c15u;
}

static struct view fill_view(unsigned int *seed)
{
	static const char text[] = "The quick brown fox\0jumps over the lazy dog";
	uint64_t value = next_value(seed);

	return *seed % 3 ? (struct view){(const uint8_t *)text + value % 8, 1 + (value >> 8) % 32}
			 : (struct view){NULL, 0};
}

#define fill_u8(seed) (uint8_t)(next_value(seed) >> 56)
#define fill_u16(seed) (uint16_t)(next_value(seed) >> 48)
#define fill_u32(seed) (uint32_t)(next_value(seed) >> 32)
#define fill_u64(seed) next_value(seed)

#define F(type, name) message->name = fill_##type(&seed);
#define P(payload, fields)                                                      \
	static void fill_##payload(struct msg_##payload *message, unsigned int seed) \
	{                                                                       \
		memset(message, 0, sizeof *message);                            \
		(void)seed;                                                     \
		fields                                                          \
	}
#include "payloads.def"
#undef P
#undef F

#define same_u8(a, b) assert_int_equal(a, b)
#define same_u16(a, b) assert_int_equal(a, b)
#define same_u32(a, b) assert_int_equal(a, b)
#define same_u64(a, b) assert_true((a) == (b))
#define same_view(a, b) assert_true(view_equal(a, b))

#define F(type, name) same_##type(a->name, b->name);
#define P(payload, fields)                                                                       \
	static void same_##payload(const struct msg_##payload *a, const struct msg_##payload *b) \
	{                                                                                        \
		(void)a;                                                                         \
		(void)b;                                                                         \
		fields                                                                           \
	}
#include "payloads.def"
#undef P
#undef F

#define P(payload, fields)                                                    \
	static int example_##payload(struct buf *buf, unsigned int seed)      \
	{                                                                     \
		struct msg_##payload message;                                 \
                                                                              \
		fill_##payload(&message, seed);                               \
		return encode_##payload(buf, &message);                       \
	}                                                                     \
	static void round_trip_##payload(unsigned int seed)                   \
	{                                                                     \
		CLEAN_BUF struct buf buf = BUF_INIT(BUF_MESSAGE_MAX);         \
		struct msg_##payload sent, got;                               \
                                                                              \
		fill_##payload(&sent, seed);                                  \
		assert_int_equal(encode_##payload(&buf, &sent), 0);           \
		assert_int_equal(decode_##payload(buf_view(&buf), &got), 0);  \
		same_##payload(&sent, &got);                                  \
	}                                                                     \
	static int decode_only_##payload(struct view bytes)                   \
	{                                                                     \
		struct msg_##payload got, untouched;                          \
		int rc;                                                       \
                                                                              \
		memset(&got, 0xa5, sizeof got);                               \
		memset(&untouched, 0xa5, sizeof untouched);                   \
		rc = decode_##payload(bytes, &got);                           \
		if (rc && sizeof got)                                         \
			assert_memory_equal(&got, &untouched, sizeof got);    \
		return rc;                                                    \
	}
#include "payloads.def"
#undef P

#define size_u8 1
#define size_u16 2
#define size_u32 4
#define size_u64 8
#define size_view 4

#define F(type, name) +size_##type
#define P(payload, fields) \
	{#payload, 0 fields, example_##payload, round_trip_##payload, decode_only_##payload},
const struct payload payloads[] = {
#include "payloads.def"
};
#undef P
#undef F

const size_t payload_count = sizeof payloads / sizeof payloads[0];

const struct payload *payload_find(const char *name)
{
	for (size_t i = 0; i < payload_count; i++)
		if (!strcmp(payloads[i].name, name))
			return &payloads[i];
	fail_msg("messages.def names a payload %s that payloads.def does not have", name);
	return NULL;
}
