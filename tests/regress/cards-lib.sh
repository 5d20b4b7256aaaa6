# SPDX-License-Identifier: ISC
# Sourced after lib.sh by tests that need smart cards: simulated ones (tests/cards/piv_sim.py), in the
# two virtual readers of a pcscd of the test's own. The test is run again in its namespaces.
cards=$srcdir/tests/cards
if [ -z "${PRIVATE_PCSCD:-}" ]; then
	lacks=$(sh "$cards/private-pcscd.sh" --check) || plan_skip "$lacks"
	rm -rf "$work"
	exec sh "$cards/private-pcscd.sh" sh "$0"
fi
opensc=$(ls /usr/lib/*/opensc-pkcs11.so /usr/lib64/opensc-pkcs11.so /usr/lib/opensc-pkcs11.so 2>/dev/null | head -n 1)
ykcs11=$(ls /usr/lib/*/libykcs11.so.2 /usr/lib64/libykcs11.so.2 2>/dev/null | head -n 1)
CARD_PIN=123456
CARD_PUK=12345678
printf '%s\n' "$CARD_PIN" >"$work/card-pin"
mkdir "$work/cards"

# card NAME COMMAND...: something happens to the card; piv_sim.py tells what there is.
card() {
	card_name=$1
	shift
	/usr/bin/python3 "$cards/ctl" "$work/cards/$card_name.ctl" "$@"
}

# card_value NAME WHAT: a number or true or false of its status.
card_value() {
	card "$1" status | sed -n "s/.*\"$2\": \([^,}]*\).*/\1/p"
}

# card_has NAME WHAT VALUE
card_has() {
	value=$(card_value "$1" "$2")
	[ "$value" = "$3" ] && return 0
	echo "$2 of card $1: $value, wanted $3" >&2
	return 1
}

# card_noticed NAME: pcscd knows that it is in its reader.
card_noticed() {
	/usr/bin/python3 "$cards/pcscd_view.py" "$(cat "$work/cards/$1.reader")" card
}

# card_start NAME READER KEYS [OPTION...]: a card, in reader 0 or 1; the same one again if there was one
# of this name. Returns when pcscd has it.
card_start() {
	card_name=$1
	card_port=$((35963 + $2))
	card_keys=$3
	echo "$2" >"$work/cards/$1.reader"
	shift 3
	/usr/bin/python3 "$cards/piv_sim.py" --state "$work/cards/$card_name" --ctl "$work/cards/$card_name.ctl" \
		--port "$card_port" --keys "$card_keys" "$@" 2>"$work/cards/$card_name.err" &
	wait_for card_has "$card_name" ready true && card_noticed "$card_name" && return
	cat "$work/cards/$card_name.err" >&2
	return 1
}

# card_stop NAME: out of the reader, for good; card_start can bring it back.
card_stop() {
	card "$1" quit
	rm -f "$work/cards/$1.ctl"
}

card_remove() { # NAME
	card "$1" remove && wait_for card_has "$1" ready false
}

card_insert() { # NAME
	card "$1" insert && wait_for card_has "$1" ready true && card_noticed "$1"
}

# card_reset READER: as another program may do with a card in reader 0 or 1.
card_reset() {
	"$builddir/tests/cards/reset_card" "0$1"
}

# card_cert NAME SLOT: the file of its certificate, in PEM.
card_cert() {
	[ -e "$work/cards/$1/$2.pem" ] ||
		openssl x509 -inform DER -in "$work/cards/$1/$2.crt" -out "$work/cards/$1/$2.pem" || return
	echo "$work/cards/$1/$2.pem"
}

# card_key NAME SLOT: what `smime -k` knows the key by.
card_key() {
	openssl x509 -inform DER -in "$work/cards/$1/$2.crt" -noout -fingerprint -sha256 |
		sed 's/.*=//; s/://g' | tr A-F a-f
}

# token_of CARD: the URI of its token, by its key 9A.
token_of() {
	smime keys | sed -n "/^$(card_key "$1" 9a)/,/^\$/s/^ *uri *\(.*\);id=.*/\1/p"
}

serial_of() { # CARD
	token_of "$1" | sed 's/.*serial=\([^;]*\).*/\1/'
}

# cards_are READY: those that are in a reader.
cards_are() {
	for socket in "$work"/cards/*.ctl; do
		there=$(basename "$socket" .ctl)
		[ "$(card_value "$there" inserted)" != true ] || wait_for card_has "$there" ready "$1" || return
	done
}

pcscd_stop() { # [SIGNAL]
	sh "$cards/private-pcscd.sh" --stop "$@" && cards_are false
}

# pcscd_start [READER]: the readers have this name. Returns when it has the cards that are in them.
pcscd_start() {
	sh "$cards/private-pcscd.sh" --start "$@" && cards_are true
}

# write_card_conf MODULE [LINE...]: the agent has this module, and no other.
write_card_conf() {
	card_module=$1
	shift
	write_conf "$@"
	sed -i "s|^module .*|module $card_module|" "$conf"
}

# answers PIN...: what the person will say, question by question; what was asked starts anew.
answers() {
	printf '%s\n' "$@" >"$HOME/pinentry"
	: >"$HOME/pinentry.log"
}

times_asked() {
	grep -c '^GETPIN' "$HOME/pinentry.log"
}
