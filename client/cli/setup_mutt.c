/* SPDX-License-Identifier: ISC
 *
 * mutt and neomutt, classic S/MIME commands: each job of theirs is a command line of smime. Their lists of keys
 * and certificates are in a folder of ours, and are written anew when the program starts.
 */
#include "setup.h"

#include "mutt_index.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* What both programs are told. %f, %s: files; %k, %c: files of a key and of certificates, in our folders named
 * as their addresses; %d: the digest. The passphrase that they ask for is nobody's: an empty one, for eight
 * hours. Whoever's signature was good may be encrypted to from then on. */
static const char settings[] =
	"set crypt_use_gpgme=no\n"
	"set smime_is_default=yes\n"
	"set smime_timeout=28800\n"
	"set smime_ask_cert_label=no\n"
	"set smime_keys='%1$s/keys'\n"
	"set smime_certificates='%1$s/certificates'\n"
	"set smime_sign_digest_alg=sha256\n"
	"set smime_sign_command='\"%2$s\" sign --raw --crlf --no-gcm --digest %%d -k \"$(basename %%k)\" %%f'\n"
	"set smime_encrypt_command='set --; for c in %%c; do set -- \"$@\" -r \"$(basename \"$c\")\"; done; "
	"\"%2$s\" encrypt --raw --crlf \"$@\" %%f'\n"
	"set smime_decrypt_command='\"%2$s\" decrypt --raw %%f'\n"
	"set smime_verify_command='\"%2$s\" verify --raw --content %%f -o /dev/null %%s && "
	"{ \"%2$s\" setup mutt --index >/dev/null 2>&1 & }'\n"
	"set smime_verify_opaque_command='\"%2$s\" verify --raw %%s || test -s /dev/stdout || "
	"{ echo \"Content-Type: text/plain\"; echo; echo \"The signature is bad: what it is about is not shown.\"; }'\n"
	"set smime_pk7out_command='\"%2$s\" certs extract %%f'\n"
	"set smime_get_cert_command='cat %%f'\n"
	"set smime_get_signer_cert_command='\"%2$s\" certs extract --signers %%f >%%c'\n"
	"set smime_get_cert_email_command='\"%2$s\" certs extract --addresses %%f'\n"
	"set smime_import_cert_command='\"%2$s\" certs import %%f && \"%2$s\" setup mutt --index >/dev/null'\n"
	"source '\"%2$s\" setup mutt --index |'\n";

static char *make_lines(const char *program)
{
	char path[PATH_MAX], *lines;

	return !mutt_index_folder(path) || asprintf(&lines, settings, path, program) < 0 ? NULL : lines;
}

/* They may have one file, and then have one block. */
static const struct setup_block block = {"#", "mutt", make_lines};

const struct setup_format setup_mutt = {.block = &block, .may_create = true};

void setup_muttrc(setup_place place, void *context)
{
	static const char *const names[] = {".muttrc", ".mutt/muttrc", "~config/mutt/muttrc", NULL};

	setup_first_place(names, place, context);
}

void setup_neomuttrc(setup_place place, void *context)
{
	static const char *const names[] = {
		"~config/neomutt/neomuttrc", "~config/neomutt/muttrc", "~config/mutt/neomuttrc", "~config/mutt/muttrc",
		".neomutt/neomuttrc",	     ".neomutt/muttrc",	       ".mutt/neomuttrc",	 ".mutt/muttrc",
		".neomuttrc",		     ".muttrc",		       NULL};

	setup_first_place(names, place, context);
}
