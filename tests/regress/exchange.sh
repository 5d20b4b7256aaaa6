#!/bin/sh
# SPDX-License-Identifier: ISC
# Two people exchange mail for the first time, each with an agent, a token and a home of their own: Alice signs to
# Bob, Bob's store learns her certificate and what she reads, and Bob encrypts to Alice; then she can to him.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

make_ca
write_conf "trust-anchors $work/ca.pem"

# as_bob COMMAND...: with Bob's home, token and agent.
as_bob() (
	bob=$work/bob
	mkdir -p "$bob/home" "$bob/run" "$bob/config/smime-agent" "$bob/tokens" && chmod 700 "$bob/run"
	export HOME="$bob/home" XDG_RUNTIME_DIR="$bob/run" XDG_CONFIG_HOME="$bob/config" SOFTHSM2_CONF="$bob/softhsm2.conf"
	export XDG_DATA_HOME="$bob/home/.local/share" SMIME_AGENT_SOCKET="$bob/run/S.smime-agent"
	[ -e "$SOFTHSM2_CONF" ] || sed "s,^directories.tokendir = .*,directories.tokendir = $bob/tokens," "$work/softhsm2.conf" >"$SOFTHSM2_CONF"
	[ -e "$XDG_CONFIG_HOME/smime-agent/agent.conf" ] ||
		sed "s,^log-file .*,log-file $work/bob.log," "$conf" >"$XDG_CONFIG_HOME/smime-agent/agent.conf"
	"$@"
)
trap 'as_bob timeout 60 smime agent stop >/dev/null 2>&1; cleanup' EXIT

write_from() { # FILE FROM TO SUBJECT
	printf 'From: %s\nTo: %s\nSubject: %s\nDate: Mon, 23 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n' \
		"$2" "$3" "$4" "Grüße, $4" >"$1"
}

ok "Alice has a token" make_token Alice
ok "make her key" make_key Alice alice rsa:2048 alice@example.org
ok "unlock it" unlock
ok "Bob has another" as_bob make_token Bob
ok "make his key" as_bob make_key Bob bob ec:P-256 bob@example.org
ok "unlock it" as_bob unlock
strangers() {
	smime keys | grep alice && ! smime keys | grep -w bob && as_bob smime keys | grep -w bob && ! as_bob smime keys | grep alice
}
ok "neither has the other's" strangers

write_from "$work/1.eml" "Alice <alice@example.org>" "Bob <bob@example.org>" "first words"
write_from "$work/2.eml" "Bob <bob@example.org>" "Alice <alice@example.org>" "an answer"
ok "Bob cannot encrypt to Alice" says "alice@example.org: no certificate is known: ask them for a signed mail" 1 \
	as_bob smime encrypt -o "$work/no" "$work/2.eml"
ok "nor Alice to Bob" says "bob@example.org: no certificate is known" 1 smime encrypt -o "$work/no" "$work/1.eml"

ok "Alice signs to Bob" smime sign -o "$work/1.signed" "$work/1.eml"
learns() {
	as_bob smime verify -o /dev/null "$work/1.signed" && as_bob smime certs list --json | grep -q '"alice@example.org"'
}
ok "Bob verifies it, and knows her" learns
answers() {
	as_bob smime encrypt --sign --hide-subject -o "$work/2.encrypted" "$work/2.eml" && ! grep -q "an answer" "$work/2.encrypted" &&
		openssl cms -cmsout -print -in "$work/2.encrypted" -noout | grep -q 'aes-256-gcm'
}
ok "Bob signs and encrypts to Alice, in the cipher that both read" answers
reads() {
	smime decrypt -o "$work/2.back" "$work/2.encrypted" && grep -q '^Subject: an answer' "$work/2.back" && smime verify -o "$work/2.content" "$work/2.back" &&
		grep -q "Grüße, an answer" "$work/2.content"
}
# A certificate that is seen again later, in a file that says nothing of it, is what it was.
time_passes() {
	bob_store=$(as_bob smime status --json | sed 's/.*"certificates":"\([^"]*\)".*/\1/')
	/usr/bin/python3 -c "import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=30) as store: store.execute('UPDATE certificates SET last_seen=last_seen-100000')" "$bob_store"
}
is_listed_with() { # WORD...
	as_bob smime certs list --json alice@example.org >"$work/list" || return
	for word; do
		grep -q "\"$word\"" "$work/list" || { cat "$work/list" >&2; return 1; }
	done
}
seen_again() {
	time_passes && as_bob smime certs import "$work/alice.pem" && is_listed_with imported aes-256-gcm
}
still_imported() {
	time_passes && as_bob smime verify -o /dev/null "$work/1.signed" && is_listed_with imported aes-256-gcm
}
ok "Bob imports her certificate from a file, later: what she reads stays known" seen_again
ok "and that she was imported, when she signs again" still_imported
ok "Alice reads it, with its subject, and knows that it is Bob's" reads
ok "so can Bob, later" as_bob sh -c 'smime decrypt "$1" | grep -q "Grüße, an answer"' sh "$work/2.encrypted"
back_again() {
	smime certs list --json | grep -q '"bob@example.org"' && smime encrypt --sign -o "$work/3.encrypted" "$work/1.eml" &&
		as_bob smime verify -o "$work/3.content" "$work/3.encrypted" && grep -q "Grüße, first words" "$work/3.content"
}
ok "and now Alice encrypts to Bob, who reads and verifies it in one go" back_again
forged() {
	sed 's/first words/other words/' "$work/1.signed" >"$work/forged" && status 1 as_bob smime verify -o /dev/null "$work/forged"
}
ok "what was altered on the way is not believed" forged
finish
