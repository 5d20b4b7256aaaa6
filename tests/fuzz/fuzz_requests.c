/* SPDX-License-Identifier: ISC
 *
 * Requests below the dialects, filled with anything, run against the broker and the keys of stub_ask.c. What was signed can be
 * verified, what was encrypted decrypts to what it was, and a refusal leaves nothing behind.
 */
#include "decrypt_request.h"
#include "encrypt_request.h"
#include "fuzz.h"
#include "import_request.h"
#include "list_request.h"
#include "log.h"
#include "sign_request.h"
#include "stub_ask.h"
#include "verify_request.h"
#include "verify_status.h"

#include <openssl/objects.h>
#include <string.h>

/* Between the dates of the keys' certificates. */
#define WHEN 1800000000

static struct input input, content;
static struct output output;

/* The fuzzer's bytes, from the front. */
static uint8_t take_byte(struct view *rest)
{
	uint8_t value = 0;

	return view_u8(rest, &value) ? 0 : value;
}

/* A line, cut at its first NUL; NULL for an empty one. The caller frees. */
static char *take_text(struct view *rest)
{
	struct view line = {NULL, 0};

	return view_line(rest, &line) && line.length ? view_dup(line) : NULL;
}

static int tell(const char *keyword, const char *text)
{
	require(keyword && *keyword && text && !strpbrk(keyword, " \n") && !strchr(text, '\n'));
	return 0;
}

static void require_error(int rc)
{
	require(rc <= 0 && rc > -100);
}

/* The certificates of both keys that sign. */
static int open_anchors(void)
{
	static const char *const names[] = {"rsa", "p256"};
	const char *srcdir = getenv("srcdir");
	int anchors = fuzz_file(NULL, 0);

	for (size_t i = 0; i < 2; i++) {
		char path[4096], text[8192];
		FILE *file;
		size_t length;

		snprintf(path, sizeof path, "%s/tests/fuzz/corpus-key/%s.pem", srcdir ? srcdir : ".", names[i]);
		file = fopen(path, "r");
		require(file);
		length = fread(text, 1, sizeof text, file);
		fclose(file);
		require(length < sizeof text && write(anchors, text, length) == (ssize_t)length);
	}
	require(!lseek(anchors, 0, SEEK_SET));
	return anchors;
}

static void rewind_input(struct input *in, int fd)
{
	require(!lseek(fd, 0, SEEK_SET));
	input_init(in, fd);
}

/* Bytes that were signed are good; a mail may bring signatures of others with it, and lie about its sender. */
static void require_signed(const struct sign_request *signed_request, int text, int result)
{
	struct verify_request request = {.input = &input, .mail = signed_request->mail, .at = WHEN};
	CLEAN_FD int anchors = open_anchors();
	struct layer_list layers;

	rewind_input(&input, result);
	rewind_input(&content, text);
	request.content = signed_request->options.detached && !signed_request->mail ? &content : NULL;
	request.trust = (struct trust_request){anchors, -1, false};
	layer_list_init(&layers);
	require(!verify_request_run(&request, &layers));
	require(!verify_status_tell(&layers, tell));
	if (!signed_request->mail)
		require(!layers.error && !layer_list_verdict(&layers) && layers.count == 1);
	else if (layers.first && layers.first->signatures)
		require(reason_verdict(layers.first->signatures->reasons) != VERDICT_BAD);
	layer_list_done(&layers);
}

static struct armor take_armor(uint8_t flags)
{
	struct armor armor = {(enum armor_form)(flags % 3), "FUZZ"};

	return armor;
}

static void fuzz_sign(uint8_t flags, uint8_t more, const char *name, int text, int result)
{
	static const char *const digests[] = {NULL, "sha256", "sha384", "sha512", "md5"};
	struct sign_request request;
	struct key *key = NULL;
	int rc;

	sign_request_init(&request);
	request.input = &input;
	request.output = &output;
	request.signer = name;
	request.mail = flags & 1;
	request.crlf = flags & 2;
	request.protect_header = flags & 4;
	request.options.detached = flags & 8;
	request.options.pss = flags & 16;
	request.options.no_gcm = flags & 32;
	request.armor = take_armor(more);
	request.options.digest = digests[more / 3 % 5];
	request.options.certs = more % 7 - 1;
	rc = sign_request_run(&request, &key);
	require_error(rc);
	if (request.mail && (request.crlf || request.armor.form))
		require(rc == ERR_USAGE);
	if (rc)
		return;
	require(key && key->uses & CERT_USE_SIGN);
	require_signed(&request, text, result);
}

static void require_encrypted(const struct encrypt_request *encrypted, struct view plain, int result)
{
	CLEAN_FD int fd = fuzz_file(NULL, 0);
	struct decrypt_request request = {.input = &input, .output = &output, .mail = encrypted->mail};
	CLEAN_FREE uint8_t *got = malloc(plain.length + 1);

	require(got);
	rewind_input(&input, result);
	output_init(&output, fd);
	require(!decrypt_request_run(&request));
	if (encrypted->mail || encrypted->sign || encrypted->crlf)
		return;
	require(pread(fd, got, plain.length + 1, 0) == (ssize_t)plain.length);
	require(!plain.length || !memcmp(got, plain.data, plain.length));
}

static void fuzz_encrypt(uint8_t flags, uint8_t more, const char *name, struct view plain, int result)
{
	static const int ciphers[] = {NID_undef, NID_aes_128_cbc, NID_aes_256_cbc, NID_aes_256_gcm};
	struct recipients recipients = {0};
	const struct recipient *added = NULL;
	struct encrypt_request request;
	int rc;

	encrypt_request_init(&request);
	request.input = &input;
	request.output = &output;
	request.recipients = &recipients;
	request.tell = tell;
	request.mail = flags & 1;
	request.crlf = flags & 2;
	request.sign = flags & 4;
	request.opaque = flags & 8;
	request.to_self = flags & 16;
	request.skip_missing = flags & 32;
	request.separate_bcc = flags & 64;
	request.hide_subject = flags & 128;
	request.armor = take_armor(more);
	request.oaep = more & 4;
	request.cipher = ciphers[more >> 4 & 3];
	if (name)
		require_error(recipients_add(&recipients, name, &added));
	rc = encrypt_request_run(&request);
	require_error(rc);
	if (request.mail && (request.crlf || request.armor.form))
		require(rc == ERR_USAGE);
	if (!rc) {
		require(recipients_usable(&recipients));
		require_encrypted(&request, plain, result);
	}
	recipients_clear(&recipients);
}

static unsigned int opened_count;

static int opened(const struct key *key)
{
	require(key && !(key->flags & CERT_NO_KEY));
	opened_count++;
	return 0;
}

static void fuzz_decrypt(uint8_t flags, const char *name)
{
	struct decrypt_request request = {
		.input = &input, .output = &output, .name = name, .mail = flags & 1, .opened = flags & 2 ? opened : NULL};
	int rc;

	opened_count = 0;
	rc = decrypt_request_run(&request);
	require_error(rc);
	require(opened_count <= 1 && (rc || request.mail || !request.opened || opened_count));
}

static void fuzz_verify(uint8_t flags, struct view plain)
{
	struct verify_request request = {.input = &input, .mail = flags & 1, .at = flags & 2 ? WHEN : 0};
	CLEAN_FD int anchors = open_anchors(), text = fuzz_file(plain.data, plain.length);
	struct layer_list layers;
	int rc;

	input_init(&content, text);
	request.content = flags & 4 ? &content : NULL;
	request.output = flags & 8 ? &output : NULL;
	request.trust = (struct trust_request){flags & 16 ? anchors : -1, flags & 32 ? text : -1, flags & 64};
	layer_list_init(&layers);
	rc = verify_request_run(&request, &layers);
	require_error(rc);
	require(!rc || !layers.first);
	require_error(layers.error);
	require(!verify_status_tell(&layers, tell));
	require(verify_request_found(&layers) || layer_list_verdict(&layers));
	layer_list_done(&layers);
}

struct outcomes {
	unsigned int count, passwords;
	bool stop;
};

static int count_outcome(void *context, const X509 *cert, enum import_outcome outcome)
{
	struct outcomes *outcomes = context;

	require(cert && outcome <= IMPORT_REFUSED && outcome != IMPORT_KNOWN); /* the stub's store is empty */
	outcomes->count++;
	return outcomes->stop ? ERR_CLOSED : 0;
}

static int give_password(void *context, unsigned int tries, struct buf *into)
{
	struct outcomes *outcomes = context;

	outcomes->passwords++;
	return tries ? ERR_PASSWORD_WRONG : buf_add(into, "secret", 6);
}

static void fuzz_import(uint8_t flags)
{
	struct outcomes outcomes = {.stop = flags & 1};
	struct import_request request = {.input = &input,
					 .ask_known = flags & 2,
					 .outcome = count_outcome,
					 .password = flags & 4 ? give_password : NULL,
					 .context = &outcomes};
	struct import_count count = {0};
	int rc = import_request_run(&request, &count);

	require_error(rc);
	require(outcomes.stop ? outcomes.count <= 1 && (rc || !outcomes.count) : count.certificates == outcomes.count);
	require(request.password || !outcomes.passwords);
}

struct listed {
	const struct list_request *request;
	unsigned int count;
};

static int check_row(void *context, const struct list_row *row)
{
	struct listed *listed = context;
	bool wanted = !listed->request->count;

	require(row->cert && (!row->key || row->key->cert == row->cert) && !row->stored);
	for (unsigned int i = 0; i < listed->request->count; i++)
		wanted = wanted || cert_name_fits(&listed->request->names[i], row->cert);
	require(wanted && (!listed->request->secret_only || list_row_is_secret(row)));
	listed->count++;
	return 0;
}

static void fuzz_list(uint8_t flags, uint8_t more, const char *name)
{
	static struct cert_name names[2];
	struct list_request request = {.own = flags & 1, .stored = flags & 2, .secret_only = flags & 4, .names = names};
	struct listed listed = {.request = &request};

	for (; name && request.count < 2 && strlen(name) < CERT_NAME_SIZE; more /= 9) {
		struct cert_name *into = &names[request.count++];

		into->kind = (enum cert_name_kind)(more % 9);
		strcpy(into->text, name);
		strcpy(into->serial, flags & 8 ? "4F" : "");
	}
	require(!list_request_run(&request, check_row, &listed));
	require(request.own || !listed.count); /* the stub's store is empty */
	require(request.count || !request.own || listed.count >= 2);
}

/* Three bytes: which request, and two of flags; a line with a name; and what the request reads. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = {data, size};
	uint8_t kind = take_byte(&rest), flags = take_byte(&rest), more = take_byte(&rest);
	int lowest = fuzz_lowest_fd(), text, result;
	char *name = take_text(&rest);

	stub_ask_open(STUB_BLOCK);
	text = fuzz_file(rest.data, rest.length);
	result = fuzz_file(NULL, 0);
	input_init(&input, text);
	output_init(&output, result);
	switch (kind % 6) {
	case 0:
		fuzz_sign(flags, more, name, text, result);
		break;
	case 1:
		fuzz_encrypt(flags, more, name, rest, result);
		break;
	case 2:
		fuzz_decrypt(flags, name);
		break;
	case 3:
		fuzz_verify(flags, rest);
		break;
	case 4:
		fuzz_import(flags);
		break;
	default:
		fuzz_list(flags, more, name);
	}
	free(name);
	close(text);
	close(result);
	require(lowest == fuzz_lowest_fd());
	return 0;
}
