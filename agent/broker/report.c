/* SPDX-License-Identifier: ISC
 *
 * Collects rows. A token process is believed in what it says of its own tokens, and in nothing else.
 */
#include "report.h"

#include "cleanup.h"

/* PKCS#11 has 32 characters at most, UTF-8. */
#define FIELD_MAX 64

static int check_token(const struct msg_token *row)
{
	return row->label.length > FIELD_MAX || row->manufacturer.length > FIELD_MAX || row->model.length > FIELD_MAX ||
			       row->serial.length > FIELD_MAX || row->reader.length > FIELD_MAX
		       ? ERR_PROTOCOL : 0;
}

static unsigned int kept_tokens(const struct report *report)
{
	return report->tokens < REPORT_TOKENS_MAX ? report->tokens : REPORT_TOKENS_MAX;
}

static bool has_token(const struct report *report, uint32_t ref)
{
	for (unsigned int i = 0; i < kept_tokens(report); i++)
		if (report->refs[i] == ref)
			return true;
	return false;
}

static int append(struct report *report, enum message_type type, struct view payload)
{
	struct report_row *row = calloc(1, sizeof *row);

	if (!row)
		return ERR_NO_MEMORY;
	*row = (struct report_row){NULL, type, BUF_INIT(BUF_MESSAGE_MAX)};
	if (buf_add(&row->payload, payload.data, payload.length)) {
		buf_done(&row->payload);
		free(row);
		return ERR_NO_MEMORY;
	}
	*(report->last ? &report->last->next : &report->first) = row;
	report->last = row;
	return 0;
}

static int add_token(struct report *report, struct view payload)
{
	struct msg_token token;
	int rc = decode_token(payload, &token);

	rc = rc ? rc : check_token(&token);
	if (rc)
		return rc;
	if (!token.ref || has_token(report, token.ref))
		return ERR_PROTOCOL;
	if (report->tokens >= REPORT_TOKENS_MAX) {
		report->tokens = REPORT_TOKENS_MAX + 1;
		return 0;
	}
	report->refs[report->tokens++] = token.ref;
	return append(report, MSG_TOKEN, payload);
}

static int add_cert(struct report *report, struct view payload)
{
	struct msg_cert cert;
	int rc = decode_cert(payload, &cert);

	if (rc)
		return rc;
	if (!cert.ref)
		return ERR_PROTOCOL;
	if (!has_token(report, cert.token)) /* of one that is left out, or of none */
		return report->tokens > REPORT_TOKENS_MAX ? 0 : ERR_PROTOCOL;
	if (report->keys >= REPORT_KEYS_MAX) {
		report->keys = REPORT_KEYS_MAX + 1;
		return 0;
	}
	report->keys++;
	return append(report, MSG_CERT, payload);
}

int report_add(struct report *report, enum message_type type, struct view payload)
{
	switch (type) {
	case MSG_TOKEN:
		return add_token(report, payload);
	case MSG_CERT:
		return add_cert(report, payload);
	default:
		return ERR_PROTOCOL;
	}
}

bool report_is_cut(const struct report *report)
{
	return report->tokens > REPORT_TOKENS_MAX || report->keys > REPORT_KEYS_MAX;
}

void report_done(struct report *report)
{
	while (report->first) {
		struct report_row *next = report->first->next;

		buf_done(&report->first->payload);
		free(report->first);
		report->first = next;
	}
	*report = (struct report){0};
}
