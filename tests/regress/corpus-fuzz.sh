#!/bin/sh
# SPDX-License-Identifier: ISC
# Someone sends what OpenSSL's fuzzer found, hundreds of messages one after the other: each gets a
# plain no (or a yes), and the agent is none the worse for it.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
[ -d "$corpus/openssl-fuzz/cms" ] || plan_skip "no corpus at $corpus (see SMIME_CORPUS)"

mail_header="Content-Type: application/pkcs7-mime; smime-type=enveloped-data
Content-Transfer-Encoding: binary
"

# all ARGUMENTS...: every input through `smime decrypt`; only 0 (done) and 1 (no) are answers.
all() {
	bad=0
	for file in "$corpus"/openssl-fuzz/cms/*; do
		smime decrypt "$@" -o "$work/plain" "$file" 2>"$work/said"
		got=$?
		[ "$got" -le 1 ] && continue
		echo "${file##*/}: status $got: $(cat "$work/said")" >&2
		bad=1
	done
	return $bad
}

some_as_mails() {
	bad=0
	for file in "$corpus"/openssl-fuzz/cms/*0; do
		printf '%s\n' "$mail_header" | cat - "$file" | smime decrypt >/dev/null 2>"$work/said"
		got=$?
		[ "$got" -le 1 ] && continue
		echo "${file##*/}: status $got: $(cat "$work/said")" >&2
		bad=1
	done
	return $bad
}

descriptors() {
	ls "/proc/$pid/fd" | wc -l
}

children() {
	wc -w <"/proc/$pid/task/$pid/children"
}

at_rest() {
	# A worker may have been on its way when the first count was made; a leak is one for each request.
	[ "$(descriptors)" -le $((fds_before + 2)) ] && [ "$(children)" -le $((children_before + 1)) ]
}

same_agent() {
	[ -n "$pid" ] && [ "$(agent_pid)" = "$pid" ]
}

nobody_died() {
	! grep 'died of signal' "$work/agent.log"
}

decrypts() {
	openssl cms -encrypt -binary -aes256 -outform DER -in "$work/mail.eml" -out "$work/c.der" "$work/rsa.pem" &&
		smime decrypt --raw -o "$work/plain" "$work/c.der" && cmp "$work/plain" "$work/mail.eml"
}

write_mail "$work/mail.eml"
ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "unlock" unlock
ok "decrypt a message" decrypts
pid=$(agent_pid)
fds_before=$(descriptors)
children_before=$(children)
ok "every input gets an answer" all --raw
ok "every input gets an answer when a key is named" all --raw -k rsa
ok "some get an answer as the body of a mail, from a pipe" some_as_mails
ok "no worker died of a signal" nobody_died
ok "the same agent answers" same_agent
ok "it still decrypts" decrypts
ok "no descriptor and no process is left behind" wait_for at_rest
echo "# $fds_before descriptors, $children_before processes before; $(descriptors), $(children) after"
finish
