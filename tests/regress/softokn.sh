#!/bin/sh
# SPDX-License-Identifier: ISC
# A person's keys are in a database of NSS, as Firefox, Thunderbird and Evolution have them; its softokn
# is a module like others, but wants to be told where the database is.
. "$(dirname "$0")/lib.sh"
DEATHS_EXPECTED=yes

softokn=
for candidate in /usr/lib/*-linux-*/libsoftokn3.so /usr/lib/*-linux-*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so; do
	[ -e "$candidate" ] && softokn=$candidate && break
done
[ -n "$softokn" ] || plan_skip "libnss3 is not installed"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
for program in certutil pk12util; do
	command -v "$program" >/dev/null || plan_skip "$program (libnss3-tools) is not installed"
done

# A name space of mounts in which p11-kit's configuration is ours.
modules_folder=$(pkg-config --variable=p11_module_configs p11-kit-1 2>/dev/null)
[ -d "$modules_folder" ] || plan_skip "p11-kit's folder of modules is not known"
if [ "$(id -u)" = 0 ]; then
	in_private="unshare -m"
else
	in_private="unshare -rm"
fi
$in_private mount -t tmpfs none "$modules_folder" 2>/dev/null || plan_skip "no private mounts here"
cat >"$work/private" <<END
set -e
mount -t tmpfs none "$modules_folder"
cp "$work"/*.module "$modules_folder/"
[ ! -d /etc/pkcs11 ] || mount -t tmpfs none /etc/pkcs11
exec smime-agent --background
END

use_database() { # FOLDER [PARAMETER]: a new agent with this one and, beside it, SoftHSM
	smime agent stop
	echo "module: $softhsm" >"$work/beside.module"
	cat >"$work/database.module" <<-END
		module: $softokn
		x-init-reserved: configdir='sql:$1' certPrefix='' keyPrefix='' secmod='secmod.db' flags= ${2:-}
	END
	write_conf
	sed -i '/^module /d' "$conf"
	$in_private sh "$work/private"
}

write_ext() { # LABEL
	cat >"$work/$1.ext" <<-END
		subjectAltName=email:$1@example.org
		keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement
		extendedKeyUsage=emailProtection
		subjectKeyIdentifier=hash
	END
}

issue() { # LABEL: from its CSR
	make_ca
	write_ext "$1"
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
		-days 365 -extfile "$work/$1.ext" -out "$work/$1.pem"
}

# A key that certutil makes in the database.
make_nss_key() { # FOLDER LABEL TYPE-OPTION...
	folder=$1
	label=$2
	shift 2
	head -c 64 /dev/urandom >"$work/noise"
	certutil -R -d "sql:$folder" -f "$work/password" -z "$work/noise" -s "CN=$label,O=Test" "$@" -a \
		-o "$work/$label.csr" && issue "$label" &&
		certutil -A -d "sql:$folder" -f "$work/password" -n "$label" -t ,, -a -i "$work/$label.pem"
}

# One that comes from elsewhere.
import_nss_key() { # FOLDER LABEL TYPE-OPTION-OF-OPENSSL...
	folder=$1
	label=$2
	shift 2
	openssl req -new -nodes -keyout "$work/$label.key" -out "$work/$label.csr" -subj "/O=Test/CN=$label" "$@" &&
		issue "$label" &&
		openssl pkcs12 -export -inkey "$work/$label.key" -in "$work/$label.pem" -name "$label" \
			-passout pass:transport -out "$work/$label.p12" &&
		pk12util -i "$work/$label.p12" -d "sql:$folder" -k "$work/password" -W transport
}

make_database() {
	mkdir "$work/nss" && certutil -N -d "sql:$work/nss" -f "$work/password" &&
		make_nss_key "$work/nss" rsa -k rsa -g 2048 && make_nss_key "$work/nss" p256 -k ec -q nistp256 &&
		import_nss_key "$work/nss" rsa3072 -newkey rsa:3072 &&
		import_nss_key "$work/nss" p384 -newkey ec -pkeyopt ec_paramgen_curve:P-384
}

make_open_database() {
	mkdir "$work/open" && certutil -N -d "sql:$work/open" --empty-password && : >"$work/password" &&
		make_nss_key "$work/open" free -k rsa -g 2048 && import_nss_key "$work/open" freeec -newkey ec \
		-pkeyopt ec_paramgen_curve:P-256
}

sign() { # KEY OPTIONS...: a signature that openssl accepts
	key=$1
	shift
	smime sign -k "$key" "$@" --raw -o "$work/$key.der" "$work/bytes" &&
		openssl cms -verify -inform DER -in "$work/$key.der" -content "$work/bytes" -binary \
			-CAfile "$work/ca.pem" -out /dev/null
}

mail_comes_back() { # KEY OPTION-OF-OPENSSL...
	key=$1
	shift
	openssl cms -encrypt -aes-256-cbc -in "$work/mail.eml" -out "$work/e.eml" -recip "$work/$key.pem" "$@" &&
		smime decrypt "$work/e.eml" | tr -d '\r' >"$work/back" && cmp "$work/back" "$work/mail.eml"
}

listed() { # KEY TYPE
	smime keys --json | grep -q "\"label\":\"$1\".*\"type\":\"$2\""
}

state_is() { # STATE
	smime tokens --json | grep -q "\"label\":\"NSS Certificate DB\".*\"state\":\"$1\""
}

token_count() { # LABEL COUNT
	[ "$(smime tokens --json | grep -c "\"label\":\"$1\"")" = "$2" ]
}

module_is() { # STATE NAME
	smime status | grep -q "^ *module *$1 $2 "
}

process_pid() {
	smime status | sed -n 's/^ *module *ready database \([0-9][0-9]*\)$/\1/p'
}

has_host() {
	[ -n "$(process_pid)" ]
}

process_dies() {
	old=$(process_pid)
	kill -9 "$old" && wait_for other_process
}

other_process() {
	now=$(process_pid)
	[ -n "$now" ] && [ "$now" != "$old" ]
}

side_by_side() {
	sign rsa &
	other=$!
	sign p256
	got=$?
	wait "$other" && [ "$got" = 0 ]
}

write_mail "$work/mail.eml"
echo "bytes to sign" >"$work/bytes"
echo "NSS-Password.1" >"$work/password"
cp "$work/password" "$work/pin"
echo "wrong" >"$work/wrong"

ok "make a database with keys" make_database
ok "an agent with it" use_database "$work/nss"
ok "its module is there by p11-kit's name" wait_for has_host
ok "with one token for the database" token_count "NSS Certificate DB" 1
ok "the keys are seen" eval 'listed rsa rsa:2048 && listed p256 ec:P-256 && listed rsa3072 rsa:3072 && listed p384 ec:P-384'
ok "locked" state_is locked
ok "nobody gives the password" says "cancelled" 4 sign rsa
ok "a wrong password" says "wrong PIN" 4 smime unlock --pin-fd 3 3<"$work/wrong"
ok "leaves it locked" state_is locked
ok "the right one" unlock
ok "unlocks it" state_is unlocked
for digest in sha256 sha384 sha512; do
	ok "RSA signs with $digest" sign rsa --digest "$digest"
	ok "RSA signs with PSS and $digest" sign rsa3072 --pss --digest "$digest"
	ok "P-256 signs with $digest" sign p256 --digest "$digest"
	ok "P-384 signs with $digest" sign p384 --digest "$digest"
done
ok "two signatures side by side" side_by_side
for key in rsa rsa3072; do
	ok "a mail to $key comes back" mail_comes_back "$key"
	for hash in sha1 sha256 sha512; do
		ok "with OAEP and $hash" mail_comes_back "$key" -keyopt rsa_padding_mode:oaep -keyopt "rsa_oaep_md:$hash"
	done
done
for key in p256 p384; do
	for hash in sha1 sha256 sha384; do
		ok "a mail to $key comes back, KDF with $hash" mail_comes_back "$key" -keyopt "ecdh_kdf_md:$hash"
	done
done
ok "the module's process dies" process_dies
ok "and the next one has the database, too" sign rsa
ok "certutil makes another key meanwhile" make_nss_key "$work/nss" later -k ec -q nistp256
ok "it is seen" listed later ec:P-256
ok "and signs" sign later
ok "smime token leaves it to certutil" says "not supported" 1 smime token change-pin \
	--token "NSS Certificate DB" --pin-fd 3 3<"$work/new-pins"
ok "lock" eval 'smime lock && state_is locked'

ok "make a database without a password" make_open_database
ok "an agent with that" use_database "$work/open"
ok "needs no login" state_is open
ok "signs with RSA" sign free
ok "signs with P-256" sign freeec
ok "a mail comes back" mail_comes_back free
ok "a mail to the P-256 key comes back" mail_comes_back freeec
ok "an agent that has a name for it" use_database "$work/open" "dbTokenDescription='My database'"
ok "shows that" token_count "My database" 1
ok "lock does no harm" eval 'smime lock && sign free'

ok "an agent with a database that is not there" use_database "$work/nothing"
ok "says that it has none" wait_for module_is failed database
ok "and goes on with its other modules" wait_for module_is ready beside
finish
