#!/bin/sh
# SPDX-License-Identifier: ISC
# A PIN that a program gives is used, whoever is being asked or tried meanwhile.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"

echo "wrong-Pin.1" >"$work/wrong"
echo "wrong-Pin.2" >"$work/wrong2"
write_mail "$work/mail.eml"
# One that never answers.
cat >"$work/pinentry" <<END
#!/bin/sh
echo "OK hangs"
while read -r line; do
	case \$line in
	GETPIN*) echo \$\$ >>"$work/pinentry.pids"; exec sleep 600 ;;
	*) echo OK ;;
	esac
done
END
chmod +x "$work/pinentry"
write_fault_conf "pinentry-program $work/pinentry" "prompt-timeout 100"

asked() { # TIMES
	[ "$(cat "$work/pinentry.pids" 2>/dev/null | wc -l)" = "$1" ]
}
asks_no_more() {
	while read -r pid; do
		wait_for gone "$pid" || return
	done <"$work/pinentry.pids"
}
person_is_asked() { # a signature waits for it: process $signing
	rm -f "$work/pinentry.pids" "$work/s.eml"
	smime lock || return
	smime sign -k ec -o "$work/s.eml" "$work/mail.eml" &
	signing=$!
	wait_for asked 1
}
signed() {
	wait "$signing" && [ -s "$work/s.eml" ] && asks_no_more
}

right_one() {
	person_is_asked || return
	new_calls C_Login unlock
	[ "$got" = 0 ] && [ "$count" = 1 ] && signed && asked 1
}
wrong_one() {
	person_is_asked && says "wrong PIN" 4 smime unlock --pin-fd 3 3<"$work/wrong" || return
	# The person still has the say.
	wait_for asked 2 && [ ! -e "$work/s.eml" ] && unlock && signed && asked 2
}
fires() {
	ls "$work"/rules.1.* >/dev/null 2>&1
}
# The module is busy with another program's.
in_its_turn() { # FILE-OF-THE-FIRST PATTERN STATUS-OF-THE-SECOND FILE-OF-THE-SECOND
	rm -f "$work/pinentry.pids"
	smime lock && rules "C_Login delay=1500 1" || return
	smime unlock --pin-fd 3 3<"$work/$1" 2>"$work/first" &
	first=$!
	wait_for fires || return
	smime unlock --pin-fd 3 3<"$work/$4" 2>"$work/second"
	got=$?
	wait "$first"
	cat "$work/first" "$work/second" >&2
	grep -qx "smime unlock: .*$2.*" "$work/first" || [ -z "$2" -a ! -s "$work/first" ] || return
	[ "$got" = "$3" ] && asked 0
}

ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256
ok "while a person is asked, a PIN that is given is used, and the person is asked no more" right_one
ok "a wrong one is the giver's: the person is asked again" wrong_one
ok "behind another program's wrong PIN it has its turn" in_its_turn wrong "wrong PIN" 0 pin
ok "behind the right one it is compared" in_its_turn pin "" 4 wrong2
ok "and of two wrong ones neither asks a person" in_its_turn wrong "wrong PIN" 4 wrong2
ok "the same right one twice" in_its_turn pin "" 0 pin
finish
