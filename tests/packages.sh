# SPDX-License-Identifier: ISC
# Sourced by quickstart.sh, check.sh and distro.sh: which Debian packages are needed, and getting them; where
# to build. A name that a release has not, another of its packages provides.

build_packages="autoconf automake libtool make gcc libc6-dev linux-libc-dev pkg-config libssl-dev
	libp11-kit-dev libp11-dev libassuan-dev libgpg-error-dev libseccomp-dev nettle-dev libpcsclite-dev libsqlite3-dev"
run_packages="openssl softhsm2 pinentry-curses"
test_packages="clang libcmocka-dev opensc gpgsm gpg-agent gnupg-pkcs11-scd gnutls-bin libnss3-tools openssh-client
	openssh-server python3 procps libengine-pkcs11-openssl git python3-gpg gpgconf
	thunderbird firefox-esr xxd xz-utils valgrind
	pcscd vsmartcard-vpcd ykcs11 python3-cryptography iproute2 util-linux
	mutt neomutt tmux msmtp s-nail git-email libmailtools-perl aerc alpine emacs-nox
	swtpm tpm2-abrmd tpm2-tools libtss2-tcti-swtpm0 libtss2-tcti-tabrmd0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools dbus-daemon
	opencryptoki libbcpkix-java default-jdk-headless"

# not_installed PACKAGE...: those that are not, and that no installed package provides.
not_installed() {
	installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}, ${Provides}\n' | sed -n 's/^.i. *//p' |
		sed 's/([^)]*)//g' | tr -d ' ' | tr ',' '\n')
	for package in "$@"; do
		echo "$installed" | grep -qxF "$package" || echo "$package"
	done
}

apt_install() { # PACKAGE...
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need PACKAGE...: installs those that are missing, with sudo when not root. What apt cannot install it names,
# with status 1; the others are installed then.
need() {
	missing=$(not_installed "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	echo "installing: $missing"
	sudo=
	if [ "$(id -u)" != 0 ]; then
		by_hand="as root, run: apt-get install --no-install-recommends $missing"
		command -v sudo >/dev/null || { echo "there is no sudo here: $by_hand"; return 1; }
		sudo=sudo
		sudo true || { echo "sudo refuses: $by_hand"; return 1; }
	fi
	$sudo apt-get update -qq
	apt_install $missing && return
	for package in $missing; do
		apt_install "$package" 2>/dev/null
	done
	missing=$(not_installed "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	echo "apt cannot install: $missing(its messages are above; is there a network, and a Debian mirror in /etc/apt?)"
	return 1
}

# find_place SCRIPT ARGUMENT...: whether the script can build below the folder where it is. Where nothing can be
# written, it goes on in a copy of it.
find_place() {
	if [ -e config.status ]; then
		echo "this folder was configured for a build in place: run make distclean first"
		exit 1
	fi
	case $PWD in
	*[[:space:]]*)
		echo "make cannot build in a folder with a blank in its path, $PWD: move it, or make a link to it without one"
		exit 1
		;;
	esac
	[ ! -w . ] || return 0
	copy=${SMIME_BUILD:-${TMPDIR:-/tmp}/smime-agent-$(id -u)}
	echo "nothing can be written here: going on in a copy, $copy (or where SMIME_BUILD says)"
	export SMIME_CORPUS="${SMIME_CORPUS:-$PWD/../shared/corpus}"
	{ [ -d "$copy" ] || mkdir -m 700 "$copy"; } && [ -O "$copy" ] && cp -Rp . "$copy" && chmod -R u+w "$copy" &&
		cd "$copy" && exec "./$@"
	echo "the copy cannot be made: set SMIME_BUILD to a folder of yours"
	exit 1
}
