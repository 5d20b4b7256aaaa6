/* SPDX-License-Identifier: ISC
 *
 * The course of a verification. What the signatures are worth is signature.c's to say.
 */
#include "cms_verify.h"

#include <openssl/err.h>

struct cms_verification {
	struct signed_data data;
	struct digests own;
	const struct digests *digests; /* own, or those of the content that came first */
	bool ended;
	int failed;
};

static int add_digests(struct cms_verification *work)
{
	int rc = 0;

	digests_init(&work->own, work->data.detached);
	for (unsigned int i = 0; i < work->data.digest_count && !rc; i++)
		rc = digests_add(&work->own, work->data.digests[i]);
	return rc;
}

int cms_verify_begin(struct input *input, const struct digests *digests,
		     struct cms_verification **ret_verification)
{
	struct cms_verification *work = calloc(1, sizeof *work);
	int rc;

	if (!work)
		return ERR_NO_MEMORY;
	rc = signed_begin(&work->data, input);
	rc = rc ? rc : add_digests(work);
	work->digests = digests ? digests : &work->own;
	work->ended = work->data.detached;
	if (rc)
		cms_verify_free(work);
	else
		*ret_verification = work;
	return rc;
}

bool cms_verify_is_detached(const struct cms_verification *verification)
{
	return verification->data.detached;
}

bool cms_verify_is_data(const struct cms_verification *verification)
{
	return verification->data.is_data;
}

bool cms_verify_forms_differ(const struct cms_verification *verification)
{
	return verification->digests->differ;
}

int cms_verify_update(struct cms_verification *verification, const void *data, size_t length)
{
	return digests_update(&verification->own, data, length);
}

int cms_verify_read(void *verification, void *into, size_t size, size_t *ret_length)
{
	struct cms_verification *work = verification;

	*ret_length = 0;
	if (work->ended || work->failed)
		return work->failed;
	work->failed = signed_read(&work->data, into, size, ret_length);
	if (!work->failed)
		work->failed = digests_update(&work->own, into, *ret_length);
	work->ended = !*ret_length;
	return work->failed;
}

static int check_all(struct signature_context *context, struct signature **ret_signatures)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(context->cms);
	struct signature *first = NULL, **at = &first;
	int rc = 0;

	for (int i = 0; i < sk_CMS_SignerInfo_num(infos) && !rc; i++) {
		rc = signature_check(context, sk_CMS_SignerInfo_value(infos, i), at);
		at = rc ? at : &(*at)->next;
	}
	if (rc)
		signature_free(first);
	else
		*ret_signatures = first;
	return rc;
}

int cms_verify_end(struct cms_verification *work, bool no_content, int64_t at,
		   struct signature **ret_signatures)
{
	struct signature_context context = {.digests = work->digests, .no_content = no_content, .at = at};
	int rc = work->failed ? work->failed : signed_read_end(&work->data);

	if (rc)
		return rc;
	context.cms = work->data.cms;
	context.certs = CMS_get1_certs(context.cms);
	context.lists = CMS_get1_crls(context.cms);
	rc = check_all(&context, ret_signatures);
	sk_X509_pop_free(context.certs, X509_free);
	sk_X509_CRL_pop_free(context.lists, X509_CRL_free);
	ERR_clear_error();
	return rc;
}

void cms_verify_free(struct cms_verification *verification)
{
	if (!verification)
		return;
	signed_done(&verification->data);
	digests_done(&verification->own);
	free(verification);
}
