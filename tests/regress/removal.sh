#!/bin/sh
# SPDX-License-Identifier: ISC
# Cards are pulled and put back, before, in the middle of and after an operation; pcscd ends and
# starts; another card comes. The list follows at once, every request ends, and the next signature
# works once the card is there.
. "$(dirname "$0")/lib.sh"
. "$srcdir/tests/regress/cards-lib.sh"
. "$srcdir/tests/regress/pkcs11-lib.sh"
agent_module=$module
DEATHS_EXPECTED=yes # what hangs is ended
write_mail "$work/mail.eml"
asked=$HOME/pinentry.log
confirm=$HOME/pinentry-confirm

# limited SECONDS COMMAND...: takes no longer. How long it took is told at the end.
limited() {
	limit=$1
	shift
	started=$(date +%s%N)
	timeout "$limit" "$@"
	ended=$?
	echo "# $description: $((($(date +%s%N) - started) / 1000000)) ms, status $ended" >>"$work/times"
	return "$ended"
}

sign() { # CARD [SLOT]
	limited 20 smime sign -k "$(card_key "$1" "${2:-9a}")" -o "$work/s.eml" "$work/mail.eml" &&
		openssl cms -verify -in "$work/s.eml" -CAfile "$work/cards/$1/ca.pem" -out /dev/null
}

# sign_asked TIMES CARD: signs, after that many questions.
sign_asked() {
	answers "$CARD_PIN" "$CARD_PIN"
	sign "$2" || return
	echo "asked $(times_asked) times" >&2
	[ "$(times_asked)" = "$1" ]
}

lists() { # CARD
	smime keys | grep -q "^$(card_key "$1" 9a)"
}

lists_not() {
	! lists "$1"
}

removed() { # COMMAND...: its error says that the card was removed
	says "removed" 3 "$@"
}

# --- before and after an operation

pulled_and_put_back() {
	card_remove alice && wait_for lists_not alice && removed sign alice && card_insert alice && wait_for lists alice
}

timed() { # COMMAND...: the milliseconds are in $took
	began=$(date +%s%N)
	"$@"
	timed_status=$?
	took=$((($(date +%s%N) - began) / 1000000))
	return "$timed_status"
}

comes_back() { # CARD: up to the first signature
	answers "$CARD_PIN"
	card_insert "$1" && wait_for sign "$1"
}

# SECONDS after the card was pulled, when nobody has noticed yet, the modules' worst moment, there is an error
# within 3 s, and after the return a signature within 3 s. The machine may be busy: in one round of ten.
pulled_before() {
	for round in 1 2 3 4 5 6 7 8 9 10; do
		sign_asked 0 alice && card alice remove >/dev/null && sleep "$1" && timed removed sign alice || return
		error_took=$took
		timed comes_back alice || return
		echo "# $description: error after $error_took ms, signature after $took ms" >>"$work/times"
		[ "$error_took" -le 3000 ] && [ "$took" -le 3000 ] && return
	done
	return 1
}

log_has_new() { # PATTERN: since there were $log_lines
	tail -n "+$((log_lines + 1))" "$work/agent.log" | grep -q "$1"
}

# 0.5 s after pcscd, which looks every 0.4 s; and at once listed. In one round of ten.
known_soon() {
	for round in 1 2 3 4 5 6 7 8 9 10; do
		log_lines=$(wc -l <"$work/agent.log")
		card alice remove >/dev/null
		timed wait_for log_has_new "token .*: removed from reader" || return
		removed_took=$took
		card_insert alice
		timed wait_for log_has_new "token .*: it is back" || return
		echo "# $description: gone after $removed_took ms, back after $took ms" >>"$work/times"
		[ "$removed_took" -le 1000 ] && [ "$took" -le 1000 ] && return
	done
	return 1
}

switches() { # how often the modules' processes have waited
	for pid in $(pgrep -P "$(agent_pid)" smime-agent-tok); do
		sed -n 's/^voluntary_ctxt_switches:[^0-9]*/'"$pid"' /p' /proc/"$pid"/task/*/status
	done
}

# Nothing but time goes by: the modules are not asked. What came before may still be going on at first.
not_polled() {
	for round in 1 2 3; do
		before=$(switches)
		sleep 2
		[ -n "$before" ] && [ "$(switches)" = "$before" ] && return
	done
	return 1
}

# --- what is remembered

# A wrong PIN is known as such after the card was away.
wrong_pin_is_remembered() {
	smime lock
	answers 111111 CANCEL
	says "cancelled" 4 sign alice && card_has alice wrong_pins $((wrong_before + 1)) && pulled_and_put_back || return
	answers 111111 "$CARD_PIN"
	sign alice && card_has alice wrong_pins $((wrong_before + 1)) && [ "$(times_asked)" = 2 ] && unlock Demo
}

uri_of() { # CARD: of its key 9A
	smime keys | sed -n "/^$(card_key "$1" 9a)/,/^\$/s/^ *uri *//p"
}

by_uri() {
	uri=$(uri_of alice)
	card_remove alice && wait_for lists_not alice &&
		removed limited 20 smime sign -k "$uri" -o "$work/s.eml" "$work/mail.eml" && grep -q "put it back.*(.*)" "$work/said" || return
	answers "$CARD_PIN"
	card_insert alice && wait_for lists alice && limited 20 smime sign -k "$uri" -o "$work/s.eml" "$work/mail.eml"
}

back_again() { # CARD
	card_insert "$1" && wait_for lists "$1" && sign_asked 1 "$1"
}

kept_pin() {
	card_remove alice && wait_for lists_not alice && card_insert alice && wait_for lists alice && sign_asked 0 alice
}

no_pinentry() { # in these namespaces
	! pgrep -f "$srcdir/tests/regress/pinentry.sh"
}

# The person is looking for the PIN.
pulled_while_asked() {
	answers HANG
	smime lock
	sign alice 2>"$work/asked-err" &
	pid=$!
	wait_for grep -q '^GETPIN' "$asked" && card_remove alice || return
	wait "$pid"
	cat "$work/asked-err" >&2
	grep -q removed "$work/asked-err" && wait_for no_pinentry && unlock Demo
}

watcher() {
	pgrep -P "$(agent_pid)" smime-agent-wat
}

other_watcher() {
	now=$(watcher) && [ "$now" != "$1" ]
}

watcher_killed() {
	old=$(watcher) && kill -9 "$old" && wait_for other_watcher "$old" && sign_asked 0 alice && pulled_and_put_back
}

# Nobody sees the card go.
pulled_unwatched() {
	old=$(watcher) && kill -9 "$old" && card alice remove >/dev/null && removed sign alice && wait_for lists_not alice
}

# It is away for so short a time that pcscd may see nothing, and the module's next process looks meanwhile.
out_for_a_moment() {
	sign_asked 0 alice && card alice die-on-sign >/dev/null && { sign alice || :; } && card_insert alice && wait_for lists alice
}

# --- in the middle of one

dies() {
	card alice die-on-sign >/dev/null && removed sign alice
}

# The card does not answer, and then is gone.
hangs() {
	card alice hang-on-sign >/dev/null || return
	sign alice 2>"$work/hangs-err" &
	pid=$!
	wait_for card_has alice hanging true && card_remove alice && wait "$pid"
	cat "$work/hangs-err" >&2
	grep -q removed "$work/hangs-err"
}

# Two cards, one of which hangs: the other one goes on, without a question.
other_goes_on() {
	sign_asked 1 bob && card alice hang-on-sign >/dev/null || return
	sign alice 2>/dev/null &
	pid=$!
	wait_for card_has alice hanging true && card_remove alice || return
	wait "$pid"
	sign_asked 0 bob
}

# --- asking for the card

asks_for_card() { # COMMAND...: with a person, and the question "insert the card"
	: >"$asked"
	DISPLAY=:99 sign alice 2>"$work/card-err" &
	pid=$!
	wait_for grep -q '^SETDESC.*insert the card.*' "$asked" && "$@" || return
	wait "$pid"
	got=$?
	cat "$work/card-err" >&2
	return "$got"
}

inserted_on_demand() {
	answers "$CARD_PIN"
	echo HANG >"$confirm"
	card_remove alice && wait_for lists_not alice && asks_for_card card_insert alice
	got=$?
	rm -f "$confirm"
	[ "$got" = 0 ] && [ "$(times_asked)" = 1 ]
}

cancelled() {
	echo CANCEL >"$confirm"
	card_remove alice && wait_for lists_not alice
	DISPLAY=:99 says "cancelled" 4 sign alice
	got=$?
	rm -f "$confirm"
	return "$got"
}

not_inserted() {
	echo HANG >"$confirm"
	DISPLAY=:99 removed sign alice
	got=$?
	rm -f "$confirm"
	return "$got"
}

decrypts_on_demand() {
	answers "$CARD_PIN"
	openssl cms -encrypt -aes256 -in "$work/mail.eml" -out "$work/e.eml" -recip "$(card_cert alice 9d)" || return
	echo HANG >"$confirm"
	: >"$asked"
	DISPLAY=:99 smime decrypt -o "$work/decrypted" "$work/e.eml" &
	pid=$!
	wait_for grep -q '^SETDESC.*insert the card' "$asked" && card_insert alice && wait "$pid"
	got=$?
	rm -f "$confirm"
	[ "$got" = 0 ] && grep -q "From here on" "$work/decrypted"
}

# --- another card, and both

other_card() {
	card_stop alice && card_start carol 0 9a=rsa2048 --label Carol --address carol@example.org &&
		wait_for lists carol && lists_not alice && sign_asked 1 carol && removed sign alice
}

# So quickly that pcscd may see no change: the module's next process does.
swapped() {
	card_remove alice && wait_for lists_not alice &&
		card_start carol 0 9a=rsa2048 --label Carol --address carol@example.org && wait_for lists carol &&
		card_remove carol && wait_for lists_not carol && card_insert alice && wait_for lists alice &&
		sign_asked 1 alice && card alice remove >/dev/null && card carol insert >/dev/null && removed sign alice
}

swapped_back() {
	wait_for lists carol && sign_asked 1 carol && card_noticed carol && card_remove carol && wait_for lists_not carol && card_stop carol &&
		back_again alice
}

first_card_again() {
	card_stop carol && card_start alice 0 9a=rsa2048 && wait_for lists alice && lists_not carol && sign_asked 1 alice
}

# --- pcscd

pcscd_killed() {
	pcscd_stop KILL && wait_for lists_not alice && removed sign alice
}

pcscd_back() {
	pcscd_start "$reader" && wait_for lists alice && sign_asked 1 alice
}

before_pcscd() {
	smime agent stop
	pcscd_stop && smime agent start && lists_not alice && pcscd_back
}

# --- a program with the PKCS#11 module, which is not loaded anew

label_of() { # CARD
	smime keys | sed -n "/^$(card_key "$1" 9a)/,/^$/s/^ *label *//p"
}

program_goes_on() {
	answers "$CARD_PIN" "$CARD_PIN"
	rm -f "$work/go" "$work/ready"
	/usr/bin/mkfifo "$work/go" "$work/ready"
	foreign "$builddir/tests/clients/p11_client" "$agent_module" "$(label_of alice)" "$work/ready" "$work/go" \
		>"$work/client.out" 2>&1 &
	client=$!
	read -r line <"$work/ready" && card_remove alice && wait_for lists_not alice && card_insert alice &&
		wait_for lists alice
	echo go >"$work/go"
	wait $client && return
	cat "$work/client.out" >&2
	return 1
}

# --- two modules

softhsm_is_open() {
	[ "$(smime tokens --json | grep -c '"label":"Demo".*"state":"unlocked"')" = 1 ]
}

listed_once() { # MODULE: through that one
	smime agent stop
	write_conf "module $1" "module $2"
	sed -i "/^module .*softhsm/d" "$conf"
	smime agent start && wait_for lists alice && [ "$(smime keys | grep -c "^$(card_key alice 9a)")" = 1 ] &&
		[ "$(smime tokens | sed -n 's/^ *module *//p' | sort -u)" = "$1" ]
}

signs_after() { # COMMAND...
	"$@" && sign_asked 1 alice
}

run_steps() { # NAME
	write_conf "module $module"
	smime agent stop
	ok "$1: two cards" two_cards
	wrong_before=$(card_value alice wrong_pins)
	wait_for lists alice
	ok "$1: the soft token is unlocked" unlock Demo
	ok "$1: signs, after one question" sign_asked 1 alice
	ok "$1: pulled: gone from the list, and a clear error; put back: listed" pulled_and_put_back
	ok "$1: signs, after one question: a PIN does not outlast the card" sign_asked 1 alice
	ok "$1: pulled 0.02 s before: an error within 3 s; put back, it signs within 3 s" pulled_before 0.02
	ok "$1: pulled 0.2 s before: the same" pulled_before 0.2
	ok "$1: the agent knows within 0.5 s of pcscd" known_soon
	ok "$1: and no module is polled" not_polled
	ok "$1: known by its URI: away, an error; back, it signs" by_uri
	ok "$1: a PIN that was wrong is not sent again after the card was away" wrong_pin_is_remembered
	ok "$1: pulled while its PIN is asked for: the question goes, an error" pulled_while_asked
	ok "$1: put back, it signs" back_again alice
	ok "$1: the watcher is killed: the next one sees the card go and come" watcher_killed
	ok "$1: and it signs" sign_asked 1 alice
	ok "$1: the watcher is killed and the card pulled: an error that says so" pulled_unwatched
	ok "$1: put back, it signs" back_again alice
	ok "$1: pulled while it signs: an error" dies
	ok "$1: put back, it signs" back_again alice
	ok "$1: out for a moment, in the middle of a signature: it is listed" out_for_a_moment
	ok "$1: and it signs" sign_asked 1 alice
	ok "$1: pulled while it hangs: an error" hangs
	ok "$1: put back, it signs" back_again alice
	ok "$1: one card hangs and is pulled: another one in the other reader goes on" other_goes_on
	ok "$1: put back, it signs" back_again alice
	ok "$1: a person is asked for the card, and puts it in" inserted_on_demand
	ok "$1: cancels" cancelled
	ok "$1: is asked for it to decrypt, too" decrypts_on_demand
	ok "$1: a program signs, and again with the same handle after the card was away" program_goes_on
	if [ "$1" = ykcs11 ]; then # OpenSC hangs in it until operation-timeout
		ok "$1: another card takes its place at once: an error that says so" swapped
		ok "$1: the other one signs, and then the first" swapped_back
	fi
	ok "$1: another card in this reader is another token" other_card
	ok "$1: and the first again" first_card_again
	ok "$1: pcscd is killed: gone from the list, and a clear error" pcscd_killed
	ok "$1: pcscd is back, it signs" pcscd_back
	ok "$1: the soft token's login outlasted it all" softhsm_is_open
	ok "$1: the agent starts before pcscd" before_pcscd
	write_conf "module $module" "keep-pin-on-removal yes" "prompt-timeout 1"
	smime agent stop
	wait_for lists alice
	ok "$1: keep-pin-on-removal: signs" sign_asked 1 alice
	ok "$1: keep-pin-on-removal: pulled and put back, it signs unasked" kept_pin
	ok "$1: pulled" eval 'card_remove alice && wait_for lists_not alice'
	ok "$1: nobody puts it in: an error when the time is over" not_inserted
	ok "$1: put back" card_insert alice
	ok "$1: no wrong PIN was sent but one that a person entered" eval 'card_has alice wrong_pins $((wrong_before + 1)) && card_has bob wrong_pins 0'
}

two_cards() {
	[ -e "$work/cards/alice" ] || card_start alice 0 9a=rsa2048,9d=rsa2048 --label Alice || return
	[ -e "$work/cards/bob" ] || card_start bob 1 9a=p256 --label Bob --address bob@example.org
}

reader="Yubico YubiKey OTP+FIDO+CCID"
ok "readers that both modules know" eval 'pcscd_stop && pcscd_start "$reader"'
ok "a soft token" make_token Demo
for name in opensc ykcs11; do
	eval "module=\$$name"
	if [ -z "$module" ]; then
		skip "$name" "it is not installed"
		continue
	fi
	run_steps "$name"
done
if [ -n "$opensc" ] && [ -n "$ykcs11" ]; then
	ok "two modules show one card: it is listed once, by the first" listed_once "$opensc" "$ykcs11"
	ok "and it signs" sign_asked 1 alice
	ok "the other way round" listed_once "$ykcs11" "$opensc"
	ok "and it signs" sign_asked 1 alice
fi
cat "$work/times"
finish
