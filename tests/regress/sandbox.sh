#!/bin/sh
# SPDX-License-Identifier: ISC
# Every process that can have a sandbox is in one, and works in it (tests/unit/test_sandbox.c tries the walls).
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

# confined NAME: every process of the agent with this name has a filter and can gain no privileges; at least one is there.
confined() {
	found=
	for pid in $(pgrep -P "$(agent_pid)" -f "smime-agent-$1"); do
		found=yes
		grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status" && grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status" || return 1
	done
	[ -n "$found" ]
}
soon_confined() { wait_for confined "$1"; }

ok "a token with a key" make_token Demo
ok "its key" make_key Demo key ec:P-256
ok "an agent" smime keys
for name in worker store watch; do
	ok "the $name process is in a sandbox" soon_confined "$name"
done
# A vendor's module opens devices and files (docs/SECURITY.md).
ok "a token process is in none" eval '! confined token'

"$builddir/tests/clients/make_certs" 3 >"$work/people.pem"
asked() {
	echo HANG >"$HOME/pinentry"
	smime unlock >/dev/null 2>&1 &
	unlocking=$!
	soon_confined prompt
	result=$?
	kill "$unlocking"
	wait "$unlocking"
	return "$result"
}
ok "the prompt process, while it waits for a person" asked
from_descriptor() {
	smime lock && mkfifo "$work/fifo" || return
	smime unlock --pin-fd 7 7<>"$work/fifo" &
	unlocking=$!
	soon_confined prompt
	result=$?
	echo "$PIN" >"$work/fifo"
	wait "$unlocking" && return "$result"
}
ok "and while it waits for a PIN from a descriptor" from_descriptor

people() {
	smime certs import "$work/people.pem" && smime certs list --json >"$work/list" &&
		[ "$(grep -c fingerprint "$work/list")" = 3 ]
}
ok "the store works" people
another_folder() {
	rm -rf "$XDG_DATA_HOME/smime-agent" && people && [ -s "$XDG_DATA_HOME/smime-agent/certs.db" ]
}
ok "also after its folder was removed" another_folder
moved_folder() {
	mv "$XDG_DATA_HOME/smime-agent" "$work/moved" && people && rm -rf "$XDG_DATA_HOME/smime-agent" &&
		mv "$work/moved" "$XDG_DATA_HOME/smime-agent" && people
}
ok "and with another in its place" moved_folder
# The file may be a link into another folder, as people who share a home by links have it.
linked() {
	smime agent stop && mkdir "$work/shared" && mv "$XDG_DATA_HOME/smime-agent/certs.db" "$work/shared/" &&
		rm -f "$XDG_DATA_HOME/smime-agent"/certs.db-* && ln -s "$work/shared/certs.db" "$XDG_DATA_HOME/smime-agent/certs.db" &&
		people && [ -L "$XDG_DATA_HOME/smime-agent/certs.db" ]
}
ok "a file that is a link to another folder" linked
finish
