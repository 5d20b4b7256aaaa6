#!/bin/sh
# SPDX-License-Identifier: ISC
# distro.sh [OPTION...] SUITE [COMMAND [ARGUMENT...]]: runs a command (./check.sh) in a root of its own
# with that Debian suite (bookworm, trixie, sid), in a clone of the committed tree. Nothing outside sees
# it, and what it started ends with it. The status is the command's.
#   --bare      without the packages of packages.sh, which the cached root has
#   --user      as a user "tester" who has sudo, not as root
#   --offline   without a network
# Roots are kept in SMIME_ROOTS, or in ~/.cache/smime-agent: remove that folder for newer packages.
# Debian comes from this machine's own mirror.
set -u
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cache=${SMIME_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/smime-agent}
bare=
person=root
offline=
net= # packages come over it, in any case

usage() {
	sed -n '3,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

while :; do
	case ${1:-} in
	--bare) bare=yes ;;
	--user) person=tester ;;
	--offline) offline=--net ;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || usage
suite=$1
shift
[ $# -gt 0 ] || set -- ./check.sh

give_up() {
	echo "distro.sh: $*" >&2
	exit 1
}
[ "$(id -u)" = 0 ] || give_up "only root can make and enter a root of its own: run it with sudo"
command -v mmdebstrap >/dev/null || give_up "mmdebstrap is not installed: run apt-get install mmdebstrap"
unshare -m --pid --fork true || give_up "no mount and pid namespaces here: a container must allow them"
mkdir -p "$cache" || exit 1

# What runs is in a pid namespace, which ends with the process that this script ends.
folder=$cache/run.$$
child=
clean() {
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null
	wait
	rm -rf "$folder"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for left in "$cache"/run.*; do kill -0 "${left##*.}" 2>/dev/null || rm -rf "$left"; done
mkdir -p "$folder/root" "$folder/tmp" || exit 1
exec 3<&0

# contained OPTION-OF-UNSHARE... COMMAND...
contained() {
	setpriv --pdeathsig KILL unshare -m --pid --fork --kill-child "$@" <&3 3<&- &
	child=$!
	wait "$child"
	contained_status=$?
	child=
	return $contained_status
}

# within PERSON HOME COMMAND...: runs it in the root, in the person's clone.
within() {
	contained $net sh -c '
		[ -z "$2" ] || ip link set lo up || exit 125
		cd "$1" && mount --bind . . && cd "$1" && mount --rbind /dev dev && mount -t tmpfs -o mode=1777 none dev/shm &&
			mount -t proc none proc && mount -t tmpfs -o mode=1777 none tmp &&
			mount -t tmpfs -o mode=755 none run && mkdir -m 1777 run/lock || exit 125
		person=$3 home=$4
		shift 4
		exec env -i TERM="${TERM:-dumb}" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME="$home" USER="$person" LOGNAME="$person" chroot --userspec="$person" . \
			sh -c "cd ~/smime-agent && exec \"\$@\"" sh "$@"' sh "$folder/root" "$net" "$@"
}

unpack() { # ARCHIVE
	rm -rf "$folder/root" && mkdir "$folder/root" && tar -C "$folder/root" --numeric-owner -xf "$1"
}

# This machine's mirrors, with the other suite in place of its own: sid has no updates.
make_bare_root() {
	own=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	more='(-updates|-security)?'
	[ "$suite" != sid ] || more='()'
	apt-get --print-uris update |
		sed -nE "s,^'(.*)/dists/$own$more/InRelease'.*,deb \1 $suite\2 main,p" >"$folder/sources"
	mirrors=$folder/sources
	[ -s "$mirrors" ] || mirrors=
	apt-config dump | grep -E '^Acquire::(Check-Valid-Until|https?::Proxy) ' >"$folder/apt.conf"
	TMPDIR=$folder/tmp contained mmdebstrap --quiet --variant=minbase --include=sudo,ca-certificates \
		--aptopt="$folder/apt.conf" "$suite" "$folder/new.tar" $mirrors && mv "$folder/new.tar" "$1"
}

# The root with all packages, which are written to disk once and not one by one; and its archive.
fill_root() { # ARCHIVE
	mkdir -p "$folder/root/root/smime-agent" && cp "$top/tests/packages.sh" "$folder/root/root/smime-agent/" &&
		within root /root sh -c 'echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast && . ./packages.sh &&
			need $build_packages $run_packages $test_packages && apt-get clean && rm /etc/dpkg/dpkg.cfg.d/fast' &&
		rm -r "$folder/root/root/smime-agent" && tar -C "$folder/root" --numeric-owner -cf "$folder/new.tar" . &&
		rm -f "$cache/$suite"-*.tar && mv "$folder/new.tar" "$1"
}

# The commit, and beside it the sample messages, where they are here.
place_tree() { # FOLDER
	git clone -q "$top" "$1/smime-agent" || return
	corpus=${SMIME_CORPUS:-$top/../shared/corpus}
	[ ! -d "$corpus" ] || { mkdir "$1/shared" && cp -r "$corpus" "$1/shared/corpus"; } || return
}

make_tester() {
	chroot "$folder/root" useradd --create-home --shell /bin/bash tester &&
		echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$folder/root/etc/sudoers.d/tester"
}

. "$top/tests/packages.sh"
full=$cache/$suite-$(echo $build_packages $run_packages $test_packages | sha256sum | cut -c-12).tar
if [ -z "$bare" ] && [ -e "$full" ]; then
	unpack "$full" || exit
else
	[ -e "$cache/$suite.tar" ] || make_bare_root "$cache/$suite.tar" || give_up "no root was made"
	unpack "$cache/$suite.tar" || exit
	[ -n "$bare" ] || fill_root "$full" || give_up "the packages were not installed"
fi
home=/root
if [ "$person" = tester ]; then
	home=/home/tester
	make_tester || exit
fi
place_tree "$folder/root$home" && chroot "$folder/root" chown -R "$person:" "$home" || exit
net=$offline
within "$person" "$home" "$@"
