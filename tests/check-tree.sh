#!/bin/sh
# SPDX-License-Identifier: ISC
# The house's rules (docs/HACKING.md) that a script can see. Prints each breach; status 1 if any.
# --print-errors and --print-reasons print the tables of docs/PROTOCOL.md; --print-floors, the floors of the broker.
cd "$(dirname "$0")/.." || exit 1
bad=0

breach() {
	echo "check-tree: $*"
	bad=1
}

errors_table() {
	echo "| name | code | exit status | sentence |"
	echo "|---|---|---|---|"
	sed -n 's/^E(\([A-Z_]*\), [0-9]*, \([0-9]\), \([0-9]*\), "\(.*\)")$/| \1 | \3 | \2 | \4 |/p' include/error.def
}

reasons_table() {
	echo "| name | verdict | meaning |"
	echo "|---|---|---|"
	sed -n 's/^R([A-Z_]*, \([A-Z]*\), "\(.*\)", "\(.*\)")$/\1 \2 | \3 |/p' agent/worker/trust/reason.def |
		sed 's/^BAD \([^ ]*\)/| \1 | bad/; s/^CANNOT \([^ ]*\)/| \1 | cannot-tell/; s/^BUT \([^ ]*\)/| \1 | good-but/'
}

if [ "${1:-}" = --print-errors ]; then
	errors_table
	exit 0
fi
if [ "${1:-}" = --print-floors ]; then
	sed -n "/^floors='/,/'\$/p" tests/check-tree.sh | tr -d "'" | sed 's/^floors=//' | cat -n
	exit 0
fi
if [ "${1:-}" = --print-reasons ]; then
	reasons_table
	exit 0
fi

# Who may include whom: a room includes its own files and the hallway's. The worker's rooms stand one upon
# another: each includes also what is below it.
includes() { # ROOM OTHER-ROOM...
	for file in "$1"/*.[ch]; do
		for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file"); do
			found=
			for place in include "$@"; do [ ! -e "$place/$header" ] || found=yes; done
			[ -n "$found" ] || breach "$file includes $header from another room"
		done
	done
}
for room in agent/wire agent/sandbox agent/broker agent/token agent/admin agent/prompt agent/watch agent/store client/lib client/cli client/gpgsm client/pkcs11; do
	includes "$room"
done
below=
for room in io certs keys trust mime cms mail requests client; do
	includes "agent/worker/$room" $below
	below="$below agent/worker/$room"
done
# The dialects stand side by side: neither knows the other.
for room in command gpgsm; do includes "agent/worker/$room" $below; done
below="$below agent/worker/command agent/worker/gpgsm"
includes agent/worker $below

# The broker's floors: a file includes what is on lower floors, and its own header. --print-floors prints them.
floors='recover report state config terminal loop
child listener settings
peer readers
certificate_store keyring prompt
pincache policy prompt_text
token_process insertion password key_pin
modules lock
admin login reload
client_pin key_operation
cards status
answer doorman
events
main'
lower=" "
while read -r floor; do
	for name in $floor; do
		for file in agent/broker/$name.[ch]; do
			[ -e "$file" ] || continue
			for header in $(sed -n 's/^#include "\(.*\)\.h"$/\1/p' "$file"); do
				[ ! -e "agent/broker/$header.h" ] || [ "$header" = "$name" ] || [ "${lower#* "$header" }" != "$lower" ] ||
					breach "$file includes $header.h, which is not on a lower floor"
			done
		done
	done
	lower="$lower$floor "
done <<EOF_FLOORS
$floors
EOF_FLOORS
for file in agent/broker/*.c; do
	name=${file##*/}
	[ "${lower#* "${name%.c}" }" != "$lower" ] || breach "$file is on no floor"
done

# One outsider, one door.
door() { # PATTERN ALLOWED-PATTERN
	grep -ln "#include <$1" -r agent client include | grep -Ev "$2" | while read -r file; do
		echo "check-tree: $file includes <$1...>"
	done
}
doors=$(
	door 'p11-kit/' '^(agent/(token|admin)|client/pkcs11)/'
	door 'nettle/' '^client/pkcs11/(hash|cipher).c$'
	door 'winscard.h' '^agent/watch/'
	door 'libp11.h' '^agent/admin/'
	door 'openssl/cms.h' '^agent/worker/'
	door 'openssl/' '^agent/(worker|admin)/'
	door 'sqlite3.h' '^agent/store/'
	door 'seccomp.h' '^agent/sandbox/'
	door 'syslog.h' '^agent/wire/log.c$'
	door 'assuan.h' '^agent/(worker/(client/|request.c)|prompt/)'
)
[ -z "$doors" ] || { echo "$doors"; bad=1; }

# Every header compiles alone.
for header in include/*.h agent/*/*.h agent/worker/*/*.h client/*/*.h; do
	${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -fsyntax-only -Iinclude -I"$(dirname "$header")" $(printf ' -I%s' $below) \
		$(pkg-config --cflags p11-kit-1 2>/dev/null) -x c "$header" 2>/dev/null || breach "$header does not compile alone"
done

# Sizes: functions of 60 lines, files of 700.
for file in $(git ls-files '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]'); do
	[ "$(wc -l <"$file")" -le 700 ] || breach "$file has more than 700 lines"
	awk -v file="$file" '/^\{/ { start = FNR } /^\}/ { if (start && FNR - start > 61)
		{ print "check-tree: " file ":" start ": a function of " FNR - start " lines"; found = 1 } start = 0 }
		END { exit found }' "$file" || bad=1
	head -n 1 "$file" | grep -q 'SPDX-License-Identifier: ISC' || breach "$file has no SPDX line"
done

# A backtrace has names only: a static function says what it starts, and a struct's name means one thing in a program.
# (The other rooms follow when they pass.)
for room in agent client/gpgsm; do
	grep -rnE '^static [a-zA-Z0-9_ ]+[ *](run|parse|hear|finish|start)\(' $room --include='*.c' |
		sed 's/(.*//; s/^/check-tree: a name without its noun: /' | { ! grep . ; } || bad=1
done
for room in agent/broker agent/worker agent/token agent/admin agent/prompt agent/watch agent/store client/lib client/gpgsm client/pkcs11; do
	grep -rhoE '^(static )?(const )?struct [a-z0-9_]+ \{' $room include --include='*.[ch]' | grep -o 'struct [a-z0-9_]*' |
		sort | uniq -d | sed "s,^,check-tree: $room: two structs of one name: ," | { ! grep . ; } || bad=1
done

# What says how it is run can be run: make check does.
for file in tests/*/*.sh; do
	[ -x "$file" ] || [ "$(head -c 2 "$file" 2>/dev/null | tr -d '\0')" != '#!' ] || breach "$file cannot be executed"
done

# Every message has a handler in each room that may receive it, or is told apart where it is heard.
for name in $(sed -n 's/^M([0-9]*, \([A-Z_]*\), .*/\1/p' include/messages.def); do
	grep -rqE "MSG_$name\b" agent || breach "nobody handles $name"
done

# A message is sent with its own fields (channel.h): with another struct no row compiles.
compile_sends() { # STRUCT
	printf '%s\n' '#include "channel.h"' 'struct other;' '#define M(number, name, from, to, limit, flags, fields, meaning) \' \
		"	static inline int try_##name(struct channel *channel, const struct $1 *message) \\" \
		'	{ return send_##name(channel, 0, message, -1); }' '#include "messages.def"' |
		LC_ALL=C "${CC:-cc}" -std=gnu17 -Wall -Werror=incompatible-pointer-types -Iinclude -fsyntax-only -x c - 2>&1
}
errors=$(compile_sends 'msg_##fields') && [ -z "$errors" ] || breach "no message can be sent: $errors"
[ "$(compile_sends other | grep -c ' error: ')" = "$(grep -c '^M(' include/messages.def)" ] ||
	breach "a message can be sent with the fields of another one"

# The docs name what the code has.
reasons_table | while read -r line; do
	grep -qF "$line" docs/PROTOCOL.md || echo "check-tree: docs/PROTOCOL.md lacks: $line"
done | { ! grep . ; } || bad=1
errors_table | while read -r line; do
	grep -qF "$line" docs/PROTOCOL.md || echo "check-tree: docs/PROTOCOL.md lacks: $line"
done | { ! grep . ; } || bad=1
for command in $(sed -n 's/^\t{"\([A-Z]*\)", [a-z_]*, [A-Z]*},$/\1/p' agent/worker/request.c); do
	grep -q "\`$command" docs/PROTOCOL.md || breach "docs/PROTOCOL.md lacks the command $command"
done
for setting in $(sed -n 's/^\t{"\([a-z-]*\)", [A-Z_]*, offsetof.*/\1/p' agent/broker/config.c); do
	grep -q "$setting" docs/man/smime-agent.conf.5 || breach "smime-agent.conf(5) lacks $setting"
done
# The library exports what its header declares, and the Debian package knows it.
exported=$(sed -n 's/^\t\(smime_agent_[a-z_]*\);$/\1/p' client/lib/libsmime-agent.map | sort)
[ "$exported" = "$(sed -n 's/^[a-su-z].*[ *]\(smime_agent_[a-z_]*\)(.*/\1/p' include/smime-agent.h | sort)" ] ||
	breach "client/lib/libsmime-agent.map and include/smime-agent.h have different functions"
[ ! -d debian ] || [ "$exported" = "$(sed -n 's/^ \(smime_agent_[a-z_]*\)@.*/\1/p' debian/libsmime-agent0.symbols | sort)" ] ||
	breach "debian/libsmime-agent0.symbols lacks a function of client/lib/libsmime-agent.map, or has another one"
[ "$bad" = 0 ] && echo "the tree keeps the house's rules"
exit $bad
