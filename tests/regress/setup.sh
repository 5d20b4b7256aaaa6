#!/bin/sh
# SPDX-License-Identifier: ISC
# smime setup: other programs' configuration, shown, changed once, and changed back.
. "$(dirname "$0")/lib.sh"
module=/opt/a/smime-agent-pkcs11.so

profile() { # FOLDER: as a Mozilla program leaves it
	mkdir -p "$HOME/$1/abc.default" && printf '[Profile0]\nName=default\nIsRelative=1\nPath=abc.default\n' >"$HOME/$1/profiles.ini" &&
		certutil -N -d "sql:$HOME/$1/abc.default" --empty-password
}
set_up() {
	smime setup "$@" --module "$module"
}
shows() {
	set_up "$1" >"$work/list" && grep -q "would add" "$work/list" && grep -q "$module" "$work/list" && cmp "$2" "$work/before"
}
sets_up() {
	set_up "$1" --yes >"$work/list" && grep -q ': added' "$work/list" && grep -q "$module" "$2"
}
again() {
	cp "$2" "$work/after" && set_up "$1" --yes >"$work/list" && grep -q 'nothing to do' "$work/list" && cmp "$2" "$work/after"
}
undoes() {
	set_up "$1" --undo >"$work/list" && grep -q ': removed' "$work/list" && cmp "$2" "$work/before" &&
		set_up "$1" --undo >"$work/list" && grep -q 'nothing to do' "$work/list"
}
lists() { # CLIENT STATE
	smime setup --module "$module" >"$work/list" && grep -q "^$1  *$2 " "$work/list"
}
nss_reads() { # FOLDER
	modutil -dbdir "sql:$1" -list >"$work/list" && grep -q "smime-agent" "$work/list" &&
		grep -q "library name: $module" "$work/list" && grep -q 'NSS Internal PKCS #11 Module' "$work/list"
}

ok "without any program: nothing is set up" lists ssh 'not set up'
ok "a program without a profile is said to have none" says 'start it once' 3 set_up thunderbird --yes
for client in thunderbird:.thunderbird firefox:.mozilla/firefox evolution:.pki/nssdb; do
	folder=$HOME/${client#*:}
	client=${client%%:*}
	if [ $client = evolution ]; then
		ok "$client: a database" sh -c "mkdir -p '$folder' && certutil -N -d 'sql:$folder' --empty-password"
	else
		ok "$client: a profile" profile "${folder#"$HOME/"}"
		folder=$folder/abc.default
	fi
	file=$folder/pkcs11.txt
	cp "$file" "$work/before"
	ok "$client: it is not set up" lists $client 'not set up'
	ok "$client: shows what it would do, and does nothing" shows $client "$file"
	ok "$client: does it" sets_up $client "$file"
	ok "$client: NSS reads it" nss_reads "$folder"
	ok "$client: it is set up" lists $client 'set up'
	ok "$client: a second time changes nothing" again $client "$file"
	ok "$client: takes it back, to the byte" undoes $client "$file"
done
odd_ends() { # to the byte, whatever the file ends with
	file=$HOME/.pki/nssdb/pkcs11.txt
	cp "$file" "$work/whole" || return
	for end in '' '\n' '\n\n' '\n\n\n'; do
		printf "library=\nname=first\nlibrary=/usr/lib/a.so\nname=a$end" >"$work/before" && cp "$work/before" "$file" &&
			set_up evolution --yes >"$work/list" && nss_reads_stanza && set_up evolution --undo >"$work/list" &&
			cmp "$file" "$work/before" || return
	done
	cp "$work/whole" "$file"
}
nss_reads_stanza() { # one of its own, with empty lines around it
	awk -v RS= -v module="$module" '$1 == "library=" module && $2 == "name=smime-agent" && NF == 2 { found = 1 }
		END { exit !found }' "$file"
}
ok "to the byte, however the file ends" odd_ends
foreign_stanzas() {
	file=$HOME/.pki/nssdb/pkcs11.txt
	set_up evolution --yes && printf 'library=/usr/lib/other.so\nname=other\n\n' >>"$file" && set_up evolution --undo &&
		grep -q 'name=other' "$file" && ! grep -q "$module" "$file" && sed -i '/other/d' "$file" &&
		printf 'library=%s\nname=mine\n' "$module" >>"$file" && says 'by hand' 3 set_up evolution --undo && grep -q 'name=mine' "$file" &&
		sed -i '/name=mine/d; /smime-agent-pkcs11/d' "$file"
}
ok "stanzas that are not ours stay" foreign_stanzas
ok "chromium has evolution's database" set_up chromium
chromium_of_its_own() {
	mkdir -p "$HOME/.local/share/pki/nssdb" && certutil -N -d "sql:$HOME/.local/share/pki/nssdb" --empty-password &&
		set_up chromium --yes && nss_reads "$HOME/.local/share/pki/nssdb" && nss_reads "$HOME/.pki/nssdb" &&
		! set_up evolution --yes | grep local/share && set_up chromium --undo && rm -r "$HOME/.local/share/pki"
}
ok "or one of its own" chromium_of_its_own
# A profile elsewhere, by its whole path, beside one that was never used and a section that is none.
other_profiles() {
	mkdir -p "$HOME/elsewhere" && certutil -N -d "sql:$HOME/elsewhere" --empty-password &&
		printf '[Install1]\nDefault=abc.default\n[Profile1]\nName=far\nIsRelative=0\nPath=%s\r\n[Profile2]\nPath=never.used\n' \
			"$HOME/elsewhere" >>"$HOME/.mozilla/firefox/profiles.ini" && set_up firefox --yes &&
		nss_reads "$HOME/elsewhere" && nss_reads "$HOME/.mozilla/firefox/abc.default" && set_up firefox --undo &&
		! nss_reads "$HOME/elsewhere"
}
ok "every profile, by relative and absolute paths" other_profiles
walled() { # CLIENT FOLDER: of a snap or a flatpak
	profile "$2" && smime setup "$1" --yes >"$work/list" && grep -q "$HOME/$2/.*: left alone" "$work/list" &&
		! grep -q library=/ "$HOME/$2/abc.default/pkcs11.txt" && smime setup "$1" --undo && set_up "$1" --yes &&
		nss_reads "$HOME/$2/abc.default" && set_up "$1" --undo && ! nss_reads "$HOME/$2/abc.default" && rm -r "$HOME/$2"
}
only_walled() {
	mv "$HOME/.mozilla" "$HOME/.was" && profile snap/firefox/common/.mozilla/firefox &&
		says 'snap or flatpak' 3 smime setup firefox --yes && rm -r "$HOME/snap" && mv "$HOME/.was" "$HOME/.mozilla"
}
ok "a snap's Thunderbird is found, and left alone but with --module" walled thunderbird snap/thunderbird/common/.thunderbird
ok "a flatpak's Firefox as well" walled firefox .var/app/org.mozilla.firefox/.mozilla/firefox
ok "with nothing else there, it is said" only_walled
ln -s "127.0.0.1:+$$" "$HOME/.thunderbird/abc.default/lock"
ok "not while the program runs" says 'end it first' 3 set_up thunderbird --yes
ln -sf "127.0.0.1:+999999999" "$HOME/.thunderbird/abc.default/lock"
ok "a lock of a program that went is none" set_up thunderbird --yes

printf 'Host *.example.org\n  User alice\n' >"$work/before"
mkdir -m 700 "$HOME/.ssh"
cp "$work/before" "$HOME/.ssh/config"
chmod 600 "$HOME/.ssh/config"
ssh_reads() { # HOST: it has the module, and the rest of the configuration
	ssh -G -F "$HOME/.ssh/config" "$1" >"$work/list" && grep -q "^pkcs11provider $module" "$work/list"
}
ok "ssh: shows" shows ssh "$HOME/.ssh/config"
ok "ssh: does it" sets_up ssh "$HOME/.ssh/config"
ok "ssh: for a host that the configuration names" ssh_reads a.example.org
ok "ssh: which has what it had" grep -q '^user alice' "$work/list"
ok "ssh: for any other" ssh_reads other.test
ok "ssh: a second time changes nothing" again ssh "$HOME/.ssh/config"
ok "ssh: the file's mode is kept" [ "$(stat -c %a "$HOME/.ssh/config")" = 600 ]
ok "ssh: takes it back, to the byte" undoes ssh "$HOME/.ssh/config"
no_line_end() {
	printf 'Host a\n  User b' >"$HOME/.ssh/config" && cp "$HOME/.ssh/config" "$work/open" && set_up ssh --yes &&
		ssh_reads a && set_up ssh --yes | grep 'nothing to do' && set_up ssh --undo && cmp "$HOME/.ssh/config" "$work/open"
}
ok "ssh: nor is a line end left that was not there" no_line_end
own_providers() {
	printf 'Host work\n  PKCS11Provider /usr/lib/other.so\nHost plain\n  PKCS11Provider none' >"$HOME/.ssh/config"
	set_up ssh --yes && ssh -G -F "$HOME/.ssh/config" work | grep '^pkcs11provider /usr/lib/other.so' &&
		ssh -G -F "$HOME/.ssh/config" plain | grep -v "^pkcs11provider $module" >/dev/null && ssh_reads other.test
}
other_path() {
	smime setup ssh --yes --module "/opt/my dir/new#.so" && ssh -G -F "$HOME/.ssh/config" other.test >"$work/list" &&
		grep -q '^pkcs11provider /opt/my dir/new#.so' "$work/list" && [ "$(grep -c begin "$HOME/.ssh/config")" = 1 ]
}
by_hand() {
	sed -i '/: end/d' "$HOME/.ssh/config"
	says 'by hand' 3 smime setup ssh --undo --module "/opt/my dir/new#.so"
}
ok "ssh: a host's own provider stays" own_providers
ok "ssh: another path takes the place of the one before" other_path
ok "ssh: a block that was changed by hand is left to the hand" by_hand
rm -r "$HOME/.ssh"
ok "ssh: without a configuration, one is made" set_up ssh --yes
ok "ssh: nobody else reads it" [ "$(stat -c %a%a "$HOME/.ssh" "$HOME/.ssh/config" | tr -d '\n')" = 700700600600 ]
made_file_goes() {
	set_up ssh --undo && [ ! -e "$HOME/.ssh/config" ] && set_up ssh --yes
}
ok "ssh: a file that was made goes again" made_file_goes

run_smime() {
	smime setup "$@" --program /opt/a/smime
}
mutt_like() { # PROGRAM FILE
	printf 'set realname=Alice\n' >"$2" && cp "$2" "$work/before" && run_smime "$1" >"$work/list" && grep -q 'would add' "$work/list" &&
		cmp "$2" "$work/before" && run_smime "$1" --yes && "$1" -Q smime_sign_command | grep '/opt/a/smime.* sign --raw --crlf --no-gcm' &&
		"$1" -Q realname | grep Alice && "$1" -Q smime_decrypt_command | grep '/opt/a/smime.* decrypt' &&
		cp "$2" "$work/after" && run_smime "$1" --yes | grep 'nothing to do' && cmp "$2" "$work/after" &&
		run_smime "$1" --undo && cmp "$2" "$work/before" && rm "$2"
}
for program in mutt:.muttrc neomutt:.neomuttrc; do
	if command -v ${program%:*} >/dev/null; then
		ok "${program%:*}: shows, does, reads, changes nothing twice, takes back to the byte" mutt_like ${program%:*} "$HOME/${program#*:}"
	else
		skip "${program%:*}: set up and taken back" "${program%:*} is not installed"
	fi
done
one_file_of_both() {
	printf 'set realname=Alice' >"$HOME/.muttrc" && cp "$HOME/.muttrc" "$work/before" && run_smime mutt --yes &&
		run_smime neomutt --yes | grep 'nothing to do' && run_smime neomutt --undo && cmp "$HOME/.muttrc" "$work/before" && rm "$HOME/.muttrc"
}
ok "mutt and neomutt: one file of both has one block" one_file_of_both
ok "mutt: a program with a quote in its name is refused" status 2 smime setup mutt --program '/opt/"a/smime'

json() {
	smime setup --json --module "$module" | /usr/bin/python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert {"client": "ssh", "path": sys.argv[1], "state": "set-up"} in rows, rows' "$HOME/.ssh/config"
}
ok "--json" json
ok "an unknown client" status 2 set_up pine
installed=$(printf 'include %s/Makefile\nsay:;@echo $(pkcs11dir)\n' "$builddir" | make -s --no-print-directory -C "$builddir" -f - say)/smime-agent-pkcs11.so
if [ -e "$installed" ]; then
	skip "a module that is not installed is told" "it is installed here"
else
	ok "a module that is not installed is told" says "$installed is not there: install smime-agent-p11" 0 smime setup ssh
fi
ok "not where another one is named" eval 'smime setup ssh --module "$module" 2>"$work/said" && [ ! -s "$work/said" ]'
ok "--yes wants a client" status 2 smime setup --yes
chmod 000 "$HOME/.ssh/config"
if [ "$(id -u)" = 0 ]; then
	skip "a file that cannot be read is an error" "root reads everything"
else
	ok "a file that cannot be read is an error" status 3 set_up ssh --yes
fi
chmod 600 "$HOME/.ssh/config"
printf 'a\0b' >"$HOME/.ssh/config"
ok "a file that is no text is left alone" status 3 set_up ssh --yes
finish
