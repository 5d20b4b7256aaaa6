#!/bin/sh
# SPDX-License-Identifier: ISC
# mutt and neomutt with GPGME, which finds the agent in gpgsm's place, on a terminal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mutt-lib.sh"
. "$(dirname "$0")/gpgsm-lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v tmux >/dev/null || plan_skip "tmux is not installed"
command -v gpgconf >/dev/null || plan_skip "gpgconf is not installed"
programs=
for program in mutt neomutt; do
	command -v $program >/dev/null && $program -v | grep -qi '[+]\(CRYPT_BACKEND_\)\{0,1\}GPGME' && programs="$programs $program"
done
[ -n "$programs" ] || plan_skip "neither mutt nor neomutt with GPGME is installed"

export SINK=$work/sink XDG_DATA_HOME=$work/data
write_conf "trust-anchors $work/ca.pem"
ok "a token" make_token Demo
ok "Alice's key" make_key Demo alice rsa:2048
ok "GPGME finds the agent" put_in_place
bob() { # somebody else, who is known
	openssl req -new -newkey rsa:2048 -nodes -keyout "$work/bob.key" -subj /O=Test/CN=bob -out "$work/bob.csr" &&
		printf 'subjectAltName=email:bob@example.org\nkeyUsage=critical,digitalSignature,keyEncipherment\n' >"$work/bob.ext" &&
		openssl x509 -req -in "$work/bob.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 365 \
			-extfile "$work/bob.ext" -out "$work/bob.pem" && smime certs import "$work/bob.pem"
}
ok "Bob is known" bob
ok "it is unlocked" unlock

configure() { # PROGRAM
	rm -f "$HOME"/.muttrc "$HOME"/.neomuttrc
	cat >"$HOME/.${1}rc" <<-END
		set from=alice@example.org realname=Alice use_from=yes
		set sendmail="$srcdir/tests/regress/sink.sh"
		set copy=no editor=true abort_unmodified=no
		set folder=$HOME/Mail mbox_type=mbox spoolfile=$HOME/inbox move=no quit=yes beep=no
		set crypt_use_gpgme=yes smime_is_default=yes smime_default_key=$(sha1 "$work/alice.pem")
		set smime_sign_as=$(sha1 "$work/alice.pem")
	END
	mkdir -p "$HOME/Mail" && : >"$HOME/inbox"
}
# compose PROGRAM CHOICE-OF-THE-SMIME-MENU: the mail is $SINK/1.mail.
compose() {
	rm -rf "$SINK" && mkdir "$SINK" && printf 'Hello.\nFrom here on, nothing.\n' >"$work/text" || return
	run_in_terminal "$1" -s "'a test'" -i "$work/text" bob@example.org
	see '^To: ' && keys Enter && see '^Subject: ' && keys Enter && see 'y:Send' && keys S && see '(s)ign' && keys "$2" && see 'Security: *[SE]' &&
		keys y && { wait_for test -s "$SINK/1.mail" || see 'a mail that was sent'; } && wait_for over
}
has_text() {
	tr -d '\r' <"$1" | grep -q 'here on, nothing'
}
signs() {
	compose "$1" s && openssl cms -verify -in "$SINK/1.mail" -CAfile "$work/ca.pem" -out "$work/verified" && has_text "$work/verified" &&
		cp "$SINK/1.mail" "$work/signed"
}
decrypts_as_bob() {
	openssl cms -decrypt -in "$SINK/1.mail" -inkey "$work/bob.key" -recip "$work/bob.pem" -out "$work/clear"
}
encrypts() {
	compose "$1" e && grep -q 'enveloped-data' "$SINK/1.mail" && decrypts_as_bob && has_text "$work/clear"
}
both() {
	compose "$1" b && decrypts_as_bob && openssl cms -verify -in "$work/clear" -CAfile "$work/ca.pem" -out "$work/verified" &&
		has_text "$work/verified"
}
# reads PROGRAM MAIL PATTERN: what it shows of the mail.
reads() {
	{
		echo "From bob@example.org Mon Nov 23 12:00:00 2026"
		cat "$2"
		echo
	} >"$HOME/inbox"
	run_in_terminal "$1" -R -f "$HOME/inbox"
	see 'a test' && keys Enter && see "$3"
	result=$?
	end_terminal
	return $result
}
mail_to_alice() { # made by openssl
	printf 'Content-Type: text/plain\r\n\r\nHello.\r\nFrom here on, nothing.\r\n' >"$work/part" &&
		openssl cms -encrypt -aes256 -in "$work/part" -from bob@example.org -to alice@example.org -subject 'a test' \
			-out "$work/to-alice" "$work/alice.pem" &&
		openssl cms -sign -in "$work/part" -signer "$work/bob.pem" -inkey "$work/bob.key" -from bob@example.org -to alice@example.org \
			-subject 'a test' -out "$work/from-bob" && sed 's/here on, nothing/here on, everything/' "$work/from-bob" >"$work/altered"
}
in_log() { # PROGRAM: it is whom the agent talked to
	grep -q "($(readlink -f "$(command -v "$1")")) $2 with key" "$work/agent.log"
}
ok "mails that openssl made" mail_to_alice
for program in $programs; do
	ok "$program: configured" configure "$program"
	ok "$program signs" signs "$program"
	ok "$program encrypts to Bob" encrypts "$program"
	ok "$program signs and encrypts" both "$program"
	ok "$program decrypts" reads "$program" "$work/to-alice" 'here on, nothing'
	ok "$program verifies its own" reads "$program" "$work/signed" 'Good signature from'
	ok "$program verifies Bob's" reads "$program" "$work/from-bob" 'Good signature from'
	ok "$program is in the agent's log, signing" wait_for in_log "$program" sign
	ok "$program is in the agent's log, decrypting" wait_for in_log "$program" decrypt
	ok "$program: an altered mail is bad" reads "$program" "$work/altered" 'BAD signature\|\*BAD\*'
done
finish
