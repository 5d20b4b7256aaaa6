/* SPDX-License-Identifier: ISC
 *
 * What an agent answers to PKLIST, in the PKCS#11 module: two lists, one after the other, with a 0xff
 * between them.
 */
#include "fuzz.h"
#include "keyring.h"

#include <string.h>

/* The longest size that a key can claim: its own bytes, or a curve's. */
static size_t size_of_input;

static void check(void)
{
	for (const struct key *key = keyring_keys(); key; key = key->next)
		for (enum side side = SIDE_CERT; side <= SIDE_PRIVATE; side++) {
			CK_OBJECT_HANDLE handle = keyring_handle(key, side);
			enum side found;
			uint32_t ref;

			require((keyring_find(handle, &found) == key) == keyring_has(key, side));
			require(!keyring_has(key, side) || (found == side && key->slot->present));
			require(keyring_ref(handle, MSG_SIGN, &ref) ==
				(side == SIDE_PRIVATE && keyring_has(key, side) && (key->uses & CERT_SIGN)));
			require(keyring_key_size(key) <= size_of_input);
		}
	for (const struct slot *slot = keyring_slots(); slot; slot = slot->next)
		require(keyring_slot(slot->id) == slot && (!slot->empty || !slot->present));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *second = memchr(data, 0xff, size);
	struct view lists[] = {{data, second ? (size_t)(second - data) : size}, {second, 0}};

	if (second)
		lists[1] = (struct view){second + 1, size - lists[0].length - 1};
	size_of_input = size + 66;
	for (size_t i = 0; i < 2; i++) {
		require(keyring_take(lists[i]) <= 0);
		check();
	}
	keyring_clear();
	check();
	keyring_end();
	return 0;
}
