#!/bin/sh
# SPDX-License-Identifier: ISC
# private-pcscd.sh COMMAND...: runs it beside a pcscd of its own with two virtual readers, in private
# network, mount and pid namespaces, as root or as anybody. No other pcscd is met there and no card
# but simulated ones (piv_sim.py connects to port 35963 for the first reader, 35964 for the second);
# what was started in there ends with COMMAND.
#
# private-pcscd.sh --check             says why that is not possible here, with status 1
# private-pcscd.sh --start [READER]    in there: pcscd, which was stopped; READER is the readers' name
# private-pcscd.sh --stop [SIGNAL]     in there: ends pcscd
PATH=$PATH:/usr/sbin:/sbin # where pcscd is, and people do not look
driver=libifdvpcd.so
drivers=/usr/lib/pcsc/drivers
pid_file=/run/pcscd/pcscd.pid
socket=/run/pcscd/pcscd.comm
odd=/run/pcscd.odd # of pcscd_view.py

# Namespaces, as whom this is: root of a chroot gets no user namespace, and need not have one.
enter() { # COMMAND...
	for options in "-rm" "-m" "-m --propagation unchanged"; do
		unshare $options --net --pid --fork --mount-proc true 2>/dev/null || continue
		case $options in *unchanged) set -- sh "$0" --own-root "$PWD" "$@" ;; esac
		exec unshare $options --net --pid --fork --kill-child --mount-proc "$@"
	done
	unshare -rm --net --pid --fork --mount-proc true # says why
	return 1
}

# The root directory of a chroot is no mount, so that what is mounted below it may be seen outside. /proc
# is a mount, and ours alone: a copy of everything goes there.
own_root() { # FOLDER COMMAND...
	mount -t tmpfs none /proc && mkdir /proc/root && mount --rbind / /proc/root &&
		mount --make-rprivate /proc/root && mount -t proc none /proc/root/proc &&
		exec chroot /proc/root sh -c 'cd "$0" && exec "$@"' "$@"
	return 99
}

lacks() {
	for program in pcscd ip unshare mount; do
		command -v "$program" >/dev/null || { echo "$program is not installed"; return; }
	done
	[ -e "$drivers/serial/$driver" ] || { echo "vsmartcard-vpcd is not installed"; return; }
	/usr/bin/python3 -c 'import cryptography' 2>/dev/null || { echo "python3-cryptography is not installed"; return; }
	why=$(enter sh -c 'mount -t tmpfs none /run && ip link set lo up' 2>&1) || echo "no private namespaces: $why"
}

# Runs in the namespaces. pcscd must not find the readers that are really there: it is left no driver
# but the virtual one.
prepare() {
	unset PCSCLITE_CSOCK_NAME
	export PRIVATE_PCSCD=yes
	cp -L "$drivers/serial/$driver" "$1/$driver" && mount -t tmpfs none /run && mv "$1/$driver" /run/ &&
		mount -t tmpfs none "$drivers" && mkdir /run/pcscd /run/readers && ip link set lo up
}

# pcscd 2 asks polkit whether somebody may use a card; there is none in here.
start() { # READER
	rm -f "$odd"
	printf 'FRIENDLYNAME "%s"\nDEVICENAME /dev/null:0x8C7B\nLIBPATH /run/%s\nCHANNELID 0x8C7B\n' \
		"${1:-Virtual PCD}" "$driver" >/run/readers/vpcd
	pcscd --foreground $(pcscd --help | grep -o -- --disable-polkit) ${PCSCD_LOG:+--info} --config /run/readers >>"${PCSCD_LOG:-/dev/null}" 2>&1 &
	for try in $(seq 200); do
		[ -S "$socket" ] && return 0
		sleep 0.05
	done
	echo "pcscd does not start" >&2
	return 1
}

stop() { # SIGNAL
	pid=$(cat "$pid_file") && kill -"${1:-TERM}" "$pid" || return
	for try in $(seq 200); do
		case $(cat "/proc/$pid/stat" 2>/dev/null) in
		'' | *') Z '*)
			rm -f "$socket" "$pid_file"
			return
			;;
		esac
		sleep 0.05
	done
	echo "pcscd does not end" >&2
	return 1
}

case $1 in
--check)
	why=$(lacks)
	[ -z "$why" ] && exit 0
	echo "$why"
	exit 1
	;;
--start | --stop)
	[ -n "${PRIVATE_PCSCD:-}" ] || { echo "not in private namespaces" >&2; exit 2; }
	action=${1#--}
	shift
	"$action" "$@"
	;;
--own-root)
	shift
	own_root "$@"
	;;
--inside)
	shift
	folder=$(mktemp -d) && prepare "$folder" && rmdir "$folder" && start || exit 99
	"$@"
	;;
*) enter sh "$0" --inside "$@" ;;
esac
