#!/bin/sh
# SPDX-License-Identifier: ISC
# X25519 recipients (RFC 8418), with keys that SoftHSM has: made on the token, certified, decrypted with and encrypted
# to; against x25519.py, which does it with other primitives. The table at the end has what was read and written.
. "$(dirname "$0")/lib.sh"
write_conf "trust-anchors $work/ca.pem"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
python3 -c 'import cryptography' 2>/dev/null || plan_skip "python3-cryptography is not installed"
peer=$(dirname "$0")/x25519.py

head -c 100000 /dev/urandom >"$work/bytes"
head -c 3000000 /dev/urandom >"$work/large"
: >"$work/empty"

# certify NAME PUBLIC-KEY: with the test's CA. An X25519 key cannot sign a request.
certify() {
	make_ca
	printf 'subjectAltName=email:%s@example.net\nkeyUsage=critical,%s\nsubjectKeyIdentifier=hash\n' "$1" \
		"${3:-keyAgreement}" >"$work/$1.ext" &&
		openssl x509 -new -force_pubkey "$2" -subj "/CN=$1" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
			-days 30 -extfile "$work/$1.ext" -out "$work/$1.pem"
}

make_person() { # NAME ALGORITHM-OPTIONS
	person=$1
	shift
	openssl genpkey "$@" -out "$work/$person.key" && openssl pkey -in "$work/$person.key" -pubout -out "$work/$person.pub" &&
		certify "$person" "$work/$person.pub" keyAgreement,keyEncipherment
}

row() {
	printf '# %-10s %-26s %s\n' "$@" >>"$work/table"
}

# we_read FILE KDF WRAP UKM
we_read() {
	"$peer" encrypt "$work/own.pem" "$work/e.der" "$2" "$3" "$4" <"$1" &&
		smime decrypt --raw "$work/e.der" >"$work/back" && cmp "$work/back" "$1" && row "we read" "$2, wrap $3, ukm $4" yes
}

# they_read FILE CIPHER: each of two, and we.
they_read() {
	smime encrypt --raw --no-self -r "$work/eve.pem" -r "$work/own.pem" -r "$work/bob.pem" --cipher "$2" -o "$work/e.der" "$1" &&
		for person in eve bob; do
			"$peer" decrypt "$work/$person.key" "$work/$person.pem" "$work/e.der" >"$work/back" && cmp "$work/back" "$1" || return
		done
	smime decrypt --raw "$work/e.der" >"$work/back" && cmp "$work/back" "$1" && row "we write" "hkdf-256, $2" "read by both"
}

# refused FAULT SENTENCE [STATUS]: no output, and that error.
refused() {
	"$peer" encrypt "$work/own.pem" "$work/e.der" hkdf-256 256 - "$1" <"$work/bytes" || return
	rm -f "$work/back"
	says "$2" 1 smime decrypt --raw -o "$work/back" "$work/e.der" && [ ! -e "$work/back" ]
}

# How often the token was asked. The broker writes its line behind the answer, and before it hears another client.
derivations() {
	smime status >/dev/null && grep ' derive .*with key ' "$work/agent.log" | grep -vc ': MECHANISM$'
}

# DER as OpenSSL would have written it: the recipients in order.
is_der() {
	openssl cms -cmsout -inform DER -in "$1" -outform DER -out "$work/again.der" && cmp "$1" "$work/again.der"
}

mixed() {
	smime encrypt --raw --no-self -r "$work/ivan.pem" -r "$work/eve.pem" -r "$work/p256.pem" -r "$work/own.pem" \
		-r "$work/bob.pem" -o "$work/e.der" "$work/bytes" && is_der "$work/e.der" || return
	for person in ivan p256; do
		openssl cms -decrypt -inform DER -in "$work/e.der" -recip "$work/$person.pem" -inkey "$work/$person.key" \
			-out "$work/back" && cmp "$work/back" "$work/bytes" || return
	done
	"$peer" decrypt "$work/bob.key" "$work/bob.pem" "$work/e.der" >"$work/back" && cmp "$work/back" "$work/bytes" &&
		smime decrypt --raw "$work/e.der" | cmp - "$work/bytes"
}

streamed() {
	smime encrypt --raw --no-self -r "$work/own.pem" --cipher "$1" <"$work/large" >"$work/e.der" &&
		smime decrypt --raw <"$work/e.der" | cmp - "$work/large"
}

# Not a byte into a pipe: OpenSSL would go on with a random key, and give garbage until the end.
other_length() { # CERTIFICATE KDF
	"$peer" encrypt "$work/$1.pem" "$work/e.der" "$2" 256 - short-key <"$work/bytes" &&
		[ "$(smime decrypt --raw "$work/e.der" 2>"$work/said" | wc -c)" = 0 ] && grep -q 'could not be decrypted' "$work/said"
}

# The first of several that name the same key may be damaged.
second_fits() {
	"$peer" encrypt "$work/own.pem" "$work/e.der" hkdf-256 256 - many <"$work/bytes" &&
		before=$(derivations) && smime decrypt --raw "$work/e.der" | cmp - "$work/bytes" &&
		[ "$(derivations)" = $((before + 1)) ]
}

signed_mail() {
	write_mail "$work/mail" && sed -i 's/^To: .*/To: own@example.net/' "$work/mail" &&
		smime certs import "$work/eve.pem" &&
		smime encrypt --sign -r eve@example.net -r own@example.net --no-self "$work/mail" >"$work/mail.enc" &&
		smime decrypt "$work/mail.enc" >"$work/mail.back" && grep -q 'this is a test' "$work/mail.back" &&
		smime verify --ca "$work/ca.pem" "$work/mail.enc"
}

# by_number LABEL POINT: the secret of the token's key and the point, asked for by the protocol.
by_number() {
	python3 "$srcdir/tests/clients/pk.py" "$SMIME_AGENT_SOCKET" "$1" "PKDATA $2|PKDERIVE %d ecdh" >"$work/answer"
}

derives() { # LABEL
	by_number "$1" "$("$peer" point "$work/bob.key")" && "$peer" derived "$work/bob.key" "$work/$1.pub" <"$work/answer"
}

no_point() { # POINT
	before=$(derivations)
	by_number own "$1" && grep -q '^ERR ' "$work/answer" && [ "$(derivations)" = "$before" ]
}

zero_key() {
	{ printf '\060\052\060\005\006\003\053\145\156\003\041\000'; head -c 32 /dev/zero; } >"$work/zero.der" &&
		openssl pkey -pubin -inform DER -in "$work/zero.der" -pubout -out "$work/zero.pub" && certify zero "$work/zero.pub"
}

ok "initialise a token" make_token Demo
ok "make an RSA key to sign with" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo ec ec:P-256
ok "make an X25519 key on the token" smime token keygen --token Demo --label own --type x25519 --pin-fd 3 3<"$work/pin"
smime token csr --token Demo --label own --subject /CN=own --pin-fd 3 3<"$work/pin" >"$work/own.pub"
ok "its public key takes the place of a request" grep -q 'BEGIN PUBLIC KEY' "$work/own.pub"
ok "certify it" certify own "$work/own.pub"
ok "store the certificate" smime token import-cert --token Demo --pin-fd 3 "$work/own.pem" 3<"$work/pin"
ok "unlock" unlock
smime keys >"$work/keys"
ok "it is listed" sh -c 'grep -q "type  *x25519" "$1" && grep -q "uses  *decrypt$" "$1"' sh "$work/keys"
ok "it does not sign" says "does not allow this use" 4 smime sign --raw -k own -o "$work/s.der" "$work/bytes"
for person in eve bob; do
	ok "X25519: $person" make_person $person -algorithm X25519
done
ok "RSA: ivan" make_person ivan -algorithm RSA
ok "P-256: p256" make_person p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256

for how in "hkdf-256 128" "hkdf-256 192" "hkdf-256 256" "hkdf-384 256" "hkdf-512 128" "x963-256 192" "x963-384 128" "x963-512 256"; do
	for ukm in - 00112233445566778899aabbccddeeff; do
		ok "we read $how, ukm $ukm" we_read "$work/bytes" $how $ukm
	done
done
for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-gcm aes-192-gcm aes-256-gcm; do
	ok "they read $cipher" they_read "$work/bytes" $cipher
done
ok "they read nothing, in CBC" they_read "$work/empty" aes-256-cbc
ok "they read nothing, in GCM" they_read "$work/empty" aes-128-gcm
ok "3 MB in BER, CBC" streamed aes-256-cbc
ok "3 MB in BER, GCM" streamed aes-128-gcm
ok "recipients with RSA, P-256 and X25519 in one message" mixed
ok "a mail that is signed and encrypted, to addresses" signed_mail
ok "named by the subject key identifier" sh -c '"$1" encrypt "$2/own.pem" "$2/e.der" hkdf-256 256 - key-id <"$2/bytes" &&
	smime decrypt --raw "$2/e.der" | cmp - "$2/bytes"' sh "$peer" "$work"
ok "NULL where parameters should be absent" sh -c '"$1" encrypt "$2/own.pem" "$2/e.der" hkdf-256 256 - null <"$2/bytes" &&
	smime decrypt --raw "$2/e.der" | cmp - "$2/bytes"' sh "$peer" "$work"
ok "of 300 that fit, one is enough" second_fits

before=$(derivations)
for fault in unknown-kdf unknown-wrap no-wrap issuer p256 short-point long-point unused-bits; do
	ok "refused: $fault" refused $fault "not supported"
done
ok "the token was not asked for those" test "$(derivations)" = "$before"
for fault in altered cut empty short-key long-key small-0 small-1 small-2 small-3 small-4 small-5 small-6; do
	ok "refused: $fault" refused $fault "could not be decrypted"
done
ok "nothing comes out of a content key of another length" other_length own hkdf-256
ok "nor with P-256" other_length ec x963-256
before=$(derivations)
ok "of 300 that do not fit, some are tried" refused many-altered "over the limit"
ok "and not all" test "$(derivations)" -le $((before + 100))
ok "refused: nobody" refused nobody "not encrypted to any key"
ok "somebody else's message" sh -c '"$1" encrypt "$2/eve.pem" "$2/e.der" <"$2/bytes"' sh "$peer" "$work"
ok "is not for us" says "not encrypted to any key" 1 smime decrypt --raw -o "$work/back" "$work/e.der"
ok "a certificate with a point of small order" zero_key
ok "is not encrypted to" sh -c '! smime encrypt --raw --no-self -r "$1/zero.pem" -o "$1/z.der" "$1/bytes" && [ ! -e "$1/z.der" ]' sh "$work"

smime token keygen --token Demo --label bare --type x25519 --pin-fd 3 3<"$work/pin"
smime token csr --token Demo --label bare --subject /CN=bare --pin-fd 3 3<"$work/pin" >"$work/bare.pub"
ok "unlock, for two keys" unlock
ok "the key derives by the protocol for keys" derives own
ok "so does one without a certificate" derives bare
zeros=00000000000000000000000000000000
ok "not with a point of small order" no_point $zeros$zeros
ok "nor with one that is short" no_point ${zeros}0000000000000000000000000000
ok "nor with one of another curve" no_point "04$zeros$zeros$zeros$zeros"
echo "# RFC 8418, against x25519.py:"
cat "$work/table"
finish
