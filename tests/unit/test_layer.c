/* SPDX-License-Identifier: ISC
 *
 * What many layers come to: the worst counts, and a part is never the whole.
 */
#include "layer.h"

#include "fixture.h"

#include <string.h>

static struct layer_list list;

/* No layer here has a signature. */
void signature_free(struct signature *signatures)
{
	assert_null(signatures);
}

static struct layer *add(enum layer_kind kind, bool whole)
{
	struct layer *layer;

	assert_int_equal(layer_add(&list, kind, &layer), 0);
	layer->whole = whole;
	return layer;
}

static void the_worst_counts(void **state)
{
	struct layer *first, *second;

	(void)state;
	layer_list_init(&list);
	assert_int_equal(layer_list_verdict(&list), ERR_NOT_SIGNED);
	first = add(LAYER_ENCRYPTED, true);
	assert_int_equal(layer_list_verdict(&list), ERR_NOT_SIGNED);
	second = add(LAYER_SIGNED, false);
	assert_int_equal(layer_list_verdict(&list), ERR_PARTLY_SIGNED);
	second->whole = true;
	assert_int_equal(layer_list_verdict(&list), 0);
	second->reasons = REASON_UNTRUSTED;
	assert_int_equal(layer_list_verdict(&list), ERR_SIGNATURE_BUT);
	second->reasons |= REASON_NO_CERTIFICATE;
	assert_int_equal(layer_list_verdict(&list), ERR_CANNOT_VERIFY);
	first->error = ERR_DECRYPT;
	assert_int_equal(layer_list_verdict(&list), ERR_DECRYPT);
	second->reasons |= REASON_ALTERED;
	assert_int_equal(layer_list_verdict(&list), ERR_BAD_SIGNATURE);
	second->reasons = 0;
	second->whole = false;
	assert_int_equal(layer_list_verdict(&list), ERR_DECRYPT);
	second->whole = true;
	first->error = 0;
	list.error = ERR_TOO_LARGE; /* there may be more that was not looked at */
	assert_int_equal(layer_list_verdict(&list), ERR_TOO_LARGE);
	layer_list_done(&list);
}

static void every_reason_spoils(void **state)
{
	(void)state;
	assert_int_equal(reason_verdict(0), VERDICT_GOOD);
	for (unsigned int i = 0; i < REASON_LIMIT; i++) {
		assert_true(reason_verdict(1u << i) > VERDICT_GOOD);
		assert_true(strlen(reason_name(i)) && strlen(reason_text(i)));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(reason_name(i), reason_name(j));
	}
	assert_int_equal(reason_verdict(REASON_UNTRUSTED | REASON_FORGED | REASON_NOT_SUPPORTED), VERDICT_BAD);
}

static void there_is_a_limit(void **state)
{
	struct layer *layer;

	(void)state;
	layer_list_init(&list);
	for (unsigned int i = 0; i < LAYER_COUNT_MAX; i++)
		assert_int_equal(add(LAYER_FORWARDED, false)->number, i + 1);
	assert_int_equal(layer_add(&list, LAYER_SIGNED, &layer), ERR_TOO_LARGE);
	layer_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_counts),
		cmocka_unit_test(every_reason_spoils),
		cmocka_unit_test(there_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
