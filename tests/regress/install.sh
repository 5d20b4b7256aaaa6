#!/bin/sh
# SPDX-License-Identifier: ISC
# make install puts each file where the system finds it, or says what is left to do; make uninstall leaves nothing.
. "$(dirname "$0")/lib.sh"
[ -x "$srcdir/configure" ] && [ -e "$builddir/Makefile" ] || plan_skip "this is no build folder"
root=$work/root
p11kit=$(pkg-config --variable=p11_module_configs p11-kit-1)

folder() { # VARIABLE: what the Makefile here expands it to
	printf 'include Makefile\nsay:;@echo $(%s)\n' "$1" | make -s --no-print-directory -f - say
}

# configured FOLDER OPTION...: a configured folder. The tests of one compiler do for all.
configured() {
	mkdir -p "$work/$1" && cd "$work/$1" && shift && "$srcdir/configure" --cache-file="$work/cache" "$@"
}

every_program_has_a_page() {
	for program in "$root$bindir"/*; do
		[ -e "$root$mandir/man1/${program##*/}.1" ] || { echo "$program has no manual page"; return 1; }
	done
}

# After make install, with nothing to say; NAME=VALUE... is what differs.
last_words() {
	cd "$work" && env bindir=/usr/bin p11modulesdir="$work/modules" p11kit_modules="$work/modules" in_system=no \
		systemduserdir=/usr/lib/systemd/user systemd_path=/usr/lib/systemd/user "$@" sh "$srcdir/after-install.sh" >"$work/words"
}

words() { # PATTERN NAME=VALUE...
	pattern=$1
	shift
	last_words "$@" && grep -q -- "$pattern" "$work/words"
}

cd "$builddir" || exit 1
bindir=$(folder bindir)
mandir=$(folder mandir)
ok "make install" eval 'make install DESTDIR="$root" >"$work/installed"'
ok "nothing is said of a staged install" eval '[ -s "$work/installed" ] && ! grep -q "run\$\|is not in PATH" "$work/installed"'
ok "every program has a manual page" every_program_has_a_page
ok "the installed module file names the installed module" eval '
	named=$(sed -n "s/^module: //p" "$root$(folder p11modulesdir)/smime-agent.module") &&
	case $named in /*) ;; *) named=$(folder pkcs11dir)/$named ;; esac && [ -e "$root$named" ]'
ok "make install again, over it" make install DESTDIR="$root"
ok "make uninstall" make uninstall DESTDIR="$root"
ok "no file is left, and no folder of ours" eval 'left=$(find "$root" ! -type d -o -name "smime-agent*") && echo "$left" && [ -z "$left" ]'

ok "a prefix of the user's own" configured own --prefix="$work/home/.local"
ok "is not left" eval 'cd "$work/own" && [ "$(folder p11modulesdir)" = "$HOME/.local/share/p11-kit/modules" ] &&
	[ "$(folder systemduserdir)" = "$HOME/.local/share/systemd/user" ]'
ok "the module's whole path is registered there" eval 'make smime-agent.module &&
	grep -x "module: $HOME/.local/lib/pkcs11/smime-agent-pkcs11.so" smime-agent.module'
ok "a system's prefix" configured system --prefix=/usr --libdir="$(pkg-config --variable=libdir p11-kit-1)"
ok "takes the folders of p11-kit and systemd" eval 'cd "$work/system" && [ "$(folder p11modulesdir)" = "$p11kit" ] &&
	[ "$(folder systemduserdir)" = /usr/lib/systemd/user ]'
ok "the module's bare name is registered there" eval 'make smime-agent.module &&
	grep -x "module: smime-agent-pkcs11.so" smime-agent.module'
ok "a prefix with a blank is refused" eval '! configured blank --prefix="$work/a b" 2>"$work/why" && grep "blank" "$work/why"'

mkdir "$work/modules"
echo "module: x" | tee "$work/smime-agent.module" >"$work/modules/smime-agent.module"
ok "nothing is left to do" eval 'last_words && [ ! -s "$work/words" ]'
ok "a folder that p11-kit does not read" words "ln -sf \"$work/modules/smime-agent.module\" \"" p11kit_modules=/elsewhere
ok "a folder that cannot be written" words "As root.*" p11modulesdir="$work/none"
ok "units that systemd does not find" words "systemctl --user enable --now \"/opt/units/smime-agent.socket\"" systemduserdir=/opt/units
ok "nor is it said where there is no systemd" eval 'last_words systemduserdir=/opt/units systemd_path= && [ ! -s "$work/words" ]'
ok "programs that are not in PATH" words "PATH=\"/opt/bin:" bindir=/opt/bin
finish
