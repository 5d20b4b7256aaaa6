#!/bin/sh
# SPDX-License-Identifier: ISC
# Removals, insertions, faults, kills and requests without end, by a seed (soak.py): every request ends in
# time with a right result or a right error, no wrong PIN is sent to a card, and nothing is left behind.
# A few steps here; 1,000 for each module with SMIME_LONG (check.sh --long), or SMIME_SOAK_STEPS.
# SMIME_SEED=N does again what was done with that seed, SMIME_SOAK_MODULES=ykcs11 with that module alone.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/cards-lib.sh"
. "$srcdir/tests/regress/fault.sh"
DEATHS_EXPECTED=yes
steps=30
[ -z "${SMIME_LONG:-}" ] || steps=1000
steps=${SMIME_SOAK_STEPS:-$steps}
# Always the same here, so that a failure is of what changed; another each time with SMIME_LONG.
seed=21
[ -z "${SMIME_LONG:-}" ] || seed=$(date +%s)
seed=${SMIME_SEED:-$seed}
echo "# SMIME_SEED=$seed"
reader="Yubico YubiKey OTP+FIDO+CCID" # both modules know it
export WORK=$work PCSCD=$cards/private-pcscd.sh READER="$reader" RESET_CARD=$builddir/tests/cards/reset_card
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1 # what it keeps of freed memory is not what is left
export PCSCD_LOG=$work/pcscd.log
export CARDS="alice=0:9a+9c+9d bob=1:9a+9d carol=0:9a"
echo "bytes to sign" >"$work/bytes"

seal() { # CERT FILE
	openssl cms -encrypt -binary -in "$work/bytes" -outform DER -out "$2" -aes256 "$1"
}

new_card() { # NAME READER PIN KEYS
	card_start "$1" "$2" "$4" --label "$1" --pin "$3" || return
	for slot in 9a 9c 9d; do
		[ ! -e "$work/cards/$1/$slot.crt" ] || card_key "$1" "$slot" >"$work/cards/$1/$slot.fpr" || return
	done
	[ ! -e "$work/cards/$1/9d.crt" ] || seal "$(card_cert "$1" 9d)" "$work/cards/$1/9d.sealed"
}

lists() { # CARD
	smime keys | grep -q "^$(card_key "$1" 9a)"
}

lists_not() { # CARD
	! lists "$1"
}

pull() { # CARD
	card_remove "$1" && wait_for lists_not "$1"
}

knows_pin() { # CARD PIN: the person does, by the serial that the module gives the token
	wait_for lists "$1" && echo "$(serial_of "$1") $2" >>"$HOME/pinentry-pins"
}

three_cards() {
	rm -rf "$work/cards"
	mkdir "$work/cards"
	new_card carol 0 345678 9a=p384 && card_remove carol && new_card alice 0 123456 9a=rsa2048,9c=p256,9d=rsa2048 &&
		new_card bob 1 234567 9a=p256,9d=p256
}

soft_serial() {
	smime tokens | sed -n 's/^ *uri *.*serial=\([^;]*\);token=Soft$/\1/p'
}

pins_are_known() {
	: >"$HOME/pinentry-pins"
	knows_pin alice 123456 && knows_pin bob 234567 && pull alice && card_insert carol &&
		knows_pin carol 345678 && pull carol && card_insert alice &&
		echo "$(soft_serial) $PIN" >>"$HOME/pinentry-pins" && wait_for lists alice
}

soft_token() {
	[ -e "$work/soft" ] && return
	make_token Soft && make_key Soft soft ec:P-256 && mkdir "$work/soft" && cp "$work/ca.pem" "$work/soft/"
}

soak() {
	/usr/bin/python3 "$srcdir/tests/regress/soak.py" "$seed" "$steps" >"$work/soak.out" 2>&1
	got=$?
	cat "$work/soak.out" >&2
	return $got
}

# --- what is left

memory() { # what the agent itself has, in KiB
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(agent_pid)/status"
}

# Two modules, the watcher and the workers that wait; no client but the one that asks.
idle_now() {
	smime status | grep -q '^ *operations *0$' && smime status | grep -q '^ *clients *1$' &&
		[ "$(pgrep -c -P "$(agent_pid)" smime-agent-tok)" = 2 ] && [ "$(pgrep -c -P "$(agent_pid)" smime-agent-wat)" = 1 ] &&
		! pgrep -P "$(agent_pid)" smime-agent-pro && no_zombies
}

back_to() { # DESCRIPTORS
	now=$(agent_descriptors)
	echo "$now descriptors, before: $1" >&2
	[ "$now" -le "$1" ]
}

few_sessions() { # of the module's two tokens, each with its anchor and at most 8 in the pool
	smime keys >/dev/null && [ "$(open_sessions)" -le 18 ]
}

# A sanitizer keeps what was freed, and from where; the plain build tells of what is lost.
room_kib=2048
grep -q '^HARDEN_LDFLAGS = .*-fsanitize' "$builddir/Makefile" && room_kib=$((4 * room_kib))

little_memory() { # BEFORE
	now=$(memory)
	echo "$now KiB, before: $1" >&2
	[ "$now" -le $(($1 + room_kib)) ]
}

nothing_left() {
	smime agent stop && wait_for eval '! pgrep "^smime|pinentry"' && [ ! -e "$SMIME_AGENT_SOCKET" ]
}

run_steps() { # NAME
	export FAULT_P11_MODULE=$2
	ok "$1: readers that both modules know" eval 'pcscd_stop && pcscd_start "$reader"'
	rules
	write_fault_conf "module $softhsm" "operation-timeout 2" "prompt-timeout 5" "idle-workers 2"
	smime agent start
	ok "$1: a soft token" soft_token
	ok "$1: three cards" three_cards
	ok "$1: the person knows their PINs" pins_are_known
	wait_for idle_now
	descriptors=$(agent_descriptors)
	memory=$(memory)
	ok "$1: $steps steps" soak
	sed 's/^# /# '"$1"': /' "$work/soak.out"
	ok "$1: nobody is served any more, and nobody is asked" wait_for idle_now
	ok "$1: no descriptor is left" wait_for back_to "$descriptors"
	ok "$1: no session is left" few_sessions
	ok "$1: no memory is left" little_memory "$memory"
	ok "$1: the agent ends, and no process is left" nothing_left
	for name in alice bob carol; do card_stop $name; done
}

for name in ${SMIME_SOAK_MODULES:-opensc ykcs11}; do
	eval "module=\$$name"
	if [ -n "$module" ]; then run_steps "$name" "$module"; else skip "$name" "it is not installed"; fi
done
finish
