#!/bin/sh
# SPDX-License-Identifier: ISC
# mutt and neomutt with their classic S/MIME commands, as `smime setup` sets them up, on a terminal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mutt-lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v tmux >/dev/null || plan_skip "tmux is not installed"
programs=
for program in mutt neomutt; do
	command -v $program >/dev/null && programs="$programs $program"
done
[ -n "$programs" ] || plan_skip "neither mutt nor neomutt is installed"

export SINK=$work/sink XDG_DATA_HOME=$work/data
write_conf "trust-anchors $work/ca.pem"
ok "a token" make_token Demo
ok "Alice's key" make_key Demo alice rsa:2048
ok "Bob's key" make_key Demo bob ec:P-256
ok "it is unlocked" unlock

configure() { # PROGRAM
	rc=$HOME/.${1}rc
	rm -f "$HOME"/.muttrc "$HOME"/.neomuttrc
	cat >"$rc" <<-END
		set from=alice@example.org realname=Alice use_from=yes
		set sendmail="$srcdir/tests/regress/sink.sh"
		set copy=no editor=true abort_unmodified=no ssl_force_tls=no crypt_protected_headers_write=no
		set folder=$HOME/Mail mbox_type=mbox spoolfile=$HOME/inbox move=no quit=yes beep=no
	END
	mkdir -p "$HOME/Mail" && : >"$HOME/inbox"
	smime setup "$1" --yes --program "$(command -v smime)"
}
# compose PROGRAM RECIPIENT CHOICE-OF-THE-SMIME-MENU: the mail is $SINK/1.mail.
compose() {
	rm -rf "$SINK" && mkdir "$SINK" && printf 'Hello.\nFrom here on, nothing.\n' >"$work/text" || return
	run_in_terminal "$1" -s "'a test'" -i "$work/text" "$2"
	see '^To: ' && keys Enter && see '^Subject: ' && keys Enter && see 'y:Send' && keys S && see '(s)ign' && keys "$3" && see 'Security: *[SE]' && keys y || return
	passphrase "$SINK/1.mail"
}
# Presses Enter where a passphrase is asked for, until the file is there.
asked_or_there() {
	look 'passphrase:' || [ -s "$1" ]
}
passphrase() {
	wait_for asked_or_there "$1" || { see 'passphrase'; return; }
	[ -s "$1" ] || keys Enter
	wait_for test -s "$1" || { see 'a mail that was sent'; return 1; }
	wait_for over
}
has_text() {
	tr -d '\r' <"$1" | grep -q 'here on, nothing'
}
signs() {
	compose "$1" bob@example.org s && openssl cms -verify -in "$SINK/1.mail" -CAfile "$work/ca.pem" -out "$work/verified" && has_text "$work/verified" &&
		cp "$SINK/1.mail" "$work/signed"
}
encrypts() {
	compose "$1" bob@example.org e && grep -q 'smime-type=enveloped-data' "$SINK/1.mail" && smime decrypt -o "$work/clear" "$SINK/1.mail" &&
		has_text "$work/clear" && cp "$SINK/1.mail" "$work/encrypted"
}
signs_and_encrypts() {
	compose "$1" bob@example.org b && smime decrypt -o "$work/clear" "$SINK/1.mail" &&
		openssl cms -verify -in "$work/clear" -CAfile "$work/ca.pem" -out "$work/verified" && has_text "$work/verified" && cp "$SINK/1.mail" "$work/both"
}
open_mail() { # PROGRAM MAIL
	end_terminal # what reads the inbox
	(echo 'From alice@example.org Mon Nov 23 12:00:00 2026' && tr -d '\r' <"$2" && echo) >"$HOME/inbox"
	run_in_terminal "$1" -f "$HOME/inbox"
	see 'a test' && keys Enter
}
shows() { # PROGRAM MAIL PATTERN...
	open_mail "$1" "$2" || return
	shift 2
	wait_for asked_or_shown "$1" && { look "$1" || keys Enter; }
	for pattern in "$@"; do
		see "$pattern" || return
	done
}
asked_or_shown() {
	look 'passphrase:' || look "$1"
}
altered() { # FILE
	sed 's/here on, nothing/here on, all/' "$1"
}


# A mail that was made by others.
opaque() {
	smime sign -k alice --opaque "$work/plain" >"$work/opaque"
}
altered_opaque() { # one byte of its text
	openssl cms -cmsout -outform DER -in "$work/opaque" -out "$work/opaque.der" && sed 's/here on, nothing/here on, all!!!!/' "$work/opaque.der" >"$work/o.der" &&
		(sed '/^.\{0,1\}$/q' "$work/opaque" | tr -d '\r' && base64 "$work/o.der") >"$work/altered-opaque"
}
mail_from() { # ADDRESS
	printf 'From: %s\nTo: alice@example.org\nSubject: a test\nDate: Mon, 23 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\n' "$1"
	printf 'Content-Type: text/plain; charset=us-ascii\n\nHello.\nFrom here on, nothing.\n'
}
mail_from alice@example.org >"$work/plain"
mail_from mallory@example.org >"$work/mallory"
ok "a mail with its signature around it" opaque
ok "the same, altered" altered_opaque
openssl req -new -nodes -newkey rsa:2048 -keyout "$work/carol.key" -out "$work/carol.csr" -subj /CN=Carol 2>/dev/null
printf 'subjectAltName=email:carol@example.net\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=emailProtection\n' >"$work/carol.ext"
openssl x509 -req -in "$work/carol.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 -extfile "$work/carol.ext" \
	-out "$work/carol.pem" 2>/dev/null
carols() { # NAME: a signed mail from there
	mail_from carol@example.net | sed 1,5d | openssl cms -sign -signer "$work/carol.pem" -inkey "$work/carol.key" -md sha256 >"$work/part" &&
		(mail_from carol@example.net | sed 5,100d && cat "$work/part") >"$work/from-carol"
}
ok "a mail from Carol, signed by openssl" carols
forget_carol() {
	smime certs remove --all carol@example.net 2>/dev/null
	smime setup mutt --index && ! grep carol "$XDG_DATA_HOME/smime-agent/mutt/certificates/.index"
}
knows_carol() {
	grep -q '^carol@example.net ' "$XDG_DATA_HOME/smime-agent/mutt/certificates/.index"
}
learns() { # by reading
	forget_carol && shows "$1" "$work/from-carol" 'signature successfully verified' && wait_for knows_carol
}
to_carol() {
	compose "$1" carol@example.net e && openssl cms -decrypt -in "$SINK/1.mail" -recip "$work/carol.pem" -inkey "$work/carol.key" -out "$work/clear" &&
		has_text "$work/clear"
}
imports() {
	forget_carol && open_mail "$1" "$work/from-carol" && keys q && see 'a test' && keys C-k && wait_for knows_carol
}
to_nobody() { # it says so, and does not send
	rm -rf "$SINK" && mkdir "$SINK" && run_in_terminal "$1" -s "'a test'" -i "$work/text" nobody@example.net && see '^To: ' && keys Enter &&
		see '^Subject: ' && keys Enter && see 'y:Send' && keys S && see '(s)ign' && keys e && see 'Security: *E' && keys y &&
		see 'Enter keyID for nobody@example.net' && keys C-g && see 'No (valid) certificate found' && ! ls "$SINK"/*.mail
}
refuses_pin() {
	smime lock && : >"$HOME/pinentry" && rm -rf "$SINK" && mkdir "$SINK" && run_in_terminal "$1" -s "'a test'" -i "$work/text" bob@example.org &&
		see '^To: ' && keys Enter && see '^Subject: ' && keys Enter && see 'y:Send' && keys S && see '(s)ign' && keys s && see 'Security: *S' && keys y &&
		see 'passphrase:' && keys Enter && see 'smime sign: ' && ! ls "$SINK"/*.mail && unlock
}

for program in $programs; do
	ok "$program: is set up" configure $program
	ok "$program: signs" signs $program
	ok "$program: shows it as verified" shows $program "$work/signed" 'signature successfully verified' 'Verification successful' 'From here on, nothing'
	altered "$work/signed" >"$work/altered"
	ok "$program: altered, it is not" shows $program "$work/altered" 'could NOT be verified' 'Verification failed'
	smime sign -k alice "$work/mallory" >"$work/not-hers"
	ok "$program: signed by somebody else than it is from" shows $program "$work/not-hers" 'owner does not match sender'
	ok "$program: encrypts" encrypts $program
	ok "$program: decrypts" shows $program "$work/encrypted" 'following data is S/MIME encrypted' 'From here on, nothing'
	ok "$program: signs and encrypts" signs_and_encrypts $program
	ok "$program: decrypts and verifies" shows $program "$work/both" 'Verification successful' 'From here on, nothing'
	ok "$program: a signature around its content" shows $program "$work/opaque" 'signature successfully verified' 'From here on, nothing'
	ok "$program: altered, it is not" shows $program "$work/altered-opaque" 'Verification failed' 'signature is bad'
	ok "$program: whose mail was good can be encrypted to" learns $program
	ok "$program: is encrypted to" to_carol $program
	ok "$program: certificates are imported from a mail" imports $program
	ok "$program: without a certificate it says so, and sends nothing" to_nobody $program
	ok "$program: without a PIN nothing is sent" refuses_pin $program
done
finish
