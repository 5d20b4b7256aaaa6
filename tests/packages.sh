# SPDX-License-Identifier: ISC
# Sourced by quickstart.sh and check.sh: which Debian packages are needed, and getting them.

build_packages="autoconf automake libtool make gcc libc6-dev linux-libc-dev pkg-config libssl-dev
	libp11-kit-dev libp11-dev libassuan-dev libgpg-error-dev libseccomp-dev nettle-dev libpcsclite-dev libsqlite3-dev"
run_packages="openssl softhsm2 pinentry-curses"
test_packages="libcmocka-dev opensc gpgsm gpg-agent gnupg-pkcs11-scd gnutls-bin libnss3-tools openssh-client
	openssh-server python3 procps libengine-pkcs11-openssl git python3-gpg gpgconf
	thunderbird firefox-esr xxd xz-utils valgrind
	pcscd vsmartcard-vpcd ykcs11 python3-cryptography iproute2 util-linux
	mutt neomutt tmux msmtp s-nail git-email libmailtools-perl aerc alpine emacs-nox
	swtpm tpm2-abrmd tpm2-tools libtss2-tcti-swtpm0 libtss2-tcti-tabrmd0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools dbus-daemon
	opencryptoki libbcpkix-java openjdk-17-jdk-headless"

# need PACKAGE...: installs those that are missing; asks for sudo when not root.
need() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"
	sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		command -v sudo >/dev/null || {
			echo "there is no sudo here: as root, run apt-get install$missing"
			return 1
		}
	fi
	$sudo apt-get update -qq
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
