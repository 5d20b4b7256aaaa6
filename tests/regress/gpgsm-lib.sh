# SPDX-License-Identifier: ISC
# Sourced after lib.sh: for programs that look for gpgsm. GnuPG, git and what a person installs for himself have a
# home of the test's own.
export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
export GIT_CONFIG_NOSYSTEM=1
unset GIT_CONFIG_GLOBAL 2>/dev/null
PATH=$HOME/.local/bin:$PATH
# What a person does; HOME is the test's.
put_in_place() {
	smime setup gpgme --yes --program "$builddir/smime-gpgsm"
}

gpgme() { # VERB...: tests/clients/gpgme.py
	timeout 120 /usr/bin/python3 "$srcdir/tests/clients/gpgme.py" "$@"
}

sha1() { # CERTIFICATE: as GnuPG writes it
	openssl x509 -in "$1" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g'
}

# talk COMMANDS: a conversation in gpgsm's dialect, with tests/regress/client.py
talk() {
	{
		printf 'open\nadopt pair\n'
		cat "$@"
	} | timeout 120 /usr/bin/python3 "$srcdir/tests/regress/client.py"
}
