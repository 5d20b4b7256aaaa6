/* SPDX-License-Identifier: ISC
 *
 * Encrypted mails. What is signed and encrypted in one go is signed as it is written, into the encryptor.
 */
#include "mail_encrypt.h"

#include "cleanup.h"

#include <string.h>

/* What encrypts, and the stream into it. */
struct encryption {
	struct cms_encryptor encryptor;
	struct output inner;
	struct entity entity;
	uint8_t chunk[CMS_ENCRYPT_CHUNK];
};

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

static int encryption_begin(struct encryption *work, struct output *output, const struct encrypt_options *options)
{
	output_init_sink(&work->inner, cms_encryptor_write, &work->encryptor);
	return cms_encryptor_begin(&work->encryptor, output, options->cipher, options->recipients,
				   options->recipient_count);
}

static int encryption_finish(struct encryption *work)
{
	int rc = output_flush(&work->inner);

	return rc ? rc : cms_encryptor_finish(&work->encryptor);
}

static int write_fields(struct output *output, bool authenticated)
{
	int rc = output_text(output, "MIME-Version: 1.0\r\n"
				     "Content-Type: application/pkcs7-mime; smime-type=");

	rc = rc ? rc : output_text(output, authenticated ? "authEnveloped-data" : "enveloped-data");
	return rc ? rc
		  : output_text(output, ";\r\n name=\"smime.p7m\"\r\n"
					"Content-Transfer-Encoding: base64\r\n"
					"Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n");
}

/* RFC 2045 section 6.2: where every byte counts, a line end is no line end. */
static bool is_binary(struct view header)
{
	struct mime_field field;
	char encoding[16];

	if (!mime_find_field(header, "Content-Transfer-Encoding", &field))
		return false;
	mime_token(field.value, encoding, sizeof encoding);
	return !strcmp(encoding, "binary");
}

static int write_entity(struct encryption *work, const struct encrypt_options *options)
{
	size_t got = 1;
	int rc = 0;

	if (options->signer)
		return mail_sign_entity(&work->entity, &work->inner, options->signer, &options->sign);
	while (!rc && got) {
		rc = entity_read(&work->entity, work->chunk, sizeof work->chunk, &got);
		rc = rc ? rc : output_write(&work->inner, work->chunk, got);
	}
	return rc;
}

int mail_encrypt(struct input *input, struct view header, struct output *output,
		 const struct encrypt_options *options)
{
	CLEAN_FREE struct encryption *work = calloc(1, sizeof *work);
	int rc = work ? entity_init(&work->entity, input, header, options->protection) : ERR_NO_MEMORY;

	if (!work)
		return rc;
	work->entity.as_is = is_binary(header);
	rc = rc ? rc : encryption_begin(work, output, options);
	rc = rc ? rc : protect_write_outer(header, options->protection, false, write_out, output);
	rc = rc ? rc : write_fields(output, work->encryptor.authenticated);
	output_begin_base64(output, "\r\n");
	rc = rc ? rc : write_entity(work, options);
	rc = rc ? rc : encryption_finish(work);
	rc = rc ? rc : output_end_base64(output);
	cms_encryptor_done(&work->encryptor);
	entity_done(&work->entity);
	return rc ? rc : output_flush(output);
}

static int write_bytes(struct encryption *work, struct input *input)
{
	size_t got = 1;
	int rc = 0;

	while (!rc && got) {
		rc = input_read(input, work->chunk, sizeof work->chunk, &got);
		rc = rc ? rc : cms_encryptor_write(&work->encryptor, work->chunk, got);
	}
	return rc;
}

int raw_encrypt(struct input *input, struct output *output, const struct encrypt_options *options)
{
	CLEAN_FREE struct encryption *work = calloc(1, sizeof *work);
	int rc = work ? encryption_begin(work, output, options) : ERR_NO_MEMORY;

	if (!work)
		return rc;
	if (!rc)
		rc = options->signer ? cms_sign(input, &work->inner, options->signer, &options->sign)
				     : write_bytes(work, input);
	rc = rc ? rc : encryption_finish(work);
	cms_encryptor_done(&work->encryptor);
	return rc;
}
