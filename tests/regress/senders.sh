#!/bin/sh
# SPDX-License-Identifier: ISC
# Real programs that hand their mail to smime sendmail, which hands it to a sink, or to msmtp and a mail server.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mutt-lib.sh"
[ -n "$softhsm" ] || plan_skip "SoftHSM is not installed"

export SINK=$work/sink
sink=$srcdir/tests/regress/sink.sh
mkdir "$SINK" "$work/server"
/usr/bin/python3 "$srcdir/tests/clients/smtp_sink.py" "$work/server" &
server=$!
trap 'kill $server; wait $server; end_terminal; cleanup' EXIT

ok "a token" make_token Demo
ok "Alice's key" make_key Demo alice rsa:2048
ok "it is unlocked" unlock
# As it is installed: a name for it that needs no word more.
printf '#!/bin/sh\nexec "%s" sendmail "$@"\n' "$(command -v smime)" >"$work/smime-sendmail"
chmod +x "$work/smime-sendmail"
deliver_to() { # PROGRAM
	printf 'sendmail-program %s\n' "$1" >"$XDG_CONFIG_HOME/smime-agent/smime.conf"
}
deliver_to "$sink"
fresh() {
	rm -rf "$SINK" && mkdir "$SINK"
}
verified() { # FILE TEXT
	openssl cms -verify -in "$1" -CAfile "$work/ca.pem" -out "$work/verified" && tr -d '\r' <"$work/verified" | grep -q -- "$2"
}
set_up() { # CLIENT FILE: added, twice the same; the file before is $work/before
	rm -f "$work/before"
	[ ! -e "$2" ] || cp "$2" "$work/before"
	smime setup "$1" --program "$work/smime-sendmail" >"$work/list" && grep -q 'would add' "$work/list" &&
		smime setup "$1" --yes --program "$work/smime-sendmail" && cp "$2" "$work/after" &&
		smime setup "$1" --yes --program "$work/smime-sendmail" | grep 'nothing to do' && cmp "$2" "$work/after"
}
undo() { # CLIENT FILE
	smime setup "$1" --undo --program "$work/smime-sendmail" || return
	if [ -e "$work/before" ]; then cmp "$2" "$work/before"; else [ ! -e "$2" ]; fi
}

# mailx, of which there are two.
mail_with() { # PROGRAM OPTIONS...
	program=$1
	shift
	fresh && printf 'Hello.\n.\nThe end.\n' | MAILRC=$HOME/.mailrc "$program" "$@" -s "a test" bob@example.net && wait_for test -s "$SINK/1.mail" &&
		verified "$SINK/1.mail" 'Hello'
}
ok "mailx: is set up" set_up mailx "$HOME/.mailrc"
for program in bsd-mailx s-nail; do
	if command -v $program >/dev/null; then
		ok "$program: its mail is signed" mail_with $program -r alice@example.org
	else
		skip "$program: its mail is signed" "$program is not installed"
	fi
done
ok "mailx: is taken back" undo mailx "$HOME/.mailrc"

# git send-email
patches() {
	git init -q "$work/repo" && cd "$work/repo" && git config user.name Alice && git config user.email alice@example.org &&
		echo one >file && git add file && git commit -qm 'one: a line' && echo two >>file && git commit -qam 'two: another' &&
		git format-patch -q -2 -o "$work/patches" --to bob@example.net --cc carol@example.net
}
sends_patches() {
	cd "$work/repo" && fresh && git send-email --quiet --confirm=never "$work/patches"/*.patch && [ "$(ls "$SINK"/*.mail | wc -l)" = 2 ] &&
		verified "$SINK/1.mail" '^+one' && verified "$SINK/2.mail" '^+two' && grep -q '^carol@example.net' "$SINK/1.args"
}
applies() {
	rm -rf "$work/other" && git init -q "$work/other" && cd "$work/other" && git config user.name Bob && git config user.email bob@example.net &&
		git am -q "$SINK/1.mail" "$SINK/2.mail" && cmp file "$work/repo/file" && git log -1 --format=%s | grep 'two: another'
}
if git send-email -h 2>&1 | grep -q 'git send-email'; then
	printf '[user]\n\tname = Alice' >"$HOME/.gitconfig"
	ok "git: a series of patches" patches
	ok "git send-email: is set up" set_up git-send-email "$HOME/.gitconfig"
	ok "git send-email: its mails are signed" sends_patches
	ok "git am: applies them" applies
	nothing_without() {
		smime lock && : >"$HOME/pinentry" && cd "$work/repo" && fresh && ! git send-email --quiet --confirm=never "$work/patches"/*.patch && ! ls "$SINK"/*.mail &&
			unlock
	}
	ok "git send-email: without a PIN it stops" nothing_without
	ok "git send-email: is taken back" undo git-send-email "$HOME/.gitconfig"
else
	skip "git send-email" "it is not installed"
fi

# Emacs: a mail is written in message mode, and sent.
emacs_writes() { # its status
	fresh && emacs --batch -l "$HOME/.emacs.d/init.el" --eval '(progn
		(setq user-full-name "Alice" user-mail-address "alice@example.org" mail-host-address "example.org")
		(message-mail "Bob <bob@example.net>" "a test")
		(message-goto-body)
		(insert "Hello.\n.\nThe end.\n")
		(message-send))' 2>"$work/said"
}
emacs_sends() {
	emacs_writes && sent_by_emacs
}
sent_by_emacs() {
	wait_for test -s "$SINK/1.mail" && [ ! -e "$SINK/2.mail" ] && verified "$SINK/1.mail" '^The end' && grep -q '^Subject: a test' "$SINK/1.mail"
}
emacs_keeps() { # what could not be signed is not sent, and Emacs says so
	smime lock && : >"$HOME/pinentry" && ! emacs_writes && grep -q 'failed with exit value 75' "$work/said" && ! ls "$SINK"/*.mail && unlock
}
if command -v emacs >/dev/null; then
	mkdir -p "$HOME/.emacs.d" && printf '(setq make-backup-files nil)\n' >"$HOME/.emacs.d/init.el"
	ok "emacs: is set up" set_up emacs "$HOME/.emacs.d/init.el"
	ok "emacs: its mail is signed" emacs_sends
	ok "emacs: without a PIN it is not sent, and Emacs says so" emacs_keeps
	ok "emacs: and then it is" emacs_sends
	ok "emacs: is taken back" undo emacs "$HOME/.emacs.d/init.el"
	rm -rf "$HOME/.emacs.d"
else
	skip "emacs" "it is not installed"
fi

# All that have a file of their own already.
together() {
	printf 'set ask\n' >"$HOME/.mailrc" && mkdir -p "$HOME/.emacs.d" && printf '(setq a 1)\n' >"$HOME/.emacs.d/init.el" && cp "$HOME/.emacs.d/init.el" "$work/init" &&
		cp "$HOME/.gitconfig" "$work/git" && smime setup sendmail --yes --program "$work/smime-sendmail" >"$work/list" && [ "$(grep -c ': added' "$work/list")" = 3 ] &&
		grep -q "sendmail-program \"$work/smime-sendmail\"" "$HOME/.emacs.d/init.el" && smime setup sendmail --undo --program "$work/smime-sendmail" &&
		cmp "$HOME/.emacs.d/init.el" "$work/init" && [ "$(cat "$HOME/.mailrc")" = 'set ask' ] && cmp "$HOME/.gitconfig" "$work/git"
}
if [ -e "$HOME/.gitconfig" ]; then
	ok "smime setup sendmail: all of them at once, and back" together
fi
rm -rf "$HOME/.mailrc" "$HOME/.emacs.d" "$HOME/.gitconfig"
ok "without any, it says so" says 'name it' 3 smime setup sendmail --yes
ok "and makes none" [ ! -e "$HOME/.mailrc" ]

# msmtp, and a server.
mail() {
	printf 'From: Alice <alice@example.org>\nTo: bob@example.net\nBcc: secret@example.net\nSubject: a test\nDate: Mon, 23 Nov 2026 12:00:00 +0000\n'
	printf 'MIME-Version: 1.0\nContent-Type: text/plain\n\nHello.\n.\n..two\nFrom here on.\nThe end.\n'
}
by_server() {
	rm -f "$work/server"/*.mail && mail | smime sendmail -i -t && wait_for test -s "$work/server/1.mail" && verified "$work/server/1.mail" '^From here on' &&
		grep -q '^\.\.two' "$work/verified" && grep -q '^secret@example.net$' "$work/server/1.args" && ! grep -i secret@ "$work/server/1.mail"
}
refused_by_server() {
	rm -f "$work/server"/*.mail && : >"$work/server/fail" && mail | status 69 smime sendmail -i -t && ! ls "$work/server"/*.mail && rm "$work/server/fail"
}
if command -v msmtp >/dev/null; then
	wait_for test -s "$work/server/port"
	printf 'account default\nhost 127.0.0.1\nport %s\nfrom alice@example.org\ntls off\nauth off\n' "$(cat "$work/server/port")" >"$HOME/.msmtprc"
	chmod 600 "$HOME/.msmtprc"
	deliver_to "$(command -v msmtp)"
	ok "msmtp: the mail is signed when it comes to the server, and Bcc is gone" by_server
	ok "msmtp: what the server refuses is the caller's, with msmtp's status" refused_by_server
else
	skip "msmtp" "it is not installed"
fi

# Programs on a terminal; the sendmail to run is in their configuration.
deliver_to "$sink"
aerc_sends() { # aerc 0.20 has no empty line between the header and that body
	mkdir -p "$XDG_CONFIG_HOME/aerc" "$HOME/Maildir/INBOX/cur" "$HOME/Maildir/INBOX/new" "$HOME/Maildir/INBOX/tmp" && fresh &&
		printf '[Alice]\nsource = maildir://%s/Maildir\noutgoing = %s\ndefault = INBOX\nfrom = Alice <alice@example.org>\n' \
			"$HOME" "$work/smime-sendmail" >"$XDG_CONFIG_HOME/aerc/accounts.conf" && chmod 600 "$XDG_CONFIG_HOME/aerc/accounts.conf" &&
		printf '[compose]\neditor=true\n' >"$XDG_CONFIG_HOME/aerc/aerc.conf" &&
		run_in_terminal aerc "'mailto:bob@example.net?subject=a%20test&body=%0AHello'" && see 'Send this email' && keys y &&
		wait_for test -s "$SINK/1.mail" && verified "$SINK/1.mail" '^Hello'
}
alpine_sends() {
	fresh && mkdir -p "$HOME/mail" &&
		printf 'personal-name=Alice\nuser-domain=example.org\nsendmail-path=%s -oem -t -oi\nlast-version-used=9.99\ndefault-fcc=""\n%s\n%s\n' "$work/smime-sendmail" \
			'feature-list=send-without-confirm,allow-changing-from,quit-without-confirm' \
			'customized-hdrs=From: Alice <alice@example.org>' >"$HOME/.pinerc" &&
		run_in_terminal alpine -p "$HOME/.pinerc" bob@example.net && see 'COMPOSE MESSAGE' && keys Down Down Down Down && keys Hello && see '^Hello' &&
		keys C-x && wait_for test -s "$SINK/1.mail" && verified "$SINK/1.mail" '^Hello'
}
for program in aerc alpine; do
	if command -v $program >/dev/null && command -v tmux >/dev/null; then
		ok "$program: its mail is signed" ${program}_sends
	else
		skip "$program: its mail is signed" "$program or tmux is not installed"
	fi
done
finish
