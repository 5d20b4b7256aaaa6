/* SPDX-License-Identifier: ISC
 *
 * Key operations on what the client says. A certificate's keyUsage binds them; the broker's policy
 * comes after it. Points of other curves than the key's never reach a token.
 */
#include "key_command.h"

#include "ask.h"
#include "cert.h"
#include "clean_ssl.h"
#include "keys.h"
#include "log.h"
#include "public_key.h"
#include "remote_key.h"
#include "replies.h"
#include "words.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

/* Whom the log names, as the broker does. */
static char client_name[1024];

/* The signed message of EdDSA, and a channel's room for it. */
#define DATA_MAX 6144

static struct buf data = {.limit = DATA_MAX};
static bool data_broken; /* a part of it was refused: what follows must not take the rest for all */
/* Of the broker; kept, since protected memory is slow to come by. */
static struct buf key_answer = {.limit = KEY_RESULT_MAX, .secret = true};

static int add_record(struct buf *into, char kind, const struct buf *payload)
{
	int rc = buf_add_u8(into, (uint8_t)kind);

	return rc ? rc : buf_add_bytes(into, buf_view(payload));
}

static int add_token(struct buf *into, const struct token *token)
{
	CLEAN_BUF struct buf payload = BUF_INIT(BUF_MESSAGE_MAX);
	struct msg_token row = {token->ref,
				token->flags,
				view_string(token->label),
				view_string(token->manufacturer),
				view_string(token->model),
				view_string(token->serial),
				view_string(token->module),
				view_string(token->reader)};
	int rc = encode_token(&payload, &row);

	return rc ? rc : add_record(into, 'T', &payload);
}

/* What a key of this type can do at all. */
static uint16_t type_flags(const struct key *key)
{
	EVP_PKEY *public_key = key->cert ? X509_get0_pubkey(key->cert) : NULL;

	if (key->type == KEY_RSA || (public_key && EVP_PKEY_is_a(public_key, "RSA")))
		return CERT_SIGN | CERT_DECRYPT;
	if (key->type == KEY_EC || (public_key && EVP_PKEY_is_a(public_key, "EC")))
		return CERT_SIGN | CERT_DERIVE;
	if (key->type == KEY_MONTGOMERY || (public_key && EVP_PKEY_is_a(public_key, "X25519")))
		return CERT_DERIVE;
	return CERT_SIGN;
}

/* Before a login nothing is known of the key: what the certificate is for. */
static uint16_t key_flags(const struct key *key)
{
	uint16_t allowed = type_flags(key) & (key->cert ? cert_key_usage(key->cert) : UINT16_MAX);
	uint16_t others = key->flags & (CERT_KEY | CERT_NO_KEY | CERT_ALWAYS_AUTH);

	if (key->flags & CERT_KEY)
		return others | (key->flags & allowed);
	if (key->cert && X509_check_ca(key->cert))
		others |= CERT_NO_KEY;
	return others | allowed;
}

/* The certificate and its names, in DER, one after the other in `into`. */
static int encode_cert_parts(X509 *cert, struct buf *into, struct msg_pk_key *row)
{
	int lengths[] = {i2d_X509(cert, NULL), i2d_X509_NAME(X509_get_subject_name(cert), NULL),
			 i2d_X509_NAME(X509_get_issuer_name(cert), NULL),
			 i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), NULL)};
	struct view *views[] = {&row->der, &row->subject, &row->issuer, &row->serial};
	unsigned char *at;
	int rc = 0, total = 0;

	for (size_t i = 0; i < 4; i++) {
		rc = lengths[i] > 0 ? rc : ERR_NOT_CERTIFICATE;
		total += lengths[i];
	}
	rc = rc ? rc : buf_reserve(into, (size_t)total);
	if (rc)
		return rc;
	at = into->data;
	for (size_t i = 0; i < 4; i++) {
		*views[i] = (struct view){at, (size_t)lengths[i]};
		at += lengths[i];
	}
	at = into->data;
	i2d_X509(cert, &at);
	i2d_X509_NAME(X509_get_subject_name(cert), &at);
	i2d_X509_NAME(X509_get_issuer_name(cert), &at);
	i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &at);
	return 0;
}

static int add_one_key(struct buf *into, const struct key *key)
{
	CLEAN_BUF struct buf payload = BUF_INIT(2 * BUF_MESSAGE_MAX);
	CLEAN_BUF struct buf encoded = BUF_INIT(BUF_MESSAGE_MAX);
	CLEAN_PUBLIC_KEY struct public_key public_key = PUBLIC_KEY_INIT;
	struct msg_pk_key row = {.ref = key->ref,
				 .token = key->token->ref,
				 .flags = key_flags(key),
				 .type = key->type,
				 .id = buf_view(&key->id),
				 .label = buf_view(&key->label),
				 .parameters = buf_view(&key->parameters),
				 .public_value = buf_view(&key->public_value)};
	int rc;

	if (key->cert) {
		rc = public_key_read(key->cert, &public_key);
		rc = rc ? rc : encode_cert_parts(key->cert, &encoded, &row);
		row.type = (uint8_t)public_key.type;
		row.parameters = buf_view(&public_key.parameters);
	} else {
		rc = public_key_point((enum key_type)key->type, row.parameters, row.public_value, &public_key.value);
	}
	row.public_value = buf_view(&public_key.value);
	rc = rc ? rc : encode_pk_key(&payload, &row);
	return rc ? rc : add_record(into, 'K', &payload);
}

/* A certificate that is too odd is left out; the others are there. */
static int add_key(struct buf *into, const struct key *key)
{
	size_t length = into->length;
	int rc = add_one_key(into, key);

	if (!rc || rc == ERR_NO_MEMORY)
		return rc;
	into->length = length;
	log_warn("a certificate or key is left out of the list: %s", error_text(rc));
	return 0;
}

int key_command_list(const char *line, struct buf *into)
{
	bool look = !strcmp(line, "--look");
	int rc = *line && !look ? ERR_USAGE : 0;

	ask_clear_news(); /* what is listed now is no news */
	rc = rc ? rc : keys_refresh(look ? LIST_TOKENS : LIST_KNOWN);

	for (const struct token *token = keys_tokens(); token && !rc; token = token->next)
		rc = add_token(into, token);
	for (const struct key *key = keys_first(); key && !rc; key = key->next)
		rc = add_key(into, key);
	for (const struct key *key = keys_bare(); key && !rc; key = key->next)
		rc = add_key(into, key);
	if (!rc)
		replies_tell_changes();
	return rc;
}

static int parse_number(const char *text, uint32_t largest, uint32_t *ret_number)
{
	unsigned long number;
	char *end;

	if (*text < '0' || *text > '9')
		return ERR_USAGE;
	number = strtoul(text, &end, 10);
	if (*end || number > largest)
		return ERR_USAGE;
	*ret_number = (uint32_t)number;
	return 0;
}

int key_command_login(const char *line, int pin_fd)
{
	uint32_t ref = 0;
	int rc = parse_number(line, UINT32_MAX, &ref);

	if (!rc && !ref)
		rc = ERR_NO_TOKEN;
	return rc ? rc : ask_unlock(ref, pin_fd);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int add_hex(struct buf *into, const char *text)
{
	int rc = 0;

	for (; !rc && *text; text += 2) {
		int high = hex_value(text[0]), low = high < 0 ? -1 : hex_value(text[1]);

		rc = low < 0 ? ERR_USAGE : buf_add_u8(into, (uint8_t)(high << 4 | low));
	}
	return rc;
}

int key_command_data(const char *line)
{
	static const char append[] = "--append ";
	bool more = !strncmp(line, append, sizeof append - 1);
	int rc;

	if (!more) {
		buf_clear(&data);
		data_broken = false;
	}
	rc = add_hex(&data, more ? line + sizeof append - 1 : line);
	data_broken = data_broken || rc;
	return rc;
}

struct key_request {
	struct msg_key_op op;
	struct buf label;
};

static int parse_name(const char *const *names, size_t count, const char *text, uint8_t *ret_number)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && !strcmp(names[i], text)) {
			*ret_number = (uint8_t)i;
			return 0;
		}
	return ERR_USAGE;
}

static int parse_hash(const char *text, uint8_t *ret_hash)
{
	static const char *const names[HASH_LIMIT] = {
		[HASH_SHA1] = "sha1",	  [HASH_SHA224] = "sha224", [HASH_SHA256] = "sha256",
		[HASH_SHA384] = "sha384", [HASH_SHA512] = "sha512"};

	return parse_name(names, HASH_LIMIT, text, ret_hash);
}

static int parse_option(struct key_request *request, char *word)
{
	char *value = strchr(word, '=');
	uint32_t salt = 0;
	int rc;

	if (!value)
		return ERR_USAGE;
	*value++ = 0;
	if (!strcmp(word, "--hash"))
		return parse_hash(value, &request->op.hash);
	if (!strcmp(word, "--mgf"))
		return parse_hash(value, &request->op.mgf);
	if (!strcmp(word, "--label"))
		return add_hex(&request->label, value);
	if (strcmp(word, "--salt"))
		return ERR_USAGE;
	rc = parse_number(value, 1024, &salt);
	request->op.salt = (uint16_t)salt;
	return rc;
}

/* Which operation each mechanism is for. */
static bool fits(enum message_type type, uint8_t mechanism)
{
	switch (mechanism) {
	case MECHANISM_RSA_PKCS1:
		return type == MSG_SIGN || type == MSG_DECRYPT;
	case MECHANISM_RSA_OAEP:
		return type == MSG_DECRYPT;
	case MECHANISM_ECDH:
		return type == MSG_DERIVE;
	}
	return type == MSG_SIGN;
}

static int parse_request(enum message_type type, char *line, struct key_request *request)
{
	static const char *const mechanisms[] = {
		[MECHANISM_RSA_PKCS1] = "rsa-pkcs1", [MECHANISM_RSA_PSS] = "rsa-pss",
		[MECHANISM_RSA_OAEP] = "rsa-oaep",   [MECHANISM_ECDSA] = "ecdsa",
		[MECHANISM_EDDSA] = "eddsa",	     [MECHANISM_ECDH] = "ecdh"};
	char *word = words_next(&line);
	int rc = word ? parse_number(word, UINT32_MAX, &request->op.key) : ERR_USAGE;

	word = rc ? NULL : words_next(&line);
	if (!word || parse_name(mechanisms, sizeof mechanisms / sizeof mechanisms[0], word, &request->op.mechanism))
		return ERR_USAGE;
	while (!rc && (word = words_next(&line)))
		rc = parse_option(request, word);
	if (!rc && !fits(type, request->op.mechanism))
		rc = ERR_USAGE;
	return rc;
}

static int find_key(uint32_t ref, const struct key **ret_key)
{
	int rc = keys_refresh(LIST_KNOWN);

	*ret_key = rc ? NULL : keys_find(ref);
	return rc ? rc : *ret_key ? 0 : ERR_KEY_STALE;
}

static int check_use(const struct key *key, enum message_type type)
{
	uint16_t flags = key_flags(key);
	uint16_t wanted = type == MSG_SIGN ? CERT_SIGN : type == MSG_DECRYPT ? CERT_DECRYPT : CERT_DERIVE;

	return !(flags & CERT_NO_KEY) && (flags & wanted) ? 0 : ERR_KEY_UNUSABLE;
}

static int check_x25519(void)
{
	CLEAN_PKEY EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, data.data, data.length);

	return peer && !public_key_is_small(peer) ? 0 : ERR_MECHANISM;
}

/* The client's point has to be one of the key's curve: another would tell about the key, from a token
 * that does not look. */
static int check_point(const struct key *key)
{
	CLEAN_PKEY EVP_PKEY *own = keys_public(key), *peer = EVP_PKEY_new();

	if (own && EVP_PKEY_is_a(own, "X25519"))
		return check_x25519();
	if (!own || !peer || !EVP_PKEY_is_a(own, "EC") || !data.length || data.data[0] != 4 ||
	    EVP_PKEY_copy_parameters(peer, own) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(peer, data.data, data.length) != 1)
		return ERR_MECHANISM;
	return 0;
}

/* A field element (SEC 1 section 2.3.5); some tokens leave leading zeros out. */
static int add_secret(struct buf *into, const struct buf *secret)
{
	size_t field = data.length % 2 ? data.length / 2 : data.length;
	int rc = secret->length && secret->length <= field ? 0 : ERR_TOKEN;

	for (size_t i = secret->length; i < field && !rc; i++)
		rc = buf_add_u8(into, 0);
	return rc ? rc : buf_add(into, secret->data, secret->length);
}

static int add_unpadded(struct buf *into, const struct key_request *request, const struct buf *block)
{
	size_t length = 0;
	int rc = block->length <= data.length ? buf_reserve(into, data.length) : ERR_TOKEN;

	rc = rc ? rc : remote_key_unpad(&request->op, buf_view(block), into->data + into->length, &length);
	into->length += length;
	return rc;
}

static int run_request(enum message_type type, const struct key_request *request, int pin_fd, struct buf *into)
{
	enum result_form form = FORM_KEY;
	int rc = ask_key_op(type, &request->op, pin_fd, &key_answer, &form);

	if (rc == ERR_TOKEN && form == FORM_UNCLEAR)
		rc = ERR_DECRYPT;
	if (!rc && type == MSG_DERIVE)
		rc = add_secret(into, &key_answer);
	else if (!rc && form == FORM_RSA_BLOCK)
		rc = add_unpadded(into, request, &key_answer);
	else if (!rc)
		rc = buf_add(into, key_answer.data, key_answer.length);
	buf_clear(&key_answer);
	return rc;
}

void key_command_set_client(uint32_t pid, struct view program)
{
	CLEAN_FREE char *text = view_dup(program);

	snprintf(client_name, sizeof client_name, "process %u (%s)", pid, text ? log_quote(text) : "");
}

/* What is refused here, the broker never hears of. */
static void record_refusal(enum message_type type, const struct key *key, int err)
{
	CLEAN_FREE char *label = view_dup(buf_view(&key->label));

	log_info("%s %s (PKCS#11) with key %u (%s) of token %s: %s", client_name,
		 type == MSG_SIGN ? "sign" : type == MSG_DECRYPT ? "decrypt" : "derive", key->ref,
		 label ? log_quote(label) : "", log_quote(key->token->label), error_name(err));
}

int key_command_run(enum message_type type, char *line, int pin_fd, struct buf *into)
{
	struct key_request request = {.op = {.door = DOOR_KEYS}, .label = BUF_INIT(1024)};
	const struct key *key = NULL;
	int rc = data_broken ? ERR_USAGE : parse_request(type, line, &request);

	rc = rc ? rc : find_key(request.op.key, &key);
	rc = rc ? rc : check_use(key, type);
	if (!rc && type == MSG_DERIVE)
		rc = check_point(key);
	if (rc && key)
		record_refusal(type, key, rc);
	request.op.label = buf_view(&request.label);
	request.op.data = buf_view(&data);
	rc = rc ? rc : run_request(type, &request, pin_fd, into);
	buf_done(&request.label);
	buf_clear(&data);
	return rc;
}
