# SPDX-License-Identifier: ISC
# Sourced after lib.sh: programs find smime-gpgsm in gpgsm's place, through a gpgconf earlier in PATH, and the
# test's GnuPG has a home of its own.
export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1
gpgme_path=$work/gpgme-bin

put_in_place() {
	mkdir -p "$gpgme_path" && cat >"$gpgme_path/gpgconf" <<-END
		#!/bin/sh
		case "\$*" in
		*--list-components*) /usr/bin/gpgconf "\$@" | sed 's,^\(gpgsm:[^:]*:\)[^:]*,\1$builddir/smime-gpgsm,' ;;
		*) exec /usr/bin/gpgconf "\$@" ;;
		esac
	END
	chmod 755 "$gpgme_path/gpgconf"
}

gpgme() { # VERB...: tests/clients/gpgme.py
	PATH=$gpgme_path:$PATH timeout 120 /usr/bin/python3 "$srcdir/tests/clients/gpgme.py" "$@"
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
