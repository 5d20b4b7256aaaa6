/* SPDX-License-Identifier: ISC
 *
 * A mail is read as for verifying it, which finds the signatures and whose they are; what is judged of them is
 * not asked here.
 */
#include "extract.h"

#include "clean_ssl.h"
#include "import.h"
#include "raw_verify.h"

#include <string.h>

struct taking {
	extract_taker take;
	void *context;
	STACK_OF(X509) *taken; /* borrowed */
};

static int take_once(struct taking *taking, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(taking->taken); i++)
		if (!X509_cmp(sk_X509_value(taking->taken, i), cert))
			return 0;
	return sk_X509_push(taking->taken, cert) ? taking->take(taking->context, cert) : ERR_NO_MEMORY;
}

static int take_all(struct taking *taking, STACK_OF(X509) *certs)
{
	int rc = 0;

	for (int i = 0; i < sk_X509_num(certs) && !rc; i++)
		rc = take_once(taking, sk_X509_value(certs, i));
	return rc;
}

static int take_layer(struct taking *taking, const struct layer *layer, bool signers)
{
	int rc = 0;

	for (struct signature *signature = layer->signatures; signature && !rc; signature = signature->next) {
		rc = signature->cert ? take_once(taking, signature->cert) : 0;
		if (signers)
			continue;
		rc = rc ? rc : take_all(taking, signature->companions);
		rc = rc ? rc : take_all(taking, signature->chain);
	}
	return rc;
}

static int take_layers(struct taking *taking, const struct layer_list *layers, bool signers)
{
	int rc = 0;

	for (const struct layer *layer = layers->first; layer && !rc; layer = layer->next) {
		if (signers && sk_X509_num(taking->taken))
			break;
		rc = take_layer(taking, layer, signers);
	}
	return rc ? rc : sk_X509_num(taking->taken) ? 0 : ERR_NOT_SIGNED;
}

/* A mail; or, for the signers', CMS. */
static int extract_signed(struct input *input, bool mail, bool signers, struct taking *taking)
{
	static const struct verify_options options;
	struct layer_list layers;
	int rc;

	layer_list_init(&layers);
	rc = mail ? mail_verify(input, &options, &layers) : raw_verify(input, NULL, &options, &layers);
	rc = rc ? rc : take_layers(taking, &layers, signers);
	layer_list_done(&layers);
	return rc;
}

static int take_cert(void *context, X509 *cert)
{
	struct taking *taking = context;

	return taking->take(taking->context, cert);
}

static int extract_file(struct input *input, struct taking *taking)
{
	const struct import_sink sink = {.cert = take_cert, .context = taking};
	CLEAN_BUF struct buf bytes = BUF_INIT(IMPORT_MAX);
	struct import_count count = {0};
	int rc = import_read(input, &bytes);

	rc = rc ? rc : import_bytes(buf_view(&bytes), &sink, &count);
	OPENSSL_cleanse(bytes.data, bytes.length);
	return rc || count.certificates ? rc : ERR_NOT_CERTIFICATE;
}

/* DER, or PEM, which may have a text before it that is no header of a mail. */
static int is_file(struct input *input, bool *ret_file)
{
	static const char begin[] = "-----BEGIN ";
	struct view start;
	int rc = input_peek(input, sizeof begin - 1, &start);

	*ret_file = !rc && start.length && (start.data[0] == 0x30 || (start.length >= sizeof begin - 1 && !memcmp(start.data, begin, sizeof begin - 1)));
	return rc;
}

int extract_certificates(struct input *input, bool signers, extract_taker take, void *context)
{
	struct taking taking = {take, context, sk_X509_new_null()};
	bool file;
	int rc = taking.taken ? is_file(input, &file) : ERR_NO_MEMORY;

	if (!rc)
		rc = file && !signers ? extract_file(input, &taking) : extract_signed(input, !file, signers, &taking);
	sk_X509_free(taking.taken);
	return rc;
}
