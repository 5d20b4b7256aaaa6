/* SPDX-License-Identifier: ISC
 *
 * Payloads of private messages. What decodes encodes to the same bytes.
 */
#include "fuzz.h"
#include "messages.h"

#define P(payload, fields)                                                                 \
	static void try_##payload(struct view view)                                        \
	{                                                                                  \
		CLEAN_BUF struct buf again = BUF_INIT(SIZE_MAX / 2);                       \
		struct msg_##payload message;                                              \
                                                                                           \
		if (!decode_##payload(view, &message))                                     \
			require(!encode_##payload(&again, &message) &&                     \
				view_equal(buf_view(&again), view));                       \
	}
#include "payloads.def"
#undef P

static void (*const tries[])(struct view) = {
#define P(payload, fields) try_##payload,
#include "payloads.def"
#undef P
};

/* The first byte says which payload, or which row. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] < sizeof tries / sizeof tries[0])
		tries[data[0]]((struct view){data + 1, size - 1});
	if (!message_check(data[0], size - 1, PROCESS_WORKER, PROCESS_BROKER))
		require(message_row(data[0]) && message_row(data[0])->limit >= size - 1);
	return 0;
}
