#!/bin/sh
# SPDX-License-Identifier: ISC
# A message of more than 4 GB, from a file and from a pipe, in bounded memory. Slow: only with
# ./check.sh --long (SMIME_LONG=yes).
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ "${SMIME_LONG:-}" = yes ] || plan_skip "slow; ./check.sh --long runs it"

bytes=4400000000
worker_limit_kib=24576
# A sanitizer's shadow and quarantine are not the worker's.
grep -q '^HARDEN_LDFLAGS = .*-fsanitize' "$builddir/Makefile" && worker_limit_kib=$((3 * worker_limit_kib))

content() {
	head -c $bytes /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null
}

# Samples the peak memory of the agent's workers until the file $work/stop appears.
watch_workers() {
	agent=$(agent_pid)
	peak=0
	while [ ! -e "$work/stop" ]; do
		for worker in $(pgrep -P "$agent" smime-agent-wor); do
			kib=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$worker/status" 2>/dev/null)
			[ "${kib:-0}" -gt $peak ] && peak=$kib && echo "$peak" >"$work/peak"
		done
		sleep 0.2
	done
}

bounded() { # COMMAND...: succeeds, and no worker grew over the limit
	rm -f "$work/stop" "$work/peak"
	watch_workers &
	watcher=$!
	"$@"
	result=$?
	: >"$work/stop"
	wait $watcher
	echo "# peak of a worker: $(cat "$work/peak") KiB" >&2
	[ $result = 0 ] && [ "$(cat "$work/peak")" -lt $worker_limit_kib ]
}


decrypts_file() {
	smime decrypt --raw "$work/e" | sha256sum >"$work/sum" && cmp "$work/sum" "$work/wanted"
}

decrypts_pipe() {
	cat "$work/e" | smime decrypt --raw | sha256sum >"$work/sum" && cmp "$work/sum" "$work/wanted"
}

encrypt() { # CIPHER
	content | openssl cms -encrypt -binary -stream "$1" -outform DER -out "$work/e" "$work/rsa.pem"
}

# 2 GB from a pipe, which openssl reads; then our own, in both directions at once.
encrypts_pipe() { # CIPHER OPTIONS...
	cipher=$1
	shift
	content | head -c 2200000000 | smime encrypt --raw --cipher "$cipher" -k rsa -r rsa@example.org -o "$work/e" "$@"
}

made_of_it() { # COMMAND...: what it gives is the 2 GB
	content | head -c 2200000000 | sha256sum >"$work/wanted2" && "$@" | sha256sum >"$work/sum" && cmp "$work/sum" "$work/wanted2"
}

verified() {
	smime decrypt --raw "$work/e" | smime verify --raw --ca "$work/ca.pem"
}

signs_detached() {
	content >"$work/content" && smime sign --raw -k rsa "$work/content" >"$work/s" &&
		openssl cms -verify -inform DER -in "$work/s" -content "$work/content" -binary -CAfile "$work/ca.pem" -out /dev/null
}

signs_opaque() {
	smime sign --raw --opaque -k rsa "$work/content" >"$work/s" &&
		[ "$(wc -c <"$work/s")" -gt $bytes ] && smime sign --raw --opaque -k rsa <"$work/content" | wc -c
}

verifies_opaque() {
	smime verify --raw --ca "$work/ca.pem" "$work/s" | sha256sum >"$work/sum" && cmp "$work/sum" "$work/wanted"
}

content | sha256sum >"$work/wanted"
ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "unlock" unlock
for cipher in -aes-256-cbc -aes-256-gcm; do
	ok "encrypt, $cipher" encrypt $cipher
	ok "decrypt a file, $cipher" bounded decrypts_file
	ok "decrypt a pipe, $cipher" bounded decrypts_pipe
done
rm -f "$work/e"
for cipher in aes-256-cbc aes-256-gcm; do
	ok "we encrypt a pipe, $cipher" bounded encrypts_pipe $cipher
	ok "and decrypt it, $cipher" bounded made_of_it smime decrypt --raw "$work/e"
	ok "sign and encrypt a pipe, $cipher" bounded encrypts_pipe $cipher --sign
	ok "decrypt and verify it, $cipher" bounded made_of_it verified
done
rm -f "$work/e"
ok "sign, detached" bounded signs_detached
ok "verify, detached" bounded smime verify --raw --ca "$work/ca.pem" --content "$work/content" -o /dev/null "$work/s"
ok "sign, opaque" bounded signs_opaque
rm -f "$work/content"
ok "verify, opaque" bounded verifies_opaque

finish
