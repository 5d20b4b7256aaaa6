#!/bin/sh
# SPDX-License-Identifier: ISC
# A person's smart cards sign and decrypt mail, through both PKCS#11 modules that know them; no PIN is
# sent to a card that nobody entered for it, and no wrong one twice.
. "$(dirname "$0")/lib.sh"
. "$srcdir/tests/regress/cards-lib.sh"
write_mail "$work/mail.eml"
asked=$HOME/pinentry.log

# A new agent with these lines. A card stays open when the program that opened it ends: it is reset here.
use_conf() { # LINE...
	smime agent stop
	card_reset 0
	card_reset 1
	write_card_conf "$module" "$@"
	smime agent start
}

# from_locked ASKED RIGHT WRONG COMMAND...: how often the person is asked, and how many right and wrong
# PINs Alice's card gets.
from_locked() {
	want="$1 $2 $3"
	shift 3
	smime lock || return
	right=$(card_value alice right_pins)
	wrong=$(card_value alice wrong_pins)
	"$@"
	got=$?
	counts="$(times_asked) $(($(card_value alice right_pins) - right)) $(($(card_value alice wrong_pins) - wrong))"
	echo "status $got; asked, right and wrong PINs: $counts, wanted $want" >&2
	[ "$counts" = "$want" ] && return "$got"
	return 99
}

asked_with() { # PATTERN: the last question
	tac "$asked" | grep -m 1 '^SETDESC' | grep -q "$1"
}

# Alice's has RSA keys, an old one too, and one certificate whose key was lost; Bob's has EC keys.
two_cards() {
	[ -e "$work/cards/alice" ] ||
		card_start alice 0 9a=rsa2048,9c=p256,9d=rsa2048,9e=p256,82=rsa2048,83=lost --label Alice \
			--usage 83=digitalSignature+keyAgreement || return
	card_start bob 1 9a=p384,9c=rsa2048,9d=p256,82=p384,95=p256,83=ca --label Bob --address bob@example.org
}

# --- what can be done with a key

sign() { # CARD SLOT [OPTION...]
	signer=$1
	slot=$2
	shift 2
	smime sign -k "$(card_key "$signer" "$slot")" "$@" -o "$work/s.eml" "$work/mail.eml" &&
		openssl cms -verify -in "$work/s.eml" -CAfile "$work/cards/$signer/ca.pem" -out "$work/verified" &&
		tr -d '\r' <"$work/verified" | grep -q "From here on, nothing."
}

decrypt() { # CARD SLOT [OPENSSL-OPTION...]
	cert=$(card_cert "$1" "$2")
	shift 2
	rm -f "$work/decrypted"
	openssl cms -encrypt -in "$work/mail.eml" -out "$work/e.eml" -recip "$cert" "$@" &&
		smime decrypt -o "$work/decrypted" "$work/e.eml" &&
		tr -d '\r' <"$work/decrypted" | grep -q "From here on, nothing."
}

# Each has its own secret, also where the module has room for one (ykcs11).
decrypts_at_once() { # CARD SLOT
	decrypt "$1" "$2" -aes256 || return
	pids=
	for number in 1 2 3 4 5 6 7 8; do
		smime decrypt -o "$work/decrypted.$number" "$work/e.eml" &
		pids="$pids $!"
	done
	for pid in $pids; do wait "$pid" || return; done
	for number in 1 2 3 4 5 6 7 8; do cmp "$work/decrypted.$number" "$work/decrypted" || return; done
}

chain_is_sent() {
	sign bob 9a && openssl smime -pk7out -in "$work/s.eml" | openssl pkcs7 -print_certs -noout >"$work/certs" &&
		grep -q "^subject=.*CN *= *Bob 9a" "$work/certs" && grep -q "^subject=.*CN *= *Issuing CA of Bob" "$work/certs"
}

# --- what a person sees

both_are_listed() {
	smime keys --json >"$work/keys" || return
	for key in alice/9a alice/9c alice/9d alice/9e alice/82 bob/9a bob/9c bob/9d bob/82 bob/95; do
		grep -q "$(card_key "${key%/*}" "${key#*/}")" "$work/keys" || { echo "$key is missing" >&2; return 1; }
	done
	[ "$(smime tokens | grep '^  serial' | sort -u | wc -l)" = 2 ]
}

pin_state() { # CARD
	smime tokens | grep -B 2 -F "$(token_of "$1")" | sed -n 's/^ *pin *//p'
}

# --- last try, locked, unblocked

# The right PIN is in a file, but somebody spent the other tries elsewhere.
last_try_is_kept() {
	answers CANCEL
	from_locked 1 0 0 says "cancelled" 4 sign alice 9a && asked_with "LAST TRY" && card_has alice pin_tries 1
}

last_try_is_the_persons() {
	answers "$CARD_PIN"
	from_locked 1 1 0 sign alice 9a && asked_with "LAST TRY"
}

last_try_is_over() {
	answers CANCEL
	from_locked 0 1 0 sign alice 9a
}

# The card was logged in before: modules look at it no more to say how many tries are left.
last_try_came_meanwhile() {
	answers CANCEL
	smime lock && sign alice 9a || return
	card alice tries 1
	from_locked 1 0 0 says "cancelled" 4 sign alice 9a
}

locked_is_left_alone() {
	answers "$CARD_PIN"
	blocked=$(card_value alice blocked_pins)
	[ "$(pin_state alice)" = locked ] && from_locked 0 0 0 says "locked" 4 sign alice 9a &&
		card_has alice blocked_pins "$blocked"
}

# One answer of the card is enough.
locked_meanwhile() {
	answers "$CARD_PIN" "$CARD_PIN"
	blocked=$(card_value alice blocked_pins)
	smime lock && says "locked" 4 sign alice 9a && [ "$(times_asked)" -le 1 ] &&
		[ "$(card_value alice blocked_pins)" -le $((blocked + 1)) ]
}

unblock() { # PIN
	pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk "$CARD_PUK" --new-pin "$1"
}

# --- a certificate whose key is lost

# Both modules show a key with every certificate. The use of one that is not there fails; the agent goes
# on, with a fresh process of the module and the PIN that it knows. ykcs11 2.7 no longer shows it there.
lost_key() { # COMMAND...
	says "reported a failure\|no longer on its token" 3 "$@" && sign alice 9a
}

use_lost() { # sign or decrypt
	if [ "$1" = sign ]; then
		smime sign -k "$(card_key alice 83)" -o "$work/s.eml" "$work/mail.eml"
		return
	fi
	openssl cms -encrypt -in "$work/mail.eml" -out "$work/e.eml" -recip "$(card_cert alice 83)" || return
	smime decrypt -o "$work/decrypted" "$work/e.eml"
}

# --- a reset

reset_by_other() {
	resets=$(card_value alice resets)
	card_reset 0 && ! card_has alice resets "$resets" && card_has alice verified false &&
		sign alice 9a && [ "$(times_asked)" = 1 ]
}

# --- a second card of the same person

twins_differ() {
	[ "$(smime keys | grep -c '^ *subject *CN=Alice 9a$')" = 2 ] &&
		[ "$(token_of alice)" != "$(token_of twin)" ] &&
		says "more than one key" 2 smime sign -k alice@example.org -o "$work/s.eml" "$work/mail.eml"
}

each_with_its_own() {
	sign twin 9a && asked_with "($(serial_of twin))" && sign alice 9a && asked_with "($(serial_of alice))" &&
		sign twin 9a && sign alice 9a
}

twins_sign() {
	answers 654321 "$CARD_PIN"
	from_locked 2 1 0 each_with_its_own
}

label_of() { # CARD
	smime tokens | grep -B 8 -F "$(token_of "$1")" | sed -n 's/^ *label *//p'
}

# Where the label is the name in a certificate, both have it. The PIN is the first card's.
label_of_two() {
	use_conf "pin-source $(label_of alice) file:$work/card-pin"
	answers CANCEL
	wrong=$(card_value twin wrong_pins)
	smime lock && says "cancelled" 4 sign twin 9a && card_has twin wrong_pins "$wrong"
}

# --- a slow card

# From a new agent on, which reads the whole card.
slow_card() { # CARD
	card "$1" slow 44
	apdus=$(card_value "$1" apdus)
	started=$(date +%s%N)
	use_conf
	answers "$CARD_PIN"
	from_locked 1 1 0 sign "$1" 9a || return
	echo "$(($(card_value "$1" apdus) - apdus)) APDUs, $((($(date +%s%N) - started) / 1000000)) ms"
	card "$1" slow 0
}

no_pin_in_logs() {
	! grep -q "$(printf %s "$CARD_PIN" | xxd -p)" "$work"/cards/*/apdu.log &&
		! sed -E 's/(process|smime-agent[a-z-]*) [0-9]+//g' "$work/agent.log" | grep "$CARD_PIN" >&2
}

run_steps() { # NAME
	ok "$1: two cards" two_cards
	wrong_before=$(card_value alice wrong_pins)
	use_conf
	ok "$1: the keys of two cards are listed" both_are_listed
	ok "$1: and no PIN was needed" card_has alice verified false
	answers "$CARD_PIN"
	ok "$1: RSA-2048 signs, after one question" from_locked 1 1 0 sign alice 9a
	ok "$1: and again, after none" eval 'sign alice 9a && [ "$(times_asked)" = 1 ]'
	ok "$1: with PSS" sign alice 9a --pss
	ok "$1: P-256 signs" sign alice 9e
	ok "$1: decrypts with RSA" decrypt alice 9d -aes256
	ok "$1: decrypts with RSA, OAEP" decrypt alice 9d -aes256 -keyopt rsa_padding_mode:oaep
	ok "$1: decrypts old mail with a retired key" decrypt alice 82 -aes-256-gcm
	ok "$1: so far one PIN was sent" eval '[ "$(times_asked)" = 1 ]'
	answers "$CARD_PIN"
	ok "$1: the other card, P-384, signs" sign bob 9a
	ok "$1: decrypts with ECDH, P-256" decrypt bob 9d -aes256
	ok "$1: decrypts with ECDH, P-384, retired" decrypt bob 82 -aes256
	ok "$1: decrypts with the last of the retired keys" decrypt bob 95 -aes256
	ok "$1: eight at once decrypt with ECDH" decrypts_at_once bob 9d
	ok "$1: a CA's certificate that is on the card is in the signature" chain_is_sent
	ok "$1: so far one PIN was sent to it, too" eval '[ "$(times_asked)" = 1 ]'

	answers "$CARD_PIN" "$CARD_PIN"
	ok "$1: 9C signs; its PIN is for one use" from_locked 2 2 0 sign alice 9c
	answers "$CARD_PIN"
	ok "$1: 9C signs again, after another question" eval 'sign alice 9c && [ "$(times_asked)" = 1 ]'
	wrong=$(card_value alice wrong_pins)
	answers 111111 "$CARD_PIN"
	ok "$1: 9C, a wrong PIN and the right one" sign alice 9c
	ok "$1: the wrong one was sent once" card_has alice wrong_pins $((wrong + 1))
	answers "$CARD_PIN" "$CARD_PIN"
	ok "$1: 9C with RSA" sign bob 9c

	answers 222222 "$CARD_PIN"
	ok "$1: a wrong PIN, and the right one" from_locked 2 1 1 sign alice 9a
	answers 333333 444444 "$CARD_PIN"
	ok "$1: two wrong ones, and the right one" from_locked 3 1 2 sign alice 9a
	ok "$1: the person was told that it was the last try" asked_with "LAST TRY"
	answers 555555 555555 CANCEL
	ok "$1: the same wrong one twice is sent once" from_locked 3 0 1 says "cancelled" 4 sign alice 9a
	answers "$CARD_PIN"
	ok "$1: two tries are left" from_locked 1 1 0 sign alice 9a

	card alice tries 1 >/dev/null
	use_conf "pin-source $(token_of alice) file:$work/card-pin"
	ok "$1: the last try is not spent unasked" last_try_is_kept
	ok "$1: but on what the person enters" last_try_is_the_persons
	ok "$1: which was right: it is not the last any more" last_try_is_over
	use_conf "pin-source $(token_of alice) file:$work/card-pin"
	ok "$1: nor is one spent that came while the agent ran" last_try_came_meanwhile
	card alice tries 0 >/dev/null
	use_conf
	ok "$1: a locked card is shown so, and sent no PIN" locked_is_left_alone
	card alice tries 3 >/dev/null
	use_conf
	answers "$CARD_PIN"
	ok "$1: open again" from_locked 1 1 0 sign alice 9a
	card alice tries 0 >/dev/null
	ok "$1: one that was locked while the agent ran is found to be" locked_meanwhile
	ok "$1: another program unblocks it with the PUK" unblock "$CARD_PIN"
	answers "$CARD_PIN"
	ok "$1: unblocked, it signs" from_locked 1 1 0 sign alice 9a

	use_conf
	answers "$CARD_PIN"
	ok "$1: a certificate without its key signs nothing" from_locked 1 2 0 lost_key use_lost sign
	ok "$1: and decrypts nothing" lost_key use_lost decrypt
	ok "$1: none of it cost a question" [ "$(times_asked)" = 1 ]
	ok "$1: another program resets the card, which ends its login: signs, unasked" reset_by_other
	ok "$1: a card of 44 ms for each APDU" slow_card alice

	ok "$1: a second card like the first" eval 'card_stop bob && card_start twin 1 9a=rsa2048,9d=rsa2048 --label Alice --pin 654321'
	twin_wrong=$(card_value twin wrong_pins)
	ok "$1: they are two" twins_differ
	ok "$1: each signs with its own PIN" twins_sign
	ok "$1: the second did not get the PIN of the first" card_has twin wrong_pins "$twin_wrong"
	ok "$1: nor does it from a file, by a label that both have" label_of_two
	ok "$1: all wrong PINs that were sent were entered" card_has alice wrong_pins $((wrong_before + 5))
	ok "$1: no PIN is in a log" no_pin_in_logs
	smime agent stop
	card_stop twin
}

for name in opensc ykcs11; do
	eval "module=\$$name"
	if [ -z "$module" ]; then
		skip "$name" "it is not installed"
		continue
	fi
	[ "$name" = ykcs11 ] && ok "pcscd restarts, for readers that ykcs11 knows" \
		eval 'pcscd_stop && pcscd_start "Yubico YubiKey OTP+FIDO+CCID"'
	run_steps "$name"
done
finish
