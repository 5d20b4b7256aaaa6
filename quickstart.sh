#!/bin/sh
# SPDX-License-Identifier: ISC
# On a bare Debian 13 or 12: installs what is needed, builds, makes a demonstration token, signs a mail
# with it and decrypts one. Touches nothing but the packages and the folder demo/ beside it.
set -eu
cd "$(dirname "$0")"
. ./tests/packages.sh
find_place quickstart.sh
top=$PWD
demo=$top/demo

step() {
	printf '\n== %s\n' "$*"
}

step "packages"
need $build_packages $run_packages

step "building (demo/build)"
mkdir -p "$demo/build"
[ -e configure ] || ./autogen.sh >"$demo/build/autogen.log" 2>&1 || { cat "$demo/build/autogen.log"; exit 1; }
cd "$demo/build"
[ -e Makefile ] || "$top/configure" --prefix="$demo/installed" >configure.out 2>&1 || { tail configure.out; exit 1; }
make -s -j"$(nproc)" >make.out 2>&1 || { tail -n 30 make.out; exit 1; }
make -s install >install.out 2>&1 || { tail -n 30 install.out; exit 1; }
cd "$demo"
PATH=$demo/installed/bin:$PATH

# A world of its own: socket, configuration and token store are below demo/. Sockets have short
# paths, so that one is in a folder that goes with this script.
run=$(mktemp -d /tmp/smime-demo.XXXXXX)
export XDG_RUNTIME_DIR=$run XDG_CONFIG_HOME=$demo/config XDG_DATA_HOME=$demo/data SOFTHSM2_CONF=$demo/softhsm2.conf
unset SMIME_AGENT_SOCKET SMIME_AGENT_PROGRAM SMIME_AGENT_LIBEXEC 2>/dev/null || true
trap 'smime agent stop >/dev/null 2>&1 || true; rm -rf "$run"' EXIT
rm -rf tokens config data mail
mkdir -p tokens config/smime-agent mail
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$demo/tokens" >softhsm2.conf
module=$(ls /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so 2>/dev/null | head -n 1)
cat >config/smime-agent/agent.conf <<END
module $module
log-file $demo/agent.log
END
umask 077
printf '87654321\n1234\n' >new-pins
printf '1234\n' >pin

step "an agent, and a token with a key that is born on it"
smime agent start
smime token init --label Demo --pin-fd 3 3<new-pins
smime token keygen --token Demo --label alice --type rsa:2048 --pin-fd 3 3<pin
smime token csr --token Demo --label alice --subject "/O=Demo/CN=Alice" --address alice@example.org \
	--pin-fd 3 3<pin >alice.csr

step "a certificate from a demonstration CA"
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj "/O=Demo/CN=Demo CA" -days 30 2>/dev/null
cat >ext <<END
subjectAltName=email:alice@example.org
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=emailProtection
END
openssl x509 -req -in alice.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out alice.pem 2>/dev/null
smime token import-cert --token Demo --pin-fd 3 alice.pem 3<pin
smime keys
smime unlock --pin-fd 3 3<pin

step "signing a mail; openssl verifies it"
cat >mail/plain.eml <<END
From: Alice <alice@example.org>
To: Bob <bob@example.org>
Subject: signed on a token
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Hello Bob, the key of this signature has never left its token.
END
smime sign -o mail/signed.eml mail/plain.eml
openssl cms -verify -in mail/signed.eml -CAfile ca.pem

step "openssl encrypts a mail to the key; the agent decrypts it"
openssl cms -encrypt -aes-256-gcm -in mail/plain.eml -out mail/encrypted.eml alice.pem
smime decrypt -o mail/decrypted.eml mail/encrypted.eml
cat mail/decrypted.eml
tr -d '\r' <mail/decrypted.eml | cmp - mail/plain.eml

cat <<END

== done
Built and installed below demo/installed; the token, its CA, the mails and the agent's log are in
demo/. The private key was made on the token and stayed there; the PIN went from a file straight to
the agent.

With your own card (put demo/installed/bin into PATH, or \`make install\` somewhere better):
  smime tokens                  the cards and tokens that p11-kit knows
  smime keys                    their certificates
  smime sign mail.eml           asks for the PIN, once
  smime decrypt encrypted.eml
A module that p11-kit does not know goes into ~/.config/smime-agent/agent.conf: module /path/to/it.so
END
