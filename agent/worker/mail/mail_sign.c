/* SPDX-License-Identifier: ISC
 *
 * Signed mails. The signed entity is what goes out, byte for byte, with CRLF line ends
 * (RFC 8551 section 3.1.1).
 */
#include "mail_sign.h"

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

int mail_sign_entity(struct entity *entity, struct output *output, struct key *key,
		     const struct sign_options *options)
{
	return options->detached ? sign_multipart(entity, output, key, options)
				 : sign_opaque(entity, output, key, options);
}

int mail_sign(struct input *input, struct view header, enum protection protection, struct output *output,
	      struct key *key, const struct sign_options *options)
{
	struct entity entity;
	int rc = entity_init(&entity, input, header, protection);

	rc = rc ? rc : protect_write_outer(header, PROTECT_NONE, true, write_out, output);
	rc = rc ? rc : mail_sign_entity(&entity, output, key, options);
	entity_done(&entity);
	return rc ? rc : output_flush(output);
}
