#!/bin/sh
# SPDX-License-Identifier: ISC
# An HSM's software: opencryptoki's module and its daemon, with the token that is software. It keeps its state
# where the system has it, so that the whole test has a name space of its own.
if [ "$(id -u)" = 0 ] && [ -z "${IN_PRIVATE:-}" ] && unshare -m -i true 2>/dev/null; then
	export IN_PRIVATE=yes
	exec unshare -m -i sh "$0"
fi
. "$(dirname "$0")/lib.sh"
DEATHS_EXPECTED=yes
[ -n "${IN_PRIVATE:-}" ] || plan_skip "its daemon is root's, and no private mounts here"
PATH=$PATH:/usr/sbin
opencryptoki=
for candidate in /usr/lib/*/pkcs11/libopencryptoki.so /usr/lib64/pkcs11/libopencryptoki.so; do
	[ -e "$candidate" ] && opencryptoki=$candidate && break
done
{ [ -n "$opencryptoki" ] && command -v pkcsslotd >/dev/null; } || plan_skip "opencryptoki is not installed"

put_in_place() {
	mount -t tmpfs none /run && mkdir /run/lock && mount -t tmpfs -o mode=1777 none /dev/shm || return
	[ -L /var/run ] || mount --bind /run /var/run || return
	[ -L /var/lock ] || mount --bind /run/lock /var/lock || return
	mkdir -p /run/lock/opencryptoki/swtok "$work/opencryptoki/swtok/TOK_OBJ" &&
		chgrp -R pkcs11 /run/lock/opencryptoki "$work/opencryptoki" &&
		chmod -R 770 /run/lock/opencryptoki "$work/opencryptoki" &&
		mount --bind "$work/opencryptoki" /var/lib/opencryptoki &&
		printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n' >"$work/slots.conf" &&
		mount --bind "$work/slots.conf" /etc/opencryptoki/opencryptoki.conf || return
	# Where the daemon is not root's (3.21), it has a folder of its own.
	! id pkcsslotd || install -d -o pkcsslotd -g pkcs11 -m 710 /run/opencryptoki
}

daemon_runs() {
	for place in /run /run/opencryptoki; do
		[ -S $place/pkcsslotd.socket ] && daemon=$(cat $place/pkcsslotd.pid) && [ -n "$daemon" ] && return
	done
}
daemon=
start_daemon() {
	pkcsslotd >"$work/daemon.log" 2>&1
	wait_for daemon_runs
}
daemon_ended() {
	[ ! -e "/proc/$daemon/exe" ]
}
stop_daemon() {
	kill -KILL "$daemon" # it only notes others while it has clients
	wait_for daemon_ended && rm -f /run/pkcsslotd.* /run/opencryptoki/pkcsslotd.*
}
cleanup_daemon() {
	timeout 60 smime agent stop >/dev/null 2>&1
	[ -z "$daemon" ] || stop_daemon 2>/dev/null
	cd /
	umount "$work/opencryptoki" 2>/dev/null
	cleanup
}
trap cleanup_daemon EXIT

# The blank token, as the system calls it.
blank_is_there() {
	smime tokens --json >"$work/list" && grep -q '"state":"uninitialised"' "$work/list" &&
		blank=$(sed 's/.*"uri":"\([^"]*\)".*/\1/' "$work/list")
}
state_is() { # LABEL STATE
	smime tokens --json | grep -q "\"label\":\"$1\".*\"state\":\"$2\""
}
init_named() { # TOKEN LABEL
	smime token init --token "$1" --label "$2" --pin-fd 3 3<"$work/new-pins"
}
doctor_tells() {
	status 1 smime doctor >"$work/list" && grep -q "^problem  module .*$opencryptoki: C_Initialize" "$work/list"
}
sign() { # OPTIONS...
	smime sign -k rsa "$@" -o "$work/s.eml" "$work/mail.eml" &&
		openssl cms -verify -in "$work/s.eml" -CAfile "$work/ca.pem" -out /dev/null
}
comes_back() { # OPTION-OF-OPENSSL...
	openssl cms -encrypt -aes-256-cbc -in "$work/mail.eml" -out "$work/e.eml" -recip "$work/rsa.pem" "$@" &&
		smime decrypt "$work/e.eml" | tr -d '\r' >"$work/back" && cmp "$work/back" "$work/mail.eml"
}
eight_at_once() {
	signers=
	for i in 1 2 3 4 5 6 7 8; do
		smime sign --raw -k rsa -o "$work/$i.der" "$work/mail.eml" &
		signers="$signers $!"
	done
	for signer in $signers; do
		wait "$signer" || return
	done
}
ec_key() { # since 3.13
	if pkcs11-tool --module "$opencryptoki" --list-mechanisms | grep -q '^ *ECDSA,'; then
		make_key Ock p256 ec:P-256 && smime sign --raw -k p256 -o "$work/p256.der" "$work/mail.eml"
	else
		says "does not offer the mechanism" 3 make_key Ock p256 ec:P-256
	fi
}
# A daemon of 3.23 counts the sessions of a process that was killed, too, until it ends itself.
made_again() {
	printf "$SO_PIN\n$PIN\n" >"$work/new-pins"
	[ ! -d /run/opencryptoki ] || { stop_daemon && start_daemon && wait_for state_is Ock locked; } || return
	init_named Ock Again
}
# What programs look for that ask the token without an agent.
is_whole() { # LABEL
	pkcs11-tool --module "$opencryptoki" --list-objects --type cert >"$work/objects" && grep -q "label: *$1" "$work/objects" &&
		grep -Eqi "serial: *(00)?$(openssl x509 -in "$work/$1.pem" -noout -serial | sed 's/.*=//')" "$work/objects"
}

ok "a place of its own" put_in_place
write_mail "$work/mail.eml"
write_conf
sed -i "s|^module .*|module $opencryptoki|" "$conf"
echo "the wrong one" | cut -c-8 >"$work/wrong"
PIN=opencryp # four to eight characters
printf '%s\n' "$PIN" >"$work/pin"
printf '%s\n%s\n' "$SO_PIN" "$PIN" >"$work/new-pins"

ok "without its daemon the module does not start: told" doctor_tells
ok "the daemon starts" start_daemon
ok "the module works now" wait_for blank_is_there
ok "another blank token is not there" says "not present" 3 init_named "pkcs11:serial=124" Ock
ok "initialise this one" init_named "$blank" Ock
ok "it is locked" state_is Ock locked
ok "make a key and its certificate" make_key Ock rsa rsa:2048
ok "the certificate has its serial number" is_whole rsa
ok "a wrong PIN" says "wrong PIN" 4 smime unlock --pin-fd 3 3<"$work/wrong"
ok "the right one" unlock
ok "RSA signs" sign
ok "with PSS" sign --pss
ok "a mail comes back" comes_back
ok "with OAEP and SHA-1" comes_back -keyopt rsa_padding_mode:oaep
ok "with OAEP and SHA-256" comes_back -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
ok "eight signatures at once" eight_at_once
ok "an EC key, or a word that there are none" ec_key
ok "the certificate is there already" status 4 smime token import-cert --pin-fd 3 "$work/rsa.pem" 3<"$work/pin"
ok "the daemon goes and comes back" eval 'stop_daemon && start_daemon'
ok "unlock again" eval 'wait_for state_is Ock locked && unlock'
ok "RSA signs again" sign
ok "lock" eval 'smime lock && state_is Ock locked'
ok "made anew with another SO PIN: refused" eval 'printf "wrong-so\n$PIN\n" >"$work/new-pins"; says "wrong PIN" 4 init_named Ock Again'
ok "with its own" made_again
ok "the key is gone" [ -z "$(smime keys)" ]
ok "and the token has its new label" state_is Again locked
finish
