#!/bin/sh
# SPDX-License-Identifier: ISC
# A person encrypts a mail: to addresses and certificates, signed as well, to oneself, with a subject that is
# hidden; and is told of every recipient who cannot be encrypted to, with nothing written.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

make_ca
write_conf "trust-anchors $work/ca.pem"
write_mail "$work/mail.eml"
sed 's/$/\r/' "$work/mail.eml" >"$work/mail.crlf"
# The mail's entity, as it is encrypted.
{ printf 'Content-Type: text/plain; charset=us-ascii\r\n\r\n' && sed '1,/^\r$/d' "$work/mail.crlf"; } >"$work/entity"

# issue NAME [OPENSSL-OPTIONS]...: a certificate of the CA for NAME.key, with the extensions of NAME.ext.
issue() {
	name=$1
	shift
	[ -e "$work/$name.key" ] || openssl genrsa -out "$work/$name.key" 2048 || return
	openssl req -new -key "$work/$name.key" -out "$work/$name.csr" -subj "/CN=$name" &&
		openssl x509 -req -in "$work/$name.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
			-extfile "$work/$name.ext" -out "$work/$name.pem" "$@"
}

make_person() { # NAME [USAGE]
	printf 'subjectAltName=email:%s@example.net\nkeyUsage=%s\nextendedKeyUsage=emailProtection\n' "$1" \
		"${2:-keyEncipherment,digitalSignature}" >"$work/$1.ext"
	issue "$1" -days 30
}

# opens PERSON FILE: what openssl makes of $work/e.eml.
opens() {
	openssl cms -decrypt -in "$work/e.eml" -recip "$work/$1.pem" -inkey "$work/$1.key" -out "$work/$2"
}

encrypts_entity() {
	smime encrypt -r "$work/ivan.pem" -o "$work/e.eml" "$work/mail.eml" && opens ivan back && cmp "$work/back" "$work/entity"
}

header_stays() {
	sed '/^MIME-Version:/,$d' "$work/e.eml" >"$work/header" && sed '/^MIME-Version/,$d' "$work/mail.crlf" | cmp - "$work/header" &&
		grep -q '^Content-Type: application/pkcs7-mime; smime-type=' "$work/e.eml"
}

we_read_it() {
	smime decrypt "$work/e.eml" >"$work/back" && sed 's/\r$//' "$work/back" | cmp - "$work/mail.eml"
}

# How the mail is encrypted: cipher_is NAME.
cipher_is() {
	openssl cms -cmsout -print -in "$work/e.eml" -noout | grep -q "algorithm: aes-$1 "
}

recipients_are() { # NUMBER
	[ "$(openssl cms -cmsout -print -in "$work/e.eml" -noout | grep -c 'd.ktri:\|d.kari:')" = "$1" ]
}

is_signed_inside() { # [OPTIONS]: openssl decrypts, then verifies
	smime encrypt --sign -r "$work/ivan.pem" "$@" -o "$work/e.eml" "$work/mail.eml" && opens ivan signed.eml &&
		openssl cms -verify -in "$work/signed.eml" -CAfile "$work/ca.pem" -out "$work/content" &&
		sed '1,/^\r$/d' "$work/content" >"$work/body" && sed '1,/^\r$/d' "$work/mail.crlf" | cmp - "$work/body"
}

raw_is_signed_inside() {
	smime encrypt --raw --sign -r "$work/ivan.pem" -o "$work/e.der" -k rsa "$work/mail.eml" &&
		openssl cms -decrypt -inform DER -in "$work/e.der" -recip "$work/ivan.pem" -inkey "$work/ivan.key" -out "$work/s.der" &&
		openssl cms -verify -inform DER -in "$work/s.der" -CAfile "$work/ca.pem" -out "$work/back" &&
		cmp "$work/back" "$work/mail.eml"
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "unlock" unlock
ok "somebody else" make_person ivan
ok "and another" make_person olga

ok "a mail to a certificate is read by openssl" encrypts_entity
ok "the header stays outside" header_stays
ok "and we read it ourselves" we_read_it
ok "not knowing what ivan reads, it is AES-256-CBC" cipher_is 256-cbc
ok "it is for ivan and the writer" recipients_are 2
to_others_only() {
	smime encrypt --no-self -r "$work/ivan.pem" -o "$work/e.eml" "$work/mail.eml" && recipients_are 1 &&
		status 1 smime decrypt "$work/e.eml"
}
ok "or for ivan alone" to_others_only
to_self_only() {
	smime encrypt -r rsa@example.org -o "$work/e.eml" "$work/mail.eml" && recipients_are 1 && cipher_is 256-gcm && we_read_it
}
ok "to oneself alone it is AES-256-GCM" to_self_only
by_label() {
	for name in rsa "pkcs11:object=rsa" "$(smime keys --json | sed 's/.*"fingerprint":"\([0-9a-f]*\).*/\1/')"; do
		smime encrypt -r "$name" -o "$work/e.eml" "$work/mail.eml" && recipients_are 1 && we_read_it || return
	done
}
ok "one's own key by its label, URI and fingerprint" by_label
for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-gcm aes-192-gcm aes-256-gcm; do
	a_mail_in() {
		smime encrypt --cipher $cipher -r "$work/ivan.pem" -o "$work/e.eml" "$work/mail.eml" && cipher_is ${cipher#aes-} &&
			opens ivan back && cmp "$work/back" "$work/entity" && we_read_it
	}
	ok "a mail in $cipher" a_mail_in
done
for cipher in des-ede3-cbc rc2 aes-64-cbc AES-256-CBC ""; do
	ok "no such cipher: \"$cipher\"" status 1 smime encrypt --cipher "$cipher" -r "$work/ivan.pem" -o "$work/no" "$work/mail.eml"
done

# Signed, then encrypted.
ok "signed and encrypted" is_signed_inside
ok "signed opaque and encrypted" is_signed_inside --opaque
ok "signed with PSS and SHA-512" is_signed_inside --pss --digest sha512
ok "signed and in GCM" is_signed_inside --cipher aes-128-gcm
ok "bytes, signed and encrypted" raw_is_signed_inside
comes_back_signed() {
	is_signed_inside && smime decrypt "$work/e.eml" >"$work/back.eml" &&
		openssl cms -verify -in "$work/back.eml" -CAfile "$work/ca.pem" -out "$work/content"
}
ok "decrypted, it is a mail with a valid signature" comes_back_signed
not_signed() {
	says "not valid\|no key fits\|does not allow" "$1" smime encrypt --sign -k nobody -r "$work/ivan.pem" -o "$work/no" "$work/mail.eml" &&
		[ ! -e "$work/no" ]
}
ok "without a key to sign with there is nothing" not_signed 1
locked_first() {
	smime lock && status 4 smime encrypt --sign -r "$work/ivan.pem" -o "$work/no" "$work/mail.eml" && [ ! -e "$work/no" ] &&
		status 1 smime encrypt --sign -r none@example.net -o "$work/no" "$work/mail.eml" && unlock
}
ok "no PIN is asked for a mail that cannot be encrypted" locked_first

# Those that cannot be encrypted to.
refused() { # PATTERN ARGUMENTS...
	pattern=$1
	shift
	rm -f "$work/no"
	says "$pattern" 1 smime encrypt -o "$work/no" "$@" "$work/mail.eml" && [ ! -e "$work/no" ] &&
		status 1 smime encrypt "$@" <"$work/mail.eml" >"$work/no" && [ ! -s "$work/no" ]
}
make_bad() {
	make_person signs digitalSignature
	printf 'subjectAltName=email:web@example.net\nextendedKeyUsage=serverAuth\n' >"$work/web.ext" && issue web -days 30 &&
		printf 'subjectAltName=email:old@example.net\n' >"$work/old.ext" && issue old -days 30 &&
		openssl req -x509 -newkey ed25519 -nodes -keyout "$work/ed.key" -out "$work/ed.pem" -subj /CN=ed &&
		make_dated "$work/past.key" "$work/past.pem" /CN=past 20200101000000Z 20210101000000Z subjectAltName=email:past@example.net &&
		make_dated "$work/future.key" "$work/future.pem" /CN=future 20400101000000Z 20410101000000Z &&
		cp "$work/ca.pem" "$work/authority.pem"
}
ok "certificates that are of no use" make_bad
ok "nobody knows them" refused "nobody@example.net: no certificate is known: ask them for a signed mail" -r nobody@example.net
ok "not by half either" refused "nobody@example.net: no certificate" -r "$work/ivan.pem" -r nobody@example.net
ok "expired" refused "past@example.net: the certificate has expired" -r "$work/past.pem"
ok "not yet valid" refused "CN=future: the certificate is not valid yet" -r "$work/future.pem"
ok "only for signing" refused "signs@example.net: the certificate is not for encrypting mail" -r "$work/signs.pem"
ok "only for servers" refused "web@example.net: the certificate is not for encrypting mail" -r "$work/web.pem"
ok "a CA's" refused "CN=Test CA: the certificate is not for encrypting mail" -r "$work/authority.pem"
ok "an Ed25519 key" refused "kind of key is not supported" -r "$work/ed.pem"
ok "all are named" refused "past@example.net: .*; CN=future: .*; nobody@example.net: " -r "$work/past.pem" -r "$work/future.pem" -r nobody@example.net
skips() {
	says "warning: nobody@example.net: no certificate is known" 0 smime encrypt --skip-missing -r nobody@example.net \
		-r "$work/ivan.pem" -o "$work/e.eml" "$work/mail.eml" && recipients_are 2 && opens ivan back
}
ok "or left out, if that is wished" skips
ok "but not all of them" refused "nobody@example.net: no certificate" --skip-missing -r nobody@example.net
json_warns() {
	smime encrypt --json --skip-missing -r nobody@example.net -r "$work/ivan.pem" -o "$work/e.eml" "$work/mail.eml" 2>"$work/said" &&
		grep -q '^{"warning":"nobody@example.net: ' "$work/said"
}
ok "--json, too" json_warns
json_fails() {
	status 1 smime encrypt --json -r nobody@example.net -o "$work/no" "$work/mail.eml" 2>"$work/said" &&
		grep -q '^{"error":"RECIPIENT","status":1,"message":".*nobody@example.net' "$work/said"
}
ok "and for an error" json_fails
ok "a file that is no certificate" says "not a certificate" 1 smime encrypt -r "$work/body" -r "$work/ivan.pem" -o "$work/no" "$work/mail.eml"

# Whom the store knows.
from_store() {
	smime certs import "$work/ivan.pem" && smime encrypt --no-self -r ivan@example.net -o "$work/e.eml" "$work/mail.eml" &&
		opens ivan back && cmp "$work/back" "$work/entity" && cipher_is 256-cbc &&
		smime encrypt --no-self -r IVAN@Example.NET -o "$work/e.eml" "$work/mail.eml" && opens ivan back
}
ok "by the address, from the store" from_store
from_fingerprint() {
	sha256=$(openssl x509 -in "$work/ivan.pem" -noout -fingerprint -sha256 | sed 's/.*=//') &&
		sha1=$(openssl x509 -in "$work/ivan.pem" -noout -fingerprint -sha1 | sed 's/.*=//;s/://g') &&
		for name in "$sha256" "$(echo "$sha256" | tr -d : | cut -c 1-16)" "$sha1"; do
			smime encrypt --no-self -r "$name" -o "$work/e.eml" "$work/mail.eml" && opens ivan back || return
		done && refused "no certificate is known" -r "$(echo "$sha256" | tr -d : | cut -c 1-14)"
}
ok "by the fingerprint, or a long start of it" from_fingerprint
newest() {
	cp "$work/ivan.key" "$work/ivan2.key" && cp "$work/ivan.ext" "$work/ivan2.ext" &&
		openssl req -new -key "$work/ivan2.key" -out "$work/ivan2.csr" -subj "/CN=ivan again" && mkdir -p "$work/ca2" &&
		: >"$work/ca2/index" && echo 77 >"$work/ca2/serial" &&
		printf '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/ca2/index\nserial=%s/ca2/serial\nnew_certs_dir=%s/ca2\ndefault_md=sha256\npolicy=any\ncrlnumber=%s/ca2/crl\n[any]\ncommonName=supplied\n' \
			"$work" "$work" "$work" "$work" >"$work/ca2/conf" && echo 01 >"$work/ca2/crl" &&
		openssl ca -batch -config "$work/ca2/conf" -cert "$work/ca.pem" -keyfile "$work/ca.key" -in "$work/ivan2.csr" -notext \
			-startdate "$(date -u -d '20 days ago' +%Y%m%d000000Z)" -days 60 -extfile "$work/ivan2.ext" -out "$work/ivan2.pem" &&
		smime certs import "$work/ivan2.pem" && smime encrypt --no-self -r ivan@example.net -o "$work/e.eml" "$work/mail.eml" &&
		! openssl cms -cmsout -print -in "$work/e.eml" -noout | grep -q 'serialNumber: 119$' &&
		smime certs remove "$(openssl x509 -in "$work/ivan.pem" -noout -fingerprint -sha256 | sed 's/.*=//;s/://g' | tr A-F a-f)" &&
		smime encrypt --no-self -r ivan@example.net -o "$work/e.eml" "$work/mail.eml" &&
		openssl cms -cmsout -print -in "$work/e.eml" -noout | grep -q 'serialNumber: 119$'
}
ok "of several certificates the newest" newest
revoked() {
	openssl ca -config "$work/ca2/conf" -cert "$work/ca.pem" -keyfile "$work/ca.key" -revoke "$work/ivan2.pem" &&
		openssl ca -config "$work/ca2/conf" -cert "$work/ca.pem" -keyfile "$work/ca.key" -gencrl -crldays 5 -out "$work/crl.pem" &&
		smime certs import "$work/crl.pem" && refused "ivan@example.net: the certificate was revoked: ask" -r ivan@example.net &&
		refused "the certificate was revoked: ask" -r "$work/ivan2.pem"
}
ok "a certificate that was revoked" revoked
untrusted() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/lone.key" -out "$work/lone.pem" -subj /CN=lone -days 30 \
		-addext subjectAltName=email:lone@example.net -addext basicConstraints=CA:FALSE && smime certs import "$work/lone.pem" &&
		refused "lone@example.net: no path leads from the certificate to a trusted root" -r lone@example.net &&
		smime encrypt --no-self -r "$work/lone.pem" -o "$work/e.eml" "$work/mail.eml" && opens lone back
}
ok "one that nobody vouches for, unless it is handed over" untrusted
not_theirs_to_issue() {
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nnameConstraints=critical,permitted;email:example.com\n' >"$work/sub.ext" &&
		issue sub -days 30 && printf 'subjectAltName=email:below@example.net\n' >"$work/below.ext" && openssl genrsa -out "$work/below.key" 2048 &&
		openssl req -new -key "$work/below.key" -out "$work/below.csr" -subj /CN=below &&
		openssl x509 -req -in "$work/below.csr" -CA "$work/sub.pem" -CAkey "$work/sub.key" -CAcreateserial -days 5 -extfile "$work/below.ext" \
			-out "$work/below.pem" && smime certs import "$work/below.pem" "$work/sub.pem" &&
		refused "below@example.net: no path leads from the certificate to a trusted root" -r below@example.net
}
ok "one whose issuer may not vouch for that address" not_theirs_to_issue
expired_in_store() {
	smime certs import "$work/past.pem" "$work/signs.pem" && refused "past@example.net: the certificate has expired" -r past@example.net &&
		refused "signs@example.net: the certificate is not for encrypting mail" -r signs@example.net
}
ok "expired, and only for signing, in the store" expired_in_store
good_beside_bad() {
	smime certs import "$work/ivan.pem" && smime encrypt --no-self -r ivan@example.net -o "$work/e.eml" "$work/mail.eml" && opens ivan back
}
ok "beside a bad one a good one serves" good_beside_bad

# What they read is known from what they signed.
signed_by() { # OPENSSL-OPTIONS...: a mail that ivan signed
	{ printf 'From: ivan@example.net\nTo: rsa@example.org\nSubject: hello\n' && openssl cms -sign -in "$work/entity" -signer "$work/ivan.pem" \
		-inkey "$work/ivan.key" "$@"; } >"$work/signed.eml" && smime verify "$work/signed.eml" >/dev/null
}
capable() {
	signed_by && smime encrypt -r ivan@example.net -o "$work/e.eml" "$work/mail.eml" && opens ivan back && cipher_is 256-cbc
}
ok "a program that knows AES-256-CBC" capable
own_reads_gcm() {
	smime sign --raw -k rsa -o "$work/s.der" "$work/mail.eml" && openssl cms -cmsout -print -inform DER -in "$work/s.der" | grep -q aes-256-gcm
}
ok "our signatures say that we know GCM" own_reads_gcm

# Many at once.
make_many() {
	/usr/bin/python3 - "$work" <<-'END'
		import datetime, sys
		from cryptography import x509
		from cryptography.hazmat.primitives import hashes, serialization
		from cryptography.hazmat.primitives.asymmetric import ec
		work = sys.argv[1]
		ca = x509.load_pem_x509_certificate(open(work + "/ca.pem", "rb").read())
		ca_key = serialization.load_pem_private_key(open(work + "/ca.key", "rb").read(), None)
		key = ec.generate_private_key(ec.SECP256R1())
		now = datetime.datetime.utcnow()
		with open(work + "/many.pem", "wb") as out:
		    for i in range(2000):
		        cert = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(ca.subject).serial_number(100000 + i)
		            .public_key(key.public_key()).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
		            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("n%d@example.com" % i)]), True)
		            .sign(ca_key, hashes.SHA256()))
		        out.write(cert.public_bytes(serialization.Encoding.PEM))
	END
}
if /usr/bin/python3 -c 'import cryptography' 2>/dev/null; then
	ok "2000 people" make_many
	ok "who are known" smime certs import "$work/many.pem"
	to_many() {
		smime encrypt $(seq -f '-r n%g@example.com' 0 1998) --self -o "$work/e.eml" "$work/mail.eml" && recipients_are 2000 && we_read_it
	}
	ok "get one message" to_many
else
	skip "2000 people" "python3-cryptography is not installed"
fi

# From the header.
several() { # FIELDS...: a mail with these fields
	{ printf 'From: Alice <rsa@example.org>\n' && printf '%s\n' "$@" && printf 'Subject: a secret subject\nKeywords: hush, hush\n\nbody\n'; } >"$work/several.eml"
}
from_header() {
	several 'To: "Ivan, the first" <rsa@example.org> (not x@example.net)' 'Cc: friends: rsa@example.org;' &&
		smime encrypt -o "$work/e.eml" "$work/several.eml" && recipients_are 1 && grep -q '^Cc: friends' "$work/e.eml"
}
ok "without -r, those of To and Cc" from_header
header_names() {
	several 'To: one@example.net, Two <two@example.net>' 'Cc: three@example.net,' 'Bcc: four@example.net' &&
		says 'one@example.net: .*; two@example.net: .*; three@example.net: .*; four@example.net: ' 1 smime encrypt -o "$work/no" "$work/several.eml"
}
ok "and Bcc" header_names
unreadable_address() {
	several 'To: rsa@example.org, "a b"@example.net' &&
		says 'cannot be read' 1 smime encrypt -o "$work/no" "$work/several.eml"
}
ok "an address that cannot be read" unreadable_address
ok "a mail to nobody" says "nobody was named" 2 sh -c 'printf "From: x@example.org\n\nbody\n" | smime encrypt'
ok "bytes to nobody" says "nobody was named" 2 smime encrypt --raw "$work/mail.eml"
no_bcc_field() {
	several 'To: rsa@example.org' 'Bcc: rsa@example.org' 'Resent-Bcc: rsa@example.org' &&
		says "warning: the Bcc field was taken out" 0 smime encrypt --sign --hide-subject -o "$work/e.eml" "$work/several.eml" &&
		smime decrypt "$work/e.eml" >"$work/back" && ! grep -i "^[a-z-]*bcc:" "$work/e.eml" "$work/back"
}
ok "Bcc is nowhere" no_bcc_field

# One message each for those of Bcc.
separate() {
	rm -f "$work"/sep.eml*
	smime encrypt --no-self --separate-bcc -r "$work/ivan.pem" --bcc "$work/olga.pem" --bcc rsa@example.org -o "$work/sep.eml" \
		"$work/mail.eml" >"$work/list" || return
	for copy in "ivan sep.eml" "olga sep.eml.bcc1"; do
		set -- $copy
		cp "$work/$2" "$work/e.eml" && recipients_are 1 && opens $1 back && cmp "$work/back" "$work/entity" || return
	done
	cp "$work/sep.eml.bcc2" "$work/e.eml" && recipients_are 1 && we_read_it &&
		printf '%s\t%s\n' "$work/sep.eml.bcc1" "$work/olga.pem" "$work/sep.eml.bcc2" rsa@example.org | cmp - "$work/list"
}
ok "Bcc: one message each" separate
separate_from_header() {
	rm -f "$work"/sep.eml*
	several 'To: rsa@example.org' 'Bcc: RSA <rsa@example.org>' &&
		smime encrypt --separate-bcc -o "$work/sep.eml" "$work/several.eml" >"$work/list" &&
		printf '%s\t%s\n' "$work/sep.eml.bcc1" rsa@example.org | cmp - "$work/list" && ! grep -i "^bcc:" "$work/sep.eml" "$work/sep.eml.bcc1"
}
ok "also from the header" separate_from_header
separate_fails_whole() {
	rm -f "$work"/sep.eml*
	status 1 smime encrypt --separate-bcc -r "$work/ivan.pem" --bcc "$work/olga.pem" --bcc nobody@example.net -o "$work/sep.eml" \
		"$work/mail.eml" && [ "$(ls "$work" | grep -c '^sep.eml')" = 0 ]
}
ok "all of them or none" separate_fails_whole
ok "not to a pipe" status 2 smime encrypt --separate-bcc -r "$work/ivan.pem" --bcc "$work/olga.pem" "$work/mail.eml"
ok "--bcc alone is a mistake" status 2 smime encrypt -r "$work/ivan.pem" --bcc "$work/olga.pem" -o "$work/no" "$work/mail.eml"

# RFC 9788.
hides_subject() { # OPTIONS...
	several 'To: rsa@example.org' 'Comments: for your eyes' 'X-Own: 1' &&
		smime encrypt -r "$work/ivan.pem" "$@" -o "$work/e.eml" "$work/several.eml" &&
		grep -q '^Subject: \[\.\.\.\]' "$work/e.eml" && ! grep -q '^Keywords\|^Comments\|secret subject\|hush, hush' "$work/e.eml" &&
		grep -q '^X-Own: 1' "$work/e.eml" && opens ivan back && grep -q '^Subject: a secret subject' "$work/back" &&
		grep -q '^HP-Outer: Subject: \[\.\.\.\]' "$work/back" && grep -q '^Keywords: hush' "$work/back" &&
		! grep -q '^HP-Outer: \(Keywords\|Comments\)' "$work/back" && grep -q '^HP-Outer: X-Own: 1' "$work/back" &&
		grep -A 1 '^Content-Type: text/plain' "$work/back" | grep -q 'hp="cipher"'
}
ok "the subject is hidden" hides_subject --hide-subject
ok "the subject is hidden, signed" hides_subject --hide-subject --sign
sed 's/^Content-Type: .*/Content-Type: text\/plain; name="never closed/' "$work/mail.eml" >"$work/unclosed.eml"
ok "where it cannot be, nothing is sent" says "the subject cannot be hidden" 1 smime encrypt -r "$work/ivan.pem" --hide-subject \
	-o "$work/unhidden.eml" "$work/unclosed.eml"
by_configuration() {
	write_conf "trust-anchors $work/ca.pem" "hide-subject yes" "encrypt-to-self no" "content-cipher aes-128-gcm" && smime agent reload &&
		hides_subject && recipients_are 1 && cipher_is 128-gcm &&
		hides_subject --self --cipher aes-192-cbc && recipients_are 2 && cipher_is 192-cbc
	result=$?
	write_conf "trust-anchors $work/ca.pem" && smime agent reload && return $result
}
ok "as the configuration says" by_configuration
says_gcm() { # how many GCM ciphers the signature says are read
	openssl cms -cmsout -print -noout -in "$work/s.eml" | grep -c 'aes-[0-9]*-gcm\|2.16.840.1.101.3.4.1.\(6\|46\)' >"$work/said"
	[ "$(cat "$work/said")" = "$1" ]
}
without_gcm() {
	smime sign -k rsa -o "$work/s.eml" "$work/mail.eml" && ! says_gcm 0 && to_self_only &&
		write_conf "trust-anchors $work/ca.pem" "content-cipher cbc" && smime agent reload &&
		smime sign -k rsa -o "$work/s.eml" "$work/mail.eml" && says_gcm 0 &&
		smime encrypt -r rsa@example.org -o "$work/e.eml" "$work/mail.eml" && cipher_is 256-cbc &&
		smime encrypt -r rsa@example.org --sign -o "$work/e.eml" "$work/mail.eml" && smime decrypt -o "$work/s.eml" "$work/e.eml" && says_gcm 0 &&
		smime encrypt -r rsa@example.org --cipher aes-256-gcm -o "$work/e.eml" "$work/mail.eml" && cipher_is 256-gcm && we_read_it
	result=$?
	write_conf "trust-anchors $work/ca.pem" && smime agent reload && return $result
}
ok "content-cipher cbc: GCM is not used, nor said to be read, but where it is asked for" without_gcm
clear_headers() {
	smime sign -o "$work/s.eml" "$work/mail.eml" && openssl cms -verify -in "$work/s.eml" -CAfile "$work/ca.pem" -out "$work/content" &&
		{ sed '/^MIME-Version/,$d' "$work/mail.crlf" && printf 'Content-Type: text/plain; charset=us-ascii;\r\n hp="clear"\r\n\r\n' &&
			sed '1,/^\r$/d' "$work/mail.crlf"; } | cmp - "$work/content" && sed '/^MIME-Version/,$d' "$work/s.eml" >"$work/header" &&
		sed '/^MIME-Version/,$d' "$work/mail.crlf" | cmp - "$work/header"
}
ok "a signed mail's header is signed, too" clear_headers
no_copies() {
	write_conf "protect-headers no" && smime agent reload && smime sign -o "$work/s.eml" "$work/mail.eml" &&
		openssl cms -verify -in "$work/s.eml" -CAfile "$work/ca.pem" -out "$work/content" && cmp "$work/content" "$work/entity"
	result=$?
	write_conf "trust-anchors $work/ca.pem" && smime agent reload && return $result
}
ok "unless it should not be" no_copies
entity_alone() {
	smime sign -k rsa -o "$work/s.eml" "$work/entity" && openssl cms -verify -in "$work/s.eml" -CAfile "$work/ca.pem" -out "$work/content" &&
		cmp "$work/content" "$work/entity"
}
ok "an entity alone has no header to protect" entity_alone
odd_types() { # TYPE: is signed as it is, where no parameter can be added to it
	printf 'From: rsa@example.org\r\nContent-Type: %s\r\n\r\nbody\r\n' "$1" >"$work/odd.eml" &&
		smime sign -o "$work/s.eml" "$work/odd.eml" && openssl cms -verify -in "$work/s.eml" -CAfile "$work/ca.pem" -out "$work/content" &&
		printf 'Content-Type: %s\r\n\r\nbody\r\n' "$1" | cmp - "$work/content"
}
ok "a type with an open quote" odd_types 'text/plain; charset="us-ascii'
ok "a type with an open comment" odd_types 'text/plain (plain'
ok "a type that was protected before" odd_types 'text/plain; hp="clear"'
no_type() {
	printf 'From: rsa@example.org\r\nBcc: x@example.net\r\nReceived: by x\r\n\r\nbody\r\n' >"$work/odd.eml" &&
		smime sign -o "$work/s.eml" "$work/odd.eml" && openssl cms -verify -in "$work/s.eml" -CAfile "$work/ca.pem" -out "$work/content" &&
		printf 'From: rsa@example.org\r\nContent-Type: text/plain; charset=us-ascii;\r\n hp="clear"\r\n\r\nbody\r\n' | cmp - "$work/content"
}
ok "a mail without a type; Bcc and Received are not copied" no_type

# Bad input, and bad places.
ok "not a mail" says "not a mail" 1 smime encrypt -r "$work/ivan.pem" -o "$work/no" "$work/ivan.key"
ok "an empty mail" says "not a mail" 1 smime encrypt -r "$work/ivan.pem" -o "$work/no" /dev/null
binary_stays() {
	{ printf 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n' && printf 'a\nb\rc\r\nd\0e'; } >"$work/binary" &&
		smime encrypt -r "$work/ivan.pem" -o "$work/e.eml" "$work/binary" && opens ivan back && cmp "$work/back" "$work/binary"
}
ok "a binary entity keeps its line ends" binary_stays
for cipher in aes-256-cbc aes-256-gcm; do
	ok "the disk is full, $cipher" says "no space left" 3 smime encrypt --cipher $cipher -r "$work/ivan.pem" -o /dev/full "$work/mail.eml"
	disk_full_stream() {
		head -c 3000000 /dev/zero | says "no space left" 3 smime encrypt --raw --sign -k rsa --cipher $cipher -r "$work/ivan.pem" -o /dev/full
	}
	ok "in the middle of a stream, too, $cipher" disk_full_stream
done
# A part of a mail, as mutt hands it over.
text_is_crlf() {
	printf 'Content-Type: text/plain\n\na\r\nb\n' >"$work/part" && printf 'Content-Type: text/plain\r\n\r\na\r\nb\r\n' >"$work/part.crlf" &&
		smime encrypt --raw --crlf --no-self -r "$work/ivan.pem" -o "$work/e.der" "$work/part" &&
		openssl cms -decrypt -binary -inform DER -in "$work/e.der" -recip "$work/ivan.pem" -inkey "$work/ivan.key" -out "$work/back" &&
		cmp "$work/back" "$work/part.crlf" && status 2 smime encrypt --crlf -r "$work/ivan.pem" "$work/mail.eml"
}
ok "text that is bytes is encrypted with the line ends of mail" text_is_crlf
protocol() { # COMMANDS...: what the agent answers; it writes to no and e.eml
	rm -f "$work/no" "$work/e.eml"
	{ echo open && for line in "$@"; do echo "$line"; done; } | /usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/answers"
	cat "$work/answers" >&2
}
spoiled() {
	protocol "input $work/body" "line RECIPIENT --file" "line RECIPIENT rsa@example.org" "input $work/mail.eml" "output $work/no" \
		"line ENCRYPT --mail" "line RECIPIENT rsa@example.org" "input $work/mail.eml" "output $work/e.eml" "line ENCRYPT --mail --no-self" &&
		[ "$(grep -c '^ERR' "$work/answers")" = 2 ] && [ ! -s "$work/no" ] && recipients_are 1
}
ok "after a RECIPIENT that failed, ENCRYPT fails, and the next does not" spoiled
spoiled_by_one_more() {
	rm -f "$work/no"
	{ echo open && seq 2001 | sed 's/.*/line RECIPIENT rsa@example.org/' && printf 'input %s\noutput %s\nline ENCRYPT --mail\n' "$work/mail.eml" "$work/no"; } |
		/usr/bin/python3 "$srcdir/tests/regress/client.py" >"$work/answers"
	[ "$(grep -c '^ERR' "$work/answers")" = 2 ] && [ ! -s "$work/no" ]
}
ok "so it does after a name too many" spoiled_by_one_more
forgotten() {
	protocol "line RECIPIENT nobody@example.net" "line RESET" "line RECIPIENT rsa@example.org" "input $work/mail.eml" "output $work/e.eml" \
		"line ENCRYPT --mail" "input $work/mail.eml" "output $work/no" "line ENCRYPT" && recipients_are 1 &&
		grep -q '^ERR' "$work/answers" && grep -q 'nobody was named' "$work/answers"
}
ok "recipients are forgotten with RESET, and after ENCRYPT" forgotten
inv_recp() {
	protocol "line RECIPIENT nobody@example.net" "line RECIPIENT signs" "input $work/past.pem" "line RECIPIENT --file" "input $work/mail.eml" \
		"output $work/no" "line ENCRYPT" && grep -q '^S INV_RECP 1 nobody@example.net' "$work/answers" &&
		grep -q '^S INV_RECP 5 past@example.net' "$work/answers" && [ ! -s "$work/no" ]
}
ok "each is told with a number, as gpgsm does" inv_recp
for words in "--mail --pem" "--nonsense" "--cipher" "--digest=md5 --sign" "--cipher=des"; do
	wrong_words() {
		protocol "line RECIPIENT rsa@example.org" "input $work/mail.eml" "output $work/no" "line ENCRYPT $words" &&
			grep -q '^ERR' "$work/answers" && [ ! -s "$work/no" ]
	}
	ok "ENCRYPT $words" wrong_words
done
too_many() {
	rm -f "$work/no"
	says "over the limit" 1 smime encrypt $(seq -f '-r person%g@example.net' 2001) -o "$work/no" "$work/mail.eml" && [ ! -e "$work/no" ]
}
ok "2001 recipients are too many" too_many
finish
