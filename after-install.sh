#!/bin/sh
# SPDX-License-Identifier: ISC
# The last words of make install: what is left to do where the system does not find a file by itself. make runs
# it in the build folder, with the installation's folders in the environment.
set -u
config=${XDG_CONFIG_HOME:-$HOME/.config}
data=${XDG_DATA_HOME:-$HOME/.local/share}
module=smime-agent.module

left() { # WHAT COMMAND...
	printf '\n%s\n' "$1"
	shift
	printf '    %s\n' "$@"
}

case ":$PATH:" in
*":$bindir:"*) ;;
*) left "$bindir is not in PATH:" "PATH=\"$bindir:\$PATH\"" ;;
esac

if ! cmp -s "$module" "$p11modulesdir/$module"; then
	left "The PKCS#11 module is not registered: $p11modulesdir cannot be written. As root, run" \
		"install -D -m 644 \"$PWD/$module\" \"$p11modulesdir/$module\""
elif [ "$p11modulesdir" != "$p11kit_modules" ] && [ ! -e "$config/pkcs11/modules/$module" ] &&
	[ ! -e "/etc/pkcs11/modules/$module" ]; then
	[ "$(id -u)" != 0 ] || config=/etc # p11-kit reads no configuration of root's own
	left "p11-kit does not look in $p11modulesdir. For programs that use p11-kit, run" \
		"mkdir -p \"$config/pkcs11/modules\"" "ln -sf \"$p11modulesdir/$module\" \"$config/pkcs11/modules/\""
fi

case ":$systemd_path:$data/systemd/user:" in
*":$systemduserdir:"* | ::*) ;;
*) left "systemd does not look in $systemduserdir. Clients start the agent; to have systemd start it, run" \
	"systemctl --user link \"$systemduserdir/smime-agent.service\"" \
	"systemctl --user enable --now \"$systemduserdir/smime-agent.socket\"" ;;
esac

if [ "$in_system" = yes ] && ! PATH=$PATH:/sbin:/usr/sbin ldconfig 2>/dev/null; then
	left "The linker's cache does not have the library yet. As root, run" ldconfig
fi
