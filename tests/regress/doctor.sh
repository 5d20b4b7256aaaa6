#!/bin/sh
# SPDX-License-Identifier: ISC
# smime doctor finds why a card does not work, says what to do, asks nobody and sends no PIN.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/cards-lib.sh"
DEATHS_EXPECTED=yes # a module that hangs is ended

# doctor STATUS: what it says is in $work/found.
doctor() {
	timeout 100 smime doctor >"$work/found"
	got=$?
	cat "$work/found" >&2
	[ "$got" = "$1" ]
}

# found LEVEL AREA PATTERN [ADVICE]: there is such a line, and below it that advice.
found() {
	grep -A 1 "^$1 *$2 .*$3" "$work/found" | grep -q -- "${4:-$3}"
}

found_not() {
	! found "$@"
}

finds() { # STATUS LEVEL AREA PATTERN [ADVICE]
	status_wanted=$1
	shift
	doctor "$status_wanted" && found "$@"
}

new_conf() { # LINE...
	smime agent stop
	write_conf "$@"
}

# own_cert NAME SUBJECT START END [EXTENSION...]: a self-signed certificate with its key, on the token.
own_cert() {
	name=$1
	shift
	make_dated "$work/$name.key" "$work/$name.pem" "$@" 2>/dev/null && id=$((id + 1)) &&
		import_key Demo "$id" "$name" "$work/$name.key" "$work/$name.pem"
}
id=10
for_mail="keyUsage=digitalSignature,keyEncipherment"

is_json() {
	smime doctor --json | /usr/bin/python3 -c '
import json, sys
found = json.load(sys.stdin)
sys.exit(not found or any(set(line) != {"level", "area", "text", "advice"} for line in found))'
}

# --- a soft token alone

pcscd_stop
ok "nothing to sign with: that is a problem" finds 1 problem key "no key can sign"
ok "SoftHSM shows a token to be" found note token "one that is not initialised" "smime token init"
make_token Demo
ok "a token, and nothing on it" eval 'doctor 1 && found ok token "Demo" && found note token "Demo shows no cert" && found note pcscd "does not answer"'
make_key Demo alice rsa:2048
ok "a key for mail" finds 0 ok key "(alice) on Demo signs and decrypts for alice@example.org"
ok "its issuer is not at hand" found note key "issuer is not at hand: /CN=Test CA" "certificates"
cp "$work/ca.pem" "$work/chain.pem"
new_conf "certificates $work/chain.pem"
ok "now it is" eval 'doctor 0 && found_not note key "issuer is not at hand"'
ok "pinentry" found ok pinentry "pinentry.sh"
ok "--json" is_json
ok "no PIN was needed" eval '[ ! -s "$HOME/pinentry.log" ] && smime tokens | grep -q "state *locked"'

# --- certificates

ok "certificates that do not suit" eval '
	own_cert ended "/CN=ended" 20200101000000Z 20210101000000Z "$for_mail" "subjectAltName=email:a@example.org" &&
	own_cert early "/CN=early" 20400101000000Z 20410101000000Z "$for_mail" "subjectAltName=email:a@example.org" &&
	own_cert web "/CN=web" 20200101000000Z 20400101000000Z "$for_mail" extendedKeyUsage=serverAuth &&
	own_cert nobody "/CN=nobody" 20200101000000Z 20400101000000Z "$for_mail" &&
	own_cert soon "/CN=soon" 20200101000000Z "$(date -u -d "+9 days" +%Y%m%d000000Z)" "$for_mail" "subjectAltName=email:a@example.org"'
doctor 1 2>/dev/null
ok "one that ended" found note key "(ended).* ended on 2021-01-01" "renew"
ok "one that is not valid yet" found problem key "(early).* not valid yet" "clock"
ok "one for servers" found problem key "(web).* not for signing or decrypting" "emailProtection"
ok "one without an address" found problem key "(nobody).* no mail address" "address"
ok "one that ends soon" found note key "(soon).* ends on" "renew"
bare_key() {
	smime token keygen --token Demo --label bare --type ec:P-256 --pin-fd 3 3<"$work/pin" &&
		finds 1 note key "Demo has 1 key without a certificate" import-cert
}
ok "a key without a certificate" bare_key
lost_key() {
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --delete-object --type privkey --label soon &&
		unlock && finds 1 note key "(soon).* without its private key" && smime lock
}
ok "a certificate whose key is gone" lost_key

# A label that would write on the screen what it likes.
hostile() {
	hostile_label=$(printf 'x\033[31m\tok\tkey')
	openssl x509 -in "$work/soon.pem" -outform DER -out "$work/soon.der" &&
		pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --write-object "$work/soon.der" \
			--type cert --id 99 --label "$hostile_label" >/dev/null && doctor 1 &&
		! grep -q "$(printf '\033')" "$work/found" && ! grep -q "$(printf '\t')" "$work/found" && is_json
}
ok "a label with controls in it" hostile

# --- modules, pinentry, configuration

new_conf "module /nonexistent.so" "module /bin/true"
ok "a module that is not there" finds 1 problem module "/nonexistent.so: .*No such file" "module"
ok "a file that is no module" found problem module "/bin/true: it cannot be loaded"
ok "the others are" found ok module "$softhsm is loaded"
new_conf
sed -i "s|^pinentry-program .*|pinentry-program /nonexistent/pinentry|" "$conf"
ok "no pinentry" finds 1 problem pinentry "/nonexistent/pinentry cannot be run" "pinentry-program"
new_conf "nonsense"
ok "an agent that does not start" finds 3 problem agent "." "smime-agent"
ok "says so as JSON, too" eval 'smime doctor --json >"$work/json"; [ $? = 3 ] && /usr/bin/python3 -m json.tool "$work/json"'
ok "a wrong option" says "usage\|doctor" 2 smime doctor --pin
new_conf

# --- what is set up

mkdir -p "$HOME/.ssh"
ok "a program that is not set up" finds 1 note setup "ssh is not set up"
smime setup ssh --yes >/dev/null
ok "one that is" finds 1 ok setup "ssh is set up"
own_modules=$XDG_CONFIG_HOME/pkcs11/modules
system_module=$(pkg-config --variable=p11_module_configs p11-kit-1)/smime-agent.module
if [ -e "$system_module" ] || [ -e /etc/pkcs11/modules/smime-agent.module ]; then
	skip "p11-kit does not know the module" "it is installed here"
else
	ok "p11-kit does not know the module" finds 1 note setup "p11-kit does not know" "install the package smime-agent-p11"
fi
mkdir -p "$own_modules"
cp "$builddir/smime-agent.module" "$own_modules/"
ok "p11-kit knows the module by the person's own configuration" finds 1 ok setup "p11-kit knows"
rm -r "$XDG_CONFIG_HOME/pkcs11"

# --- cards

smime agent stop
pcscd_start
card_start alice 0 9a=rsa2048,82=ca --label Alice
ok "a card that no module knows" finds 1 problem reader "card 3B.*no module knows" "opensc-pkcs11"
ok "a reader without a card" found note reader "no card is in it"
ok "pcscd runs" found ok pcscd "runs"
if [ -n "$opensc" ]; then
	new_conf "module $opensc"
	ok "a card, its module and its token" finds 1 ok reader "card 3B.*opensc-pkcs11.so knows as"
	ok "its key" found ok key "Alice 9a signs for alice@example.org"
	ok "its issuer is on the card, and only the root is missing" eval '
		found note key "issuer is not at hand: .*/CN=CA of Alice" && found_not note key "issuer is not at hand: .*Issuing"'
	card alice tries 1 >/dev/null
	smime agent stop
	ok "its last try" finds 1 problem token "one try is left"
	card alice tries 0 >/dev/null
	smime agent stop
	ok "its PIN is locked" finds 1 problem token "its PIN is locked" "PUK"
	smime agent stop
	pcscd_stop
	write_card_conf "$opensc"
	ok "no pcscd, and no token: that is a problem" finds 1 problem pcscd "does not answer" "install pcscd"
	ok "and no token is one" found problem token "no token is there"
else
	skip "a card, its module and its token" "OpenSC is not installed"
fi
ok "no PIN was sent to it" eval 'card_has alice right_pins 0 && card_has alice wrong_pins 0 && card_has alice blocked_pins 0'
finish
