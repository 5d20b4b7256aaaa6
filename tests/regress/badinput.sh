#!/bin/sh
# SPDX-License-Identifier: ISC
# What is not a proper message, not for us, or not allowed gets an error and the right status, and
# leaves no output; a client that misbehaves costs itself, and nobody else.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ -x /usr/bin/python3 ] || plan_skip "python3 is not installed"
. "$srcdir/tests/regress/fault.sh"

write_conf "idle-workers 1"
damage="/usr/bin/python3 $srcdir/tests/regress/damage.py"
mkdir "$work/o"
{ printf "\001" && head -c 2999 /dev/urandom; } >"$work/plain" # no mail, whatever follows
write_mail "$work/mail.eml"

encrypt() { # OUT CERT OPTIONS...
	out=$1 cert=$2
	shift 2
	openssl cms -encrypt -binary -in "$work/plain" -outform DER -out "$out" "$@" "$cert" 2>"$work/openssl-err"
}

nothing_in() { # FOLDER
	[ -z "$(ls -A "$1")" ] || {
		ls -l "$1" >&2
		return 1
	}
}

# bad STATUS PATTERN FILE [OPTIONS...]: is refused so, says so, and leaves nothing.
bad() {
	wanted=$1 pattern=$2 file=$3
	shift 3
	says "^smime decrypt: .*$pattern" "$wanted" smime decrypt --raw "$@" -o "$work/o/out" "$file" && nothing_in "$work/o"
}

nobody_served() {
	smime status | grep -q '^ *clients *1$' && smime status | grep -q '^ *operations *0$'
}

good() { # FILE
	smime decrypt --raw -o "$work/o/out" "$1" && cmp "$work/o/out" "$work/plain"
	got=$?
	rm -f "$work/o/out"
	return $got
}

# either FILE: the answer is no, or all of the plaintext.
either() {
	smime decrypt --raw -o "$work/o/out" "$1" 2>"$work/said"
	got=$?
	case $got in
	0) cmp "$work/o/out" "$work/plain" && rm "$work/o/out" ;;
	1) grep -q '^smime decrypt: ' "$work/said" && nothing_in "$work/o" ;;
	*)
		echo "status $got: $(cat "$work/said")" >&2
		return 1
		;;
	esac
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make an EC key" make_key Demo ec ec:P-256
ok "unlock" unlock
agent=$(agent_pid)
encrypt "$work/cbc" "$work/rsa.pem" -aes256
encrypt "$work/gcm" "$work/rsa.pem" -aes-256-gcm
encrypt "$work/ecdh" "$work/ec.pem" -aes128
for kind in cbc gcm ecdh; do
	ok "$kind as it should be" good "$work/$kind"
done
descriptors=$(agent_descriptors)

# --- damage

cut_short() { # FILE
	size=$(wc -c <"$1")
	for at in 0 1 2 3 4 5 8 13 20 30 50 80 120 160 200 250 300 350 400 500 600 1000 2000 3000 \
		$((size - 40)) $((size - 18)) $((size - 17)) $((size - 16)) $((size - 15)) $((size - 2)) $((size - 1)); do
		$damage "$1" "$work/short" cut "$at" && bad 1 "" "$work/short" || {
			echo "cut to $at of $size" >&2
			return 1
		}
	done
}

# For CBC a flip in the content changes the plaintext, which nothing can notice.
flipped() { # FILE FIRST LAST STEP CHECK
	for at in $(seq "$2" "$4" "$3"); do
		$damage "$1" "$work/flipped" flip "$at" && $5 "$work/flipped" || {
			echo "flipped at $at" >&2
			return 1
		}
	done
}

answers_at_all() {
	smime decrypt --raw -o "$work/o/out" "$1" 2>"$work/said"
	got=$?
	[ "$got" = 0 ] && rm "$work/o/out"
	[ "$got" -le 1 ] && nothing_in "$work/o" || {
		echo "status $got: $(cat "$work/said")" >&2
		return 1
	}
}

for kind in cbc gcm ecdh; do
	ok "$kind, cut short" cut_short "$work/$kind"
	ok "$kind, flipped in its structure" flipped "$work/$kind" 0 690 9 answers_at_all
done
size=$(wc -c <"$work/gcm")
ok "gcm, flipped anywhere: nothing, or the plaintext" flipped "$work/gcm" 0 $((size - 1)) 41 either
ok "gcm, flipped in its tag" bad 1 "" "$($damage "$work/gcm" "$work/flipped" flip $((size - 3)); echo "$work/flipped")"

for more in 1 100 70000 4000000000 9000000000000000000; do
	$damage "$work/cbc" "$work/claim" claim $more
	ok "content claims $more bytes more" bad 1 "" "$work/claim"
done

bytes() { # TEXT for printf: a file with it
	printf -- "$1" >"$work/bytes"
	echo "$work/bytes"
}
repeat() { # COUNT HEX
	/usr/bin/python3 -c "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[2]) * int(sys.argv[1]))" "$@" \
		>"$work/bytes"
	echo "$work/bytes"
}
ok "nothing" bad 1 "" "$(bytes '')"
ok "nothing, from /dev/null" bad 1 "" /dev/null
ok "one byte" bad 1 "" "$(bytes '0')"
ok "text" bad 1 "not a CMS" "$(bytes 'Hello Bob,\nhow are you?\n')"
ok "PEM of nothing" bad 1 "" "$(bytes '-----BEGIN CMS-----\n-----END CMS-----\n')"
ok "PEM that does not end" bad 1 "" "$(bytes '-----BEGIN CMS')"
ok "PEM of text" bad 1 "" "$(bytes '-----BEGIN CMS-----\nnot, base64!\n-----END CMS-----\n')"
ok "a certificate" bad 1 "" "$work/rsa.pem"
ok "a length of 4 GB" bad 1 "" "$(bytes '\060\204\377\377\377\377\006\011')"
ok "a length of 2^63" bad 1 "" "$(bytes '\060\210\177\377\377\377\377\377\377\377\006')"
ok "a length of 9 bytes" bad 1 "" "$(bytes '\060\211\001\001\001\001\001\001\001\001\001')"
ok "100,000 indefinite lengths" bad 1 "" "$(repeat 100000 3080)"
ok "100,000 constructed octet strings" bad 1 "" "$(repeat 100000 2480)"
ok "a megabyte of zeros" bad 1 "" "$(repeat 1000000 00)"
ok "a megabyte of noise" bad 1 "" "$(head -c 1000000 /dev/urandom >"$work/noise"; echo "$work/noise")"
smime sign -k rsa --raw --opaque -o "$work/signed" "$work/plain"
ok "a signed message" bad 1 "another kind" "$work/signed"
ok "no such file" says "No such file" 2 smime decrypt --raw -o "$work/o/out" "$work/nothing"
ok "a folder" eval '! smime decrypt --raw -o "$work/o/out" "$work" && nothing_in "$work/o"'
ok "decrypting a mail that is none" says "^smime decrypt: " 1 smime decrypt -o "$work/o/out" "$work/noise"
ok "decrypting a mail that is not encrypted" says "^smime decrypt: " 1 smime decrypt -o "$work/o/out" "$work/mail.eml"
ok "signing a mail that is none" says "^smime sign: " 1 smime sign -k rsa -o "$work/o/out" "$work/noise"
ok "signing a mail of a megabyte of header" says "^smime sign: " 1 smime sign -k rsa -o "$work/o/out" "$(repeat 250000 583a580a)"
for stray in '\015' '\000'; do
	{ printf "From: rsa@example.org\nTo: rsa@example.org\nSubject: hello${stray}Bcc: mallory@example.net\n\n"; echo text; } >"$work/stray"
	ok "signing a mail whose header has $stray by itself, which may hide a field" says "by itself" 1 smime sign -k rsa -o "$work/o/out" "$work/stray"
	ok "encrypting it" says "by itself" 1 smime encrypt -r "$work/rsa.pem" -o "$work/o/out" "$work/stray"
done
ok "nothing was written by these" nothing_in "$work/o"
nested() {
	openssl cms -encrypt -binary -in "$work/gcm" -outform DER -aes128 "$work/rsa.pem" >"$work/nested" &&
		smime decrypt --raw "$work/nested" | smime decrypt --raw | cmp - "$work/plain"
}
ok "encrypted twice: decrypted twice" nested

# --- not for us, not supported, not as it says

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other.key" -out "$work/other.pem" -subj /CN=other >/dev/null 2>&1
encrypt "$work/other" "$work/other.pem" -aes256
ok "encrypted to somebody else" bad 1 "not encrypted to any key" "$work/other"
encrypt "$work/camellia" "$work/rsa.pem" -camellia256
ok "Camellia" bad 1 "not supported" "$work/camellia"
for cipher in rc2-128 des; do
	if encrypt "$work/legacy" "$work/rsa.pem" -provider legacy -provider default -$cipher; then
		ok "$cipher" bad 1 "not supported" "$work/legacy"
	else
		skip "$cipher" "openssl has no legacy provider"
	fi
done
cbc_oid=60864801650304012a
gcm_oid=60864801650304012e
$damage "$work/gcm" "$work/relabelled" swap $gcm_oid $cbc_oid
ok "GCM relabelled as CBC" bad 1 "" "$work/relabelled"
$damage "$work/cbc" "$work/relabelled" swap $cbc_oid $gcm_oid
ok "CBC relabelled as GCM" bad 1 "" "$work/relabelled"
$damage "$work/gcm" "$work/relabelled" swap 2a864886f70d0109100117 2a864886f70d0109100118
ok "GCM with another content type" bad 1 "" "$work/relabelled"
for length in 0 1 4 8 11 12 15 17; do
	$damage "$work/gcm" "$work/tagged" tag $length
	ok "a GCM tag of $length bytes where 16 are said" bad 1 "" "$work/tagged"
done
for length in 0 1 4 8 11; do
	$damage "$work/gcm" "$work/tagged" tag $length $length
	ok "a GCM tag of $length bytes, as said" bad 1 "" "$work/tagged"
done
$damage "$work/gcm" "$work/tagged" tag 16 16
ok "a GCM tag of 16 bytes, as said" good "$work/tagged"
for length in 12 13 14 15; do
	$damage "$work/gcm" "$work/tagged" tag $length $length
	ok "a GCM tag of $length bytes, as said: long enough" good "$work/tagged"
done

for length in 0 1 7 11 13 16 17 64; do
	$damage "$work/gcm" "$work/tagged" iv $length
	ok "a GCM nonce of $length bytes" bad 1 "not supported" "$work/tagged"
	$damage "$work/cbc" "$work/tagged" iv $length
	[ $length = 16 ] || ok "a CBC IV of $length bytes" bad 1 "not supported" "$work/tagged"
done
for kind in gcm cbc; do
	for parameters in "" 0500 3000 30020400 0400 300704010005000500 020101 308000000000; do
		$damage "$work/$kind" "$work/tagged" parameters $parameters
		ok "$kind with \"$parameters\" for parameters" bad 1 "" "$work/tagged"
	done
done
# With its structure changed as well, nothing tells: what comes out is garbage, as with other ciphertext (SECURITY.md).
not_plain() { # FILE
	smime decrypt --raw -o "$work/o/out" "$1" 2>"$work/said"
	got=$?
	[ "$got" -le 1 ] && ! grep -qF "$(head -c 40 "$work/words")" "$work/o/out" 2>/dev/null
	got=$?
	rm -f "$work"/o/*
	return $got
}
yes "words to be kept" | head -c 3008 >"$work/words"
openssl cms -encrypt -binary -in "$work/words" -outform DER -out "$work/words.gcm" -aes-256-gcm "$work/rsa.pem"
openssl cms -encrypt -binary -in "$work/words" -outform DER -out "$work/words.cbc" -aes256 "$work/rsa.pem"
$damage "$work/words.gcm" "$work/relabelled" relabel $cbc_oid
ok "AuthEnvelopedData made EnvelopedData with AES-CBC: not what was written" not_plain "$work/relabelled"
$damage "$work/words.gcm" "$work/relabelled" relabel $gcm_oid
ok "AuthEnvelopedData made EnvelopedData" bad 1 "not supported" "$work/relabelled"
$damage "$work/words.cbc" "$work/relabelled" relabel $gcm_oid
ok "EnvelopedData made AuthEnvelopedData with AES-GCM" bad 1 "" "$work/relabelled"
$damage "$work/words.cbc" "$work/relabelled" relabel $cbc_oid
ok "EnvelopedData made AuthEnvelopedData" bad 1 "" "$work/relabelled"

# --- many of what there are few

uses() { # HOW-OFTEN: at most, the token was asked
	wait_for nobody_served
	[ "$(grep -c ' with key ' "$work/agent.log")" -le "$1" ]
}
for kind in cbc gcm ecdh; do
	$damage "$work/$kind" "$work/many" recipients 2000
	: >"$work/agent.log"
	ok "$kind, 2,000 recipients, all of them us and none right" not_plain "$work/many"
	ok "$kind, the token was asked once" uses 1
	$damage "$work/$kind" "$work/many" recipients 2000 00
	ok "$kind, 2,000 recipients, all of them us and right" good "$work/many"
done
$damage "$work/other" "$work/foreign" smaller # what is not less than the key's modulus goes to no token
$damage "$work/foreign" "$work/many" recipients 2000 00
: >"$work/agent.log"
ok "2,000 recipients, none of them us, and a key that is named: refused" bad 1 "over the limit" "$work/many" -k rsa
ok "the token was not asked 2,000 times" uses 100
$damage "$work/foreign" "$work/many" recipients 20 00
smime lock
: >"$HOME/pinentry"
: >"$work/agent.log"
ok "20 of them, and a person who wants not: the answer is no, at once" bad 4 "" "$work/many" -k rsa
ok "who was asked once" [ "$(grep -c '^GETPIN' "$HOME/pinentry.log")" = 1 ]
unlock
openssl x509 -in "$work/rsa.pem" -outform DER -out "$work/rsa.der"
$damage "$work/cbc" "$work/many" certificates 200 "$work/rsa.der"
ok "200 certificates come along" good "$work/many"
$damage "$work/cbc" "$work/many" certificates 2000 "$work/rsa.der"
ok "2,000: refused" bad 1 "over the limit" "$work/many"

# --- certificates that do not allow it

cat >"$work/ca.cnf" <<END
[ca]
default_ca = demo
[demo]
database = $work/ca.db
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
email_in_dn = no
[any]
commonName = supplied
organizationName = optional
END
: >"$work/ca.db"

# make_odd_key LABEL TYPE START END EXTENSION...: a key with such a certificate.
make_odd_key() {
	label=$1 type=$2 start=$3 end=$4
	shift 4
	printf '%s\n' "subjectAltName=email:$label@example.org" "$@" >"$work/$label.ext"
	smime token keygen --token Demo --label "$label" --type "$type" --pin-fd 3 3<"$work/pin" &&
		smime token csr --token Demo --label "$label" --subject "/CN=$label" --pin-fd 3 3<"$work/pin" \
			>"$work/$label.csr" &&
		openssl ca -batch -notext -config "$work/ca.cnf" -cert "$work/ca.pem" -keyfile "$work/ca.key" \
			-startdate "$start" -enddate "$end" -extfile "$work/$label.ext" -in "$work/$label.csr" \
			-out "$work/$label.pem" 2>/dev/null &&
		smime token import-cert --token Demo --pin-fd 3 "$work/$label.pem" 3<"$work/pin"
}

sign_refused() { # KEY PATTERN
	says "$2" 4 smime sign -k "$1" -o "$work/o/out" "$work/mail.eml" && nothing_in "$work/o"
}

decrypts_still() { # KEY
	encrypt "$work/still" "$work/$1.pem" -aes256 && good "$work/still"
}

past="20200101000000Z 20210101000000Z"
future="20900101000000Z 20950101000000Z"
now="20200101000000Z 20950101000000Z"
both=keyUsage=critical,digitalSignature,keyEncipherment
ok "make a key whose certificate has expired" make_odd_key expired rsa:2048 $past $both
ok "it does not sign" sign_refused expired "not valid today"
ok "it decrypts still" decrypts_still expired
ok "make a key whose certificate is not valid yet" make_odd_key early ec:P-256 $future keyUsage=digitalSignature
ok "it does not sign" sign_refused early "not valid today"
ok "make a key that may not sign" make_odd_key nosign rsa:2048 $now keyUsage=critical,keyEncipherment
ok "it does not sign" sign_refused nosign "does not allow"
ok "it decrypts" decrypts_still nosign
ok "make a key that is not for mail" make_odd_key nomail ec:P-256 $now keyUsage=digitalSignature extendedKeyUsage=serverAuth
ok "it does not sign" sign_refused nomail "does not allow"
ok "make a CA's key" make_odd_key someca ec:P-256 $now keyUsage=keyCertSign basicConstraints=CA:true
ok "it does not sign" sign_refused someca "does not allow"

# --- nowhere to write to

head -c 1000000 /dev/urandom >"$work/large"
openssl cms -encrypt -binary -in "$work/large" -outform DER -out "$work/large.cbc" -aes256 "$work/rsa.pem"
openssl cms -encrypt -binary -in "$work/large" -outform DER -out "$work/large.gcm" -aes-256-gcm "$work/rsa.pem"
for kind in cbc gcm; do
	ok "$kind, to a full device" says "no space left" 3 smime decrypt --raw -o /dev/full "$work/large.$kind"
	ok "$kind, standard output is a full device" says "no space left" 3 eval "smime decrypt --raw '$work/large.$kind' >/dev/full"
done
ok "a signature to a full device" says "no space left" 3 smime sign -k rsa --raw -o /dev/full "$work/plain"
# What is printed and gets nowhere is told, and is no success.
smime sign -k rsa -o "$work/signed.eml" "$work/mail.eml"
for verb in --help --version "certs --help" keys tokens "status --json" "certs import $work/rsa.pem" "certs list" \
	"certs show rsa@example.org" "verify --ca $work/ca.pem --json -o $work/verified $work/signed.eml"; do
	ok "to a full device: ${verb%%$work*}" says "could not be written" 3 eval "smime $verb >/dev/full"
done
ok "as JSON" says '"error":"WRITE","status":3' 3 eval 'smime certs list --json >/dev/full'
ok "what doctor finds" eval 'smime doctor 2>&1 >/dev/full | grep "could not be written"'
unread() { # as by `head`, who has enough
	/usr/bin/python3 - keys 2>"$work/said" <<-'END'
		import os, subprocess, sys
		reader, writer = os.pipe()
		os.close(reader)
		sys.exit(subprocess.run(["smime", sys.argv[1]], stdout=writer).returncode != 3)
	END
	[ $? = 0 ] && [ ! -s "$work/said" ]
}
ok "what nobody reads any more is no news to anybody" unread
ok "/dev/full is still there" test -c /dev/full
mkdir "$work/small"
if mount -t tmpfs -o size=128k none "$work/small" 2>/dev/null; then
	for kind in cbc gcm; do
		ok "$kind, to a full disk" says "no space left" 3 smime decrypt --raw -o "$work/small/out" "$work/large.$kind"
		ok "$kind, nothing is left on the full disk" nothing_in "$work/small"
	done
	umount "$work/small"
else
	skip "a full disk" "no tmpfs can be mounted here"
fi
ok "no such folder" says "No such file" 2 smime decrypt --raw -o "$work/none/out" "$work/cbc"
ok "the output is a folder" says "" 2 smime decrypt --raw -o "$work/o" "$work/cbc"

keeps_output() {
	echo old >"$work/o/out"
	smime decrypt --raw -o "$work/o/out" "$work/flipped"
	got=$?
	[ "$got" = 1 ] && [ "$(cat "$work/o/out")" = old ] && [ "$(ls -A "$work/o")" = out ]
	got=$?
	rm -f "$work"/o/*
	return $got
}
ok "an output that was there before stays as it was" keeps_output

size=$(wc -c <"$work/large.cbc")
$damage "$work/large.cbc" "$work/large.short" cut $((size - 7))
# CBC has written most of it when it sees the end.
redirected() { # OPERATOR
	echo before >"$work/redirected"
	cp "$work/redirected" "$work/before"
	case $1 in
	append) smime decrypt --raw "$work/large.short" >>"$work/redirected" ;;
	shared)
		exec 8>"$work/redirected"
		echo before >&8
		smime decrypt --raw "$work/large.short" >&8
		got=$?
		exec 8>&-
		[ "$got" = 1 ]
		;;
	esac
	[ $? -le 1 ] && cmp "$work/redirected" "$work/before"
}
ok "standard output in a file: as long as before" redirected shared
ok "standard output appends to a file: as long as before" redirected append

# --- clients

stops_reading() {
	mkfifo "$work/pipe"
	smime decrypt --raw "$work/large.cbc" >"$work/pipe" &
	pid=$!
	exec 8<"$work/pipe"
	head -c 1 <&8 >/dev/null
	good "$work/gcm" && good "$work/cbc" || return
	! gone $pid || return
	kill -9 $pid
	wait_for nobody_served
	got=$?
	exec 8<&-
	rm "$work/pipe"
	return $got
}
ok "a client that stops reading stops nobody else, and its worker ends when it is killed" stops_reading

dies_half_way() { # SIGNAL FILES
	mkfifo "$work/pipe"
	smime decrypt --raw -o "$work/o/out" "$work/pipe" &
	pid=$!
	exec 8>"$work/pipe"
	head -c 500000 "$work/large.cbc" >&8
	wait_for sh -c "ls -l /proc/$pid/fd | grep -q $work/o/" || return
	kill "-$1" $pid
	wait_for nobody_served
	got=$?
	exec 8>&-
	rm "$work/pipe"
	[ ! -e "$work/o/out" ] && [ "$(ls -A "$work/o" | wc -l)" = "$2" ] || got=1
	rm -f "$work"/o/*
	return $got
}
ok "a client that is ended half-way leaves nothing" dies_half_way TERM 0
# Nothing at all, where the file system has files without names.
left=0
/usr/bin/python3 -c 'import os, sys; os.open(sys.argv[1], os.O_TMPFILE | os.O_WRONLY)' "$work/o" || left=1
ok "a client that is killed half-way leaves no output file" dies_half_way KILL $left

# The umask's mode, or the one that it had; and what a link points to is replaced, not the link.
output_modes() {
	(umask 027 && smime sign -k rsa --raw -o "$work/o/new" "$work/plain") && [ "$(stat -c %a "$work/o/new")" = 640 ] &&
		echo old >"$work/o/target" && chmod 604 "$work/o/target" && ln -s target "$work/o/link" &&
		smime sign -k rsa --raw -o "$work/o/link" "$work/plain" && [ -L "$work/o/link" ] &&
		[ "$(stat -c %a "$work/o/target")" = 604 ] &&
		[ "$(wc -c <"$work/o/target")" -gt 100 ] && [ "$(ls -A "$work/o" | wc -l)" = 3 ] &&
		(cd "$work/o" && smime sign -k rsa --raw -o new "$work/plain" && [ "$(ls -A | wc -l)" = 3 ]) &&
		rm "$work"/o/*
}
ok "an output file has its mode, and nothing else is beside it" output_modes

says_after() { # PATTERN COMMAND...: what the agent answered last
	pattern=$1
	shift
	talk "$@" && grep -v '^done' "$work/answers" | tail -n 1 >"$work/last"
	cat "$work/last" >&2
	grep -q "$pattern" "$work/last"
}
ok "FD=n is refused" says_after "^ERR" open "line INPUT FD=3"
ok "and so for OUTPUT and PIN" eval 'says_after "^ERR" "line OUTPUT FD=0" && says_after "^ERR" "line PIN FD=1"'
ok "INPUT without a descriptor" says_after "^ERR" "line INPUT FD"
ok "an unknown command" says_after "^ERR" "line NONSENSE"
ok "an unknown option" says_after "^ERR" "line OPTION nonsense=1"
ok "a signature without input" says_after "^ERR" "line SIGN"
ok "a key's name of 990 bytes" says_after "^ERR\|^OK" "line SIGNER $(printf '%0980d' 0)"
ok "none of this ended the connection" says_after "^OK" "line RESET"
hang_up
ok "a line of 1,500 bytes ends its connection" says_after "^ERR\|^CLOSED" open "fill 1500" "line "
hang_up
ok "a line of 10 MB ends its connection" says_after "^ERR\|^CLOSED" open "fill 10000000" "line "
hang_up
ok "junk ends, or gets an error" says_after "^ERR\|^CLOSED" open "junk 20000" "line "
hang_up
talk open "fds 200" "line RESET"
hang_up
ok "200 descriptors, one by one, cost nobody else" good "$work/gcm"
talk open "fds-at-once 200" "line RESET"
hang_up
ok "200 descriptors at once cost nobody else" good "$work/gcm"
talk open "fds-at-once 200" "fds-at-once 200" "fds-at-once 200" open open half-close
hang_up
ok "and so 600, and idle connections" good "$work/cbc"

# --- what is left

descriptors_back() {
	now=$(agent_descriptors)
	echo "$now descriptors, before: $descriptors" >&2
	[ "$now" -le "$descriptors" ]
}
ok "nobody is served any more" wait_for nobody_served
if [ "$descriptors" -gt 0 ]; then
	ok "no descriptors leaked" wait_for descriptors_back
else
	skip "no descriptors leaked" "the agent's descriptors cannot be seen"
fi
ok "no zombies" wait_for no_zombies
ok "the agent is the one that it was" [ "$(agent_pid)" = "$agent" ]
finish
