#!/bin/sh
# SPDX-License-Identifier: ISC
# Bouncy Castle's messages, of every kind that it makes, are read, and it reads ours.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
for program in javac java pkcs11-tool; do
	command -v "$program" >/dev/null || plan_skip "$program is not installed"
done
jars=/usr/share/java
for jar in bcprov bcpkix bcutil; do
	[ -e "$jars/$jar.jar" ] || plan_skip "libbcpkix-java is not installed"
done
path=$work:$jars/bcprov.jar:$jars/bcpkix.jar:$jars/bcutil.jar

bouncy() { # WORD...
	java -XX:TieredStopAtLevel=1 -cp "$path" Bouncy "$@"
}

# A key that Java has, too.
make_shared() { # LABEL ID OPTIONS-OF-GENPKEY...
	label=$1
	id=$2
	shift 2
	make_ca
	openssl genpkey "$@" -out "$work/$label.key" && openssl pkcs8 -topk8 -nocrypt -in "$work/$label.key" -outform DER \
		-out "$work/$label.p8" && openssl req -new -key "$work/$label.key" -subj "/O=Test/CN=$label" \
		-out "$work/$label.csr" || return
	cat >"$work/$label.ext" <<-END
		subjectAltName=email:$label@example.org
		keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement
		extendedKeyUsage=emailProtection
		subjectKeyIdentifier=hash
	END
	openssl x509 -req -in "$work/$label.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 \
		-extfile "$work/$label.ext" -out "$work/$label.pem" && openssl x509 -in "$work/$label.pem" -outform DER \
		-out "$work/$label.der" && import_key Demo "$id" "$label" "$work/$label.key" "$work/$label.pem"
}

# The kinds of a pattern, all of them; which fail is told.
each() { # PATTERN COMMAND...
	pattern=$1
	shift
	bad=
	for file in "$work"/made/$pattern; do
		"$@" "$file" 2>"$work/said" || bad="$bad ${file##*/}: $(cat "$work/said");"
	done
	[ -z "$bad" ] || {
		echo "$bad" >&2
		return 1
	}
	[ -e "$file" ]
}
decrypts() {
	case $1 in */refused-*) return ;; esac
	rm -f "$work/plain"
	smime decrypt --raw -o "$work/plain" "$1" && cmp "$work/plain" "$work/content"
}
refuses() {
	rm -f "$work/plain"
	status 1 smime decrypt --raw -o "$work/plain" "$1" && grep -q "not supported" "$work/said" && [ ! -e "$work/plain" ]
}
verifies() { # STATUS WORDS FILE
	case $3 in
	*-detached.p7s) status "$1" smime verify --raw --ca "$work/ca.pem" --content "$work/content" -o /dev/null "$3" ;;
	*) status "$1" smime verify --raw --ca "$work/ca.pem" -o /dev/null "$3" ;;
	esac && grep -q "  $2: " "$work/said"
}
opened() { # KEY FILE...: by Bouncy Castle
	key=$1
	shift
	bouncy open "$work/$key.p8" "$work/content" "$@" >"$work/list" && [ "$(grep -c ^good "$work/list")" = $# ]
}
encrypts() { # KEY OPTIONS...
	key=$1
	shift
	set -- "$@" --raw --no-self -r "$work/$key.pem"
	for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-gcm aes-256-gcm; do
		smime encrypt "$@" --cipher $cipher -o "$work/ours-$cipher" "$work/content" || return
	done
	opened "$key" "$work"/ours-*
}
signs() { # KEY OPTIONS...
	key=$1
	shift
	for digest in sha256 sha384 sha512; do
		smime sign --raw -k "$key" "$@" --digest $digest -o "$work/ours-$digest.p7s" "$work/content" || return
	done
	bouncy verify "$work/content" "$work"/ours-*.p7s >"$work/list" && [ "$(grep -c ^good "$work/list")" = 3 ]
}

head -c 5000 /dev/urandom >"$work/content"
mkdir "$work/made"
ok "compile" javac -d "$work" -cp "$path" "$srcdir/tests/clients/Bouncy.java"
ok "initialise a token" make_token Demo
ok "an RSA key" make_shared rsa 01 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
ok "a P-256 key" make_shared p256 02 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
smime agent stop # SoftHSM shows what others wrote when it is loaded anew
ok "unlock" unlock
ok "it makes its messages" bouncy make "$work/made" "$work/content" "$work/rsa.der" "$work/rsa.p8" "$work/p256.der" \
	"$work/p256.p8"
ok "what is encrypted with PKCS#1, OAEP, ECDH, CBC and GCM is decrypted" each '*.p7m' decrypts
ok "what we do not read is said" each 'refused-*.p7m' refuses
ok "signatures are good" each 'good-*.p7s' verifies 0 good
ok "weak ones are not" each 'weak-*.p7s' verifies 1 "good but"
ok "of unknown ones that is said" each 'unknown-*.p7s' verifies 1 "cannot tell"
ok "it decrypts ours: RSA" encrypts rsa
ok "OAEP" encrypts rsa --oaep
ok "ECDH" encrypts p256
ok "it verifies ours: RSA" signs rsa
ok "PSS" signs rsa --pss
ok "ECDSA" signs p256
ok "opaque" signs p256 --opaque
finish
