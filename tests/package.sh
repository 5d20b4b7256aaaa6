#!/bin/sh
# SPDX-License-Identifier: ISC
# Builds the Debian packages twice, checks them, and installs, upgrades, uses and purges them. It changes the system:
# run it as root in a root of its own, as in `tests/distro.sh --bare trixie tests/package.sh`. The packages are left in packages/.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
work=$top/packages
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
rm -rf "$work"
mkdir -p "$work/elsewhere/home"

step() {
	printf '== %s\n' "$*"
}

apt() {
	apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >>"$work/apt.log" 2>&1 || { tail -n 30 "$work/apt.log"; return 1; }
}

build() { # FOLDER COMMAND...: in FOLDER/smime-agent-VERSION
	folder=$1
	shift
	tar -C "$folder" -xf "$work"/smime-agent_*.orig.tar.xz
	cp -r "$top/debian" "$folder"/smime-agent-*/
	[ "$folder" = "$work" ] || cp "$work"/smime-agent_*.orig.tar.xz "$folder/"
	(cd "$folder"/smime-agent-*/ && "$@" dpkg-buildpackage -us -uc) >"$folder/build.log" 2>&1 ||
		{ tail -n 40 "$folder/build.log"; return 1; }
}

# What is installed, but for the package managers' own files, and what /etc holds.
snapshot() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /root -o -path /var/cache \
		-o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune -o -printf '%y %m %p %l\n' | sort
	find /etc -type f -exec sha256sum {} + | sort -k 2
}

# The same packages with a lower version.
make_old() {
	mkdir "$work/old"
	for package in "$work"/*smime-agent*.deb; do
		rm -rf "$work/tree"
		dpkg-deb -R "$package" "$work/tree"
		sed -i "s/$version/$old_version/" "$work/tree/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$work/tree" "$work/old" >/dev/null
	done
}

step "the tarball"
apt update
apt install build-essential autoconf automake libtool pkgconf lintian autopkgtest util-linux
apt build-dep "$top"
mkdir "$work/dist"
"$top/autogen.sh" >"$work/dist.log" 2>&1
(cd "$work/dist" && "$top/configure" && make dist) >>"$work/dist.log" 2>&1
tarball=$(basename "$work"/dist/smime-agent-*.tar.xz)
mv "$work/dist/$tarball" "$work/$(echo "${tarball%.tar.xz}" | sed 's/smime-agent-/smime-agent_/').orig.tar.xz"

step "two builds: the second elsewhere, without a network or tests"
build "$work" env
build "$work/elsewhere" unshare -n env HOME="$work/elsewhere/home" TZ=Asia/Kathmandu LC_ALL=C DEB_BUILD_OPTIONS=nocheck
for package in "$work"/*.deb; do cmp "$package" "$work/elsewhere/${package##*/}"; done

step "lintian"
lintian --allow-root --fail-on error,warning "$work"/*.changes

step "install, upgrade, purge"
version=$(dpkg-deb -f "$work"/smime-agent_*.deb Version)
old_version=$version~old
make_old
for package in "$work"/*smime-agent*_"$version"_*.deb; do
	depends=$(dpkg-deb -f "$package" Depends | sed 's/\(lib\)\?smime-agent[^,]*\(, \|$\)//g')
	[ -z "$depends" ] || apt satisfy "$depends"
done
snapshot >"$work/before"
apt install "$work"/old/*.deb
apt install "$work"/*.deb
[ "$(dpkg-query -W -f '${Version}' smime-agent)" = "$version" ]
apt purge $(for package in "$work"/*.deb; do dpkg-deb -f "$package" Package; done)
snapshot >"$work/after"
diff "$work/before" "$work/after"

step "autopkgtest, as a user"
id tester >/dev/null 2>&1 || useradd --create-home tester
autopkgtest --user tester "$work"/*.deb "$work"/*.dsc -- null >"$work/autopkgtest.log" 2>&1 ||
	{ tail -n 60 "$work/autopkgtest.log"; exit 1; }
step "the packages are good: $work"
