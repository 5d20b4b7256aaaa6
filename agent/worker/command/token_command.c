/* SPDX-License-Identifier: ISC
 *
 * Parses TOKEN, reads the certificate it may come with, and asks the broker.
 */
#include "token_command.h"

#include "ask.h"
#include "cert_file.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

#define CERTIFICATE_MAX 65536

/* Decodes in place. A NUL would cut the value: refused. */
static int decode(char *value)
{
	char *to = value;

	for (const char *from = value; *from; from++) {
		unsigned int byte = (unsigned char)*from;
		int used = 0;

		if (*from == '%') {
			if (sscanf(from + 1, "%2x%n", &byte, &used) != 1 || used != 2 || !byte)
				return ERR_USAGE;
			from += 2;
		}
		*to++ = (char)byte;
	}
	*to = 0;
	return 0;
}

static int set_field(struct msg_admin *admin, const char *name, const char *value)
{
	struct {
		const char *name;
		struct view *field;
	} table[] = {
		{"token", &admin->token},	{"label", &admin->label}, {"key-type", &admin->key_type},
		{"subject", &admin->subject},	{"address", &admin->address},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (!strcmp(table[i].name, name)) {
			*table[i].field = view_string(value);
			return 0;
		}
	return ERR_USAGE;
}

static int parse_verb(const char *verb, struct msg_admin *admin)
{
	static const char *const verbs[] = {
		[ADMIN_INIT] = "INIT",		   [ADMIN_KEYGEN] = "KEYGEN",
		[ADMIN_CSR] = "CSR",		   [ADMIN_IMPORT_CERT] = "IMPORT-CERT",
		[ADMIN_CHANGE_PIN] = "CHANGE-PIN",
	};

	for (unsigned int i = ADMIN_INIT; i < ADMIN_VERB_LIMIT; i++)
		if (!strcmp(verbs[i], verb)) {
			admin->verb = (uint8_t)i;
			return 0;
		}
	return ERR_USAGE;
}

static int parse_admin(char *line, struct msg_admin *admin)
{
	char *word = words_next(&line);
	int rc = word ? parse_verb(word, admin) : ERR_USAGE;

	while (!rc && (word = words_next(&line))) {
		char *equals = strchr(word, '=');

		if (!equals)
			return ERR_USAGE;
		*equals = 0;
		rc = decode(equals + 1);
		rc = rc ? rc : set_field(admin, word, equals + 1);
	}
	return rc;
}

/* As DER. */
static int read_certificate(int fd, struct buf *into)
{
	unsigned char *der = NULL;
	X509 *cert = NULL;
	int rc = cert_file_read(fd, &cert), length = rc ? 0 : i2d_X509(cert, &der);

	if (!rc)
		rc = length > 0 ? buf_add(into, der, (size_t)length) : ERR_NOT_CERTIFICATE;
	X509_free(cert);
	OPENSSL_free(der);
	return rc;
}

int token_command(char *line, int input_fd, int pin_fd, struct buf *into)
{
	CLEAN_BUF struct buf certificate = BUF_INIT(CERTIFICATE_MAX);
	struct msg_admin admin = {0};
	int rc = parse_admin(line, &admin);

	if (!rc && admin.verb == ADMIN_IMPORT_CERT) {
		rc = input_fd < 0 ? ERR_USAGE : read_certificate(input_fd, &certificate);
		admin.data = buf_view(&certificate);
	}
	return rc ? rc : ask_admin(&admin, pin_fd, into);
}
