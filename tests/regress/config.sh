#!/bin/sh
# SPDX-License-Identifier: ISC
# The configuration: what is wrong in it is said, what is right is used, and reading it again
# disturbs nobody. One agent for each socket; it comes and goes cleanly.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ -x /usr/bin/python3 ] || plan_skip "python3 is not installed"
. "$srcdir/tests/regress/fault.sh"
. "$srcdir/tests/regress/pkcs11-lib.sh"
DEATHS_EXPECTED=yes # we kill one
echo "bytes to sign" >"$work/bytes"
write_conf

# refused LINE STATUS-LINE: the agent does not start, and says where.
refused() {
	write_conf
	printf "$1" >>"$conf"
	says "agent.conf, line ${2:-5}: " 2 smime-agent --background && [ ! -e "$SMIME_AGENT_SOCKET" ]
	got=$?
	smime agent stop
	return $got
}

for line in "nonsense" "nonsense 1" "Module $softhsm" "module" "module relative.so" "modules $softhsm" \
	"pinentry-program pinentry" "pinentry-program" "log-file agent.log" "log-level loud" "log-level 3" \
	"pin-cache-ttl" "pin-cache-ttl -1" "pin-cache-ttl +1" "pin-cache-ttl 1x" "pin-cache-ttl 1 2" \
	"pin-cache-ttl 0x10" "pin-cache-ttl 99999999999999999999" "pin-cache-max 31536001" "operation-timeout 0" \
	"operation-timeout 3601" "prompt-timeout 0" "max-connections 0" "max-connections 1025" "idle-workers 0" \
	"idle-workers 17" "spool-max 0" "spool-directory var/tmp" "certificates chain.pem" "pin-source" \
	"pin-source Demo" "pin-source Demo /etc/pin" "pin-source Demo file:pin" "pin-source file:/etc/pin" \
	"pin-source Demo env:PIN" "log-level=debug" "pin-cache-ttl: 5" \
	"certificate-store certs.db" "trust-anchors ca.pem" "expiry-warning 3651" "expiry-warning soon"; do
	ok "wrong: $line" refused "$line\n"
done
ok "wrong in the last line, which has no end" refused "nonsense"
ok "wrong after an empty line and a comment" refused "\n# a comment\nnonsense\n" 7
ok "wrong: a line of 5,000 bytes" refused "log-file /$(printf '%05000d' 0)\n"
ok "wrong: a NUL" refused "log-level debug\000 loud\n"

start_says_it() {
	write_conf nonsense
	smime agent start 2>"$work/said"
	got=$?
	cat "$work/said" >&2
	[ "$got" != 0 ] && grep -q "agent.conf, line 5: " "$work/said" && [ ! -e "$SMIME_AGENT_SOCKET" ]
}
ok "smime agent start says so, too" start_says_it

accepted() {
	write_conf
	printf '\n   \t\n# comment\n  # another\n\tlog-level\t debug \r\n  pin-cache-ttl   77\nlog-level debug' >>"$conf"
	smime agent start && smime agent stop
}
ok "blanks, comments, CR LF and a last line without an end are fine" accepted
rm "$conf"
mkdir "$conf"
ok "a folder is no configuration" says "agent.conf" 2 smime-agent --background
rmdir "$conf"
ln -s agent.conf "$conf"
ok "one that cannot be opened is an error, not an empty one" says "agent.conf" 2 smime-agent --background
rm "$conf"
ok "--config: no such file" says "nothing.conf" 2 smime-agent --background --config "$work/nothing.conf"
ok "an unknown option" says "usage" 2 smime-agent --nonsense
ok "an argument" says "usage" 2 smime-agent nonsense
write_conf "log-file $work/none/agent.log"
ok "a log that cannot be written" says "none/agent.log" 2 smime-agent --background
write_conf
long_path() {
	SMIME_AGENT_SOCKET=$work/$(printf '%0120d' 0) says "too long" 2 smime-agent --background
}
ok "a socket's path that is too long" long_path

# --- coming and going

same_agent() { # COMMAND...
	before=$(agent_pid)
	"$@"
	[ -n "$before" ] && [ "$(agent_pid)" = "$before" ]
}

started() {
	smime agent start && [ -S "$SMIME_AGENT_SOCKET" ] && [ -n "$(agent_pid)" ]
}

is_private() { # MODE FILE
	[ "$(stat -c %a "$2")" = "$1" ]
}

stops() {
	agent=$(agent_pid)
	children=$(pgrep -P "$agent")
	smime agent stop || return
	for pid in $agent $children; do
		gone "$pid" || return
	done
	[ ! -e "$SMIME_AGENT_SOCKET" ]
}

killed() {
	agent=$(agent_pid)
	children=$(pgrep -P "$agent")
	kill -9 "$agent"
	for pid in $agent $children; do
		wait_for gone "$pid" || return
	done
	[ -S "$SMIME_AGENT_SOCKET" ]
}

many_start_one() {
	smime agent stop
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		smime status >"$work/status$i" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return
	done
	[ "$(sed -n 's/^ *pid *//p' "$work"/status? | sort -u | wc -l)" = 1 ]
}

ok "start" started
ok "start again: the same agent" same_agent smime agent start
ok "the socket is the user's alone" is_private 600 "$SMIME_AGENT_SOCKET"
ok "so is the log" is_private 600 "$work/agent.log"
second_agent() {
	says "running already" 3 smime-agent --background
}
ok "a second agent on the same socket is refused" second_agent
ok "and does not disturb the first" same_agent second_agent
ok "stop leaves no process and no socket" stops
ok "stop again" smime agent stop
ok "lock without an agent" smime lock
ok "reload without an agent" says "agent" 3 smime agent reload
ok "a command starts one" smime tokens
ok "killed: all its processes go, the socket stays" killed
ok "and the next one takes its place" started
ok "eight programs at once start one" many_start_one
other_socket() {
	first=$(agent_pid)
	export SMIME_AGENT_SOCKET=$work/run/other
	smime agent start && [ "$(agent_pid)" != "$first" ] && stops
	got=$?
	export SMIME_AGENT_SOCKET=$work/run/S.smime-agent
	[ $got = 0 ] && [ "$(agent_pid)" = "$first" ]
}
ok "another socket, another agent" other_socket
default_socket() {
	unset SMIME_AGENT_SOCKET
	smime agent start && [ -S "$XDG_RUNTIME_DIR/smime-agent/S.smime-agent" ] &&
		is_private 700 "$XDG_RUNTIME_DIR/smime-agent" && smime agent stop
	got=$?
	export SMIME_AGENT_SOCKET=$work/run/S.smime-agent
	return $got
}
ok "the usual place is in XDG_RUNTIME_DIR, in a folder of its own" default_socket
# An agent that was given its socket as systemd does it, and a file that was only left open.
as_systemd_does() {
	/usr/bin/python3 - "$SMIME_AGENT_SOCKET" 9>"$work/left-open" <<-'END'
		import os, socket, sys
		listening = socket.socket(socket.AF_UNIX)
		listening.bind(sys.argv[1])
		listening.listen()
		os.dup2(listening.fileno(), 3)
		os.set_inheritable(3, True)
		if os.fork() == 0:
		    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
		    os.execvp("smime-agent", ["smime-agent"])
	END
}
from_systemd() {
	export SMIME_AGENT_SOCKET=$work/run/systemd
	as_systemd_does && given=$(agent_pid) && ! readlink "/proc/$given/fd/"* | grep left-open &&
		smime agent stop && wait_for gone "$given" && [ -S "$SMIME_AGENT_SOCKET" ]
	got=$?
	export SMIME_AGENT_SOCKET=$work/run/S.smime-agent
	return $got
}
ok "a socket that systemd passes is used, and stays" from_systemd

# --- reading it again

sign() {
	smime sign -k ec --raw "$work/bytes" >"$work/s.der"
}

modules() {
	smime status | grep -c '^ *module '
}

module_is() { # STATE PATH
	smime status | grep -q "^ *module *$1 $2 "
}

reloads() { # COMMAND that makes it read again, with a connection that stays
	talk open "line GETINFO version" || return
	write_conf "module $fault" "pin-cache-ttl 1000"
	same_agent "$@" || return
	wait_for module_is ready "$fault" || return
	: >"$work/before"
	grep -c "^OK" "$work/answers" >"$work/before"
	talk "line KEYS" "line GETINFO version" &&
		[ "$(grep -c '^OK' "$work/answers")" = $(($(cat "$work/before") + 2)) ] && sign
	got=$?
	hang_up
	write_conf
	smime agent reload
	return $got
}
hangup() {
	kill -HUP "$(agent_pid)"
}

ok "initialise a token" make_token Demo
ok "make a key" make_key Demo ec ec:P-256
ok "unlock" unlock
ok "reload: an idle connection goes on, and so does the login" reloads smime agent reload
ok "SIGHUP: the same" reloads hangup
ok "a module that is not in it any more goes" [ "$(modules)" = 1 ]

broken() { # STATUS COMMAND...
	wanted=$1
	shift
	write_conf "module $fault" nonsense
	: >"$work/agent.log"
	same_agent "$@"
	same=$?
	wait_for grep -q "agent.conf, line 6: " "$work/agent.log" && [ "$same" = 0 ] && [ "$(modules)" = 1 ] && sign
}
ok "reload: a wrong file changes nothing" broken 2 smime agent reload
ok "reload: and is said" says "configuration" 2 smime agent reload
ok "SIGHUP: a wrong file changes nothing" broken 0 hangup
rm "$conf"
write_conf
state_is_locked() {
	smime tokens | grep -q 'state  *locked'
}
new_settings() {
	write_conf "pin-cache-ttl 1"
	smime agent reload && unlock && sign && wait_for state_is_locked
}
smime lock
ok "reload: the new settings hold" new_settings
write_conf "log-file $work/second.log"
smime agent reload
ok "reload: a new log file is used" eval 'smime lock && wait_for test -s "$work/second.log"'

# --- modules

some_fail() {
	smime agent stop
	echo "not a library" >"$work/text.so"
	write_conf "module $work/nothing.so" "module $work/text.so" "module /lib/ld-linux.so.2" "module $fault"
	FAULT_P11_MODULE=$work/nothing.so smime agent start &&
		smime tokens | grep -q Demo && wait_for module_is failed "$work/nothing.so" && wait_for module_is failed "$work/text.so" &&
		wait_for module_is failed "$fault" && grep -q "error.*nothing.so" "$work/agent.log" && unlock && sign
}
ok "modules that cannot be loaded are named; others go on" some_fail
crashing_module() {
	smime agent stop
	write_conf "module $fault"
	rules "C_Initialize segv"
	unlock && sign && rules && wait_for module_is "[a-z]*" "$fault"
}
ok "a module that crashes when it is loaded does not keep others from their work" crashing_module
failing_module() {
	smime agent stop
	rules "C_Initialize rv=0x5"
	unlock && sign && wait_for module_is failed "$fault"
}
ok "a module that cannot be initialised is named; others go on" failing_module
hanging_module() {
	smime agent stop
	rules "C_Initialize hang"
	started=$(calls C_Initialize)
	smime tokens | grep -q Demo && unlock && sign && smime status | grep -q "$fault: it does not answer" && module_is starting "$fault" &&
		[ $(($(calls C_Initialize) - ${started:-0})) = 1 ]
}
ok "a module that hangs in C_Initialize is named; others are used before its time is up" hanging_module
slow_module() {
	smime agent stop
	write_fault_conf
	rules "C_Initialize delay=7000"
	unlock Demo && sign && module_is ready "$fault" && ! smime status | grep -q "does not answer"
}
ok "what is on a module that takes long to start is waited for" slow_module
write_conf "module $fault"
smime agent stop
rules

# A name space of mounts in which p11-kit and the system's configuration are ours.
if [ "$(id -u)" = 0 ]; then
	in_private="unshare -m"
else
	in_private="unshare -rm"
fi
own_module() {
	smime agent stop
	write_conf "module $module"
	smime agent start && wait_for module_is failed "$module" && grep -q "agent's own" "$work/agent.log" &&
		wait_for module_is ready "$softhsm"
}
ok "the agent does not load its own module" own_module
write_conf

modules_folder=$(pkg-config --variable=p11_module_configs p11-kit-1 2>/dev/null)
system_folder=$(sed -n 's/^sysconfdir = //p' "$builddir/Makefile" | sed "s|\${prefix}|$(sed -n 's/^prefix = //p' "$builddir/Makefile")|")

cat >"$work/private" <<END
set -e
mount -t tmpfs none "$modules_folder"
echo "module: $softhsm" >"$modules_folder/demo.module"
cp "$work/smime-agent.module" "$modules_folder/"
[ ! -d /etc/pkcs11 ] || mount -t tmpfs none /etc/pkcs11
mount -t tmpfs none "$system_folder"
mkdir "$system_folder/smime-agent"
[ ! -e "$work/system.conf" ] || cp "$work/system.conf" "$system_folder/smime-agent/agent.conf"
exec smime-agent --background
END
# What make install registers, and a program that sees nothing else.
sed "s|^module: .*|module: $module|" "$builddir/smime-agent.module" >"$work/smime-agent.module"
cat >"$work/program" <<END
set -e
mount -t tmpfs none "$modules_folder"
cp "$work/smime-agent.module" "$modules_folder/"
echo "module: $softhsm" >"$modules_folder/demo.module"
[ -d /etc/pkcs11 ] || exec p11tool --list-token-urls
mount -t tmpfs none /etc/pkcs11
mkdir /etc/pkcs11/modules
[ "\$1" = seen ] || echo "enable-in: smime-agent" >/etc/pkcs11/modules/demo.module
exec p11tool --list-token-urls
END
in_private() {
	smime agent stop
	$in_private sh "$work/private"
}

if [ -d "$modules_folder" ] && [ -d "$system_folder" ] && $in_private mount -t tmpfs none "$modules_folder" 2>/dev/null; then
	p11_kit_modules() {
		echo "log-file $work/agent.log" >"$conf"
		in_private && smime tokens | grep -q Demo && wait_for module_is ready demo
	}
	ok "without module lines: those of p11-kit" p11_kit_modules
	ok "but not the agent's own" sh -c "! smime status | grep -q smime-agent-pkcs11"
	p11_kit_program() { # seen|hidden TIMES
		foreign $in_private sh "$work/program" "$1" | grep -c 'token=Demo' | grep -x "$2"
	}
	if [ -n "$sanitizer" ]; then
		skip "a program that uses p11-kit sees the agent's token" \
			"SoftHSM hangs at the end of a program that has the sanitizers' runtime"
	else
		ok "a program that uses p11-kit sees the agent's token, beside the token's own module" p11_kit_program seen 2
	fi
	if [ -n "$sanitizer" ]; then
		skip "with that one hidden, the agent's alone" "the same"
	elif [ -d /etc/pkcs11 ]; then
		ok "with that one hidden, the agent's alone" p11_kit_program hidden 1
	else
		skip "with that one hidden, the agent's alone" "there is no /etc/pkcs11 to mount over"
	fi
	replaced() {
		write_conf
		sed -i "s|^module.*|module $fault|" "$conf"
		in_private && wait_for module_is ready "$fault" && [ "$(modules)" = 1 ]
	}
	ok "module lines replace p11-kit's" replaced
	system_conf() {
		printf 'module %s\nlog-file %s\n' "$fault" "$work/system.log" >"$work/system.conf"
		rm "$conf"
		in_private && wait_for test -s "$work/system.log" && wait_for module_is ready "$fault"
	}
	ok "without the user's configuration: the system's" system_conf
	user_first() {
		rm -f "$work/system.log"
		write_conf
		in_private && wait_for module_is ready "$softhsm" && [ ! -e "$work/system.log" ]
	}
	ok "with both: the user's" user_first
	system_wrong() {
		echo nonsense >"$work/system.conf"
		rm "$conf"
		says "agent.conf, line 1: " 2 in_private
	}
	ok "a wrong line in the system's" system_wrong
	write_conf
	home_conf() {
		rm -f "$work/system.conf"
		mkdir -p "$HOME/.config/smime-agent"
		mv "$conf" "$HOME/.config/smime-agent/agent.conf"
		(unset XDG_CONFIG_HOME && in_private) && wait_for module_is ready "$softhsm"
	}
	ok "without XDG_CONFIG_HOME: ~/.config" home_conf
else
	skip "p11-kit's modules, and the system's configuration" "no private mounts here"
fi
finish
