# SPDX-License-Identifier: ISC
# Sourced after lib.sh by tests that load the PKCS#11 module into other programs.
module=$builddir/.libs/smime-agent-pkcs11.so
[ -e "$module" ] || {
	echo "Bail out! $module is not built"
	exit 99
}
# A sanitized module wants its runtime in a program that has none.
sanitizer=
grep -q '^HARDEN_LDFLAGS = .*-fsanitize' "$builddir/Makefile" && sanitizer=$(gcc -print-file-name=libasan.so)

foreign() {
	if [ -n "$sanitizer" ]; then
		LD_PRELOAD=$sanitizer "$@"
	else
		"$@"
	fi
}

tool() {
	foreign pkcs11-tool --module "$module" "$@"
}

# The objects as OpenSC 0.23 lists them. 0.27 writes "ID: 47617 (0xba:01)", and a point in several lines.
list_objects() { # TYPE
	tool --list-objects --type "$1" 2>/dev/null | awk '
		point != "" && NF == 1 && /^ *[0-9a-f]+$/ { point = point $1; next }
		point != "" { print "  EC_POINT:   " point; point = "" }
		$1 == "EC" && $2 == "Point:" { point = $3; next }
		$1 == "ID:" { id = $NF; gsub(/[():]|0x/, "", id); $0 = "  ID:         " id }
		{ print }'
}

# id_of LABEL: pkcs11-tool finds keys to use by CKA_ID alone.
id_of() {
	list_objects cert | grep -A 4 "label: *$1\$" | sed -n 's/^ *ID: *//p' | head -n 1
}

# In DER, from the test's CA.
certificate_for() { # KEYFILE LABEL USAGE
	printf 'keyUsage=%s\nsubjectAltName=email:%s@example.org\n' "$3" "$2" >"$work/$2.ext" &&
		openssl req -new -key "$1" -subj "/CN=$2" | openssl x509 -req -CA "$work/ca.pem" -CAkey "$work/ca.key" \
			-CAcreateserial -days 9 -extfile "$work/$2.ext" -outform DER -out "$work/$2.crt" 2>/dev/null
}

# A local sshd for one connection at a time, on no port: ssh starts it for itself.
prepare_sshd() {
	mkdir -p -m 700 "$work/ssh"
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd # sshd insists
	ssh-keygen -q -t ed25519 -N "" -f "$work/ssh/host"
	cat >"$work/ssh/sshd.conf" <<-END
		HostKey $work/ssh/host
		AuthorizedKeysFile $work/authorized
		PidFile none
		StrictModes no
		UsePAM no
		PasswordAuthentication no
	END
}

connects() { # SSH-OPTION...
	said=$(foreign ssh -F none -I "$module" "$@" -o "ProxyCommand=env -u LD_PRELOAD /usr/sbin/sshd -i -f $work/ssh/sshd.conf" \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityAgent=none -o BatchMode=yes \
		"$(id -un)@local" echo it works) && [ "$said" = "it works" ]
}
