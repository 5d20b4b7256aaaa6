#!/bin/sh
# SPDX-License-Identifier: ISC
# The PKCS#11 module in other people's programs: one token, one PIN entry, many programs.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/pkcs11-lib.sh"
DEATHS_EXPECTED=yes # one is killed

echo "what is signed" >"$work/text"
write_mail "$work/mail.eml"
asked=$HOME/pinentry.log
public_keys() {
	for key in rsa p256; do
		openssl x509 -in "$work/$key.pem" -pubkey -noout >"$work/$key.pub" || return
	done
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "their public keys" public_keys
ok "lock" smime lock

# ---- without a PIN: nobody asks for one until a key is used

lists_objects() {
	tool --list-objects >"$work/list" && [ "$(grep -c '^Private Key Object' "$work/list")" = 2 ] &&
		[ "$(grep -c '^Public Key Object' "$work/list")" = 2 ] &&
		[ "$(grep -c '^Certificate Object' "$work/list")" = 2 ]
}
token_needs_no_login() {
	tool --list-token-slots >"$work/list" && grep -q 'token flags.*readonly' "$work/list" &&
		! grep -q 'login required' "$work/list"
}
never_asked() {
	[ ! -s "$asked" ]
}
# The agent asks once, and names the program.
asks_once() {
	printf '%s\n' "$PIN" >"$HOME/pinentry"
	: >"$asked"
	tool --sign -m SHA256-RSA-PKCS --id "$(id_of rsa)" -i "$work/text" -o "$work/sig" &&
		tool --sign -m SHA256-RSA-PKCS --id "$(id_of rsa)" -i "$work/text" -o "$work/sig" &&
		[ "$(grep -c '^GETPIN' "$asked")" = 1 ] && grep -q 'SETDESC.*pkcs11-tool' "$asked"
}
ok "a locked token's certificates and keys are listed" lists_objects
ok "the token says that it needs no login" token_needs_no_login
ok "nobody was asked for a PIN so far" never_asked
ok "a key's first use asks for the PIN, once, and names the program" asks_once
ok "the use is in the log, with program, key and result" wait_for grep -q \
	'info process [0-9]* (.*pkcs11-tool) sign (PKCS#11) with key [0-9]* (rsa) of token Demo: ok' "$work/agent.log"

# ---- every mechanism, by openssl's judgement

signs() { # MECHANISM KEY OPENSSL-OPTION...
	mechanism=$1
	key=$2
	shift 2
	tool --sign -m "$mechanism" --id "$(id_of "$key")" --signature-format openssl -i "$work/text" -o "$work/sig" &&
		openssl dgst "$@" -verify "$work/$key.pub" -signature "$work/sig" "$work/text" &&
		! openssl dgst "$@" -verify "$work/$key.pub" -signature "$work/sig" "$work/mail.eml"
}
for hash in SHA1 SHA224 SHA256 SHA384 SHA512; do
	ok "$hash-RSA-PKCS" signs $hash-RSA-PKCS rsa -$hash
	ok "$hash-RSA-PKCS-PSS" signs $hash-RSA-PKCS-PSS rsa -$hash -sigopt rsa_padding_mode:pss
	ok "ECDSA-$hash" signs ECDSA-$hash p256 -$hash
done
decrypts() { # MECHANISM TOOL-OPTIONS -- OPENSSL-OPTION...
	mechanism=$1
	shift
	options=
	while [ "$1" != -- ]; do options="$options $1" && shift; done
	shift
	openssl pkeyutl -encrypt -pubin -inkey "$work/rsa.pub" "$@" -in "$work/text" -out "$work/secret" &&
		tool --decrypt -m "$mechanism" $options --id "$(id_of rsa)" -i "$work/secret" -o "$work/plain" && cmp "$work/plain" "$work/text" &&
		head -c 255 /dev/zero >"$work/secret" && printf '\001' >>"$work/secret" &&
		! tool --decrypt -m "$mechanism" $options --id "$(id_of rsa)" -i "$work/secret" -o "$work/plain"
}
ok "decrypt, PKCS#1" decrypts RSA-PKCS --
for hash in SHA-1 SHA256 SHA512; do
	ok "decrypt, OAEP with $hash" decrypts RSA-PKCS-OAEP --hash-algorithm $hash -- \
		-pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$hash"
done
derives() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$work/peer.key" &&
		openssl pkey -in "$work/peer.key" -pubout -outform DER -out "$work/peer.der" &&
		openssl pkeyutl -derive -inkey "$work/peer.key" -peerkey "$work/p256.pub" -out "$work/wanted" &&
		tool --derive -m ECDH1-DERIVE --id "$(id_of p256)" -i "$work/peer.der" -o "$work/secret" && cmp "$work/secret" "$work/wanted"
}
other_curve() {
	wait_for grep -q 'info process .* derive (PKCS#11)' "$work/agent.log" # of the one before
	uses=$(grep -c 'info process .* derive (PKCS#11)' "$work/agent.log")
	openssl ecparam -name secp256k1 -genkey -noout | openssl pkey -pubout -outform DER -out "$work/other.der" &&
		! tool --derive -m ECDH1-DERIVE --id "$(id_of p256)" -i "$work/other.der" -o "$work/secret" &&
		[ "$(grep -c 'info process .* derive (PKCS#11)' "$work/agent.log")" = "$uses" ]
}
ok "derive" derives
logged() { # ACTION KEY RESULT: of pkcs11-tool, through this door
	wait_for grep -q "info .*process [0-9]* (.*pkcs11-tool) $1 (PKCS#11) with key [0-9]* ($2) of token Demo: $3\$" "$work/agent.log"
}
ok "decryptions are in the log" logged decrypt rsa ok
ok "and derivations" logged derive p256 ok
ok "a point of another curve is refused, and never reaches the token" other_curve
ok "that is in the log, too" logged derive p256 MECHANISM
tests_pass() {
	tool --test --login --pin "$PIN" >"$work/list" 2>&1 && grep -q '^No errors' "$work/list"
}
# A thread "has errors" when it was not the first with C_Initialize; what counts is its last call.
threads_pass() {
	tool --use-locking --test-threads ILGISLT0 --test-threads ILGISLT0 --test-threads ILGISLT0GISLT0 --test \
		>"$work/list" 2>&1 && [ "$(grep -Ec '^Test thread . returning rv(:CKR_OK| = 0)' "$work/list")" = 3 ] && grep -q '^No errors' "$work/list"
}
fork_passes() {
	tool --test-fork --test >"$work/list" 2>&1 && grep -q '^No errors' "$work/list"
}
ok "pkcs11-tool --test" tests_pass
ok "pkcs11-tool --test-threads" threads_pass
ok "pkcs11-tool --test-fork" fork_passes

# ---- C_Login for programs that insist

ok "C_Login with the PIN" tool --login --pin "$PIN" --sign -m RSA-PKCS --id "$(id_of rsa)" -i "$work/text" -o "$work/sig"
ok "a wrong PIN is one, though the token is open" says 'CKR_PIN_INCORRECT' 1 \
	tool --login --pin 9999 --sign -m RSA-PKCS --id "$(id_of rsa)" -i "$work/text" -o "$work/sig"
guesses() {
	for guess in 1111 2222 3333 4444; do
		tool --login --pin $guess --list-objects && return 1
	done
	says CKR_PIN_LOCKED 1 tool --login --pin "$PIN" --list-objects
}
ok "after three wrong ones the right one is no longer told" guesses
ok "others go on meanwhile" smime sign -k rsa -o "$work/s.eml" "$work/mail.eml"
ok "lock" smime lock
: >"$work/agent.log"
ok "a wrong PIN on a locked token" says 'CKR_PIN_INCORRECT' 1 tool --login --pin 9999 --list-objects
ok "a wrong one and the right one: the token says at once what that did to its tries" \
	foreign "$builddir/tests/clients/p11_client" "$module" rsa --tries "$PIN"
ok "lock" smime lock
ok "the log says who gave it" wait_for grep -q 'process [0-9]* (.*pkcs11-tool) unlock of token Demo: PIN_WRONG$' "$work/agent.log"
ok "the right one opens it, for all" tool --login --pin "$PIN" --list-objects
ok "as the log says" wait_for grep -q 'process [0-9]* (.*pkcs11-tool) unlock of token Demo: ok$' "$work/agent.log"
ok "so that smime signs without a question" smime sign -k p256 -o "$work/s.eml" "$work/mail.eml"

# ---- a key that wants its PIN each time

make_always_key() {
	openssl req -new -newkey rsa:2048 -nodes -keyout "$work/always.key" -subj /CN=always 2>/dev/null |
		openssl x509 -req -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 -outform DER \
			-out "$work/always.crt" 2>/dev/null &&
		openssl rsa -in "$work/always.key" -outform DER -out "$work/always.der" 2>/dev/null &&
		openssl rsa -in "$work/always.key" -pubout -out "$work/always.pub" 2>/dev/null || return
	for object in privkey:always.der cert:always.crt; do
		pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --id 99 --label always \
			--write-object "$work/${object#*:}" --type "${object%:*}" --always-auth --usage-sign >/dev/null || return
	done
	smime keys
}
# Each use asks, for a program that does not know of such keys.
asks_each_time() {
	printf '%s\n' "$PIN" "$PIN" >"$HOME/pinentry"
	: >"$asked"
	signs SHA256-RSA-PKCS always -sha256 && signs SHA256-RSA-PKCS always -sha256 && [ "$(grep -c '^GETPIN' "$asked")" = 2 ]
}
# One that knows gives the PIN itself, and nobody is asked.
knows_to_ask() {
	: >"$HOME/pinentry"
	: >"$asked"
	foreign "$builddir/tests/clients/p11_client" "$module" always "$1" && [ ! -s "$asked" ]
}
ok "make a key that wants its PIN each time" make_always_key
ok "it asks at each use" asks_each_time
ok "a program that gives the PIN with each use" knows_to_ask "$PIN"
ok "a wrong one is told to it, and nobody is asked" says 'first signature: 0xa0' 1 knows_to_ask 9999

# ---- keys without a certificate

generate() { # TYPE ID OPTION...
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --keypairgen --key-type "$1" --id "$2" \
		--label "bare-$2" --usage-sign --usage-derive && smime keys
}
# The public key as openssl reads it, from CKA_EC_POINT: the point follows two bytes.
public_of() { # ID DER-PREFIX
	point=$(list_objects pubkey | awk -v id="$1" '$1 == "EC_POINT:" { point = $2 }
		$1 == "ID:" && $2 == id { print substr(point, 5) }') &&
		printf '%s%s' "$2" "$point" | xxd -r -p | openssl pkey -pubin -inform DER -out "$work/bare.pub"
}
bare_signs() {
	tool --sign -m ECDSA-SHA256 --id ba01 --signature-format openssl -i "$work/text" -o "$work/sig" &&
		public_of ba01 3059301306072a8648ce3d020106082a8648ce3d030107034200 &&
		openssl dgst -sha256 -verify "$work/bare.pub" -signature "$work/sig" "$work/text"
}
ed25519_signs() {
	tool --sign -m EDDSA --id ed01 -i "$work/text" -o "$work/sig" && public_of ed01 302a300506032b6570032100 &&
		openssl pkeyutl -verify -pubin -inkey "$work/bare.pub" -rawin -in "$work/text" -sigfile "$work/sig" &&
		! openssl pkeyutl -verify -pubin -inkey "$work/bare.pub" -rawin -in "$work/ca.pem" -sigfile "$work/sig"
}
ok "make a P-256 key without a certificate" generate EC:prime256v1 ba01
ok "it is there, and signs" bare_signs
ok "make an Ed25519 key without one" generate EC:edwards25519 ed01
ok "it signs" ed25519_signs
ok "delete them" sh -c "for id in ba01 ed01; do for type in privkey pubkey; do pkcs11-tool --module '$softhsm' \
	--token-label Demo --login --pin $PIN --delete-object --id \$id --type \$type || exit; done; done; smime keys"
they_are_gone() {
	tool --list-objects >"$work/list" && ! grep bare- "$work/list"
}
ok "they are gone" they_are_gone

# ---- keys and certificates that are named badly, or come late

pkcs11() { # on the token itself
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" "$@"
}
without_ids() {
	for label in one two; do
		pkcs11 --keypairgen --key-type EC:prime256v1 --label $label --usage-sign >/dev/null || return
	done
	openssl x509 -in "$work/ca.pem" -outform DER -out "$work/theca.der" &&
		pkcs11 --write-object "$work/theca.der" --type cert --label theca >/dev/null && smime keys >/dev/null &&
		tool --list-objects --type privkey >"$work/list" && grep -q 'label: *one$' "$work/list" &&
		grep -q 'label: *two$' "$work/list" && ! grep -q 'label: *theca$' "$work/list"
}
delete_those() {
	for label in one two; do
		for type in privkey pubkey; do
			pkcs11 --delete-object --type $type --label $label || return
		done
	done
	pkcs11 --delete-object --type cert --label theca && smime keys
}
# One key, a certificate for each use, as many cards have it.
two_uses() {
	openssl genrsa -out "$work/dual.key" 2048 2>/dev/null && openssl rsa -in "$work/dual.key" -outform DER -out "$work/dual.der" 2>/dev/null &&
		openssl rsa -in "$work/dual.key" -pubout -out "$work/dual.pub" 2>/dev/null &&
		certificate_for "$work/dual.key" dsign digitalSignature && certificate_for "$work/dual.key" dcrypt keyEncipherment &&
		pkcs11 --write-object "$work/dual.der" --type privkey --id d0 --label dual --usage-sign --usage-decrypt >/dev/null &&
		pkcs11 --write-object "$work/dsign.crt" --type cert --id d0 --label dsign >/dev/null &&
		pkcs11 --write-object "$work/dcrypt.crt" --type cert --id d0 --label dcrypt >/dev/null && smime keys >/dev/null &&
		tool --sign -m SHA256-RSA-PKCS --id d0 -i "$work/text" -o "$work/sig" &&
		openssl dgst -sha256 -verify "$work/dual.pub" -signature "$work/sig" "$work/text" &&
		openssl pkeyutl -encrypt -pubin -inkey "$work/dual.pub" -in "$work/text" -out "$work/secret" &&
		tool --decrypt -m RSA-PKCS --id d0 -i "$work/secret" -o "$work/plain" && cmp "$work/plain" "$work/text" &&
		[ "$(list_objects privkey | grep -c 'ID: *d0$')" = 1 ]
}
# The certificate was there at a login, and its key was not; it is now.
key_comes_late() {
	openssl genrsa -out "$work/late.key" 2048 2>/dev/null && openssl rsa -in "$work/late.key" -outform DER -out "$work/late.der" 2>/dev/null &&
		certificate_for "$work/late.key" late digitalSignature &&
		pkcs11 --write-object "$work/late.crt" --type cert --id 1a7e --label late >/dev/null && smime keys | grep -q late &&
		status 4 smime sign -k late -o "$work/s.eml" "$work/mail.eml" && smime lock &&
		pkcs11 --write-object "$work/late.der" --type privkey --id 1a7e --label late --usage-sign >/dev/null &&
		smime keys >/dev/null && echo "$PIN" >"$HOME/pinentry" && smime sign -k late -o "$work/s.eml" "$work/mail.eml"
}
ok "keys without an id are themselves, and a CA's certificate has none" without_ids
ok "delete those" delete_those
ok "one key with a certificate for each use does both" two_uses
ok "a key that comes after its certificate is found" key_comes_late
ok "delete these" sh -c "for what in privkey:d0 privkey:1a7e cert:d0 cert:d0 cert:1a7e; do pkcs11-tool --module '$softhsm' \
	--token-label Demo --login --pin $PIN --delete-object --type \${what%:*} --id \${what#*:} || exit; done; smime keys"
printf '#!/bin/sh\nsmime token keygen --token Demo --label late --type ec:P-256 --pin-fd 3 3<"%s"\n' "$work/pin" >"$work/make-late"
chmod +x "$work/make-late"
ok "a program that goes on searching finds a key that is made meanwhile" \
	foreign "$builddir/tests/clients/p11_client" "$module" rsa --later late "$work/make-late"
delete_late() {
	pkcs11 --delete-object --type privkey --label late && pkcs11 --delete-object --type pubkey --label late && smime keys
}
ok "delete it" delete_late

# ---- nothing changes on the token

openssl x509 -in "$work/ca.pem" -outform DER -out "$work/ca.der" 2>/dev/null
ok "writing an object is refused" says 'CKR_TOKEN_WRITE_PROTECTED' 1 tool --write-object "$work/ca.der" --type cert --label x --id 77
ok "deleting one is refused" says 'CKR_TOKEN_WRITE_PROTECTED' 1 tool --delete-object --type cert --label rsa
ok "making a key is refused" says 'mechanism not supported\|CKR_TOKEN_WRITE_PROTECTED' 1 tool --keypairgen --key-type rsa:2048 --label x

# ---- other programs

gnutls_lists() {
	foreign p11tool --provider "$module" --list-all >"$work/list" && [ "$(grep -c 'Private key' "$work/list")" = 3 ] &&
		grep -q 'X.509 Certificate (EC/ECDSA-SECP256R1)' "$work/list"
}
gnutls_signs() {
	url=$(foreign p11tool --provider "$module" --only-urls --list-privkeys 2>/dev/null | grep "object=$1") &&
		foreign p11tool --batch --provider "$module" --test-sign "$url" >"$work/list" 2>&1 && grep -q 'Verifying against public key.*ok' "$work/list"
}
ok "GnuTLS lists" gnutls_lists
ok "GnuTLS signs with RSA" gnutls_signs rsa
ok "GnuTLS signs with P-256" gnutls_signs p256

engine_signs() {
	OPENSSL_CONF=$work/openssl.cnf foreign openssl cms -sign -in "$work/mail.eml" -signer "$work/$1.pem" \
		-engine pkcs11 -keyform engine -inkey "pkcs11:token=Demo;object=$1" -out "$work/s.eml" &&
		openssl cms -verify -CAfile "$work/ca.pem" -in "$work/s.eml" -out "$work/plain"
}
cat >"$work/openssl.cnf" <<END
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = $module
init = 0
END
engine_decrypts() {
	openssl cms -encrypt -aes256 -in "$work/text" -out "$work/secret" "$work/$1.pem" &&
		OPENSSL_CONF=$work/openssl.cnf foreign openssl cms -decrypt -in "$work/secret" -recip "$work/$1.pem" -engine pkcs11 \
			-keyform engine -inkey "pkcs11:token=Demo;object=$1" -out "$work/plain" && tr -d '\r' <"$work/plain" | cmp - "$work/text"
}
if openssl engine >/dev/null 2>&1; then
	for key in rsa p256; do
		ok "OpenSSL's engine signs with $key" engine_signs $key
		ok "OpenSSL's engine decrypts with $key" engine_decrypts $key
	done
else
	skip "OpenSSL's engine signs and decrypts" "OpenSSL 4 has no engines"
fi

nss_adds() {
	mkdir "$work/nss" && certutil -N -d "sql:$work/nss" --empty-password &&
		foreign modutil -dbdir "sql:$work/nss" -add agent -libfile "$module" -force &&
		foreign certutil -A -d "sql:$work/nss" -n CA -t CT,C,C -i "$work/ca.pem" &&
		foreign modutil -dbdir "sql:$work/nss" -list agent | grep -q 'Token Name: Demo'
}
nss_lists() {
	foreign certutil -K -d "sql:$work/nss" -h Demo >"$work/list" && grep -q "rsa  *[0-9a-f].*rsa$" "$work/list" &&
		grep -q "ec  *[0-9a-f].*p256$" "$work/list"
}
nss_signs() {
	foreign cmsutil -S -d "sql:$work/nss" -N "Demo:$1" -i "$work/text" -o "$work/sig" &&
		openssl cms -verify -CAfile "$work/ca.pem" -inform DER -in "$work/sig" -out "$work/plain" &&
		cmp "$work/plain" "$work/text"
}
nss_decrypts() {
	openssl cms -encrypt -aes256 -outform DER -in "$work/text" -out "$work/secret" "$work/rsa.pem" &&
		foreign cmsutil -D -d "sql:$work/nss" -i "$work/secret" >"$work/plain" && tr -d '\r' <"$work/plain" | cmp - "$work/text"
}
ok "NSS's modutil adds the module" nss_adds
ok "certutil -K lists the keys" nss_lists
ok "cmsutil -S signs with RSA" nss_signs rsa
ok "cmsutil -S signs with P-256" nss_signs p256
ok "cmsutil -D decrypts with RSA" nss_decrypts

two_copies() {
	cp "$module" "$work/copy.so" && foreign modutil -dbdir "sql:$work/nss" -add copy -libfile "$work/copy.so" -force &&
		foreign modutil -dbdir "sql:$work/nss" -list | grep -c 'token: Demo' | grep -x 2 && nss_signs rsa && nss_decrypts &&
		foreign modutil -dbdir "sql:$work/nss" -delete copy -force
}
ok "two copies of the module in one process" two_copies
four_copies() {
	foreign "$builddir/tests/clients/p11_client" "$module" rsa --copies "$work/copy.so"
}
if [ -n "$sanitizer" ]; then
	skip "four, two of them in name spaces of their own" "the sanitizers' runtime is in one of them alone"
else
	ok "four, two of them in name spaces of their own" four_copies
fi

scd() { # LINE...
	printf '%s\n' 'SERIALNO' 'LEARN --force' "$@" 'BYE' |
		foreign gnupg-pkcs11-scd --multi-server --options "$work/scd.conf" --homedir "$work/scd" 2>"$work/scd.err"
}
scd_lists() {
	scd >"$work/list" && [ "$(grep -c '^S KEYPAIRINFO' "$work/list")" = 2 ] # it knows RSA alone
}
scd_signs() {
	scd >"$work/list"
	name=$(sed -n 's/^S KEYPAIRINFO [0-9A-F]* //p' "$work/list" | head -n 1)
	digest=$(sha256sum <"$work/text" | cut -c -64)
	scd "SETDATA 3031300d060960864801650304020105000420$digest" "PKSIGN --hash=sha256 $name" >"$work/list" &&
		/usr/bin/python3 -c '
import sys, urllib.parse
lines = sys.stdin.buffer.read().split(b"\n")
sys.stdout.buffer.write(b"".join(urllib.parse.unquote_to_bytes(line[2:]) for line in lines if line.startswith(b"D ")))' \
			<"$work/list" >"$work/sig" && [ "$(wc -c <"$work/sig")" = 256 ] && {
		openssl dgst -sha256 -verify "$work/rsa.pub" -signature "$work/sig" "$work/text" ||
			openssl dgst -sha256 -verify "$work/always.pub" -signature "$work/sig" "$work/text"
	}
}
mkdir -m 700 "$work/scd"
printf 'providers p1\nprovider-p1-library %s\n' "$module" >"$work/scd.conf"
ok "gnupg-pkcs11-scd lists" scd_lists
ok "gnupg-pkcs11-scd signs" scd_signs

ssh_key() { # TYPE
	foreign ssh-keygen -D "$module" >"$work/authorized" && grep -q "^$1" "$work/authorized"
}
ok "ssh-keygen -D names the RSA key" ssh_key ssh-rsa
ok "ssh-keygen -D names the P-256 key" ssh_key ecdsa-sha2-nistp256
prepare_sshd
ok "ssh -I to a local sshd" connects
ok "ssh with the P-256 key alone" connects -o PubkeyAcceptedAlgorithms=ecdsa-sha2-nistp256

# ---- three programs, one of which ends; the agent is killed; policy

# Until the one that logs out is through: loops that go on without an error, and how often they came round.
loop() { # NAME COMMAND...
	name=$1
	shift
	rounds=0
	while [ ! -e "$work/share.end" ] || [ $rounds -lt 2 ]; do
		"$@" >"$work/share.$name.out" 2>&1 || return
		rounds=$((rounds + 1))
	done
	echo $rounds >"$work/share.$name"
}
loops_began() { # a process each, that the others are to leave alone
	[ -e "$work/share.nss.out" ] && [ -e "$work/share.smime.out" ] && [ -e "$work/share.ssh.out" ]
}
share() {
	: >"$asked"
	rm -f "$work"/share.*
	loop smime smime sign -k rsa -o "$work/share.eml" "$work/mail.eml" &
	smime_loop=$!
	loop nss nss_signs rsa &
	nss_loop=$!
	loop ssh connects &
	ssh_loop=$!
	wait_for loops_began && foreign "$builddir/tests/clients/p11_client" "$module" rsa --leave "$PIN" 20
	left=$?
	: >"$work/share.end"
	for process in $smime_loop $nss_loop $ssh_loop; do
		wait $process || left=1
	done
	[ $left = 0 ] && [ -s "$work/share.smime" ] && [ -s "$work/share.nss" ] && [ -s "$work/share.ssh" ] && [ ! -s "$asked" ]
}
ok "three programs share the token while a fourth logs in, logs out and ends, 20 times" share

# A program that holds the module while the agent goes.
survives() {
	/usr/bin/mkfifo "$work/go" "$work/ready"
	foreign "$builddir/tests/clients/p11_client" "$module" rsa "$work/ready" "$work/go" >"$work/client.out" 2>&1 &
	client=$!
	read -r line <"$work/ready" && kill -9 "$(agent_pid)"
	echo go >"$work/go"
	wait $client && return
	cat "$work/client.out" >&2
	return 1
}
printf '%s\n' "$PIN" "$PIN" >"$HOME/pinentry"
ok "the agent is killed, and the program's next call works" survives
ok "a kill later the token is as it was" gnutls_lists

use_conf() {
	smime agent stop
	write_conf "pin-source Demo file:$work/pin" "$@"
	smime agent start
}
allowed() { # LABEL [MECHANISM]
	tool --sign -m "${2:-SHA256-RSA-PKCS}" --id "$(id_of "$1")" -i "$work/text" -o "$work/sig"
}
refusals() {
	grep -c ' (PKCS#11) with key .*: FORBIDDEN' "$work/agent.log"
}
one_more() {
	[ "$(refusals)" -gt "$before" ]
}
refused() {
	before=$(refusals)
	says 'CKR_KEY_FUNCTION_NOT_PERMITTED' 1 allowed "$@" && wait_for one_more
}
refused_decryption() {
	openssl pkeyutl -encrypt -pubin -inkey "$work/rsa.pub" -in "$work/text" -out "$work/secret" &&
		says 'CKR_KEY_FUNCTION_NOT_PERMITTED' 1 tool --decrypt -m RSA-PKCS --id "$(id_of rsa)" -i "$work/secret" -o "$work/plain"
}
tool_path=$(readlink -f /usr/bin/pkcs11-tool)
ok "policy: this program may sign with this key" use_conf "pkcs11-allow sign $tool_path pkcs11:token=Demo;object=rsa" "pkcs11-allow none * *"
ok "so it does" allowed rsa
ok "and not with another" refused p256 ECDSA-SHA256
ok "nor decrypt" refused_decryption
ok "policy: another program may" use_conf "pkcs11-allow sign /usr/bin/ssh *" "pkcs11-allow none * *"
ok "so this one may not" refused rsa
ok "mail is another matter" smime sign -k rsa -o "$work/s.eml" "$work/mail.eml"

use_key() { # USAGE: a key whose certificate is for that
	make_key Demo "u-$1" rsa:2048 "$1@example.org" "$1"
}
ok "no policy" use_conf
ok "a key for encryption only" use_key keyEncipherment
ok "does not sign" says 'KEY_FUNCTION_NOT_PERMITTED' 1 allowed u-keyEncipherment
# By hand, past the module: what the worker and the broker say.
by_hand() { # LABEL COMMAND: "PKSIGN REF rsa-pkcs1" with the number of the key of that label
	/usr/bin/python3 "$srcdir/tests/clients/pk.py" "$SMIME_AGENT_SOCKET" "$1" "$2" >"$work/said"
}
refuses_by_hand() { # nor gives a signature
	by_hand "$@" && grep -q "^S ERROR $3" "$work/said" && ! grep -q '^D ' "$work/said"
}
ok "nor when asked by hand" refuses_by_hand u-keyEncipherment "PKSIGN %d rsa-pkcs1" KEY_UNUSABLE
ok "which is in the log" wait_for grep -q 'process [0-9]* (.*python.*) sign (PKCS#11) with key [0-9]* (u-keyEncipherment) of token Demo: KEY_UNUSABLE$' "$work/agent.log"
ok "another key does" by_hand rsa "PKSIGN %d rsa-pkcs1"
ok "as the answer says" grep -q '^OK' "$work/said"
ok "nor does that one once the token is open, which says that the key can" \
	refuses_by_hand u-keyEncipherment "PKSIGN %d rsa-pkcs1" KEY_UNUSABLE
ok "data that was refused in part is not signed" refuses_by_hand rsa "PKDATA --append zz|PKSIGN %d rsa-pkcs1" USAGE
second_cert() { # another certificate for the RSA key, with its id and another label
	pkcs11-tool --module "$softhsm" --token-label Demo --login --pin "$PIN" --write-object "$work/rsa.pem.der" --type cert \
		--id "$(id_of rsa)" --label second && smime keys
}
openssl x509 -in "$work/rsa.pem" -set_serial 7777 -signkey "$work/ca.key" -outform DER -out "$work/rsa.pem.der" 2>/dev/null ||
	openssl x509 -new -force_pubkey "$work/rsa.pub" -CA "$work/ca.pem" -CAkey "$work/ca.key" -subj /CN=second -days 9 \
		-outform DER -out "$work/rsa.pem.der"
ok "policy: nobody uses the key" use_conf "pkcs11-allow none * rsa"
ok "a second certificate for it" second_cert
ok "is no way round" refuses_by_hand second "PKSIGN %d rsa-pkcs1" FORBIDDEN
finish
