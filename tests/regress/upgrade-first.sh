#!/bin/sh
# SPDX-License-Identifier: ISC
# An agent of 0.1.0 runs, which knows nothing of versions: the upgrade ends it, the new agent reads what it left, and a
# downgrade is as ordinary. Its programs are built of the project's own history.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
commit=f62c81ae4953fd06d961ba08bfbd60436d188b47
[ -z "$(nm "$builddir/smime-agent" 2>/dev/null | grep __asan_init)" ] || plan_skip "the build without sanitizers shows it"
git -C "$srcdir" cat-file -e "$commit^{commit}" 2>/dev/null || plan_skip "the history with 0.1.0 is not here"
. "$srcdir/tests/regress/upgrade-lib.sh"

# build_program NAME FOLDER LIBRARY...: of all sources below the folder of the old tree.
build_program() {
	program=$1
	folder=$2
	shift 2
	includes=$(find "$work/tree/$folder" -type d | sed 's/^/-I/')
	${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -w -O0 -DVERSION='"0.1.0"' -DSMIME_AGENT_LIBEXEC='"/nonexistent"' -DPINENTRY_PROGRAM='"/nonexistent"' \
		-DSYSTEM_CONFIG='"/nonexistent"' -I"$work/tree/include" $includes $(pkg-config --cflags "$@") \
		$(find "$work/tree/$folder" "$work/tree/agent/wire" -name '*.c') -o "$work/0.1.0/$program" $(pkg-config --libs "$@" gpg-error)
}
build_first() {
	mkdir -p "$work/tree" "$work/0.1.0/bin" "$work/0.1.0/libexec" &&
		git -C "$srcdir" archive "$commit" include agent | tar -C "$work/tree" -xf - &&
		build_program bin/smime-agent agent/broker libassuan && build_program libexec/smime-agent-watch agent/watch libpcsclite &&
		build_program libexec/smime-agent-store agent/store sqlite3 &&
		build_program libexec/smime-agent-token agent/token p11-kit-1 &&
		build_program libexec/smime-agent-prompt agent/prompt libassuan &&
		build_program libexec/smime-agent-worker agent/worker libcrypto libassuan libseccomp
}
echo "bytes to sign" >"$work/bytes"
ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256
smime agent stop
ok "build 0.1.0" build_first
ok "install it" put "$work/0.1.0"
write_conf "idle-workers 2"
ok "0.1.0 unlocks, asked by the client of this build" unlock
ok "and signs" sign
ok "and keeps a certificate" smime certs import "$work/ca.pem"
old=$(agent_pid)
put "$work/first"
ok "after the upgrade the next clients meet the new agent" meets_new "$old"
ok "which has the old one's certificates" sh -c "smime certs list | grep -q 'Test CA'"
ok "stop" smime agent stop

put "$work/0.1.0"
unlock
old=$(agent_pid)
put "$work/first"
ok "an agent of 0.1.0 can be stopped after the upgrade" smime agent stop
ok "it is gone" is_gone "$old"

ok "an agent of this version" unlock
old=$(agent_pid)
put "$work/0.1.0"
ok "after a downgrade the next clients meet the old agent" meets_new "$old"
ok "the log says that it restarted" grep -q 'warn smime-agent was upgraded; restarting$' "$work/agent.log"
smime agent stop

# What a later version may leave behind.
/usr/bin/python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version=99")' \
	"$(find "$XDG_DATA_HOME" -name '*.db' | head -n 1)"
store_refused() {
	says 'newer version' 3 smime certs list && smime agent stop
}
ok "a store of a later version: 0.1.0 says so" store_refused
put "$work/first"
ok "and so does this version" store_refused
write_conf "a-setting-of-later yes"
conf_refused() {
	says 'agent.conf, line [0-9]*: ' 2 "$SMIME_AGENT_PROGRAM" --background
}
ok "a configuration of a later version: this version names the line" conf_refused
put "$work/0.1.0"
ok "as 0.1.0 did" conf_refused
finish
