#!/bin/sh
# SPDX-License-Identifier: ISC
# Other people's certificates: imported from what people have them in, found, shown, exported, removed; and
# a store that loses none of them, whatever happens to its file, its disk and its agent.
. "$(dirname "$0")/lib.sh"

helper="$srcdir/tests/regress/certs-damage.py"
store=$XDG_DATA_HOME/smime-agent/certs.db
cd "$work" || exit 1
[ -e "$softhsm" ] || plan_skip "SoftHSM is not installed"

# person NAME ADDRESS [OPTION...]: a self-signed certificate, and its key.
person() {
	name=$1
	address=$2
	shift 2
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.pem" \
		-subj "/CN=$name" -days 400 -addext "subjectAltName=email:$address" \
		-addext keyUsage=digitalSignature,keyAgreement "$@" >/dev/null 2>&1 &&
		openssl x509 -in "$name.pem" -outform DER -out "$name.der"
}

fingerprint() { # PEM
	openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f'
}

# has NAME: whether the store finds the certificate by address, and it is that one.
has() {
	smime certs list --json "$1@example.org" | grep -q "$(fingerprint "$1.pem")"
}

# How many certificates the agent lists.
count() {
	smime certs list --json | grep -c '"fingerprint"'
}

counts() { # N
	[ "$(count)" = "$1" ]
}

# takes NAME FILE [WORDS...]: importing the file makes this person known.
takes() {
	taken=$1
	shift
	smime certs import "$@" && has "$taken"
}

for name in alice bob carol dave erin frank grace heidi; do
	person "$name" "$name@example.org"
done

# Formats.
openssl crl2pkcs7 -nocrl -certfile bob.pem -outform DER -out bob.p7b
openssl crl2pkcs7 -nocrl -certfile carol.pem -certfile dave.pem -out two.p7c
openssl pkcs12 -export -in erin.pem -inkey erin.key -passout pass:secret -out erin.p12
openssl pkcs12 -export -in frank.pem -nokeys -passout pass: -out frank.p12
openssl pkcs12 -export -in heidi.pem -inkey heidi.key -passout pass:x -keypbe NONE -certpbe NONE -nomac -out heidi.p12
base64 alice.der >alice.b64
cat alice.key alice.pem >both.pem
ok "nobody is known at first" counts 0
ok "PEM" takes alice alice.pem
ok "DER" takes alice alice.der
ok "the same twice is kept once" counts 1
ok "PKCS#7, DER" takes bob bob.p7b
ok "PKCS#7, PEM, with two" takes carol two.p7c
ok "both of them" has dave
ok "base64 without a name" takes alice alice.b64
echo secret >password
echo wrong >wrong-password
import_p12() { # PASSWORD-FILE FILE
	smime certs import --pin-fd 3 "$2" 3<"$1"
}
ok "PKCS#12: a wrong password" says 'wrong password' 4 import_p12 wrong-password erin.p12
ok "and nothing came of it" status 1 smime certs list erin@example.org
ok "PKCS#12" import_p12 password erin.p12
ok "and it is there" has erin
ok "PKCS#12: no password" says 'use --pin-fd' 4 import_p12 /dev/null erin.p12
ok "PKCS#12: the person does not want to" says 'cancelled' 4 smime certs import erin.p12
smime certs remove erin@example.org
printf 'wrong\nsecret\n' >"$HOME/pinentry"
ok "PKCS#12: a person is asked, and again after a wrong password" takes erin erin.p12
ok "PKCS#12 with an empty password needs none" takes frank frank.p12
ok "PKCS#12 that is not encrypted needs none" takes heidi heidi.p12
says_keys() {
	smime certs import heidi.p12 >said && grep -q '1 private key(s) in it are left out' said
}
ok "private keys are left out, and that is said" says_keys
ok "a private key beside a certificate in PEM" smime certs import both.pem

keys_are_nowhere() {
	smime agent stop
	for key in alice erin heidi; do
		openssl ec -in "$key.key" -noout -text 2>/dev/null | sed -n '/^priv:/,/^pub:/p' | grep '^ ' | tr -d ' :\n' >"$key.hex"
		[ "$(wc -c <"$key.hex")" -ge 60 ] || return 1
		for file in "$store" "$store-wal" "$work/agent.log"; do
			[ -e "$file" ] || continue
			xxd -p "$file" | tr -d '\n' | grep -qF "$(tail -c 56 "$key.hex")" && return 1
		done
	done
	has alice
}
ok "no private key is in the store or the log" keys_are_nowhere
if openssl pkcs12 -export -legacy -in grace.pem -inkey grace.key -passout pass:secret -out old.p12 2>/dev/null; then
	ok "PKCS#12 with RC2: what to do is said" says 'openssl pkcs12 -legacy -nokeys' 1 import_p12 password old.p12
	old_way() {
		openssl pkcs12 -legacy -nokeys -in old.p12 -passin pass:secret | smime certs import && has grace
	}
	ok "and it works" old_way
else
	skip "PKCS#12 with RC2: what to do is said" "this openssl has no legacy provider"
	skip "and it works" "this openssl has no legacy provider"
fi
folded() {
	fold -w 70 "$1" | sed '2,$s/^/ /'
}

# vCards. line_of FILE: base64 in one line.
line_of() {
	base64 "$1" | tr -d '\n'
}
for name in ivan judy kate leo mia nina; do
	person "$name" "$name@example.org"
done
{
	printf 'BEGIN:VCARD\r\nVERSION:2.1\r\nN:Ivan\r\nKEY;X509;ENCODING=BASE64:\r\n'
	base64 -w 60 ivan.der | sed 's/^/ /; s/$/\r/'
	printf '\r\n\r\nEND:VCARD\r\n'
} >ivan.vcf
{
	printf 'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Judy\r\n'
	{ printf 'KEY;ENCODING=b;TYPE=X509:' && line_of judy.der; } >line
	folded line
	printf '\r\nEND:VCARD\r\n'
} >judy.vcf
{
	printf 'BEGIN:VCARD\nVERSION:4.0\nFN:Kate\n'
	{ printf 'item1.KEY;MEDIATYPE="application/pkix-cert":data:application/pkix-cert;base64,' && line_of kate.der; } >line
	folded line
	printf '\nKEY:https://example.org/kate.cer\nEND:VCARD\n'
	printf 'begin:vcard\nversion:4.0\nkey:data:application/pkcs7-mime;base64,'
	openssl crl2pkcs7 -nocrl -certfile leo.pem -outform DER | base64 -w 0
	printf '\nend:vcard\n'
} >kate.vcf
ok "vCard 2.1" takes ivan ivan.vcf
ok "vCard 3.0" takes judy judy.vcf
ok "vCard 4.0: two of them in one file" takes kate kate.vcf
ok "PKCS#7 in a vCard" has leo
linked() {
	smime certs import kate.vcf | grep -q '1 key(s) of a vCard are not in it'
}
ok "a link in a vCard is told, and not followed" linked
printf 'BEGIN:VCARD\nKEY;ENCODING=b:AAAA\nKEY;ENCODING=b:!!!!\nKEY:\nKEY;ENCODING=b\nKEY;"a:b;c":x\n :\nEND:VCARD' >hostile.vcf
ok "a vCard with nothing but nonsense" says 'not a certificate' 1 smime certs import hostile.vcf
{ cat hostile.vcf && printf '\nKEY;BASE64:' && line_of mia.der; } >partly.vcf
ok "a part that cannot be read is told" says 'a part of the input' 1 smime certs import partly.vcf
ok "and the rest is there" has mia
yes 'KEY;ENCODING=b:MIIBAAAA' 2>/dev/null | head -n 200000 >long.vcf
sed -i '1s/^/BEGIN:VCARD\n/' long.vcf
ok "a vCard with 200,000 keys that are none" status 1 smime certs import long.vcf

# What is shown.
ok "lists are JSON" sh -c 'smime certs list --json | python3 -c "import json, sys; json.load(sys.stdin)"'
shows() {
	smime certs show --json alice@example.org |
		python3 -c 'import json, sys
row, = json.load(sys.stdin)
assert row["addresses"] == ["alice@example.org"] and row["subject"] == "CN=alice" and row["issuer"] == "CN=alice"
assert row["uses"] == ["sign", "decrypt"] and row["state"] == "valid" and row["source"] == "imported"
assert row["type"] == "ec:P-256" and row["trust"] and row["trust"] != ["trusted"]
assert row["first_seen"] <= row["last_seen"] and row["not_before"] < row["not_after"]'
}
ok "show: validity, issuer, use, source, last sight, trust" shows
ok "found by address, without case" sh -c 'smime certs list ALICE@Example.ORG | grep -q CN=alice'
ok "by the start of the fingerprint" sh -c "smime certs list $(fingerprint alice.pem | cut -c 1-12) | grep -q CN=alice"
ok "by GnuPG's" sh -c "smime certs list $(openssl x509 -in alice.pem -noout -fingerprint -sha1 | sed 's/.*=//') | grep -q CN=alice"
ok "by a part of the name" sh -c 'smime certs list lice | grep -q CN=alice'
ok "nobody by that name" says 'no certificate of the store fits' 1 smime certs list nobody@example.org
for format in "" --der --p7; do
	ok "export ${format:---pem}" smime certs export $format -o exported alice@example.org
	case $format in
	--der) ok "and it is that one" cmp exported alice.der ;;
	--p7) ok "and it is that one" sh -c 'openssl pkcs7 -inform DER -in exported -print_certs | grep -q CN' ;;
	*) ok "and it is that one" sh -c 'openssl x509 -in exported -outform DER | cmp - alice.der' ;;
	esac
done
person alice2 alice@example.org
smime certs import alice2.pem >/dev/null
ok "DER is for one" says 'more than one' 2 smime certs export --der alice@example.org
ok "two of one address are not removed unasked" says 'more than one' 2 smime certs remove alice@example.org
ok "one is, by its fingerprint" smime certs remove "$(fingerprint alice2.pem)"
ok "and the other is still there" has alice
ok "what is not there is not removed" status 1 smime certs remove "$(fingerprint alice2.pem)"
smime certs import alice2.pem >/dev/null
ok "all of one address are, where that is said" smime certs remove --all alice@example.org
ok "and are gone" status 1 smime certs list alice@example.org
exported=$(count)
ok "export everything" smime certs export -o all.pem
ok "everything is everything" sh -c "[ \$(grep -c BEGIN all.pem) = $exported ]"
ok "wrong use: no verb" status 2 smime certs
ok "wrong use: an unknown verb" status 2 smime certs frobnicate
ok "wrong use: show without a name" status 2 smime certs show
ok "wrong use: a file that is not there" status 2 smime certs import nowhere.pem
ok "one file that is missing does not keep others from being read" sh -c '! smime certs import nowhere.pem alice.pem && smime certs list alice@example.org'
ok "a line end in a name is no second command" status 2 smime certs list 'a@example.org
LOCK'

# Hostile certificates.
person nul 'victim@example.orgQ.evil.example'
ok "an address with a NUL" python3 "$helper" nul nul.der orgQ.evil nul2.der
ok "is taken" smime certs import nul2.der
ok "and is not the address before the NUL" status 1 smime certs list victim@example.org
person lines 'x@example.org' -subj "/CN=$(printf 'one\033[31m\ntwo')"
smime certs import lines.pem >/dev/null
ok "controls in a name do not reach the terminal" sh -c '! smime certs list x@example.org | grep -q "$(printf "\033")"'
names=$(i=0; while [ $i -lt 1500 ]; do printf 'email:a%d@example.org,' $i; i=$((i + 1)); done)
person many y@example.org -addext "nsComment=$(head -c 40000 /dev/zero | tr '\0' x)"
ok "a certificate of 40 KB is refused" says 'over the limit' 1 smime certs import many.pem
person crowd z@example.org -addext "1.2.3.4=ASN1:UTF8String:x"
openssl req -x509 -key crowd.key -out crowd.pem -subj /CN=crowd -days 1 -addext "subjectAltName=${names%,}" >/dev/null 2>&1
ok "one with 1,500 addresses is refused" says 'over the limit' 1 smime certs import crowd.pem
openssl pkcs12 -export -in erin.pem -nokeys -passout pass:secret -iter 65536 -out slow.p12
ok "a PKCS#12 file that asks for much work" python3 "$helper" pkcs12-work slow.p12 slower.p12
ok "is refused" says 'over the limit' 1 import_p12 password slower.p12
ok "a file of 40 MB is refused" says 'over the limit' 1 sh -c 'head -c 40000000 /dev/zero | smime certs import'
ok "an empty file" says 'not a certificate' 1 smime certs import /dev/null
for cut in 1 20 200 400; do
	head -c $cut bob.p7b >cut
	ok "cut after $cut bytes" status 1 smime certs import cut
done

# CRLs.
make_ca
printf '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/index\ncrlnumber=%s/number\ndefault_md=sha256\n' "$work" "$work" >crl.conf
: >index && echo 01 >number
make_crl() { # OUT LAST
	openssl ca -config crl.conf -gencrl -cert ca.pem -keyfile ca.key -crl_lastupdate "$2" -crl_nextupdate 20400101000000Z -out "$1" 2>/dev/null
}
make_crl new.crl 20260601000000Z
make_crl old.crl 20250601000000Z
openssl crl -in new.crl -outform DER -out new.der
ok "a revocation list, PEM" sh -c 'smime certs import new.crl | grep -q "1 revocation list"'
ok "and DER" sh -c 'smime certs import new.der | grep -q "1 revocation list"'
ok "an older one does not take its place" smime certs import old.crl
crl_is_new() {
	python3 -c "import sqlite3, sys
row, = sqlite3.connect('$store').execute('SELECT der FROM crls').fetchall()
sys.exit(row[0] != open('new.der', 'rb').read())"
}
ok "there is one, the newer" crl_is_new

# Ends that are near.
person soon soon@example.org -days 20
person late late@example.org -days 200
smime certs import soon.pem late.pem >/dev/null
ok "a certificate that ends soon is warned of" says 'of soon@example.org ends in [0-9]* days' 0 smime certs list
ok "one that does not is not" sh -c '! smime certs list 2>&1 | grep "late@example.org ends"'
ok "doctor says it, too" sh -c 'smime doctor | grep "soon@example.org ends in [0-9]* days"'
write_conf "expiry-warning 10"
smime agent reload
ok "the setting says how soon is soon" sh -c '! smime certs list 2>&1 | grep "ends in"'
write_conf
smime agent reload
person soon2 soon@example.org
smime certs import soon2.pem >/dev/null
ok "with a successor there is no warning" sh -c '! smime certs list 2>&1 >/dev/null | grep "ends in"'

# Chains.
ok "a token" make_token Demo
sub_ca() {
	make_ca
	openssl req -new -newkey rsa:2048 -nodes -keyout sub.key -out sub.csr -subj "/CN=Sub CA" &&
		printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >sub.ext &&
		openssl x509 -req -in sub.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 100 -extfile sub.ext -out sub.pem
}
ok "an intermediate" sub_ca
key_below_sub() {
	cp ca.pem root.pem && cp ca.key root.key && cp sub.pem ca.pem && cp sub.key ca.key
	make_key Demo owner ec:P-256
	result=$?
	cp root.pem ca.pem && cp root.key ca.key
	return $result
}
ok "a key that it certified" key_below_sub
chain_length() {
	smime unlock --pin-fd 3 Demo 3<pin && echo x | smime sign --raw -k owner@example.org -o signed &&
		[ "$(openssl pkcs7 -inform DER -in signed -print_certs | grep -c '^subject')" = "$1" ]
}
ok "without the intermediate the signature has one certificate" chain_length 1
openssl req -x509 -newkey rsa:2048 -nodes -keyout false.key -out false.pem -subj "/CN=Sub CA" -days 10 >/dev/null 2>&1
smime certs import false.pem >/dev/null
ok "one that has its name does not do" chain_length 1
ok "with it in the store" smime certs import sub.pem
ok "the signature has both" chain_length 2
ok "one's own certificate that ends soon" import_key Demo 77 own soon.key soon.pem
smime keys >/dev/null # another program wrote it
ok "is warned of as such" says 'your certificate .* for soon@example.org ends in' 0 smime certs list
finish
