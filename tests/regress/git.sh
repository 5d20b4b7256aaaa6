#!/bin/sh
# SPDX-License-Identifier: ISC
# git signs commits and tags with a token's key, and verifies them.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v git >/dev/null || plan_skip "git is not installed"
. "$srcdir/tests/regress/gpgsm-lib.sh"
. "$srcdir/tests/regress/mutt-lib.sh"
export GIT_TERMINAL_PROMPT=0 DISPLAY=:7
repo=$work/repo

configure() {
	smime setup git --yes --program "$builddir/smime-gpgsm" && [ "$(git config gpg.format)" = x509 ] &&
		[ "$(git config gpg.x509.program)" = "$builddir/smime-gpgsm" ] && git config --global user.name "Rsa User" && git config --global user.email rsa@example.org &&
		git config --global init.defaultBranch main && git config --global commit.gpgSign true && git init -q "$repo"
}
commit() { # MESSAGE OPTIONS...
	message=$1
	shift
	timeout 60 git -C "$repo" commit -q --allow-empty -m "$message" "$@"
}
# What git signs, and the signature, verified by openssl.
commit_is_signed_by() { # REVISION CERTIFICATE
	git -C "$repo" cat-file commit "$1" >"$work/object" &&
		sed -n '/^gpgsig /,/END SIGNED/p' "$work/object" | sed 's/^gpgsig //; s/^ //; s/SIGNED MESSAGE/CMS/' >"$work/sig.pem" &&
		sed '/^gpgsig /,/END SIGNED/d' "$work/object" >"$work/payload" && signed_by "$2"
}
tag_is_signed_by() { # TAG CERTIFICATE
	git -C "$repo" cat-file tag "$1" >"$work/object" &&
		sed -n '/BEGIN SIGNED/,$p' "$work/object" | sed 's/SIGNED MESSAGE/CMS/' >"$work/sig.pem" &&
		sed '/BEGIN SIGNED/,$d' "$work/object" >"$work/payload" && signed_by "$2"
}
signed_by() {
	openssl cms -verify -inform PEM -in "$work/sig.pem" -content "$work/payload" -binary -CAfile "$work/ca.pem" \
		-signer "$work/signer.pem" -out /dev/null && openssl x509 -in "$work/signer.pem" -outform DER >"$work/a" &&
		openssl x509 -in "$work/$1.pem" -outform DER | cmp - "$work/a"
}
tag() { # NAME KEY
	timeout 60 git -C "$repo" tag -s -u "$2" -m "$1" "$1"
}
pins() {
	[ "$(grep -c GETPIN "$HOME/pinentry.log")" = "$1" ]
}
fails() { # nothing is made then
	before=$(git -C "$repo" rev-parse HEAD)
	! "$@" && [ "$(git -C "$repo" rev-parse HEAD)" = "$before" ]
}
rebases() { # 40 commits, signed anew
	for i in $(seq 40); do
		git -C "$repo" -c commit.gpgSign=false commit -q --allow-empty -m "change $i" || return
	done
	timeout 300 git -C "$repo" rebase -q --force-rebase -S HEAD~40 &&
		[ "$(git -C "$repo" log -40 --format=%H | while read -r commit; do
			git -C "$repo" cat-file commit "$commit" | grep -c '^gpgsig '
		done | sort -u)" = 1 ] && commit_is_signed_by HEAD rsa && commit_is_signed_by HEAD~39 rsa
}

# verified WANTED REVISION: what git says of it (%G?), and verify-commit's status.
verified() {
	said=$(git -C "$repo" log -1 --format='%G? %GS %GF' "$2")
	echo "$said"
	case $said in "$1"*) ;; *) return 1 ;; esac
	if [ "${1%% *}" = G ]; then
		git -C "$repo" verify-commit "$2"
	else
		! git -C "$repo" verify-commit "$2"
	fi
}
altered() { # a commit with another message and the old signature
	git -C "$repo" cat-file commit HEAD | sed 's/^change 40$/changed 40/' >"$work/object" && grep -q '^changed' "$work/object" &&
		bad=$(git -C "$repo" hash-object -t commit -w "$work/object") && verified B "$bad"
}
unsigned() {
	git -C "$repo" -c commit.gpgSign=false commit -q --allow-empty -m unsigned && verified N HEAD
}
foreign() { # signed by a key that nobody vouches for
	git -C "$repo" cat-file commit HEAD >"$work/payload"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/evil.key" -out "$work/evil.pem" -subj /CN=rsa \
		-addext subjectAltName=email:rsa@example.org 2>/dev/null
	openssl cms -sign -binary -in "$work/payload" -signer "$work/evil.pem" -inkey "$work/evil.key" -outform PEM -out "$work/sig" &&
		{
			sed '/^$/,$d' "$work/payload"
			sed 's/CMS/SIGNED MESSAGE/; 1s/^/gpgsig /; 2,$s/^/ /' "$work/sig"
			sed -n '/^$/,$p' "$work/payload"
		} >"$work/object" && evil=$(git -C "$repo" hash-object -t commit -w "$work/object") && ! verified G "$evil"
}

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "configure git" configure
echo "$PIN" >"$HOME/pinentry"
printf '[user]\n\tname = before' >"$work/before"
undone() { # in a configuration that ends without a line end
	cp "$work/before" "$work/other" && GIT_CONFIG_GLOBAL=$work/other smime setup git --yes --program "$builddir/smime-gpgsm" &&
		[ "$(GIT_CONFIG_GLOBAL=$work/other git config user.name)" = before ] &&
		[ "$(GIT_CONFIG_GLOBAL=$work/other git config gpg.format)" = x509 ] &&
		GIT_CONFIG_GLOBAL=$work/other smime setup git --undo --program "$builddir/smime-gpgsm" && cmp "$work/before" "$work/other"
}
ok "is undone to the byte" undone
ok "a commit with the committer's key" commit one
ok "is signed" commit_is_signed_by HEAD rsa
ok "after a PIN" pins 1
ok "a commit with another's key" commit two -Sp256@example.org
ok "is signed by that" commit_is_signed_by HEAD p256
ok "a commit with a fingerprint" commit three "-S$(sha1 "$work/p256.pem")"
ok "a commit with a key ID" commit four "-S0x$(sha1 "$work/p256.pem" | cut -c33-)"
ok "is signed by that" commit_is_signed_by HEAD p256
ok "a commit with a SHA-256 fingerprint" commit five "-S$(smime keys --json | /usr/bin/python3 -c '
import json, sys
print([key["fingerprint"] for key in json.load(sys.stdin) if key["label"] == "p256"][0])')"
ok "is signed by that" commit_is_signed_by HEAD p256
ok "a tag" tag v1 rsa@example.org
ok "is signed" tag_is_signed_by v1 rsa
ok "a tag with P-256" tag v2 p256@example.org
ok "is signed" tag_is_signed_by v2 p256
ok "a rebase of 40 commits" rebases
ok "with one PIN in all" pins 1
trusting() {
	write_conf "trust-anchors $work/ca.pem" && smime agent reload
}
ok "the test's root is trusted" trusting
ok "git verifies a commit" verified "G CN=rsa,O=Test $(sha1 "$work/rsa.pem")" HEAD
ok "and all of the rebase" [ "$(git -C "$repo" log -40 --format='%G?' | sort -u)" = G ]
ok "and one with P-256" verified "G CN=p256,O=Test" HEAD~41
ok "and a tag" git -C "$repo" verify-tag v1
ok "an altered commit is bad" altered
ok "one without a signature has none" unsigned
ok "one whose signer nobody vouches for is not good" foreign
ok "a key that is none: no commit" fails commit none -Snobody@example.org
ok "two that fit: no commit" fails commit none -Sexample.org
ok "lock" smime lock
echo CANCEL >"$HOME/pinentry"
ok "a person who does not want to: no commit" fails commit none
echo 0000 >"$HOME/pinentry"
ok "a wrong PIN: no commit" fails commit none
on_terminal() { # where git gives it pipes alone: the pinentry is told which terminal it is on
	echo "$PIN" >"$HOME/pinentry"
	: >"$HOME/pinentry.log"
	run_in_terminal "env -u DISPLAY git -C '$repo' commit -q --allow-empty -m terminal"
	wait_for sh -c "git -C '$repo' log -1 --format=%s | grep -qx terminal" && grep 'OPTION ttyname=/dev/pts/' "$HOME/pinentry.log"
	result=$?
	end_terminal
	return $result
}
if command -v tmux >/dev/null; then
	ok "the PIN is asked for on git's terminal" on_terminal
else
	skip "the PIN is asked for on git's terminal" "tmux is not installed"
fi
finish
