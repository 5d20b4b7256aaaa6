# SPDX-License-Identifier: ISC
# For the tests of PINs: what a pinentry answers and was asked, and how often a token was sent a PIN.

# Something to look for in places where it must not be.
PIN=pIn-77.Qx
printf '%s\n' "$PIN" >"$work/pin"
printf '%s\n%s\n' "$SO_PIN" "$PIN" >"$work/new-pins"
echo "wrong-Pin.1" >"$work/wrong"
asked=$HOME/pinentry.log
write_mail "$work/mail.eml"

# One that lets the others catch up before it answers, and says who it is.
cat >"$work/pinentry" <<END
#!/bin/sh
echo \$\$ >"$work/pinentry.pid"
while [ ! -e "$work/go" ]; do sleep 0.05; done
exec "$srcdir/tests/regress/pinentry.sh"
END
# One that never answers, and does not notice that nobody waits.
cat >"$work/pinentry-hang" <<END
#!/bin/sh
echo "OK hangs"
while read -r line; do
	case \$line in
	GETPIN*) echo \$\$ >"$work/pinentry.pid"; exec sleep 600 ;;
	*) echo OK ;;
	esac
done
END
chmod +x "$work/pinentry" "$work/pinentry-hang"
touch "$work/go"

use_conf() { # LINE...: a new agent with these
	smime agent stop
	write_fault_conf "pinentry-program $work/pinentry" "$@"
	smime agent start
}

# What pinentry will be told, question by question; and what it was asked starts anew.
answers() {
	: >"$HOME/pinentry"
	for answer in "$@"; do
		echo "$answer" >>"$HOME/pinentry"
	done
	: >"$asked"
	rm -f "$work/pinentry.pid"
}

times_asked() {
	grep -c '^GETPIN' "$asked"
}

sign() { # [KEY]
	smime sign -k "${1:-ec}" -o "$work/s.eml" "$work/mail.eml"
}

# sign_with ASKED LOGINS STATUS: signs from locked, and counts.
sign_with() {
	smime lock || return
	new_calls C_Login sign
	echo "asked $(times_asked), logins $count, status $got" >&2
	[ "$(times_asked)" = "$1" ] && [ "$count" = "$2" ] && [ "$got" = "$3" ]
}

state_is() { # STATE
	smime tokens --json | grep -q "\"label\":\"Demo\".*\"state\":\"$1"
}

no_login() { # COMMAND...: runs it and says how it ended; the token must not have heard of it
	new_calls C_Login "$@"
	[ "$count" = 0 ] && return $got
	echo "the PIN was sent" >&2
	return 99
}

unlock_with() { # TEXT for printf
	printf "$1" >"$work/given"
	smime unlock --pin-fd 3 3<"$work/given"
}

from_source() { # LOGINS STATUS ASKED: a locked token, and a person who cancels
	answers CANCEL
	smime lock || return
	new_calls C_Login sign
	echo "logins $count, status $got, asked $(times_asked)" >&2
	[ "$count" = "$1" ] && [ "$got" = "$2" ] && [ "$(times_asked)" = "$3" ]
}

final_try="C_GetTokenInfo flags=0x20000"
