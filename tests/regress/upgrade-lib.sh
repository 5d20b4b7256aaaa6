# SPDX-License-Identifier: ISC
# Sourced after lib.sh by tests that replace the agent's programs while it runs: those of this build are in folders of the
# test's own.
version=$(smime --version | sed 's/.* //')
programs="worker token admin prompt watch store"
export SMIME_AGENT_LIBEXEC=$work/libexec SMIME_AGENT_PROGRAM=$work/bin/smime-agent
mkdir -p "$work/bin" "$work/libexec" "$work/first/bin" "$work/first/libexec"
cp "$builddir/smime-agent" "$work/first/bin/"
for program in $programs; do cp "$builddir/smime-agent-$program" "$work/first/libexec/"; done

# put FOLDER: its programs in place of those that are there, each as a new file.
put() {
	for folder in bin libexec; do
		for program in "$1/$folder"/*; do
			cp "$program" "$work/$folder/new" && mv "$work/$folder/new" "$work/$folder/${program##*/}" || return
		done
	done
}

# make_release NAME: the first release's programs, of another version.
make_release() {
	cp -R "$work/first" "$work/$1" &&
		python3 "$srcdir/tests/regress/upgrade.py" "$work/$1/bin" "$version\\n1 HELLO" "$1\\n1 HELLO" &&
		python3 "$srcdir/tests/regress/upgrade.py" "$work/$1/libexec" "$version\\n1 HELLO" "$1\\n1 HELLO"
}

is_gone() { # PID
	case $(cat "/proc/$1/stat" 2>/dev/null) in '' | *') Z '*) return 0 ;; esac
	return 1
}

sign() {
	smime sign --raw -k ec -o "$work/s.der" "$work/bytes" && verifies "$work/s.der"
}
verifies() {
	openssl cms -verify -inform DER -in "$1" -content "$work/bytes" -binary -CAfile "$work/ca.pem" -out /dev/null
}

# meets_new OLD-PID: requests from now on are for another process, and none fails but for want of the PIN.
meets_new() {
	for try in 1 2 3 4 5 6 7 8; do
		smime status >"$work/status" || return
		now=$(sed -n 's/^ *pid *//p' "$work/status")
		[ "$now" = "$1" ] || break
	done
	[ "$now" != "$1" ] && wait_for is_gone "$1" && unlock && sign
}

put "$work/first"
