#!/bin/sh
# SPDX-License-Identifier: ISC
# A person, or a file, gives the PIN; the agent keeps it, and shows it to nobody.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"
. "$srcdir/tests/regress/pkcs11-lib.sh"
. "$srcdir/tests/regress/pin-lib.sh"
DEATHS_EXPECTED=yes

# --- a person

operations_are() {
	[ "$(smime status | sed -n 's/^ *operations *//p')" = "$1" ]
}

three_at_once() {
	answers "$PIN"
	rm "$work/go"
	sign_pids=
	for i in 1 2 3; do
		smime sign -k ec -o "$work/s$i.eml" "$work/mail.eml" &
		sign_pids="$sign_pids $!"
	done
	wait_for operations_are 3
	waited=$?
	touch "$work/go"
	for pid in $sign_pids; do
		wait "$pid" || waited=1
	done
	[ "$waited" = 0 ] && [ "$(times_asked)" = 1 ]
}

prompt_names_all() {
	answers "$PIN"
	smime lock || return
	smime sign -k ec -o "$work/s.eml" "$work/mail.eml" &
	pid=$!
	wait $pid && grep '^SETDESC' "$asked" | grep 'Demo' | grep -q "smime (process $pid)"
}

wrong_then_right() {
	answers nope-1 "$PIN"
	sign_with 2 2 0 && [ "$(grep -c '^SETERROR.*[Ww]rong' "$asked")" = 1 ]
}

same_wrong_again() {
	answers nope-2 nope-2 "$PIN"
	sign_with 3 2 0
}

earlier_wrong_again() {
	answers nope-3 nope-4 nope-3
	sign_with 3 2 4
}

three_wrong() {
	answers nope-5 nope-6 nope-7 "$PIN"
	sign_with 3 3 4 && sign 2>&1 # and a new request asks anew
}

cancelled() {
	answers CANCEL "$PIN"
	sign_with 1 0 4
}

others_go_on() {
	smime keys >/dev/null && smime tokens >/dev/null
}

hanging_pinentry() {
	answers
	smime sign -k ec "$work/mail.eml" >"$work/s.eml" 2>"$work/said" &
	pid=$!
	wait_for test -s "$work/pinentry.pid" && wait_for gone "$pid" || {
		kill "$pid" "$(cat "$work/pinentry.pid")"
		return 1
	}
	wait "$pid"
	got=$?
	cat "$work/said" >&2
	echo "status $got" >&2
	[ "$got" = 3 ] || [ "$got" = 4 ] || return
	wait_for gone "$(cat "$work/pinentry.pid")"
}

killed_client() {
	answers
	smime sign -k ec "$work/mail.eml" >"$work/s.eml" 2>"$work/said" &
	pid=$!
	wait_for test -s "$work/pinentry.pid" && others_go_on && ! gone "$pid" || return
	kill -9 "$pid"
	wait_for gone "$(cat "$work/pinentry.pid")"
}

# One client goes while others wait for the same PIN: they still get it.
asker_goes() {
	answers "$PIN" "$PIN"
	smime lock || return
	rm "$work/go"
	smime sign -k ec "$work/mail.eml" >"$work/s1.eml" 2>"$work/said" &
	first=$!
	wait_for operations_are 1 || return
	smime sign -k ec "$work/mail.eml" >"$work/s2.eml" &
	second=$!
	wait_for operations_are 2 || return
	kill -9 $first
	wait_for gone "$first"
	touch "$work/go"
	wait $second
}

use_conf
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256
ok "three programs at once: asked once" three_at_once
ok "the prompt names token, program and process" prompt_names_all
ok "a wrong PIN: asked again, with an error; the right one" wrong_then_right
ok "the same wrong PIN again is not sent again" same_wrong_again
ok "nor is one that was wrong before the last one" earlier_wrong_again
ok "three wrong PINs end it" three_wrong
ok "cancelling is refusal" cancelled
ok "the client that caused the question is killed: another one still gets its answer" asker_goes
ok "locked again" smime lock
ok "lock forgets the PIN" state_is locked

smime agent stop
write_fault_conf "pinentry-program $work/pinentry-hang" "prompt-timeout 2"
ok "a pinentry that hangs is ended" hanging_pinentry
write_fault_conf "pinentry-program $work/pinentry-hang" "prompt-timeout 100"
smime agent reload
ok "others go on meanwhile; pinentry ends with the client that it was asked for" killed_client
write_fault_conf "pinentry-program $work/no-such-pinentry"
smime agent reload
ok "no pinentry: a clear error" says "pinentry" 4 sign
write_fault_conf "pinentry-program $work/mail.eml"
smime agent reload
ok "a pinentry that cannot be executed: a clear error" says "pinentry" 4 sign
write_fault_conf "pinentry-program /bin/true"
smime agent reload
ok "a pinentry that ends at once: a clear error" says "pinentry" 4 sign

# --- from a descriptor

use_conf
long=$(printf '%0300d' 7)
ok "--pin-fd: empty" says "PIN" 4 no_login unlock_with ""
ok "--pin-fd: an empty line" says "PIN" 4 no_login unlock_with "\n"
ok "--pin-fd: too long" says "length" 4 no_login unlock_with "$long\n"
ok "--pin-fd: very long" says "length" 4 no_login unlock_with "$long$long$long$long\n"
ok "--pin-fd: with a NUL" says "length" 4 no_login unlock_with "$PIN\000\n"
ok "--pin-fd: not open" says "usage" 2 smime unlock --pin-fd 9
ok "--pin-fd: not a number" says "usage" 2 smime unlock --pin-fd x
ok "--pin-fd: wrong" says "wrong PIN" 4 smime unlock --pin-fd 3 3<"$work/wrong"
ok "--pin-fd: the same wrong one again is not sent" says "wrong PIN" 4 no_login smime unlock --pin-fd 3 3<"$work/wrong"
answers
ok "none of these asked a person" status 1 times_asked
ok "--pin-fd: right, without a line end" unlock_with "$PIN"
ok "the token is unlocked" state_is unlocked
ok "--pin-fd: right, with CR LF" eval 'smime lock && unlock_with "$PIN\r\n"'

# --- from a file or a credential

use_conf "pin-source Demo file:$work/pin"
ok "pin-source: a file" from_source 1 0 0
mkdir "$work/credentials"
cp "$work/pin" "$work/credentials/demo-pin"
export CREDENTIALS_DIRECTORY=$work/credentials
use_conf "pin-source pkcs11:token=Demo credential:demo-pin"
ok "pin-source: a systemd credential, the token by URI" from_source 1 0 0
use_conf "pin-source pkcs11:token=Other file:$work/pin"
ok "pin-source of another token is not used" from_source 0 4 1
use_conf "pin-source Demo credential:../pin"
ok "pin-source: a credential's name is no path" from_source 0 4 1
use_conf "pin-source Demo file:$work/nothing"
ok "pin-source: no such file: the person is asked" from_source 0 4 1
use_conf "pin-source Demo file:$work/wrong"
ok "pin-source: a wrong PIN is sent once, then the person is asked" from_source 1 4 1
ok "and never again" from_source 0 4 1
echo "wrong-Pin.8" >"$work/wrong"
ok "nor what is in the file then: it may be wrong each time" from_source 0 4 1
ok "its module's token process restarts" process_dies
ok "not even then" from_source 0 4 1
smime agent reload
ok "but when the configuration was read again" from_source 1 4 1

change_elsewhere() { # OLD NEW
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$1" --change-pin --new-pin "$2" >/dev/null 2>&1
}

# The cached PIN came from the file, and somebody changed the token's PIN: one try, not two.
changed_behind() {
	from_source 1 0 0 && change_elsewhere "$PIN" new-Pin.5 || return
	answers CANCEL
	process_dies && new_calls C_Login sign
	change_elsewhere new-Pin.5 "$PIN" || return
	echo "logins $count, status $got" >&2
	[ "$count" = 1 ] && [ "$got" = 4 ]
}
use_conf "pin-source Demo file:$work/pin"
ok "a PIN that was right and is not any more is sent once" changed_behind

# --- for how long

used_for() { # SECONDS: sign again and again
	until=$(($(date +%s) + $1))
	while [ "$(date +%s)" -le "$until" ]; do
		sign || return
		sleep 0.5
	done
}

use_conf "pin-cache-ttl 1"
answers "$PIN"
ok "pin-cache-ttl: unlocked" sign
ok "pin-cache-ttl: locks when unused" wait_for state_is locked
use_conf "pin-cache-ttl 10"
answers "$PIN"
ok "pin-cache-ttl: stays unlocked while it is used" used_for 12
ok "pin-cache-ttl: was asked once" [ "$(times_asked)" = 1 ]
use_conf "pin-cache-ttl 10000" "pin-cache-max 2"
answers "$PIN" CANCEL
ok "pin-cache-max: unlocked" sign
ok "pin-cache-max: locks all the same" wait_for state_is locked
use_conf "pin-cache-ttl 0"
answers "$PIN" "$PIN"
ok "pin-cache-ttl 0: signs" sign
ok "pin-cache-ttl 0: locks at once" wait_for state_is locked
ok "pin-cache-ttl 0: asks again" sign
ok "pin-cache-ttl 0: was asked twice" [ "$(times_asked)" = 2 ]

# --- a key that wants its PIN each time

make_always_key() {
	make_ca
	printf 'subjectAltName=email:always@example.org\nkeyUsage=digitalSignature\n' >"$work/always.ext"
	openssl req -new -newkey rsa:2048 -nodes -keyout "$work/always.key" -subj /CN=always 2>/dev/null |
		openssl x509 -req -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 \
			-extfile "$work/always.ext" -outform DER -out "$work/always.crt" 2>/dev/null &&
		openssl rsa -in "$work/always.key" -outform DER -out "$work/always.der" 2>/dev/null || return
	pkcs11() {
		pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --id 99 --label always "$@"
	}
	pkcs11 --write-object "$work/always.der" --type privkey --always-auth --usage-sign >/dev/null &&
		pkcs11 --write-object "$work/always.crt" --type cert >/dev/null
}

always_request() {
	smime token csr --token Demo --label always --subject /CN=again --pin-fd 3 3<"$work/pin" >"$work/again.csr" &&
		openssl req -verify -noout -in "$work/again.csr" 2>&1 | grep -q "verify OK"
}

# always ASKED LOGINS STATUS PIN...: signs once while the token is unlocked.
always() {
	asked_wanted=$1 logins_wanted=$2 status_wanted=$3
	shift 3
	answers "$@"
	new_calls C_Login:context sign always
	echo "status $got, asked $(times_asked), logins $count" >&2
	[ "$got" = "$status_wanted" ] && [ "$(times_asked)" = "$asked_wanted" ] && [ "$count" = "$logins_wanted" ]
}

use_conf
ok "make a key that wants its PIN each time" make_always_key
ok "always-authenticate: a request for a certificate" always_request
ok "unlock" unlock
ok "always-authenticate: asked" always 1 1 0 "$PIN"
ok "always-authenticate: the question names the key" grep -q '^SETDESC.*always.*Demo' "$asked"
ok "always-authenticate: asked again" always 1 1 0 "$PIN"
ok "always-authenticate: wrong, the same wrong again, right" always 3 2 0 nope-8 nope-8 "$PIN"
ok "always-authenticate: three times wrong" always 3 3 4 nope-1 nope-2 nope-3
ok "always-authenticate: cancelled" always 1 0 4 CANCEL
# OpenSC drops the whole login with a wrong PIN here.
rules "C_Login:context logout 1" "C_Login:context rv=0x101 1"
ok "always-authenticate: not sent again when the login was dropped with it" always 2 2 0 nope-9 "$PIN"
rules "C_Login:context logout 1" "C_Login:context rv=0x101 1"
ok "always-authenticate: the right one is none of the wrong ones when the login is lost as it is sent" always 2 2 0 "$PIN" "$PIN"
rules "C_Login:context logout 2" "C_Login:context rv=0x101 2"
ok "always-authenticate: but it is not sent a third time" always 3 2 4 "$PIN" "$PIN" "$PIN"
rules
ok "always-authenticate: until the token is unlocked with it again" eval 'smime lock && unlock && always 1 1 0 "$PIN"'
rules
use_conf "pin-source Demo file:$work/pin"
ok "always-authenticate: from pin-source" always 0 1 0
cp "$work/wrong" "$work/wrong-for-use"
use_conf "pin-source Demo file:$work/wrong-for-use"
unlock
ok "always-authenticate: wrong in pin-source, then from the person" always 1 2 0 "$PIN"
ok "always-authenticate: pin-source is wrong still" always 1 1 4 CANCEL

# --- nowhere else

not_in_files() {
	! grep -q -e "$PIN" -e nope- -e wrong-Pin "$work/agent.log" "$work/calls"
}

# A PIN that a program gives for one use, when nobody was told that it is the last try.
own_pin() { # PIN LOGINS STATUS
	answers
	new_calls C_Login:context foreign "$builddir/tests/clients/p11_client" "$module" always "$1"
	echo "status $got, logins $count" >&2
	[ "$got" = "$3" ] && [ "$count" = "$2" ] && [ "$(times_asked)" = 0 ]
}
use_conf
rules
ok "unlock" unlock
ok "a program gives the PIN for one use" own_pin "$PIN" 1 0
rules "$final_try"
ok "but not the last try" own_pin wrong-Pin.7 0 1
rules

not_in_processes() {
	agent=$(agent_pid)
	[ -n "$agent" ] || return
	for pid in $agent $(pgrep -P "$agent"); do
		! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q -e "$PIN" || return
		! tr '\0' '\n' <"/proc/$pid/environ" | grep -q -e "$PIN" || return
	done
}

change_pin() { # OLD NEW
	printf '%s\n%s\n' "$1" "$2" >"$work/change"
	smime token change-pin --token Demo --pin-fd 3 3<"$work/change"
}

rules
use_conf
ok "change-pin with a wrong old PIN" says "wrong PIN" 4 change_pin wrong-Pin.2 new-Pin.1
ok "the old PIN still opens the token" unlock
ok "change-pin" change_pin "$PIN" new-Pin.1
smime lock
ok "the old PIN does not open it any more" says "wrong PIN" 4 unlock
ok "the new one does" unlock_with "new-Pin.1\n"
ok "no PIN in the log" not_in_files
ok "no PIN in arguments or environment" not_in_processes
finish
