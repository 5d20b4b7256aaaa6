#!/bin/sh
# SPDX-License-Identifier: ISC
# smime sendmail in place of sendmail: what it signs, what it passes on, and that no mail is lost or sent twice.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

export SINK=$work/sink
sink=$srcdir/tests/regress/sink.sh
mkdir "$SINK"
fresh() {
	rm -rf "$SINK" && mkdir "$SINK"
}
mail() { # FROM [FIELD...]: a mail on standard output
	printf 'From: %s\nTo: Bob <bob@example.net>\nSubject: a test\n' "$1"
	shift
	for field in "$@"; do printf '%s\n' "$field"; done
	printf 'MIME-Version: 1.0\nContent-Type: text/plain\n\nHello Bob.\n.\nThe end.\n'
}
send() { # MAIL OPTIONS...
	file=$1
	shift
	fresh && smime sendmail --program "$sink" "$@" <"$file"
}
sent() { # HOW-MANY
	[ "$(find "$SINK" -name '*.mail' | wc -l)" = "$1" ] && [ "$(find "$SINK" -name '*.args' | wc -l)" = "$1" ]
}
nothing_sent() {
	sent 0
}
verified() { # FILE: as openssl sees it, and with the line ends of Unix
	! grep -q "$(printf '\r')" "$1" && openssl cms -verify -in "$1" -CAfile "$work/ca.pem" -out "$work/verified" && grep -q 'Hello Bob.' "$work/verified"
}
passed_on() { # MAIL: byte for byte
	sent 1 && cmp "$SINK/1.mail" "$1"
}
args_are() { # LINES
	printf '%s\n' "$@" >"$work/args" && cmp "$SINK/1.args" "$work/args"
}

ok "a token and two keys" make_token Demo
ok "a key of Alice" make_key Demo alice rsa:2048
ok "a key of Eve" make_key Demo eve ec:P-256
mail 'Alice <alice@example.org>' >"$work/alice"
mail 'carol@example.org' >"$work/carol"
mail '"Alice, at work" (really) <ALICE@example.org>' >"$work/quoted"

ok "it is unlocked" unlock
signs() { # MAIL OPTIONS...
	send "$@" && sent 1 && verified "$SINK/1.mail"
}
ok "a mail is signed by its From address" signs "$work/alice" -i -f alice@example.org bob@example.net
ok "sendmail's options and recipients are passed on" args_are -i -f alice@example.org -- bob@example.net
ok "its own header is outside" grep -q '^Subject: a test' "$SINK/1.mail"
ok "a line that is a dot is kept with -i" grep -q '^The end' "$work/verified"
ends_at_dot() {
	send "$work/alice" bob@example.net && verified "$SINK/1.mail" && ! grep -q 'The end' "$SINK/1.mail" && args_are -i -- bob@example.net
}
ok "without -i it ends the mail, and the real sendmail sees none" ends_at_dot
ok "-oi is -i" signs "$work/alice" -oi -t
ok "-t is passed on, too" args_are -oi -t
ok "a name in quotes, a comment, and capitals" signs "$work/quoted" -it
passes() { # MAIL OPTIONS...
	send "$@" && passed_on "$1"
}
ok "a mail of somebody without a key goes out as it is" passes "$work/carol" -i bob@example.net
ok "though there must be a signature: temporary error, nothing is sent" says 'not sent: .*no key' 75 send "$work/carol" -i --sign always bob@example.net
ok "nothing was" nothing_sent
ok "never is never" passes "$work/alice" -i --sign never --encrypt=never bob@example.net
ok "a key that is named signs for anybody" signs "$work/carol" -i --key alice bob@example.net
ok "one that is not there does not" status 75 send "$work/alice" -i --sign always --key nobody bob@example.net
ok "nothing was sent" nothing_sent

# A mail server would add one outside.
is_dated() {
	signs "$work/alice" -it && [ "$(sed '/^\r*$/q' "$SINK/1.mail" | grep -c '^Date: ')" = 1 ] &&
		LC_ALL=C grep -Eq '^Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}' "$work/verified" &&
		mail 'Alice <alice@example.org>' 'date: Mon, 23 Nov 2026 12:00:00 +0000' >"$work/dated" && signs "$work/dated" -it &&
		[ "$(sed '/^\r*$/q' "$SINK/1.mail" | grep -ci '^date: ')" = 1 ]
}
ok "a mail without a date gets one before it is signed" is_dated

# Of Bcc only the real sendmail may know.
mail 'Alice <alice@example.org>' 'Bcc: secret@example.com,' ' other@example.com' >"$work/bcc"
bcc_is_outside() {
	signs "$work/bcc" -it && [ "$(grep -ic secret@example.com "$SINK/1.mail")" = 1 ] && sed '/^$/q' "$SINK/1.mail" | grep -i '^bcc: secret' &&
		! grep -i secret@ "$work/verified" && signs "$work/bcc" -i bob@example.net secret@example.com && ! grep -i secret@ "$SINK/1.mail"
}
ok "Bcc is for the real sendmail alone" bcc_is_outside

smime sign "$work/alice" | tr -d '\r' >"$work/signed"
openssl cms -encrypt -in "$work/alice" "$work/alice.pem" | sed '1i From: alice@example.org' >"$work/encrypted"
(printf 'Resent-From: alice@example.org\nResent-To: dora@example.net\n' && cat "$work/carol") >"$work/resent"
(printf 'Resent-From: carol@example.org\nResent-To: dora@example.net\n' && cat "$work/alice") >"$work/resent-hers"
printf 'no header\n' >"$work/none"
printf 'From: alice@example.org\nX: %0300000d\n\nbody\n' 0 >"$work/huge"
for kind in signed encrypted resent resent-hers none huge; do
	ok "$kind: goes out as it is" passes "$work/$kind" -i bob@example.net
done
for bytes in '\r' '\0'; do
	printf "From: alice@example.org\nSubject: hello${bytes}Bcc: mallory@example.net\nTo: bob@example.net\n\nbody\n" >"$work/stray"
	ok "$bytes by itself in a header, which may hide a field: goes out as it is" passes "$work/stray" -i bob@example.net
	ok "or not at all, if it must be signed" says 'not sent: .*by itself' 75 send "$work/stray" -i --sign always bob@example.net
	ok "or encrypted" says 'not sent: .*by itself' 75 send "$work/stray" -i --encrypt always bob@example.net
	ok "nothing was sent" nothing_sent
done
ok "what is no mail cannot always be signed" status 75 send "$work/none" -i --sign always bob@example.net
no_from() {
	grep -v ^From "$work/alice" >"$work/anonymous" && passes "$work/anonymous" -i bob@example.net &&
		says 'no From address' 75 send "$work/anonymous" -i --sign always bob@example.net
}
ok "a mail without From has no signer" no_from

# The configuration, and what the command line says against it.
configured() {
	printf '# mine\nsendmail-sign never\nsendmail-encrypt never\nsendmail-program %s\n' "$sink" >"$XDG_CONFIG_HOME/smime-agent/smime.conf" &&
		fresh && smime sendmail -i bob@example.net <"$work/alice" && passed_on "$work/alice" &&
		fresh && smime sendmail --sign always -i bob@example.net <"$work/alice" && verified "$SINK/1.mail"
}
ok "smime.conf says what the command line does not" configured
misconfigured() {
	echo 'sendmail-sign allways' >"$XDG_CONFIG_HOME/smime-agent/smime.conf" && says 'line 1' 78 send "$work/alice" -i bob@example.net && nothing_sent
}
ok "a mistake in it sends nothing" misconfigured
rm "$XDG_CONFIG_HOME/smime-agent/smime.conf"
ok "a wrong option of ours" status 64 send "$work/alice" --sign perhaps bob@example.net
ok "a program that is not there" status 78 smime sendmail --program /nowhere/sendmail bob@example.net <"$work/alice"
round() {
	printf '#!/bin/sh\nexec smime sendmail --program "$0" "$@"\n' >"$work/round" && chmod +x "$work/round" &&
		says 'calls smime sendmail again' 78 smime sendmail --program "$work/round" -i bob@example.net <"$work/alice"
}
ok "a program that is smime sendmail again" round
not_a_mail() {
	fresh && echo 'HELO me' | smime sendmail --program "$sink" -bs && args_are -bs && [ "$(cat "$SINK/1.mail")" = 'HELO me' ]
}
ok "-bs is the real sendmail's" not_a_mail
by_name() {
	mkdir -p "$work/bin" && ln -sf "$builddir/.libs/smime" "$work/bin/smime-sendmail" && fresh &&
		echo "sendmail-program $sink" >"$XDG_CONFIG_HOME/smime-agent/smime.conf" &&
		"$work/bin/smime-sendmail" -i bob@example.net <"$work/alice" && verified "$SINK/1.mail"
}
ok "by the name smime-sendmail it needs no word more" by_name
rm "$XDG_CONFIG_HOME/smime-agent/smime.conf"

# Encryption: to whom there are certificates for.
mail_to() { # TO [FIELD...]
	to=$1
	shift
	mail 'Alice <alice@example.org>' "$@" | sed "s/^To: .*/To: $to/"
}
mail_to 'Eve <eve@example.org>' >"$work/to-eve"
mail_to 'Eve <eve@example.org>, bob@example.net' >"$work/to-both"
mail_to 'Eve <eve@example.org>, root' >"$work/to-root"
mail_to 'eve@example.org, alice bob' >"$work/to-odd"
mail_to 'Alice <alice@example.org>' 'Bcc: Eve <EVE@example.org>' >"$work/bcc-eve"
mail_to 'undisclosed-recipients:;' >"$work/to-nobody"
is_encrypted() { # FILE RECIPIENT-INFOS
	! grep -q "$(printf '\r')" "$1" && sed '/^$/q' "$1" | grep -q 'smime-type=enveloped-data\|smime-type=authEnveloped-data' &&
		openssl cms -cmsout -print -noout -in "$1" | grep -cE 'd.(ktri|kari):' >"$work/infos" && [ "$(cat "$work/infos")" = "$2" ]
}
holds_signed() { # FILE: decrypted, it is signed, and openssl says that it is good
	smime decrypt -o "$work/clear" "$1" && openssl cms -verify -in "$work/clear" -CAfile "$work/ca.pem" -out "$work/verified" &&
		grep -q 'Hello Bob.' "$work/verified"
}
encrypts() { # MAIL OPTIONS...
	send "$@" && sent 1 && is_encrypted "$SINK/1.mail" 2 && holds_signed "$SINK/1.mail"
}
ok "a mail is encrypted where all have a certificate, and to its sender" encrypts "$work/to-eve" -it
ok "the real sendmail gets the recipients" args_are -i -- eve@example.org
ok "from the command line" encrypts "$work/to-eve" -i -f alice@example.org 'Eve <eve@example.org>'
ok "which is passed on, too" args_are -i -f alice@example.org -- eve@example.org
not_all() {
	signs "$work/to-both" -it && args_are -i -t && says 'not sent: .*bob@example.net' 75 send "$work/to-both" -it --encrypt always && nothing_sent
}
ok "somebody has none: signed alone; or if it must be, not sent" not_all
ok "never: signed alone" signs "$work/to-eve" -it --encrypt never
only_encrypted() {
	send "$work/to-eve" -it --sign never && sent 1 && is_encrypted "$SINK/1.mail" 2 && smime decrypt -o "$work/clear" "$SINK/1.mail" &&
		! grep 'multipart/signed' "$work/clear" && grep 'Hello Bob' "$work/clear" && send "$work/carol" -i eve@example.org && sent 1 &&
		smime decrypt -o "$work/clear" "$SINK/1.mail" && ! grep 'multipart/signed' "$work/clear"
}
ok "encrypted without a signature" only_encrypted
for kind in root odd nobody; do
	ok "to $kind: not encrypted" signs "$work/to-$kind" -it
	ok "to $kind: not sent if it must be" status 75 send "$work/to-$kind" -it --encrypt always
	ok "to $kind: nothing was" nothing_sent
done
signed_already() {
	smime sign "$work/to-eve" | tr -d '\r' >"$work/signed-to-eve" && passes "$work/signed-to-eve" -it &&
		encrypts "$work/signed-to-eve" -it --encrypt always && passes "$work/encrypted" -it --encrypt always
}
ok "a mail that is signed already is encrypted only if it must be" signed_already
# Each of whom the others know nothing gets a message of his own.
blind() {
	send "$work/bcc-eve" -it && sent 2 && args_are -i -- alice@example.org && printf '%s\n' -i -- EVE@example.org | cmp - "$SINK/2.args" &&
		is_encrypted "$SINK/1.mail" 1 && is_encrypted "$SINK/2.mail" 1 && ! grep -i eve@ "$SINK/1.mail" "$SINK/2.mail" &&
		holds_signed "$SINK/1.mail" && ! grep -i eve@ "$work/clear" && holds_signed "$SINK/2.mail" && ! grep -i eve@ "$work/clear"
}
ok "Bcc: a message of its own, and no trace in the others'" blind
blind_to_the_dot() {
	send "$work/bcc-eve" -t && sent 2 && args_are -i -- alice@example.org && printf '%s\n' -i -- EVE@example.org | cmp - "$SINK/2.args" &&
		holds_signed "$SINK/2.mail" && ! grep 'The end' "$work/verified"
}
ok "without -i it ended at the dot, and the real sendmail sees none" blind_to_the_dot
blind_by_envelope() {
	send "$work/to-nobody" -i eve@example.org alice@example.org && sent 2 && args_are -i -- eve@example.org && is_encrypted "$SINK/1.mail" 2 &&
		is_encrypted "$SINK/2.mail" 1
}
ok "so do recipients whom the header does not name" blind_by_envelope
second_fails() {
	cat >"$work/second" <<-'SINK'
		#!/bin/sh
		[ ! -e "$SINK/1.args" ] || exit 71
		exec "$sink" "$@"
	SINK
	export sink && chmod +x "$work/second" && fresh &&
		says 'sent already.*: alice@example.org$' 71 smime sendmail --program "$work/second" -it <"$work/bcc-eve" && sent 1
}
ok "the second of two messages fails: who has his is said" second_fails
first_fails() {
	printf '#!/bin/sh\n[ -e "$SINK/called" ] || { : >"$SINK/called"; exit 71; }\nexec "$sink" "$@"\n' >"$work/first" && chmod +x "$work/first" && fresh &&
		status 71 smime sendmail --program "$work/first" -it <"$work/bcc-eve" 2>"$work/said" && nothing_sent && ! grep 'sent already' "$work/said"
}
ok "the first of two fails: the second is not sent" first_fails

# Failures.
half_way() {
	fresh && echo 69 >"$SINK/fail" && status 69 smime sendmail --program "$sink" -i bob@example.net <"$work/alice" && ! ls "$SINK"/*.mail &&
		[ "$(ls "$SINK"/*.args | wc -l)" = 1 ]
}
ok "the real one fails half-way: its status, and one call" half_way
died() {
	printf '#!/bin/sh\nkill -9 $$\n' >"$work/dies" && chmod +x "$work/dies" && status 137 sh -c 'smime sendmail --program "$0" -i bob@example.net <"$1"' "$work/dies" "$work/alice"
}
ok "the real one dies" died
died_first() {
	fresh && says 'died of a signal, and it is not known whether' 70 smime sendmail --program "$work/dies" -it <"$work/bcc-eve" && nothing_sent
}
ok "with the first of two messages: it is said, and the second stays here" died_first
unreadable() { # a folder can be opened, and not read
	fresh && says 'not sent: Is a directory' 75 smime sendmail --program "$sink" -i bob@example.net <"$work" && nothing_sent
}
ok "a mail that cannot be read to its end: temporary error, nothing is sent" unreadable
refused() {
	smime lock && : >"$HOME/pinentry" && says 'not sent' 75 send "$work/alice" -i bob@example.net && nothing_sent &&
		says 'not sent' 75 send "$work/alice" -i --sign always bob@example.net && nothing_sent
}
ok "a PIN that is refused: temporary error, nothing is sent" refused
once_more() {
	echo "$PIN" >"$HOME/pinentry" && signs "$work/alice" -i bob@example.net
}
ok "the same mail once more, with the PIN" once_more
killed() { # while it waits for the rest of the mail
	fresh && rm -f "$work/fifo" && mkfifo "$work/fifo" || return
	smime sendmail --program "$sink" -i bob@example.net <"$work/fifo" &
	pid=$!
	exec 7>"$work/fifo" && cat "$work/alice" >&7 && kill -9 "$pid" && ! wait "$pid" && exec 7>&- && nothing_sent
}
ok "killed in the middle: nothing is sent" killed
no_agent() {
	fresh && SMIME_AGENT_SOCKET=$work/none/S SMIME_AGENT_PROGRAM=/nowhere says 'not sent' 75 smime sendmail --program "$sink" -i bob@example.net <"$work/alice" &&
		nothing_sent
}
ok "no agent: temporary error, nothing is sent" no_agent
large() {
	(cat "$work/alice" && head -c 40000000 /dev/zero | tr '\0' 'x' | fold -w 76) >"$work/large" && TMPDIR=$work signs "$work/large" -i bob@example.net &&
		[ -z "$(find "$work" -name 'smime.*')" ]
}
ok "a large mail waits in a file, of which nothing stays" large
disk_full() {
	fresh && mkdir -p "$work/small" && unshare -m sh -c '
		mount -t tmpfs -o size=20m none "$0" && TMPDIR=$0 smime sendmail --program "$1" -i bob@example.net <"$2"' "$work/small" "$sink" "$work/large"
}
if unshare -m true 2>/dev/null; then
	ok "a full disk: temporary error, nothing is sent" says 'not sent: .*[Nn]o space' 75 disk_full
	ok "nothing was sent" nothing_sent
else
	skip "a full disk" "no mount namespace can be made here"
fi
rm -f "$work/large" "$SINK"/*.mail
no_spool() {
	printf 'From: alice@example.org\n\n%020000000d\n' 0 >"$work/large" && TMPDIR=/nowhere says 'not sent' 75 send "$work/large" -i bob@example.net && nothing_sent
}
ok "no place for a large mail: temporary error, nothing is sent" no_spool
token_away() {
	smime lock && mv "$work/tokens" "$work/away" && mkdir "$work/tokens" && smime tokens >/dev/null
	echo "$PIN" >"$HOME/pinentry"
	says 'not sent' 75 send "$work/alice" -i --sign always bob@example.net && nothing_sent
}
called_encrypted() {
	mail rsa@example.org 'To: bob@example.net' 'Content-Type: application/pkcs7-mime; smime-type=signed-data' >"$work/called" &&
		says 'not sent' 75 send "$work/called" -it --encrypt always && nothing_sent
}
ok "what is signed alone is not taken for encrypted" called_encrypted
ok "the token is away: temporary error, nothing is sent" token_away
finish
