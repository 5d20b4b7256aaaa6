#!/bin/sh
# SPDX-License-Identifier: ISC
# Tokens that do only part of what is wanted, or do it wrong: what can be done is, and what comes out is
# right or an error.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
. "$srcdir/tests/regress/fault.sh"
DEATHS_EXPECTED=yes # token processes are killed, so that they ask the module anew what it can

echo "bytes to sign" >"$work/bytes"

# CKM_RSA_X_509, CKM_RSA_PKCS_PSS, CKM_RSA_PKCS_OAEP
raw=0x3 pss=0xd oaep=0x9

without() { # MECHANISM...
	hidden=
	for mechanism in "$@"; do
		hidden="$hidden|C_GetMechanismList hide=$mechanism"
	done
	(IFS='|' && rules ${hidden#|})
	process_dies && unlock
}

sign() { # KEY OPTIONS...
	key=$1
	shift
	rm -f "$work/s.der"
	smime sign -k "$key" --raw "$@" -o "$work/s.der" "$work/bytes" &&
		openssl cms -verify -inform DER -in "$work/s.der" -content "$work/bytes" -binary \
			-CAfile "$work/ca.pem" -out /dev/null
}

# By the token without PSS: what is signed is the whole block.
signs_pss() {
	sign rsa --pss && openssl cms -cmsout -print -noout -inform DER -in "$work/s.der" | grep -q 'rsassaPss' &&
		sign rsa --pss --digest sha512 && sign rsa1 --pss --digest sha384
}

decrypts() { # OPTIONS...: of openssl cms -encrypt
	openssl cms -encrypt -binary -in "$work/bytes" -outform DER -out "$work/encrypted.der" -aes256 \
		-recip "$work/rsa.pem" "$@" && rm -f "$work/decrypted" &&
		smime decrypt --raw -o "$work/decrypted" "$work/encrypted.der" && cmp "$work/decrypted" "$work/bytes"
}

# wrong KEY: the signature is thrown away, and the next one is right. The worker's words are in the log when the broker
# has read them.
wrong() {
	rules "C_Sign corrupt 1"
	: >"$work/agent.log"
	says "the token or its module reported a failure" 3 smime sign -k "$1" --raw -o "$work/w.der" "$work/bytes" &&
		[ ! -e "$work/w.der" ] && wait_for grep -q "gave a wrong signature" "$work/agent.log" && sign "$1"
}

# Where the token may have failed, or the padding been wrong, the content is gone through with a random key, and one
# time in 256 it would end as content does.
never_garbage() {
	openssl cms -encrypt -binary -in "$work/bytes" -outform DER -out "$work/encrypted.der" -aes128 "$work/rsa.pem" &&
		rules "C_GetMechanismList hide=$raw" "C_Decrypt rv=0x5" || return
	/usr/bin/python3 - "$work/encrypted.der" <<-'END'
		import array, os, socket, sys
		agent = socket.socket(socket.AF_UNIX)
		agent.settimeout(120)
		agent.connect(os.environ["SMIME_AGENT_SOCKET"])
		replies = agent.makefile("rb")
		def ask(line, fd=None):
		    rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
		    agent.sendmsg([line + b"\n"], rights)
		    said = b"S"
		    while not said.startswith((b"OK", b"ERR")):
		        said = replies.readline()
		    return said
		replies.readline()
		answers = set()
		for number in range(2000):
		    with open(sys.argv[1], "rb") as message, open("/dev/null", "wb") as nowhere:
		        ask(b"INPUT FD", message.fileno())
		        ask(b"OUTPUT FD", nowhere.fileno())
		        answers.add(ask(b"DECRYPT"))
		sys.exit(len(answers) != 1 or not answers.pop().endswith(b" Decryption failed <User defined source 1>\n"))
	END
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make an RSA-3072 key" make_key Demo rsa1 rsa:3072
ok "make a P-256 key" make_key Demo ec ec:P-256
ok "unlock" unlock

ok "an RSA signature that is wrong is thrown away" wrong rsa
ok "an ECDSA signature that is wrong is thrown away" wrong ec

ok "a token without PSS" without $pss
ok "signs with PSS all the same, by its raw RSA" signs_pss
ok "and with PKCS#1" sign rsa
ok "a wrong PSS signature is thrown away" wrong rsa
ok "a token without PSS and raw RSA" without $pss $raw
ok "refuses PSS" says "does not offer the mechanism" 3 smime sign -k rsa --pss --raw -o "$work/s.der" "$work/bytes"
ok "signs with PKCS#1" sign rsa
ok "decrypts with PKCS#1" decrypts
ok "decrypts with OAEP and SHA-1" decrypts -keyopt rsa_padding_mode:oaep
ok "what it failed at is in 2000 times never told as decrypted" never_garbage
ok "a token with nothing but PKCS#1" without $pss $raw $oaep
ok "cannot do OAEP, and says so" says "does not offer the mechanism" 3 decrypts -keyopt rsa_padding_mode:oaep
ok "decrypts with PKCS#1 even so" decrypts
finish
