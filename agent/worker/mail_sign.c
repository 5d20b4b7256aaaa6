/* SPDX-License-Identifier: ISC
 *
 * Signed mails. The signed entity is what goes out, byte for byte, with CRLF line ends
 * (RFC 8551 section 3.1.1).
 */
#include "mail_sign.h"

#include "crlf.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 32768
#define BOUNDARY_SIZE 48
#define SIGNED_DATA_MAX (1024 * 1024)

static int write_out(void *context, const void *data, size_t length)
{
	return output_write(context, data, length);
}

static bool is_entity_field(const struct mime_field *field)
{
	return mime_name_begins(field, "Content-");
}

/* Writes the header's fields: those of the entity, or the others, without MIME-Version. */
static int write_fields(struct view header, bool entity, mime_sink sink, void *context)
{
	struct mime_field field;
	int rc = 0;

	while (!rc && mime_next_field(&header, &field)) {
		uint8_t last = 0;

		if (is_entity_field(&field) != entity || mime_name_is(&field, "MIME-Version"))
			continue;
		rc = mime_canonical(field.whole, &last, sink, context);
		if (!rc && last != '\n')
			rc = sink(context, "\r\n", 2);
	}
	return rc;
}

/* The entity that is signed, as a stream: its fields, an empty line, the body. */
struct entity {
	struct buf head;
	size_t at; /* what of it was read */
	struct crlf body;
};

static int collect(void *context, const void *data, size_t length)
{
	return buf_add(context, data, length);
}

static int entity_init(struct entity *entity, struct input *input, struct view header)
{
	int rc;

	entity->head = BUF_INIT(2 * MIME_HEADER_MAX);
	entity->at = 0;
	crlf_init(&entity->body, input);
	rc = write_fields(header, true, collect, &entity->head);
	return rc ? rc : buf_add(&entity->head, "\r\n", 2);
}

static void entity_done(struct entity *entity)
{
	buf_done(&entity->head);
	crlf_done(&entity->body);
}

static int entity_read(void *context, void *into, size_t size, size_t *ret_length)
{
	struct entity *entity = context;
	size_t length = entity->head.length - entity->at;

	if (!length)
		return crlf_read(&entity->body, into, size, ret_length);
	length = length < size ? length : size;
	memcpy(into, entity->head.data + entity->at, length);
	entity->at += length;
	*ret_length = length;
	return 0;
}

/* RFC 8551 section 3.5.3.2. */
static const char *micalg(const EVP_MD *md)
{
	return EVP_MD_is_a(md, "SHA2-512") ? "sha-512" : EVP_MD_is_a(md, "SHA2-384") ? "sha-384" : "sha-256";
}

static int make_boundary(char boundary[BOUNDARY_SIZE])
{
	unsigned char random[16];

	if (RAND_bytes(random, sizeof random) != 1)
		return ERR_INTERNAL;
	strcpy(boundary, "smime-");
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(boundary + 6 + 2 * i, 3, "%02x", random[i]);
	return 0;
}

static int write_multipart_head(struct output *output, const char *boundary, const EVP_MD *md)
{
	char text[512];

	snprintf(text, sizeof text,
		 "MIME-Version: 1.0\r\n"
		 "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
		 " micalg=%s; boundary=\"%s\"\r\n\r\n"
		 "This is an S/MIME signed message.\r\n\r\n--%s\r\n",
		 micalg(md), boundary, boundary);
	return output_text(output, text);
}

static int write_signature(struct output *output, const char *boundary, const struct buf *der)
{
	char text[512];
	int rc;

	snprintf(text, sizeof text,
		 "\r\n--%s\r\n"
		 "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
		 "Content-Transfer-Encoding: base64\r\n"
		 "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
		 boundary);
	rc = output_text(output, text);
	output_begin_base64(output, "\r\n");
	rc = rc ? rc : output_write(output, der->data, der->length);
	rc = rc ? rc : output_end_base64(output);
	snprintf(text, sizeof text, "\r\n--%s--\r\n", boundary);
	return rc ? rc : output_text(output, text);
}

static int sign_multipart(struct entity *entity, struct output *output, struct key *key,
			  const struct sign_options *options)
{
	CLEAN_SIGNER struct cms_signer signer = {NULL, NULL};
	CLEAN_BUF struct buf der = BUF_INIT(SIGNED_DATA_MAX);
	char boundary[BOUNDARY_SIZE];
	uint8_t chunk[CHUNK];
	const EVP_MD *md;
	size_t got = 1;
	int rc = cms_sign_digest(key, options, &md);

	rc = rc ? rc : make_boundary(boundary);
	rc = rc ? rc : cms_signer_begin(&signer, key, options);
	rc = rc ? rc : write_multipart_head(output, boundary, md);
	while (!rc && got) {
		rc = entity_read(entity, chunk, sizeof chunk, &got);
		rc = rc ? rc : cms_signer_update(&signer, chunk, got);
		rc = rc ? rc : output_write(output, chunk, got);
	}
	rc = rc ? rc : cms_signer_finish(&signer, &der);
	return rc ? rc : write_signature(output, boundary, &der);
}

static int sign_opaque(struct entity *entity, struct output *output, struct key *key,
		       const struct sign_options *options)
{
	int rc = output_text(output, "MIME-Version: 1.0\r\n"
				     "Content-Type: application/pkcs7-mime; smime-type=signed-data;\r\n"
				     " name=\"smime.p7m\"\r\n"
				     "Content-Transfer-Encoding: base64\r\n"
				     "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n");

	output_begin_base64(output, "\r\n");
	rc = rc ? rc : cms_sign_opaque(entity_read, entity, output, key, options);
	return rc ? rc : output_end_base64(output);
}

int mail_sign(struct input *input, struct view header, struct output *output, struct key *key,
	      const struct sign_options *options)
{
	struct entity entity;
	int rc = entity_init(&entity, input, header);

	rc = rc ? rc : write_fields(header, false, write_out, output);
	if (!rc)
		rc = options->detached ? sign_multipart(&entity, output, key, options)
				       : sign_opaque(&entity, output, key, options);
	entity_done(&entity);
	return rc ? rc : output_flush(output);
}
