#!/bin/sh
# SPDX-License-Identifier: ISC
# Programs that use GPGME list, sign and decrypt through the agent, which they take for gpgsm.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
/usr/bin/python3 -c 'import gpg' 2>/dev/null || plan_skip "python3-gpg is not installed"
. "$srcdir/tests/regress/gpgsm-lib.sh"

printf 'bytes\n\001\002\377 without an end' >"$work/bytes"
head -c 3000000 /dev/urandom >"$work/much"

finds() {
	gpgme engine >"$work/engine" && grep -q "^$builddir/smime-gpgsm 2\.2\.40\$" "$work/engine"
}
lists() { # WHAT NAME CERTIFICATE WANTED
	gpgme "$1" "$2" >"$work/list" && grep -q "^$(sha1 "$work/$3.pem") $4\$" "$work/list"
}
lists_only() {
	lists "$@" && [ "$(wc -l <"$work/list")" = 1 ]
}
shows() { # CERTIFICATE SERIAL
	gpgme show "$1" >"$work/list" && grep -q "^subject CN=$1,O=Test\$" "$work/list" && grep -q '^issuer CN=Test CA$' "$work/list" &&
		grep -q "^serial $2\$" "$work/list"
}
keygrip() { # CERTIFICATE: what gpgsm itself makes of it
	gpgsm --batch --import "$work/$1.pem" 2>/dev/null
	want=$(gpgsm --batch --with-colons -k "$(sha1 "$work/$1.pem")" 2>/dev/null | sed -n 's/^grp:*\([0-9A-F]*\):*/\1/p')
	[ -n "$want" ] && gpgme show "$1" >"$work/list" && grep -q "^keygrip $want\$" "$work/list"
}
verify_detached() { # CONTENT FORM
	openssl cms -verify -inform "$2" -in "$work/s" -content "$1" -binary -CAfile "$work/ca.pem" -out /dev/null
}
signs() { # KEY CONTENT PUBKEY-ALGORITHM HASH
	gpgme sign "$1@example.org" "$2" "$work/s" >"$work/said" && verify_detached "$2" DER &&
		grep -q "^signature $(sha1 "$work/$1.pem") $3 $4 1\$" "$work/said"
}
signs_opaque() {
	gpgme sign-opaque "$1" "$2" "$work/s" && openssl cms -verify -inform DER -in "$work/s" -binary -CAfile "$work/ca.pem" \
		-out "$work/verified" && cmp "$work/verified" "$2"
}
armored() {
	gpgme sign rsa "$work/bytes" "$work/s" armor && head -n 1 "$work/s" | grep -qx -e '-----BEGIN SIGNED MESSAGE-----' &&
		tail -n 1 "$work/s" | grep -qx -e '-----END SIGNED MESSAGE-----' && sed -i 's/SIGNED MESSAGE/CMS/' "$work/s" &&
		verify_detached "$work/bytes" PEM
}
base64_only() {
	gpgme sign rsa "$work/bytes" "$work/s.64" base64 && ! grep -q -e '---' "$work/s.64" && base64 -d "$work/s.64" >"$work/s" &&
		verify_detached "$work/bytes" DER
}
certs_in_it() { # INCLUDE-CERTS COUNT
	gpgme sign below "$work/bytes" "$work/s" "" "$1" &&
		[ "$(openssl cms -cmsout -print -noout -inform DER -in "$work/s" | grep -c 'd.certificate:')" = "$2" ]
}
gpgsm_verifies() {
	echo "$(sha1 "$work/ca.pem") S relax" >"$GNUPGHOME/trustlist.txt"
	gpgsm --batch --import "$work/ca.pem" 2>/dev/null
	gpgme sign rsa "$work/bytes" "$work/s" && gpgsm --batch --disable-crl-checks --verify "$work/s" "$work/bytes"
}
decrypts() { # KEY OPENSSL-OPTIONS...
	key=$1
	shift
	openssl cms -encrypt -binary -in "$work/much" -outform DER -out "$work/e.der" "$@" "$work/$key.pem" &&
		gpgme decrypt "$work/e.der" "$work/d" && cmp "$work/d" "$work/much" &&
		openssl base64 -in "$work/e.der" -out "$work/e.64" && gpgme decrypt "$work/e.64" "$work/d" && cmp "$work/d" "$work/much" &&
		openssl cms -cmsout -inform DER -in "$work/e.der" -outform PEM -out "$work/e.pem" &&
		gpgme decrypt "$work/e.pem" "$work/d" && cmp "$work/d" "$work/much"
}
refuses() { # CODE COMMAND...
	code=$1
	shift
	gpgme "$@" >"$work/said"
	[ $? = 1 ] && grep -q "^error $code " "$work/said"
}
pins() {
	[ "$(grep -c GETPIN "$HOME/pinentry.log")" = "$1" ]
}
named_in_log() {
	grep "sign with key" "$work/agent.log" | grep -q '(/usr/bin/python3[.0-9]*) sign with key'
}
below() { # a CA between the root and the signer, from the file that the configuration names
	make_sub_ca && make_key Demo below ec:P-256 below@example.org digitalSignature sub &&
		write_conf "certificates $work/chain.pem" && smime agent reload
}
chain_is_named() {
	gpgme show below >"$work/list" && grep -q "^chain $(sha1 "$work/sub.pem")\$" "$work/list" &&
		gpgme show 'Sub CA' >"$work/list" && grep -q "^chain $(sha1 "$work/ca.pem")\$" "$work/list"
}

lists_setup() { # CLIENT STATE
	smime setup --program "$builddir/smime-gpgsm" >"$work/list" && grep -q "^$1  *$2 " "$work/list"
}
others_stay() { # what gpgconf says of all else
	gpgconf --list-components | sed '/^gpgsm:/d' >"$work/a" && /usr/bin/gpgconf --list-components | sed '/^gpgsm:/d' >"$work/b" &&
		cmp "$work/a" "$work/b" && [ "$(gpgconf --list-dirs homedir)" = "$GNUPGHOME" ] && status "$(/usr/bin/gpgconf --nonsense 2>/dev/null
			echo $?)" gpgconf --nonsense
}
undone() {
	smime setup gpgme --undo --program "$builddir/smime-gpgsm" && [ ! -e "$HOME/.local/bin/gpgconf" ] && gpgme engine >"$work/engine" &&
		! grep -q smime "$work/engine"
}
not_first() {
	PATH=/usr/bin:$PATH smime setup gpgme --yes --program "$builddir/smime-gpgsm" >"$work/list" && grep -q 'first in their PATH' "$work/list"
}
ok "smime setup gpgme" put_in_place
ok "it is set up" lists_setup gpgme 'set up'
ok "gpgconf says the rest as before" others_stay
ok "is undone" undone
mkdir -p "$HOME/.local/bin"
echo '#!/bin/sh' >"$HOME/.local/bin/gpgconf"
ok "a gpgconf of the person's own stays" status 3 put_in_place
rm "$HOME/.local/bin/gpgconf"
ok "a PATH that does not find it is told of" not_first
ok "GPGME finds the stand-in and its version, without an agent" finds
ok "initialise a token" make_token Demo
make_ca && echo 7FFFFFFFFFFFFFFE >"$work/ca.srl"
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "make a P-384 key" make_key Demo p384 ec:P-384
ok "make a key that only signs" make_key Demo signs rsa:2048 signs@example.org digitalSignature
ok "lists what is one's own" lists list-secret "" rsa 'es secret <rsa@example.org>'
ok "lists a key for signing alone" lists list-secret "" signs 's secret <signs@example.org>'
ok "lists by address" lists_only list-secret '<p256@example.org>' p256 'es secret <p256@example.org>'
ok "lists by a part of a name" lists_only list-secret p384 p384 'es secret <p384@example.org>'
ok "lists by fingerprint" lists_only list "$(sha1 "$work/rsa.pem")" rsa 'es secret <rsa@example.org>'
ok "lists by key ID" lists_only list "0x$(sha1 "$work/rsa.pem" | cut -c33-)" rsa 'es secret <rsa@example.org>'
ok "lists by subject" lists_only list "/CN=rsa,O=Test" rsa 'es secret <rsa@example.org>'
ok "lists by issuer and serial number" lists_only list "#7fffffffffffffff/CN=Test+CA" rsa 'es secret <rsa@example.org>'
ok "a serial number as DER has it, with a zero before its high bit" lists_only list "#008000000000000000/CN=Test+CA" p256 \
	'es secret <p256@example.org>'
ok "a serial number as openssl writes it, without" lists_only list "#8000000000000000/CN=Test+CA" p256 \
	'es secret <p256@example.org>'
ok "an unknown name lists nothing" [ -z "$(gpgme list nobody@example.org)" ]
ok "subject, issuer and serial number" shows rsa 7FFFFFFFFFFFFFFF
ok "a serial number is shown as gpgsm shows it, as DER has it" shows p256 008000000000000000
ok "the keygrip of RSA is gpgsm's" keygrip rsa
ok "the keygrip of P-384 is gpgsm's" keygrip p384
echo "$PIN" >"$HOME/pinentry"
export DISPLAY=:7
ok "RSA signs, after a PIN" signs rsa "$work/bytes" 1 8
ok "the program was asked for a PIN once" pins 1
ok "P-256 signs" signs p256 "$work/bytes" 18 8
ok "P-384 signs, with SHA-384" signs p384 "$work/bytes" 18 9
ok "RSA signs 3 MB" signs rsa "$work/much" 1 8
ok "opaque" signs_opaque rsa "$work/bytes"
ok "opaque, 3 MB" signs_opaque p256 "$work/much"
ok "in PEM, with gpgsm's name for it" armored
ok "in base64 alone" base64_only
ok "gpgsm verifies" gpgsm_verifies
ok "fifty signatures in a context" gpgme many 50 rsa
ok "the log names the program and not the stand-in" wait_for named_in_log
ok "an issuer that is not on the token" below
ok "chains are told" chain_is_named
ok "with the chain by default" certs_in_it -2 2
ok "with no certificate" certs_in_it 0 0
ok "with the signer's alone" certs_in_it 1 1
ok "RSA decrypts, also base64 and PEM" decrypts rsa -aes128
ok "RSA decrypts AES-GCM" decrypts rsa -aes-256-gcm
ok "P-256 decrypts" decrypts p256 -aes256
ok "what is no CMS" refuses 143 decrypt "$work/bytes" "$work/d"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other.key" -out "$work/other.pem" -subj /CN=other 2>/dev/null
openssl cms -encrypt -aes128 -binary -in "$work/bytes" -outform DER -out "$work/foreign.der" "$work/other.pem"
ok "what is for somebody else" refuses 17 decrypt "$work/foreign.der" "$work/d"
ok "the token is asked for one PIN in all" pins 1
ok "lock" smime lock
echo CANCEL >"$HOME/pinentry"
ok "a person who does not want to" refuses 99 sign rsa "$work/bytes" "$work/s"

# Other people: certificates that are imported.
bob() { # LABEL ADDRESS [USAGE [DAYS]]: a certificate whose key is a file
	openssl req -new -newkey rsa:2048 -nodes -keyout "$work/$1.key" -subj "/O=Test/CN=$1" -out "$work/$1.csr" &&
		printf 'subjectAltName=email:%s\nkeyUsage=critical,%s\nextendedKeyUsage=emailProtection\n' "$2" \
			"${3:-digitalSignature,keyEncipherment}" >"$work/$1.ext" &&
		openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
			-days "${4:-365}" -extfile "$work/$1.ext" -out "$work/$1.pem"
}
imports() { # FILE COUNTS
	gpgme import "$1" >"$work/said" && grep -q "^$2\$" "$work/said"
}
read_by() { # KEY: what was encrypted, by openssl
	openssl cms -decrypt -inform "${2:-DER}" -in "$work/e" -inkey "$work/$1.key" -recip "$work/$1.pem" -binary -out "$work/d" &&
		cmp "$work/d" "$work/bytes"
}
encrypts() { # FOR NAME...
	for=$1
	shift
	gpgme encrypt "$work/bytes" "$work/e" "$@" && read_by "$for"
}
encrypts_pem() {
	gpgme encrypt "$work/bytes" "$work/e.pem" bob && head -n 1 "$work/e.pem" | grep -qx -e '-----BEGIN ENCRYPTED MESSAGE-----' &&
		sed 's/ENCRYPTED MESSAGE/CMS/' "$work/e.pem" >"$work/e" && read_by bob PEM
}
exports() {
	gpgme export "$work/x.pem" '<bob@example.org>' && cert_is "$work/x.pem" bob && gpgme export "$work/x" '<bob@example.org>' &&
		openssl x509 -inform DER -in "$work/x" >"$work/x.pem" && cert_is "$work/x.pem" bob &&
		gpgme export "$work/x.pem" '<bob@example.org>' '<rsa@example.org>' && [ "$(grep -c BEGIN "$work/x.pem")" = 2 ]
}
cert_is() {
	[ "$(sha1 "$1")" = "$(sha1 "$work/$2.pem")" ]
}
gone() {
	gpgme delete "$1" && [ -z "$(gpgme list "$1")" ]
}
: >"$HOME/pinentry"
ok "unlock" unlock
ok "a certificate of Bob's" bob bob bob@example.org
ok "one that only signs" bob clerk clerk@example.org digitalSignature
ok "one that has expired" make_dated "$work/old.key" "$work/old.pem" /CN=old 20200101000000Z 20210101000000Z \
	subjectAltName=email:old@example.org
ok "is imported" imports "$work/bob.pem" "considered 1 imported 1 unchanged 0 secret 0 not-imported 0"
ok "GPGME is told which" grep -q "^import $(sha1 "$work/bob.pem") 1 0\$" "$work/said"
ok "a second time changes nothing" imports "$work/bob.pem" "considered 1 imported 0 unchanged 1 secret 0 not-imported 0"
cat "$work/clerk.pem" "$work/old.pem" "$work/bob.pem" >"$work/three.pem"
ok "three in a file" imports "$work/three.pem" "considered 3 imported 2 unchanged 1 secret 0 not-imported 0"
openssl pkcs12 -export -in "$work/bob.pem" -inkey "$work/bob.key" -out "$work/bob.p12" -passout pass:secret 2>/dev/null
ok "PKCS#12 wants a password that nobody gives" status 1 gpgme import "$work/bob.p12"
ok "garbage" refuses 36 import "$work/much"
ok "nothing" refuses 36 import /dev/null
ok "Bob is listed" lists_only list '<bob@example.org>' bob 'es public <bob@example.org>'
ok "and not among one's own" [ -z "$(gpgme list-secret '<bob@example.org>')" ]
ok "by a part of the name" lists_only list clerk clerk 's public <clerk@example.org>'
validity() { # NAME VALIDITY
	gpgme show "$1" >"$work/list" && cat "$work/list" && grep -q "^validity $2" "$work/list"
}
write_conf "certificates $work/chain.pem" "trust-anchors $work/ca.pem"
ok "the test's root is trusted" smime agent reload
ok "one's own is valid" validity rsa 4
ok "Bob is valid" validity bob 4
ok "what has expired is not" validity old '0 expired'
ok "encrypts to Bob" encrypts bob bob
ok "to Bob, by address" encrypts bob '<bob@example.org>'
ok "to Bob and oneself" encrypts bob bob rsa
reads() { # what rsa is named for
	gpgme decrypt "$work/e" "$work/d" >"$work/said" && cmp "$work/d" "$work/bytes" &&
		grep -q "^to $(sha1 "$work/rsa.pem" | cut -c25-)" "$work/said"
}
ok "oneself reads it" reads
ok "in PEM, with gpgsm's name for it" encrypts_pem
ok "a certificate for signing alone is refused" refuses 53 encrypt "$work/bytes" "$work/e" clerk
ok "one that has expired is refused" refuses 53 encrypt "$work/bytes" "$work/e" old
# As ENCRYPT does, whatever it is called, and whatever the program wants.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/stranger.key" -out "$work/stranger.pem" -subj /CN=stranger \
	-addext subjectAltName=email:stranger@example.org -addext keyUsage=keyEncipherment,digitalSignature 2>/dev/null
not_trusted() { # NAME [LINE]: nobody vouches for him
	printf '%s\n' "${2:-line NOP}" "line RECIPIENT $1" | talk >"$work/said" && grep -q '^S INV_RECP 10 ' "$work/said" &&
		grep -q '^ERR 50331701 ' "$work/said"
}
ok "somebody for whom nobody vouches" gpgme import "$work/stranger.pem"
for name in "$(sha1 "$work/stranger.pem")" '<stranger@example.org>' stranger@example.org "/CN=stranger" "$(sha1 "$work/stranger.pem" | cut -c25-)"; do
	ok "$name is refused" not_trusted "$name"
	ok "$name is refused, with always-trust, too" not_trusted "$name" 'line OPTION always-trust'
done
ok "so it is through GPGME" refuses 53 encrypt "$work/bytes" "$work/e" stranger
ok "exports" exports
ok "Bob is deleted" gone '<bob@example.org>'
ok "one's own is not" refuses 70 delete rsa

# Verifying.
verifies() { # FINGERPRINT-OF WANTED SIGNATURE [CONTENT]
	of=$1
	wanted=$2
	shift 2
	gpgme verify "$@" >"$work/said" && grep -q "^signature $(sha1 "$work/$of.pem") $wanted" "$work/said"
}
openssl_signs() { # KEY OPTIONS...
	key=$1
	shift
	openssl cms -sign -binary -in "$work/bytes" -signer "$work/$key.pem" -inkey "$work/$key.key" -outform DER -out "$work/s" "$@"
}
gpgme sign rsa "$work/bytes" "$work/own.s" >/dev/null
gpgme sign-opaque p256 "$work/bytes" "$work/own.opaque" >/dev/null
ok "one's own signature is valid" verifies rsa 'VALID,GREEN status 0 validity 4' "$work/own.s" "$work/bytes"
ok "an opaque one too" verifies p256 'VALID,GREEN status 0 validity 4' "$work/own.opaque" "OUT=$work/d"
ok "and its content comes out" cmp "$work/d" "$work/bytes"
openssl base64 -in "$work/own.s" -out "$work/own.64"
ok "from base64" verifies rsa 'VALID,GREEN' "$work/own.64" "$work/bytes"
ok "Bob signs" openssl_signs bob
ok "Bob's signature is valid" verifies bob 'VALID,GREEN' "$work/s" "$work/bytes"
ok "Bob is known from then on" lists_only list '<bob@example.org>' bob 'es public <bob@example.org>'
ok "encrypts to Bob, who signed" encrypts bob bob
ok "Bob signs with SHA-1" openssl_signs bob -md sha1
ok "which others can forge: bad to who knows but good and bad" verifies bob 'RED status 8' "$work/s" "$work/bytes"
ok "altered content is bad" verifies rsa 'RED status 8' "$work/own.s" "$work/ca.pem"
ok "so is content inside a detached signature" verifies p256 'RED status 8' "$work/own.opaque" "$work/bytes"
ok "a foreign one" sh -c "openssl req -x509 -newkey rsa:2048 -nodes -keyout '$work/evil.key' -out '$work/evil.pem' -subj /CN=rsa \
	-addext subjectAltName=email:rsa@example.org 2>/dev/null"
ok "signs" openssl_signs evil
foreign() {
	gpgme verify "$work/s" "$work/bytes" >"$work/said" && grep -q "^signature $(sha1 "$work/evil.pem") " "$work/said" && ! grep -qE 'GREEN|validity 4' "$work/said"
}
ok "whom nobody vouches for is not green" foreign
no_signer() {
	openssl crl2pkcs7 -nocrl -certfile "$work/rsa.pem" -outform DER -out "$work/none.der" && refuses 8 verify "$work/none.der" "$work/bytes"
}
ok "nobody signed: an error" no_signer
ok "garbage is no signature" refuses 143 verify "$work/bytes" "$work/bytes"

# The dialect, a line at a time.
printf '%s\n%s\n' "$(sha1 "$work/bob.pem")" "$(sha1 "$work/other.pem")" >"$work/prints"
says_in_dialect() { # PATTERN LINE...
	pattern=$1
	shift
	printf '%s\n' "$@" | talk >"$work/said" && grep -q -- "$pattern" "$work/said"
}
ok "an unknown option" says_in_dialect '^ERR 50331822 ' 'line OPTION nonsense=1'
ok "gpgsm's options" says_in_dialect '^done 14' 'line OPTION include-certs -1' 'line OPTION list-mode=1' 'line OPTION with-validation=0' \
	'line OPTION offline=1' 'line GETINFO offline' 'line OPTION no-encrypt-to' 'line OPTION always-trust' \
	'line OPTION enable-audit-log=1' 'line OPTION input-size-hint=20' 'line OPTION request-origin=remote' 'line OPTION putenv=GPG_TTY=/dev/tty' \
	'line OPTION lc-messages=C'
ok "which are taken" [ "$(grep -c '^ERR' "$work/said")" = 0 ]
to_how_many() { # NUMBER LINE...: a message to Bob after these is for so many
	number=$1
	shift
	says_in_dialect '^OK' "$@" 'line SIGNER rsa' 'line RECIPIENT <bob@example.org>' "input $work/bytes" "output $work/e" 'line ENCRYPT' && ! grep '^ERR' "$work/said" &&
		[ "$(openssl cms -cmsout -print -noout -inform DER -in "$work/e" | grep -c 'd.ktri:\|d.kari:')" = "$number" ]
}
ok "to Bob and oneself" to_how_many 2
ok "to Bob alone, with no-encrypt-to" to_how_many 1 'line OPTION no-encrypt-to'
ok "that is taken back with RESET" to_how_many 2 'line OPTION no-encrypt-to' 'line RESET'
ok "a second signer" says_in_dialect '^ERR 50331708 ' 'line SIGNER rsa' 'line SIGNER p256'
same_signer() {
	says_in_dialect '^done 3' 'line SIGNER rsa' 'line SIGNER rsa' && ! grep '^ERR' "$work/said"
}
ok "the same one again is no other" same_signer
ok "GETINFO version" says_in_dialect '^D 2\.2\.40' 'line GETINFO version'
ok "GETAUDITLOG has nothing" says_in_dialect '^ERR 50331706 ' 'line GETAUDITLOG'
ok "GENKEY is not done" says_in_dialect '^ERR 50331708 ' 'line GENKEY'
ok "a signer that is none" says_in_dialect '^S INV_SGNR 1 nobody@example.org' 'line SIGNER nobody@example.org'
ok "a signer that two fit" says_in_dialect '^S INV_SGNR 2 #/CN=Test CA' 'line SIGNER #/CN=Test CA'
ok "a recipient that is none" says_in_dialect '^S INV_RECP 1 nobody@example.org' 'line RECIPIENT nobody@example.org'
ok "with gpgsm's error" grep -q '^ERR 50331657 ' "$work/said"
ok "a recipient who only signs" says_in_dialect '^S INV_RECP 3 clerk@example.org' 'line RECIPIENT clerk@example.org'
ok "an unknown certificate is not deleted" says_in_dialect '^S DELETE_PROBLEM 1' 'line DELKEYS nobody'
ok "fingerprints to keep" says_in_dialect '^S IMPORT_RES 2 0 0 0 1 0 0 0 0 0 0 0 0 1' "input $work/prints" 'line IMPORT --re-import'
ok "SIGN without a file" says_in_dialect '^ERR 50331928 ' 'line SIGN'
ok "the agent's own commands are not there" says_in_dialect '^ERR 50331923 ' 'line STOP'
renewed() { # the certificate before it is passed over
	make_dated "$work/was.key" "$work/was.pem" /CN=was 20200101000000Z 20210101000000Z subjectAltName=email:rsa@example.org 2>/dev/null &&
		import_key Demo 7777 was "$work/was.key" "$work/was.pem" && smime keys >"$work/keys" && grep -q expired "$work/keys" &&
		says_in_dialect '^OK' 'line SIGNER <rsa@example.org>' && ! grep -q '^ERR' "$work/said" &&
		says_in_dialect '^S INV_SGNR 5 ' "line SIGNER $(sha1 "$work/was.pem")"
}
ok "an expired certificate for the same address does not count" renewed
forgets() { # what the stand-in's own connection said is not the program's
	printf 'open\nline SIGNER p256\nadopt pair\ninput %s\noutput %s\nline SIGN\n' "$work/bytes" "$work/s" |
		timeout 60 /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/said" && grep -q '^S ERROR AMBIGUOUS ' "$work/said"
}
ok "what was said before is forgotten" forgets
ok "nothing is handed over twice" says_in_dialect '^ERR 50331923 ' 'adopt pair'
ok "external lists are empty" [ -z "$(printf 'line OPTION list-mode=2\nline LISTKEYS\n' | talk | grep '^D')" ]
by_hand() {
	printf 'GETINFO version\nLISTKEYS <rsa@example.org>\n' | timeout 60 "$builddir/smime-gpgsm" --server >"$work/said" &&
		head -n 1 "$work/said" | grep -q "^OK GNU Privacy Guard's S/M server" && grep -q '^D crs::2048:1:' "$work/said" &&
		[ "$(grep -c '^OK' "$work/said")" = 3 ]
}
# Bad clients.
many_recipients() { # more than a message may have
	seq 2100 | sed 's/.*/line RECIPIENT a&@example.org/' | talk >"$work/said" && grep -q '^done 2102' "$work/said" &&
		[ "$(grep -c '^ERR 50331657 ' "$work/said")" = 2000 ] && [ "$(grep -c '^ERR 50331715 ' "$work/said")" = 100 ]
}
ok "thousands of recipients are counted" many_recipients
ok "too many names in a list" says_in_dialect '^ERR 50331715 ' "line LISTKEYS $(seq 65 | tr '\n' ' ')"
imports_garbage() { # damaged certificates, and what is much
	for size in 1 2 7 100 800; do
		head -c $size "$work/bob.der" >"$work/cut" && says_in_dialect '^S IMPORT_RES' "input $work/cut" 'line IMPORT' || return
	done
	for byte in 1 3 5 20 60 200 300 500; do
		/usr/bin/python3 "$srcdir/tests/regress/damage.py" "$work/bob.der" "$work/cut" flip $byte &&
			says_in_dialect '^S IMPORT_RES' "input $work/cut" 'line IMPORT' || return
	done
	yes "-----BEGIN CERTIFICATE-----" | head -c 1000000 >"$work/cut" && says_in_dialect '^S IMPORT_RES' "input $work/cut" 'line IMPORT'
}
openssl x509 -in "$work/bob.pem" -outform DER -out "$work/bob.der"
ok "garbage is imported: told, and no more" imports_garbage
hostile_names() { # a certificate whose names are a list's syntax
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/h.key" -out "$work/h.pem" -subj "$(printf '/CN=a:b%%0Auid::::::::::/O=x\\\\y\033[1m')" \
		-addext 'subjectAltName=email:h@example.org' 2>/dev/null && gpgme import "$work/h.pem" &&
		printf 'line LISTKEYS <h@example.org>\n' | talk >"$work/said" && grep '^D' "$work/said" | sed 's/%0A/\n/g' >"$work/list" &&
		[ "$(grep -c '^uid:' "$work/list")" = 2 ] && ! grep -q "$(printf '\033')" "$work/list" && gpgme list '<h@example.org>'
}
ok "names in a certificate are no lines of a list" hostile_names
ok "by hand, through pipes" by_hand
colons() {
	"$builddir/smime-gpgsm" --list-secret-keys rsa@example.org >"$work/list" && grep -q "^fpr:::::::::$(sha1 "$work/rsa.pem"):" "$work/list" &&
		grep -q '^uid:::::::::<rsa@example.org>::$' "$work/list"
}
ok "a list on the command line" colons
ok "what only gpgsm does" status 2 smime-gpgsm --learn-card

# Sockets that nobody may hand over.
adopts() { # KIND CODE
	printf 'open\nadopt %s\n' "$1" | timeout 60 /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/said" && grep -q "^ERR $2 " "$work/said"
}
for kind in file pipe tcp datagram listening unconnected itself; do
	code=536871192
	[ $kind = unconnected ] && code=536871163
	ok "a $kind is not served" adopts $kind $code
done
if [ "$(id -u)" = 0 ]; then
	ok "another user's socket is not served" adopts foreign 536871163
else
	skip "another user's socket is not served" "only root can make one"
fi
stays_bounded() { # connections that hand over sockets and stay, then end: their workers end
	wait_for alone || return
	for _ in 1 2 3 4 5 6; do
		printf 'open\nadopt pair\nopen\nadopt kept\n' | timeout 60 /usr/bin/python3 "$srcdir/tests/regress/client.py" >/dev/null || return
	done
	wait_for alone
}
alone() { # who asks is the only client
	smime status | grep -q '^ *clients *1$'
}
ok "workers end with their clients" stays_bounded
serve_each_other() { # two workers, which is noticed while the client is there still
	rm -f "$work/gate" && mkfifo "$work/gate" || return
	printf 'open\nadopt crossed\nopen\nadopt crossed\nwait %s\n' "$work/gate" |
		timeout 120 /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/said" &
	pid=$!
	wait_for grep -q 'it sends answers, not commands' "$work/agent.log"
	got=$?
	echo go >"$work/gate" && wait $pid && rm "$work/gate" && return $got
}
ok "two workers that are made to serve each other end" serve_each_other
killed() { # whoever waits for an answer sees that the stand-in was ended
	timeout 60 /usr/bin/python3 - "$builddir/smime-gpgsm" <<-'END'
		import os, socket, subprocess, sys
		ours, theirs = socket.socketpair()
		standin = subprocess.Popen([sys.argv[1], "--server"], pass_fds=[theirs.fileno()],
		    env=dict(os.environ, _assuan_connection_fd=str(theirs.fileno())))
		theirs.close()
		ours.settimeout(30)
		assert ours.recv(1000).startswith(b"OK "), "greeting"
		standin.kill()
		standin.wait()
		assert ours.recv(1000) == b"", "the end"
	END
}
ok "the stand-in is killed: the program sees it" killed
agent_dies() { # whoever waits for an answer sees that the agent went
	: >"$work/said"
	mkfifo "$work/gate" && printf 'open\nadopt pair\nwait %s\nline GETINFO version\n' "$work/gate" |
		timeout 60 /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/said" &
	pid=$!
	wait_for grep -q 'done 2' "$work/said" && smime agent stop && echo go >"$work/gate" && wait $pid && grep -q CLOSED "$work/said"
}
ok "the agent goes: the program sees it" agent_dies
finish
