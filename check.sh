#!/bin/sh
# SPDX-License-Identifier: ISC
# The tests, on a bare Debian 12: installs what they need, builds with and without sanitizers, runs
# everything, and ends with one line "N passed, N failed, N skipped". --long adds the slow soaks.
set -u
cd "$(dirname "$0")" || exit 1
top=$PWD
. ./tests/packages.sh
long=
[ "${1:-}" = --long ] && long=yes
export SMIME_LONG=$long
# Tests wait more than they work: two at a time. A build with its tests takes about 10 minutes on 2
# cores. What takes many times that hangs.
limit=2400
[ -z "$long" ] || { limit=14400; export SMIME_TEST_LIMIT=7200; }

[ ! -e config.status ] || { echo "this folder was configured for a build in place: run make distclean first"; exit 1; }
need $build_packages $run_packages $test_packages || exit 1
passed=0
failed=0
skipped=0

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

# build_and_test NAME TARGET OPTION...: a build in a folder of its own, and its make target.
build_and_test() {
	name=$1
	target=$2
	shift 2
	echo "== $name"
	mkdir -p "$top/build-$name" && cd "$top/build-$name" || exit 1
	if ! { "$top/configure" --enable-werror "$@" && timeout "$limit" make -j"$(nproc)"; } >build.out 2>&1; then
		tail -n 40 build.out
		fail "build $name"
		return
	fi
	timeout --kill-after=60 "$limit" make -j2 "$target" >check.out 2>&1
	[ $? != 124 ] || fail "make $target: not done after $limit seconds; the last line: $(tail -n 1 check.out)"
	grep -aE '^(FAIL|ERROR|SKIP)' check.out
	count check.out
	for log in $(sed -n 's/^\(FAIL\|ERROR\): \([^ ]*\) .*/\2/p' check.out | sort -u); do
		echo "---- $log"
		grep -a -A 12 '^not ok' "${log%.sh}.log" | head -n 60
		tail -n 10 "${log%.sh}.log"
	done
}

[ -e configure ] && [ configure -nt configure.ac ] && [ configure -nt Makefile.am ] || ./autogen.sh >autogen.log 2>&1 ||
	{ cat autogen.log; exit 1; }
build_and_test plain check CFLAGS="-O2 -g"
build_and_test sanitizers check --enable-sanitizers CFLAGS="-O1 -g"
cd "$top/build-plain" || exit 1

echo "== the tree"
if sh "$top/tests/check-tree.sh"; then passed=$((passed + 1)); else fail "tests/check-tree.sh"; fi

echo "== make distcheck"
if make distcheck DISTCHECK_CONFIGURE_FLAGS="CFLAGS=-O2" TESTS= >distcheck.out 2>&1; then
	passed=$((passed + 1))
else
	tail -n 30 distcheck.out
	fail "make distcheck"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
