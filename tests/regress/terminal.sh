#!/bin/sh
# SPDX-License-Identifier: ISC
# What a client says of its terminal is checked before anything is written there, or a PIN is read from there.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

ok "a token" make_token Demo
ok "its key" make_key Demo key ec:P-256

# unlock_at OPTION...: a client that names these places asks for a PIN.
unlock_at() {
	smime lock && rm -f "$HOME/pinentry.log" || return
	{
		echo open
		for option in "$@"; do echo "line OPTION $option"; done
		echo "line UNLOCK"
	} | /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/answers"
}
# not_asked OPTION...: nobody is asked there, and the answer says so.
not_asked() {
	unlock_at "$@" && grep -q '^S ERROR PINENTRY ' "$work/answers" && [ ! -e "$HOME/pinentry.log" ]
}
# asked OPTION...: somebody is.
asked() {
	echo "$PIN" >"$HOME/pinentry"
	unlock_at "$@" && tail -n 2 "$work/answers" | grep -q '^OK' && [ -s "$HOME/pinentry.log" ]
}

# A file with PINs in it: an older pinentry-curses wrote its window into it, and read three of them.
printf '0000\n1111\n2222\n' >"$work/file"
cp "$work/file" "$work/before"
ok "a file in place of a terminal" not_asked "ttyname=$work/file"
ok "nothing was written to it" cmp "$work/file" "$work/before"
mkfifo "$work/fifo"
ok "a FIFO" not_asked "ttyname=$work/fifo"
ok "a device that is no terminal" not_asked ttyname=/dev/null
ok "the name of everybody's own terminal" not_asked ttyname=/dev/tty
ok "a file, by a way that begins in /dev" not_asked "ttyname=/dev/..$work/file"
ok "another machine's display" not_asked display=192.0.2.1:0
ok "a display that is forwarded" not_asked display=localhost:10.0
ok "a Wayland socket that is not there" not_asked wayland-display=wayland-7
ok "the log says why" grep -q "the terminal \"*$work/file\"* is not used: it is no device below /dev" "$work/agent.log"
ok "no try was spent" eval '! smime tokens | grep -qi "wrong PIN\|few tries"'
ok "a display of this machine" asked display=:7
ok "and with that, a terminal that is none is left out" asked display=:7 "ttyname=$work/file"
ok "pinentry did not hear of it" eval '! grep -q ttyname "$HOME/pinentry.log"'
ok "a terminal type that is a path is left out" asked display=:7 ttytype=../../x
ok "pinentry did not hear of it either" eval '! grep -q ttytype "$HOME/pinentry.log"'

# The real one.
real_pinentry() {
	pinentry=$(command -v pinentry-curses) || return
	write_conf "pinentry-program $pinentry" && smime agent reload && not_asked "ttyname=$work/file" && cmp "$work/file" "$work/before"
}
ok "pinentry-curses is not started for a file" real_pinentry
write_conf && smime agent reload

# What a desktop's keyring remembers was typed by nobody.
cat >"$work/remembers" <<END
#!/bin/sh
echo "OK"
while read -r line; do
	case \$line in
	GETPIN*) printf 'S PASSWORD_FROM_CACHE\nD $PIN\n' ;;
	esac
	echo OK
done
END
chmod +x "$work/remembers"
remembered() {
	write_conf "pinentry-program $work/remembers" && smime agent reload && unlock_at display=:7 && grep -q '^S ERROR PINENTRY ' "$work/answers" &&
		grep -q "gave a PIN that no person typed" "$work/agent.log"
}
ok "a PIN that pinentry remembers is not used" remembered
finish
