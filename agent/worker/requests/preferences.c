/* SPDX-License-Identifier: ISC
 *
 * Holds the preferences.
 */
#include "preferences.h"

#include <openssl/objects.h>

static struct preferences current = {.protect_headers = true, .encrypt_to_self = true};

void preferences_set(const struct msg_hello *hello)
{
	static const int ciphers[] = {
		[CONTENT_CIPHER_AUTO] = NID_undef,
		[CONTENT_CIPHER_AES_128_CBC] = NID_aes_128_cbc,
		[CONTENT_CIPHER_AES_192_CBC] = NID_aes_192_cbc,
		[CONTENT_CIPHER_AES_256_CBC] = NID_aes_256_cbc,
		[CONTENT_CIPHER_AES_128_GCM] = NID_aes_128_gcm,
		[CONTENT_CIPHER_AES_192_GCM] = NID_aes_192_gcm,
		[CONTENT_CIPHER_AES_256_GCM] = NID_aes_256_gcm,
		[CONTENT_CIPHER_CBC] = NID_undef,
	};

	current.protect_headers = hello->mail & MAIL_PROTECT_HEADERS;
	current.encrypt_to_self = hello->mail & MAIL_ENCRYPT_TO_SELF;
	current.hide_subject = hello->mail & MAIL_HIDE_SUBJECT;
	current.no_gcm = hello->cipher == CONTENT_CIPHER_CBC;
	current.cipher = hello->cipher < sizeof ciphers / sizeof ciphers[0] ? ciphers[hello->cipher] : NID_undef;
}

const struct preferences *preferences_get(void)
{
	return &current;
}
