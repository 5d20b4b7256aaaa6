#!/bin/sh
# SPDX-License-Identifier: ISC
# cross.sh ARCHITECTURE: builds for arm64 or s390x, and runs the unit tests and fuzz replays with qemu-user. It installs
# the other architecture's packages, so give it a root of its own:
#	tests/distro.sh --bare trixie tests/cross.sh arm64
#	tests/distro.sh --bare sid tests/cross.sh s390x
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
architecture=${1:-}
case $architecture in
arm64) triplet=aarch64-linux-gnu qemu=qemu-aarch64 ;;
s390x) triplet=s390x-linux-gnu qemu=qemu-s390x ;;
*)
	sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

# What qemu-user does not have: seccomp(2); memory's flags in /proc/self/smaps; a refusal of the descriptors for which
# a receiver has no room (it opens them all).
not_qemu='FAIL: tests/unit/test_sandbox 2 - refuses
FAIL: tests/unit/test_sandbox 3 - nothing_is_executable
FAIL: tests/unit/test_sandbox 4 - allows
FAIL: tests/unit/test_sandbox 5 - kills
ERROR: tests/unit/test_sandbox - exited with status 4
FAIL: tests/unit/test_secret 5 - memory_is_protected
ERROR: tests/unit/test_secret - exited with status 1
FAIL: tests/unit/test_channel 2 - descriptors_of_every_row
ERROR: tests/unit/test_channel - exited with status 1'

. ./tests/packages.sh
packages="gcc-$triplet qemu-user"
for package in $build_packages libcmocka-dev; do
	case $package in
	lib*-dev | nettle-dev) packages="$packages $package:$architecture" ;;
	*) packages="$packages $package" ;;
	esac
done
dpkg --add-architecture "$architecture" && apt-get update -qq &&
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null || exit 1

folder=$top/build-$architecture
./autogen.sh >autogen.log 2>&1 && mkdir -p "$folder" && cd "$folder" || exit 1
export PKG_CONFIG_LIBDIR="/usr/lib/$triplet/pkgconfig:/usr/share/pkgconfig"
if ! { "$top/configure" --host="$triplet" --enable-werror && make -j"$(nproc)" check TESTS=; } >build.out 2>&1; then
	tail -n 40 build.out
	exit 1
fi
make -j"$(nproc)" check TESTS='$(unit_tests) $(fuzz_replays)' LOG_COMPILER="sh $top/tests/limited.sh $qemu" >check.out 2>&1
grep -aE '^# (TOTAL|PASS|SKIP|FAIL|ERROR):' check.out || exit 1
grep -aE '^(FAIL|ERROR): ' check.out | grep -vxF "$not_qemu" && exit 1
echo "$architecture: all that qemu can show passed"
