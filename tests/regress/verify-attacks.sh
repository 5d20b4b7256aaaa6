#!/bin/sh
# SPDX-License-Identifier: ISC
# Mails made by somebody who wants them to look like what they are not: told, in little time and memory, and never good.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/verify-lib.sh"

# entity FILE: what is in it, signed by Alice, with her mail's header around it.
entity() {
	openssl cms -sign -in "$1" -from "Alice <alice@example.org>" -to bob@example.org -subject pay -signer "$work/alice.pem" \
		-inkey "$work/alice.key" -out "$work/mail.eml"
}
noted() { # NOTE: of the layer that was told
	found "$1"
}
not_noted() {
	! grep -q -- "\"$1\"" "$work/json"
}

# Fields that were added outside a header that is protected.
printf 'From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: pay\nContent-Type: text/plain; hp="clear"\n\nPay.\n' >"$work/protected"
entity "$work/protected"
ok "a protected header: good" is good 0 "$work/mail.eml" header-protected
added() { # FIELD
	{ echo "$1"; cat "$work/mail.eml"; } >"$work/added.eml"
	is good-but 1 "$work/added.eml" header-differs "${1%%:*}"
}
for field in "Reply-To: mallory@example.net" "Cc: mallory@example.net" "Date: Thu, 1 Jan 1970 00:00:00 +0000" "Followup-To: x" \
	"Subject: pay Mallory" "To: mallory@example.net"; do
	ok "added outside, $field: told" added "$field"
done
{ printf 'Received: from here\nList-Id: <l>\nX-Spam: no\nDKIM-Signature: v=1\n'; cat "$work/mail.eml"; } >"$work/added.eml"
ok "what mail servers add is no matter" is good 0 "$work/added.eml"

# Text around what is signed.
around() { # WHERE NOTED FILE: the mail is good, and the text is noted or not
	is good 0 "$3" && "$2" unsigned-text
}
sign "$work/detached.eml"
sign "$work/opaque.eml" -nodetach
ok "a mail of openssl: no text around it" around none not_noted "$work/detached.eml"
ok "an opaque one: neither" around none not_noted "$work/opaque.eml"
sed 's/^This is an S.MIME signed message$/& Pay Mallory./' "$work/detached.eml" >"$work/preamble.eml"
ok "text before the signed part: noted" around before noted "$work/preamble.eml"
for padded in "" x xx; do
	sed "s/^Please/$padded&/" "$work/text" >"$work/padded"
	openssl cms -sign -nodetach -in "$work/padded" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/footer.eml"
	for footer in 'Pay Mallory.' '-- pay_Mallory' '=?= pay' 'TWFsbG9yeQ=='; do
		{ cat "$work/footer.eml"; printf '%s\n' "$footer"; } >"$work/footer"
		ok "\"$footer\" behind an opaque mail: noted" around behind noted "$work/footer"
	done
done
sed 's/^\(Content-Disposition: attachment; filename="smime.p7s"\)$/\1/; /^------.*--$/i Pay Mallory.' "$work/detached.eml" >"$work/footer"
ok "text behind the signature in its part: noted" around behind noted "$work/footer"
openssl cms -sign -binary -nodetach -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform DER -out "$work/raw"
openssl cms -sign -binary -nodetach -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform PEM -out "$work/raw.pem"
raw_rest() { # FILE NOTED TEXT
	{ cat "$1"; printf '%s' "$3"; } >"$work/rest" && raw 0 "$work/rest" && "$2" unsigned-text
}
for form in raw raw.pem; do
	ok "$form: nothing behind it" raw_rest "$work/$form" not_noted ""
	ok "$form: a line end behind it" raw_rest "$work/$form" not_noted "
"
	ok "$form: text behind it: noted" raw_rest "$work/$form" noted "Pay Mallory."
done

# What is signed is a reference to something else.
for type in 'message/external-body; access-type=URL; URL="http://mallory.example.net/"' 'message/partial; id=x; number=1; total=2'; do
	printf 'Content-Type: %s\n\nContent-Type: text/html\n\n' "$type" >"$work/reference"
	entity "$work/reference"
	ok "${type%%;*}: its content is not signed" is partly-signed 1 "$work/mail.eml" good elsewhere
	printf 'Content-Type: multipart/mixed; boundary=x\n\n--x\n\nSee below.\n--x\n%s\n--x--\n' "$(cat "$work/reference")" >"$work/mixed"
	entity "$work/mixed"
	ok "${type%%;*} beside a text: not all of it" is partly-signed 1 "$work/mail.eml" good elsewhere
done
# Certificates that are called as the signer's is, and are not it.
serial_of() {
	openssl x509 -in "$1" -noout -serial | sed 's/serial=/0x/'
}
key_id_of() {
	openssl x509 -in "$1" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' :'
}
issue frank /CN=Frank "$mail_use" subjectAltName=email:alice@example.org subjectKeyIdentifier=hash
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other-ca.key" -out "$work/other-ca.pem" -subj "/CN=Test CA" 2>/dev/null
decoy() { # NAME: with Frank's issuer, serial number and key identifier
	printf 'subjectAltName=email:alice@example.org\nsubjectKeyIdentifier=%s\n' "$(key_id_of "$work/frank.pem")" >"$work/decoy.ext"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/decoy.key" -out "$work/decoy.csr" -subj "/CN=$1" 2>/dev/null
	openssl x509 -req -in "$work/decoy.csr" -CA "$work/other-ca.pem" -CAkey "$work/other-ca.key" -set_serial "$(serial_of "$work/frank.pem")" \
		-days 100 -extfile "$work/decoy.ext" -out "$work/$1.pem" 2>/dev/null
}
forge() { # CASES CERTIFICATE...
	cases=$1
	shift
	"$python" "$srcdir/tests/regress/forge.py" "$cases" "$work/frank.key" "$work/frank.pem" "$work/text.crlf" "$@" >"$work/forged"
}
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	decoy decoy$number
done
expired frank old.pem "$(serial_of "$work/frank.pem" | cut -c 3-)" # it was renewed, with the same key
for name in key-id plain; do
	forge last,$name "$work/decoy1.pem" "$work/decoy2.pem"
	ok "$name: others are called the same, and come first: the signer's is found" raw 0 "$work/forged"
	forge $name "$work/decoy1.pem"
	ok "$name: and where they come last" raw 0 "$work/forged"
	forge last,$name "$work"/decoy*.pem
	ok "$name: where there are very many, the signature is bad, and not somebody's" raw 1 "$work/forged"
	ok "$name: and says so" found bad forged
	forge $name,altered-content "$work/decoy1.pem"
	ok "$name: altered content is that of none" raw 1 "$work/forged"
	ok "$name: and says so" found bad altered
	forge last,$name "$work/old.pem"
	ok "$name: the one that was good before it is there, too" raw 0 "$work/forged"
	smime certs import "$work/frank.pem" >/dev/null
	forge no-certificate,$name "$work/decoy1.pem"
	ok "$name: the message brings others alone, the store has the signer's" raw 0 "$work/forged"
	smime certs remove --all alice@example.org
	smime certs import "$work/decoy1.pem" >/dev/null && smime certs import "$work/frank.pem" >/dev/null
	forge no-certificate,$name
	ok "$name: the store has both" raw 0 "$work/forged"
	smime certs remove --all alice@example.org
	forge no-certificate,$name "$work/decoy1.pem"
	ok "$name: nobody has the signer's: it is not good" raw 1 "$work/forged"
done

# Certificates that can be forged.
by_weak() { # VERDICT STATUS REASON...
	openssl cms -sign -in "$work/text" -from alice@example.org -signer "$work/weak.pem" -inkey "$work/weak.key" ${certfile:+-certfile "$certfile"} \
		-out "$work/weak.eml" && is "$1" "$2" "$work/weak.eml" "$3"
}
for weak in -sha1 -md5; do
	issue_options=$weak issue weak /CN=Weak "$mail_use" subjectAltName=email:alice@example.org
	ok "a certificate that is signed with ${weak#-}: not good" by_weak good-but 1 weak-chain
done
key_type=rsa:512 issue weak /CN=Weak "$mail_use" subjectAltName=email:alice@example.org
ok "a key of 512 bits: not good" by_weak good-but 1 weak-chain
issue_options=-sha1 issue between /CN=Between basicConstraints=CA:TRUE keyUsage=keyCertSign
issuer=between issue weak /CN=Weak "$mail_use" subjectAltName=email:alice@example.org
certfile=$work/between.pem
ok "an issuer's certificate that is signed with SHA-1: not good" by_weak good-but 1 weak-chain
# An issuer that was revoked.
issue middle /CN=Middle basicConstraints=CA:TRUE keyUsage=keyCertSign,cRLSign
issuer=middle issue weak /CN=Below "$mail_use" subjectAltName=email:alice@example.org
crl_of() { # NAME [REVOKED]: a list of that CA, appended to the lists
	mkdir -p "$work/$1.crls" && : >"$work/$1.crls/index" && echo 01 >"$work/$1.crls/number"
	printf '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/index\ncrlnumber=%s/number\ndefault_md=sha256\ndefault_crl_days=30\n' "$work/$1.crls" "$work/$1.crls" \
		>"$work/$1.crls/conf"
	[ -z "${2:-}" ] || openssl ca -config "$work/$1.crls/conf" -cert "$work/$1.pem" -keyfile "$work/$1.key" -revoke "$work/$2.pem" 2>/dev/null
	openssl ca -config "$work/$1.crls/conf" -cert "$work/$1.pem" -keyfile "$work/$1.key" -gencrl 2>/dev/null >>"$work/lists"
}
certfile=$work/middle.pem
: >"$work/lists"
crl_of ca && crl_of middle
by_weak good 0 good && verify 0 "$work/weak.eml" --crl "$work/lists"
ok "none of the certificates was revoked: good" found good
: >"$work/lists"
crl_of ca middle && crl_of middle
verify 1 "$work/weak.eml" --crl "$work/lists"
ok "the issuer's was: bad" found bad revoked
: >"$work/lists"
crl_of middle
verify 1 "$work/weak.eml" --crl "$work/lists"
ok "there is no list that could have the issuer's: not good" found good-but no-crl
# A CA for servers alone says so of those below it, too.
issue servers /CN=Servers basicConstraints=CA:TRUE keyUsage=keyCertSign extendedKeyUsage=serverAuth
issuer=servers issue weak /CN=Weak "$mail_use" subjectAltName=email:alice@example.org
certfile=$work/servers.pem
ok "an issuer that is for servers: not good" by_weak good-but 1 wrong-use
certfile=

# What the sender signed may have parts that others signed. Around them it may not.
openssl cms -sign -in "$work/text" -signer "$work/bob.pem" -inkey "$work/bob.key" >"$work/part"
printf 'Content-Type: multipart/mixed; boundary=x\n\n--x\n\nSee below.\n--x\n%s\n--x--\n' "$(cat "$work/part")" >"$work/with-part"
entity "$work/with-part"
ok "a part that another one signed, in what the sender signed: good" is good 0 "$work/mail.eml" good
openssl cms -sign -in "$work/with-part" -from bob@example.org -signer "$work/mallory.pem" -inkey "$work/mallory.key" -out "$work/mail.eml"
ok "the sender signed a part, and another one all of it: not the sender's" is good-but 1 "$work/mail.eml" not-from-signer
{ printf 'From: bob@example.org\nContent-Type: message/rfc822\n\n'; printf 'From: alice@example.org\n'; cat "$work/part"; } >"$work/mail.eml"
ok "in a forwarded mail its own sender counts" is good-but 1 "$work/mail.eml" not-from-signer
{ printf 'Content-Type: message/rfc822\n\nFrom: alice@example.org\n'; cat "$work/part"; } >"$work/forwarded"
entity "$work/forwarded"
ok "also when who forwards it signs" is good-but 1 "$work/mail.eml" not-from-signer

# EdDSA, which OpenSSL's CMS does not do.
key_type=ed25519 issue edda /CN=Edda "$mail_use" subjectAltName=email:alice@example.org subjectKeyIdentifier=hash
edda() { # CASES
	"$python" "$srcdir/tests/regress/forge.py" "ed25519$1" "$work/edda.key" "$work/edda.pem" "$work/text.crlf" >"$work/forged"
}
edda ""
ok "Ed25519: good" raw 0 "$work/forged"
for case in signature attribute; do
	edda ",altered-$case"
	raw 1 "$work/forged"
	ok "Ed25519, an altered $case: bad" found bad forged
done
for case in digest time certificate; do
	edda ",double-$case"
	raw 1 "$work/forged"
	ok "Ed25519, signed attributes, double-$case: bad" found bad attributes
done

# What comes with a good mail and is not the signer's, or not trusted, is not kept.
known() { # NAME: whether the store has its certificate
	smime certs list --json | grep -q "\"fingerprint\":\"$(openssl x509 -in "$work/$1.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)\""
}
smime certs list --json | grep -o '"fingerprint":"[0-9a-f]*"' | cut -d '"' -f 4 | while read -r print; do smime certs remove "$print"; done
issue other /CN=Other "$mail_use" subjectAltName=email:other@example.org
issue second "/CN=Alice to encrypt to" keyUsage=keyEncipherment subjectAltName=email:alice@example.org
openssl req -x509 -key "$work/mallory.key" -subj "/CN=Alice to encrypt to" -out "$work/false.pem" -addext keyUsage=keyEncipherment \
	-addext subjectAltName=email:alice@example.org 2>/dev/null
cat "$work/other.pem" "$work/second.pem" "$work/false.pem" "$work/ca.pem" >"$work/brought.pem"
sign "$work/brings.eml" -certfile "$work/brought.pem"
verify 0 "$work/brings.eml" --at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
ok "of a mail that is judged as of another day nothing is kept" status 1 known alice
ok "with certificates of others: good" is good 0 "$work/brings.eml" good
ok "the signer's is kept" known alice
ok "so is her other one" known second
for name in other false ca; do
	ok "$name is not" status 1 known $name
done
openssl cms -sign -binary -nodetach -in "$work/text" -signer "$work/bob.pem" -inkey "$work/bob.key" -outform DER -out "$work/own.p7m"
raw 1 "$work/own.p7m" --content "$work/brings.eml"
ok "nor is the signer of a content of its own, that was taken for the signature of another" status 1 known bob
raw 0 "$work/own.p7m"
ok "where it was taken for what it is, he is" known bob

# Encrypted parts in mail that is not.
issue own /CN=Own "$mail_use" subjectAltName=email:own@example.org
make_token attacks >/dev/null 2>&1
import_key attacks 01 own "$work/own.key" "$work/own.pem" >/dev/null 2>&1
unlock attacks >/dev/null 2>&1
openssl cms -encrypt -in "$work/text" -aes256 "$work/own.pem" >"$work/encrypted"
image='Content-Type: text/html

<img src="http://mallory.example.net/'
text='Content-Type: text/plain

Hello.'
around_encrypted() { # FILE BEFORE: the entity in the file, with this before and a text behind it
	printf 'From: alice@example.org\nContent-Type: multipart/mixed; boundary=efail\n\n--efail\n%s\n--efail\n' "$2"
	cat "$1"
	printf '\n--efail\n%s\n--efail--\n' "$text"
}
{ printf 'Content-Type: message/rfc822\n\nFrom: x@example.net\n'; cat "$work/encrypted"; } >"$work/forwarded"
openssl cms -sign -in "$work/encrypted" -signer "$work/alice.pem" -inkey "$work/alice.key" >"$work/signed-part"
openssl cms -sign -nodetach -in "$work/encrypted" -signer "$work/alice.pem" -inkey "$work/alice.key" >"$work/opaque-part"
printf 'Content-Type: multipart/related; boundary=in\n\n--in\n%s\n--in--\n' "$(cat "$work/encrypted")" >"$work/inner-part"
for kind in encrypted forwarded signed-part opaque-part inner-part; do
	around_encrypted "$work/$kind" "$image" >"$work/efail.eml"
	verify 1 "$work/efail.eml"
	ok "HTML before an encrypted part ($kind): told" found among-parts among-html encrypted
	ok "HTML before an encrypted part ($kind): not good, and nothing comes out" sh -c "! grep -q '^{\"verdict\":\"good' '$work/json' && [ ! -e '$work/signed' ]"
	around_encrypted "$work/$kind" "$text" >"$work/efail.eml"
	verify 1 "$work/efail.eml"
	ok "text around an encrypted part ($kind): told" found among-parts encrypted
	ok "which is not HTML ($kind)" not_noted among-html
done
around_encrypted "$work/text" "$image" >"$work/mixed"
openssl cms -encrypt -in "$work/mixed" -aes256 "$work/own.pem" >"$work/inside.eml"
sed -i '1i From: alice@example.org' "$work/inside.eml"
verify 1 "$work/inside.eml"
ok "what is encrypted together is no matter" not_noted among-parts

# Addresses that look like another one.
for address in 'alice+x@example.org' 'alice@example.org.' '"alice"@example.org' 'alice@[example.org]' 'alice%%example.org@example.net' \
	'alice@exаmple.org' 'ａlice@example.org' 'alice@xn--exmple-4nf.org' 'alice@example.org\342\200\213' 'al\302\255ice@example.org' \
	'alice @ example.org@example.net' 'a1ice@example.org' 'alice@examp1e.org' 'alice@example.org\011x' '=?utf-8?q?alice?=@example.org' \
	'<alice@example.org>@example.net' 'alice@example.org <mallory@example.net>' '=?utf-8?q?alice=40example.org=2C?= <mallory@example.net>' \
	'alice@example.org:mallory@example.net;' '(alice@example.org) mallory@example.net' 'alice@example.org,' 'xalice@example.org' \
	'alice@sub.example.org' 'alice@example.orgx' '@mallory.example.net:alice@example.org' 'ali\001ce@example.org'; do
	{ printf 'From: '; printf "$address"; echo; sed '/^From:/d' "$work/detached.eml"; } >"$work/alike.eml"
	case $address in
	'alice@example.org,') ok "From: $address: the signer" is good 0 "$work/alike.eml" ;;
	*) ok "From: $address: not the signer" is good-but 1 "$work/alike.eml" not-from-signer ;;
	esac
done
for alike in 'email:alice+x@example.org' 'email:alice@example.org.' 'email:xalice@example.org' 'email:alice@sub.example.org' 'URI:mailto:alice@example.org' \
	'DNS:alice@example.org'; do
	issue alike /CN=alice@example.org "$mail_use" "subjectAltName=$alike"
	openssl cms -sign -in "$work/text" -from alice@example.org -signer "$work/alike.pem" -inkey "$work/alike.key" -out "$work/alike.eml"
	case $alike in
	email:*) ok "a certificate of $alike: not the sender's" is good-but 1 "$work/alike.eml" not-from-signer ;;
	*) ok "a certificate of $alike: has no address" is good 0 "$work/alike.eml" no-address ;;
	esac
done

# Layers upon layers.
bounded() { # FILE: refused, or not good, within a minute and 64 MiB
	(ulimit -t 60 && timeout 60 smime verify --json --ca "$work/ca.pem" -o /dev/null "$1" >"$work/json" 2>"$work/said")
	[ $? = 1 ] && ! grep -q '^{"verdict":"good' "$work/json"
}
nest() { # KIND DEPTH
	"$python" "$srcdir/tests/regress/nest.py" "$1" "$2" "$work" >"$work/nested.eml"
}
for kind in signed detached multipart forwarded compressed; do
	for depth in 17 300 3000; do
		nest $kind $depth
		ok "$kind, $depth deep: not good" bounded "$work/nested.eml"
	done
done
nest encrypted 30
: >"$work/agent.log"
ok "encrypted 30 times: refused" bounded "$work/nested.eml"
ok "at the eighth" [ "$(grep -c ' with key ' "$work/agent.log")" -le 8 ]
nest encrypted 6
ok "encrypted 6 times: read" sh -c "smime verify --json '$work/nested.eml' 2>&1 | grep -q '\"layer\":6'"

# Many at once.
size=20000000
[ -z "${SMIME_LONG:-}" ] || size=100000000
{ cat "$work/text"; yes "a line of a mail that is long, and in which nothing is said" | head -c $size; } >"$work/big"
openssl cms -sign -in "$work/big" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/big.eml"
rm "$work/big"
highest() { # KILOBYTES: of all workers', none had more
	pgrep -P "$agent" smime-agent-wor | sed 's|.*|/proc/&/status|' | xargs cat 2>/dev/null |
		awk -v most="$1" '/^VmHWM:/ && $2 > most { print $2 " kB"; found = 1 } END { exit found }' >&2
}
all_at_once() {
	pids=
	agent=$(agent_pid)
	for number in $(seq 50); do
		smime verify --ca "$work/ca.pem" -o /dev/null "$work/big.eml" >/dev/null 2>"$work/said.$number" &
		pids="$pids $!"
	done
	memory=0
	# Sanitizers have their own.
	case $(nm -D "$builddir/smime-agent-worker" 2>/dev/null) in
	*__asan*) ;;
	*)
		for pid in $pids; do
			until gone "$pid"; do highest 32768 || memory=1; sleep 0.2; done
		done
		;;
	esac
	for pid in $pids; do
		wait "$pid" || { cat "$work"/said.* | sort | uniq -c >&2; return 1; }
	done
	return $memory
}
ok "50 verifications of a long mail at once: all good, in little memory" all_at_once
finish
