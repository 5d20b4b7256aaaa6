#!/bin/sh
# SPDX-License-Identifier: ISC
# The PKCS#11 module with a smart card behind the agent, which counts the PINs that it is sent: a program
# that gives one with C_Login costs the card no more tries than a person would, and never the last one; and
# a key that wants its PIN at each use works for programs that know of such keys and for those that do not.
. "$(dirname "$0")/lib.sh"
. "$srcdir/tests/regress/cards-lib.sh"
[ -n "$opensc" ] || plan_skip "opensc-pkcs11 is not installed"
. "$srcdir/tests/regress/pkcs11-lib.sh"
echo "what is signed" >"$work/text"

# counted RIGHT WRONG COMMAND...: how many right and wrong PINs the card gets meanwhile.
counted() {
	want="$1 $2"
	shift 2
	right=$(card_value alice right_pins)
	wrong=$(card_value alice wrong_pins)
	"$@"
	got=$?
	counts="$(($(card_value alice right_pins) - right)) $(($(card_value alice wrong_pins) - wrong))"
	echo "status $got; right and wrong PINs: $counts, wanted $want" >&2
	[ "$counts" = "$want" ] && return "$got"
	return 99
}
logs_in() { # PIN
	tool --login --pin "$1" --list-objects
}
id_of_slot() { # SLOT: CKA_ID of its certificate
	openssl x509 -inform DER -in "$work/cards/alice/$1.crt" -pubkey -noout >"$work/pub-$1"
	wanted=$(openssl pkey -pubin -in "$work/pub-$1" -outform DER | sha256sum)
	for id in $(list_objects cert | sed -n 's/^ *ID: *//p'); do
		[ "$(tool --read-object --type cert --id "$id" 2>/dev/null | openssl x509 -inform DER -pubkey -noout |
			openssl pkey -pubin -outform DER | sha256sum)" = "$wanted" ] && echo "$id" && return
	done
	return 1
}
signs_with() { # SLOT
	tool --sign -m SHA256-RSA-PKCS --id "$(id_of_slot "$1")" -i "$work/text" -o "$work/sig" &&
		openssl dgst -sha256 -verify "$work/pub-$1" -signature "$work/sig" "$work/text"
}
signs_twice_asked() { # SLOT TIMES: and the person is asked so often
	answers "$CARD_PIN" "$CARD_PIN" "$CARD_PIN"
	signs_with "$1" && signs_with "$1" || return
	echo "asked $(times_asked) times, wanted $2" >&2
	[ "$(times_asked)" = "$2" ]
}
label_of_slot() { # SLOT
	tool --list-objects --type cert | awk -v id="$(id_of_slot "$1")" '/^  label:/ { sub(/^  label: */, ""); label = $0 }
		/^  ID:/ && $2 == id { print label }'
}
gives_pin() { # SLOT PIN: with C_Login(CKU_CONTEXT_SPECIFIC); nobody is asked
	answers CANCEL
	foreign "$builddir/tests/clients/p11_client" "$module" "$(label_of_slot "$1")" "$2" && [ "$(times_asked)" = 0 ]
}
token_says() { # PATTERN
	tool --list-token-slots | grep -q "token flags.*$1"
}
person_opens() {
	answers "$CARD_PIN"
	smime unlock
}

card_start alice 0 9a=rsa2048,9c=rsa2048 --label Alice || {
	echo "Bail out! no card"
	exit 99
}
write_card_conf "$opensc"
ok "the card's certificates are listed, and no PIN is sent" counted 0 0 tool --list-objects
ok "C_Login with the right PIN sends it, once" counted 1 0 logs_in "$CARD_PIN"
ok "a second program's is compared, and not sent" counted 0 0 logs_in "$CARD_PIN"
ok "a wrong one neither: it costs no try" counted 0 0 says 'CKR_PIN_INCORRECT' 1 logs_in 111111
ok "lock" smime lock
ok "on a locked card a wrong PIN is sent" counted 0 1 says 'CKR_PIN_INCORRECT' 1 logs_in 111111
ok "the same one is not sent again" counted 0 0 says 'CKR_PIN_INCORRECT' 1 logs_in 111111
ok "another one is" counted 0 1 says 'CKR_PIN_INCORRECT' 1 logs_in 222222
ok "one try is left" card_has alice pin_tries 1
ok "that is not for a program to spend: to it the PIN is locked" counted 0 0 says 'CKR_PIN_LOCKED' 1 logs_in 333333
ok "not even with the right PIN" counted 0 0 says 'CKR_PIN_LOCKED' 1 logs_in "$CARD_PIN"
ok "and the token says so" token_says 'final user PIN try'
ok "a person may" counted 1 0 person_opens
ok "and all tries are there again" card_has alice pin_tries 3
ok "so that programs log in again" counted 0 0 logs_in "$CARD_PIN"
# Until then OpenSC remembers the last try, and the agent keeps it for the person.
ok "lock" smime lock
ok "and open the card" counted 1 0 logs_in "$CARD_PIN"
ok "an ordinary key signs without a question" signs_twice_asked 9a 0
ok "9C asks at each use, for a program that knows nothing of it" signs_twice_asked 9c 2
ok "one that knows gives the PIN itself" counted 1 0 gives_pin 9c "$CARD_PIN"
ok "a wrong one is told to it, and not sent again" counted 0 1 says 'first signature: 0xa0' 1 gives_pin 9c 111111
ok "and the other keys still work" signs_twice_asked 9a 0
ok "as 9C does" signs_twice_asked 9c 2
finish
