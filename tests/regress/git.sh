#!/bin/sh
# SPDX-License-Identifier: ISC
# git signs commits and tags with a token's key.
. "$(dirname "$0")/lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"
command -v git >/dev/null || plan_skip "git is not installed"
. "$srcdir/tests/regress/gpgsm-lib.sh"
export GIT_TERMINAL_PROMPT=0 GPG_TTY=/dev/pts/0
repo=$work/repo

configure() {
	git config --global gpg.format x509 && git config --global gpg.x509.program "$builddir/smime-gpgsm" &&
		git config --global user.name "Rsa User" && git config --global user.email rsa@example.org &&
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

ok "initialise a token" make_token Demo
ok "make an RSA key" make_key Demo rsa rsa:2048
ok "make a P-256 key" make_key Demo p256 ec:P-256
ok "configure git" configure
echo "$PIN" >"$HOME/pinentry"
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
ok "a key that is none: no commit" fails commit none -Snobody@example.org
ok "two that fit: no commit" fails commit none -Sexample.org
ok "lock" smime lock
echo CANCEL >"$HOME/pinentry"
ok "a person who does not want to: no commit" fails commit none
echo 0000 >"$HOME/pinentry"
ok "a wrong PIN: no commit" fails commit none
finish
