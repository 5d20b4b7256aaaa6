#!/bin/sh
# SPDX-License-Identifier: ISC
# The tests, on a bare Debian 13 or 12: installs what they need, builds with gcc, with clang and with
# sanitizers, runs everything, and ends with one line "N passed, N failed, N skipped".
#   --long    the slow soaks, too
#   --plain   one build with gcc, and its tests
#   --some    builds with gcc and clang; the unit tests and a dozen others
#   --sid     --some, in a root with Debian sid of its own (tests/distro.sh)
set -u
cd "$(dirname "$0")" || exit 1
mode=${1:-}
case $mode in
'' | --long | --plain | --some) ;;
--sid) exec ./tests/distro.sh sid ./check.sh --some ;;
*)
	sed -n '3,8s/^# \{0,1\}//p' check.sh >&2
	exit 2
	;;
esac
. ./tests/packages.sh
find_place check.sh "$@"
top=$PWD
# Tests wait more than they work: two at a time. A build with its tests takes about 10 minutes on 2
# cores. What takes many times that hangs.
limit=2400
export SMIME_LONG=
[ "$mode" != --long ] || { limit=14400; export SMIME_LONG=yes SMIME_TEST_LIMIT=7200; }

need $build_packages $run_packages || exit 1
need $test_packages || echo "going on: tests that need those packages are skipped"
passed=0
failed=0
skipped=0
skips=

fail() {
	echo "FAILED: $*"
	failed=$((failed + 1))
}

# count LOG: adds automake's summary.
count() {
	p=$(sed -n 's/^# PASS: *//p' "$1")
	s=$(sed -n 's/^# SKIP: *//p' "$1")
	f=$(sed -n 's/^# FAIL: *//p' "$1")
	e=$(sed -n 's/^# ERROR: *//p' "$1")
	[ -n "$p" ] || { fail "no summary in $1"; return; }
	passed=$((passed + p))
	skipped=$((skipped + s))
	failed=$((failed + f + e))
}

# build NAME OPTION...: the program and its tests, in a folder of its own.
build() {
	name=$1
	shift
	echo "== $name"
	mkdir -p "$top/build-$name" && cd "$top/build-$name" || exit 1
	if ! { "$top/configure" --enable-werror "$@" && timeout "$limit" make -j"$(nproc)" &&
		timeout "$limit" make -j"$(nproc)" check TESTS=; } >build.out 2>&1; then
		tail -n 40 build.out
		fail "build $name"
		return 1
	fi
	passed=$((passed + 1))
}

# check [TESTS]: runs what was built.
check() {
	timeout --kill-after=60 "$limit" make -j2 check ${1:+"TESTS=$1"} >check.out 2>&1
	[ $? != 124 ] || fail "make check: not done after $limit seconds; the last line: $(tail -n 1 check.out)"
	grep -aE '^(FAIL|ERROR)' check.out
	skips="$skips$(sed -n "s/^SKIP:/$name:/p" check.out)
"
	count check.out
	for log in $(sed -n 's/^\(FAIL\|ERROR\): \([^ ]*\) .*/\2/p' check.out | sort -u); do
		echo "---- $log"
		grep -a -A 12 '^not ok' "${log%.sh}.log" | head -n 60
		tail -n 10 "${log%.sh}.log"
	done
}

[ -e configure ] && [ configure -nt configure.ac ] && [ configure -nt Makefile.am ] || ./autogen.sh >autogen.log 2>&1 ||
	{ cat autogen.log; exit 1; }
some='$(unit_tests)'
for name in sign decrypt encrypt verify certs gpgme git cards pkcs11 pkcs11-cards doctor thunderbird; do
	some="$some tests/regress/$name.sh"
done
case $mode in
--plain) build plain CFLAGS="-O2 -g" && check ;;
--some)
	build plain CFLAGS="-O2 -g" && check "$some"
	build clang CC=clang CFLAGS="-O2 -g" && check '$(unit_tests)'
	;;
*)
	build plain CFLAGS="-O2 -g" && check
	build sanitizers --enable-sanitizers CFLAGS="-O1 -g" && check
	;;
esac
cd "$top" || exit 1

echo "== the tree"
if sh "$top/tests/check-tree.sh"; then passed=$((passed + 1)); else fail "tests/check-tree.sh"; fi

if [ -z "${mode#--long}" ]; then
	echo "== make distcheck, with clang"
	cd build-plain || exit 1
	if make -j"$(nproc)" distcheck DISTCHECK_CONFIGURE_FLAGS="CC=clang CFLAGS=-O2 --enable-werror" TESTS= >distcheck.out 2>&1; then
		passed=$((passed + 1))
	else
		tail -n 30 distcheck.out
		fail "make distcheck"
	fi
fi

printf '== skipped, and why\n%s' "$skips" | grep .
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
