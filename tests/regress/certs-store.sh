#!/bin/sh
# SPDX-License-Identifier: ISC
# The certificate store loses nothing: two agents with one file, agents and processes that are killed, full
# disks, read-only folders, damaged, old and foreign files. And whatever it suffers, other work goes on.
. "$(dirname "$0")/lib.sh"

helper="$srcdir/tests/regress/certs-damage.py"
make_certs="$builddir/tests/clients/make_certs"
store=$XDG_DATA_HOME/smime-agent/certs.db
cd "$work" || exit 1
[ -e "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ -x "$make_certs" ] || plan_skip "make_certs is not built"

count() {
	smime certs list --json | grep -c '"fingerprint"'
}

counts() { # N
	[ "$(count)" = "$1" ]
}

# lists_all FILE: whether the agent lists every fingerprint of the file.
lists_all() {
	smime certs list --json | grep -o '"fingerprint":"[0-9a-f]*"' | cut -d '"' -f 4 | sort >listed
	sort "$1" | comm -23 - listed >missing
	[ -s "$1" ] && [ ! -s missing ]
}

rows() { # AT-LEAST
	[ "$(python3 "$helper" count "$store" certificates)" -ge "$1" ]
}

is_sound() {
	python3 -c "import sqlite3, sys
sys.exit(sqlite3.connect('$store').execute('PRAGMA integrity_check').fetchone()[0] != 'ok')"
}

store_pid() {
	pgrep -P "$(agent_pid)" smime-agent-sto
}

# Two agents, one file.
"$make_certs" 300 'one%u@example.org' >one.pem
"$make_certs" 300 'two%u@example.org' >two.pem
other() {
	SMIME_AGENT_SOCKET="$work/run/S.other" "$@"
}
ok "an agent" smime agent start
ok "and another with the same store" other smime agent start
both_import() {
	smime certs import one.pem &
	first=$!
	other smime certs import two.pem && wait "$first"
}
ok "both import at once" both_import
ok "one has all of them" counts 600
ok "so has the other" sh -c "[ \$(SMIME_AGENT_SOCKET=$work/run/S.other smime certs list --json | grep -c fingerprint) = 600 ]"
ok "the file is the user's alone" sh -c "[ \$(stat -c %a $store) = 600 ]"
ok "its first page is destroyed" python3 "$helper" damage first-page "$store"
ok "both go on" both_import
ok "with all of them" counts 600
ok "both with all of them" sh -c "[ \$(SMIME_AGENT_SOCKET=$work/run/S.other smime certs list --json | grep -c fingerprint) = 600 ]"
both_anew() {
	other smime agent stop && smime agent stop && other smime agent start && counts 600
}
ok "and when both are started anew" both_anew
ok "the file is whole" is_sound
other smime agent stop

# A store's process that is killed, and one that stands still.
"$make_certs" 600 'three%u@example.org' >three.pem
import_while_killed() {
	smime certs import three.pem &
	import=$!
	for at in 620 700 800; do
		wait_for rows $at
		kill -9 "$(store_pid)"
	done
	wait "$import"
}
ok "the store's process is killed three times during an import" import_while_killed
ok "and nothing is missing" counts 1200
stand_still() {
	pid=$(store_pid)
	kill -STOP "$pid"
	smime certs list one7@example.org >late &
	waiting=$!
	timeout 20 smime keys && timeout 20 smime status
	result=$?
	kill -CONT "$pid"
	wait "$waiting" && grep -q one7 late && return "$result"
}
ok "while it stands still other work goes on, and its own later" stand_still

# Agents that are killed.
kill_importing() { # ROUND
	"$make_certs" 400 "round$1-%u@example.org" >round.pem
	before=$(count)
	python3 "$helper" import "$SMIME_AGENT_SOCKET" round.pem >acknowledged &
	import=$!
	wait_for rows $((before + 20 + 40 * $1))
	kill -9 "$(agent_pid)"
	wait "$import"
	cat acknowledged >>all-acknowledged
}
: >all-acknowledged
for round in 1 2 3 4 5; do
	ok "the agent is killed in an import, time $round" kill_importing $round
done
ok "what it said was kept is there" lists_all all-acknowledged
ok "and the file is whole" is_sound

# More than the store gives at once.
"$make_certs" 200 everybody@example.org >everybody.pem
all_of_one() {
	smime certs import everybody.pem && smime certs list --json everybody@example.org >listed &&
		[ "$(grep -o '"fingerprint":"[0-9a-f]*"' listed | sort -u | wc -l)" = 200 ]
}
ok "200 certificates of one address" all_of_one
smime agent stop

# Files that are damaged.
rm -rf "$XDG_DATA_HOME/smime-agent"
"$make_certs" 400 >people.pem
smime certs import people.pem >/dev/null
smime agent stop
python3 -c "import sqlite3; sqlite3.connect('$store').execute('PRAGMA wal_checkpoint(TRUNCATE)')"
cp "$store" keep.db
take_over() { # KIND AT-LEAST
	rm -rf "$XDG_DATA_HOME/smime-agent"
	mkdir -p "$XDG_DATA_HOME/smime-agent"
	cp keep.db "$store"
	python3 "$helper" damage "$1" "$store" || return 1
	: >"$work/agent.log"
	got=$(count)
	echo "$1: $got of 400"
	[ "$got" -ge "$2" ] || return 1
	# Bits that fall over where nothing else depends on them are noticed by who reads the certificate.
	[ "$1" = bits ] && return 0
	wait_for grep -q 'was damaged; it is kept as' "$work/agent.log" && ls "$store".damaged-* >/dev/null
}
for row in "header 400" "first-page 400" "zeros 400" "first-pages 400" "middle 350" "end 380" "half 100" "bits 350"; do
	set -- $row
	ok "damaged ($1): at least $2 of 400 are taken over" take_over "$1" "$2"
	ok "what is missing can be imported again" smime certs import people.pem
	ok "and all are there, found by address" sh -c 'smime certs list person399@example.org | grep -q "Person 399" && [ $(smime certs list --json | grep -c fingerprint) = 400 ]'
	smime agent stop
done
nothing_left() {
	cp keep.db "$store"
	rm -f "$store-wal" "$store-shm"
	python3 "$helper" damage junk "$store" && counts 0 && smime certs import people.pem && counts 400
}
ok "junk: a fresh store, and work goes on" nothing_left

# Damage under a running agent.
damage_running() {
	smime certs list person1@example.org >/dev/null &&
		python3 "$helper" damage middle "$store" && rm -f "$store-shm" && kill -9 "$(store_pid)" &&
		smime certs import people.pem && counts 400
}
ok "damaged while an agent has it" damage_running
copies_are_few() {
	smime agent stop && rm -f "$store".damaged-* "$store-wal" "$store-shm" && cp keep.db "$store" || return
	for year in 2021 2022 2023 2024 2025; do
		echo old >"$store.damaged-${year}0101-000000"
		echo old >"$store.damaged-${year}0101-000000-wal"
	done
	echo mine >"$store.mine" && echo mine >"$XDG_DATA_HOME/smime-agent/other.damaged-20200101-000000"
	python3 "$helper" damage first-page "$store" && smime certs list >/dev/null || return
	ls "$store".damaged-* | grep -v -e -wal >copies
	[ "$(wc -l <copies)" = 5 ] && ! ls "$store".damaged-2021* 2>/dev/null && [ -e "$store.damaged-20220101-000000-wal" ] &&
		! cmp -s "$store.damaged-20220101-000000" "$(tail -n 1 copies)" && [ -e "$store.mine" ] && [ -e "$XDG_DATA_HOME/smime-agent/other.damaged-20200101-000000" ]
}
ok "of what was damaged the newest five are left, and nothing else is touched" copies_are_few
smime agent stop

# A repair that was cut short.
cut_repair() {
	cp keep.db "$store.new"
	python3 "$helper" damage junk "$store"
	rm -f "$store-wal" "$store-shm"
	counts 400 && [ ! -e "$store.new" ]
}
ok "a repair that was cut short is finished" cut_repair
smime agent stop

# Other versions, other files.
old_version() {
	rm -rf "$XDG_DATA_HOME/smime-agent"
	mkdir -p "$XDG_DATA_HOME/smime-agent"
	python3 "$helper" version-1 "$store" people.pem && counts 400 &&
		smime certs import people.pem && smime certs list person5@example.org && counts 400
}
ok "a file of the first version is brought up to date" old_version
smime agent stop
refused() { # PATTERN FILE
	sum=$(cksum <"$2")
	write_conf "certificate-store $2"
	smime agent start && says "$1" 3 smime certs list && smime keys && smime status | grep -q certificates_problem &&
		smime doctor | grep -q 'the certificate store cannot be used'
	result=$?
	smime agent stop
	write_conf
	[ "$result" = 0 ] && [ "$(cksum <"$2")" = "$sum" ]
}
cp keep.db newer.db
python3 "$helper" newer newer.db
python3 -c "import sqlite3; sqlite3.connect('foreign.db').execute('CREATE TABLE bookmarks(url)')"
cp foreign.db foreign-damaged.db
yes "not a page of a database" | dd of=foreign-damaged.db bs=100 seek=1 count=40 conv=notrunc iflag=fullblock 2>/dev/null
yes "dear diary" | head -c 5000 >diary
ok "a file of a newer version is left alone" refused 'newer version' "$work/newer.db"
ok "so is a database of another program" refused 'something else' "$work/foreign.db"
ok "and one that is damaged" refused 'no certificate store' "$work/foreign-damaged.db"
ok "so is a file that is none" refused 'no certificate store' "$work/diary"
mkdir folder
nowhere() { # PATH
	write_conf "certificate-store $1"
	smime agent start && status 3 smime certs list && smime keys
	result=$?
	smime agent stop
	write_conf
	return $result
}
ok "a folder in its place" nowhere "$work/folder"
ok "a path that cannot be" nowhere /dev/null/certs.db
homeless() {
	(
		unset HOME XDG_DATA_HOME
		smime agent start && says 'no home folder' 3 smime certs list && smime keys
	)
	result=$?
	smime agent stop
	return $result
}
ok "without a home there is no store, but an agent" homeless

# Disks that are full, folders that are read-only: in a mount namespace of the test's own.
private="unshare --mount"
[ "$(id -u)" = 0 ] || private="unshare --user --map-root-user --mount"
if ! $private mount -t tmpfs none "$work/folder" 2>/dev/null; then
	skip "a disk that fills up" "no mount namespaces here"
	skip "a folder that is read-only" "no mount namespaces here"
	finish
fi
"$make_certs" 1500 'full%u@example.org' >full.pem
cat >full.sh <<END
set -e
mount -t tmpfs -o size=1m,mode=700 none folder
smime agent start
status=0
smime certs import full.pem >said 2>&1 || status=\$?
cat said
[ \$status = 3 ]
grep -q 'no space left' said
had=\$(smime certs list --json | grep -c fingerprint)
echo "\$had fit"
[ \$had -gt 20 ]
smime keys
smime agent stop
df folder
dd if=/dev/zero of=folder/rest bs=512 2>/dev/null || true
smime agent start
[ \$(smime certs list --json | grep -c fingerprint) = \$had ]
status=0
smime certs import full.pem >/dev/null 2>&1 || status=\$?
[ \$status = 3 ]
[ \$(smime certs list --json | grep -c fingerprint) -ge \$had ]
mount -o remount,size=30m folder
smime certs import full.pem
[ \$(smime certs list --json | grep -c fingerprint) = 1500 ]
smime agent stop
END
write_conf "certificate-store $work/folder/certs.db"
ok "a disk that fills up: what was kept stays, and with room it goes on" $private sh full.sh
smime agent stop
mkdir read-only
cp keep.db read-only/certs.db
cat >read-only.sh <<END
set -e
mount --bind read-only read-only
mount -o remount,bind,ro read-only
smime agent start
[ \$(smime certs list --json | grep -c fingerprint) = 400 ]
smime certs list person3@example.org
status=0
smime certs import full.pem >said 2>&1 || status=\$?
cat said
[ \$status = 3 ]
grep -q 'read-only' said
smime keys
smime agent stop
END
write_conf "certificate-store $work/read-only/certs.db"
ok "a folder that is read-only: it is read, and says why it is not written" $private sh read-only.sh
finish
