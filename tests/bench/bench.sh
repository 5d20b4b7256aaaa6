#!/bin/sh
# SPDX-License-Identifier: ISC
# make bench: one table, measured in one run, each row a ratio to the alternative that people have
# today. It passes or fails on nothing: the machine may be busy.
. "$(dirname "$0")/../regress/lib.sh"
[ -n "$softhsm" ] || { echo "bench: SoftHSM is not installed"; exit 1; }
export ASAN_OPTIONS= UBSAN_OPTIONS=
seconds=${BENCH_SECONDS:-3}
size=${BENCH_MB:-10 100 1000}
# The installed command, not libtool's wrapper of it.
make -s -C "$builddir" install DESTDIR="$work/installed" >/dev/null 2>&1 || exit 1
prefix=$(sed -n 's/^prefix = //p' "$builddir/Makefile")
PATH=$work/installed$prefix/bin:$PATH
export LD_LIBRARY_PATH=$work/installed$prefix/lib
export SMIME_AGENT_LIBEXEC=$work/installed$prefix/libexec/smime-agent
export SMIME_AGENT_PROGRAM=$work/installed$prefix/bin/smime-agent
sed -i 's/log-level debug/log-level info/' "$conf"

make_token Bench && make_key Bench rsa rsa:2048 && make_key Bench p256 ec:P-256 && unlock || exit 1
write_mail "$work/mail.eml"

echo "== signatures through a kept connection, beside C_Sign on the same key in one process"
for key in rsa p256; do
	"$builddir/bench_sign" "$softhsm" "$work/pin" $key "$seconds" 1 8 16
done

ratio() {
	awk "BEGIN { printf \"%.2f\", $1 / $2 }"
}

# pair OURS OTHER: the medians of 41 runs of each whole process, in turn, in ms.
pair() {
	/usr/bin/python3 - "$@" <<-'END'
		import shlex, subprocess, sys, time
		commands = [shlex.split(text) for text in sys.argv[1:]]
		took = [[], []]
		for run in range(42):
		    for which, command in enumerate(commands):
		        began = time.monotonic()
		        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		        if run:
		            took[which].append(time.monotonic() - began)
		print(*("%.2f" % (sorted(times)[20] * 1000) for times in took))
	END
}

echo "== one process that signs a mail"
openssl genrsa -out "$work/soft.key" 2048 2>/dev/null
openssl req -x509 -key "$work/soft.key" -subj /CN=soft -addext basicConstraints=CA:FALSE -out "$work/soft.pem" 2>/dev/null
ours="smime sign -k rsa -o $work/s.eml $work/mail.eml"
set -- $(pair "$ours" "openssl cms -sign -in $work/mail.eml -signer $work/soft.pem -inkey $work/soft.key -out $work/o.eml")
echo "smime sign $1 ms; openssl cms -sign, software key $2 ms, ratio $(ratio "$1" "$2")"
if openssl engine pkcs11 >/dev/null 2>&1; then
	cat >"$work/openssl.cnf" <<-END
		openssl_conf = init
		[init]
		engines = engines
		[engines]
		pkcs11 = pkcs11
		[pkcs11]
		engine_id = pkcs11
		MODULE_PATH = $softhsm
		PIN = $PIN
		init = 0
	END
	set -- $(OPENSSL_CONF=$work/openssl.cnf pair "$ours" "openssl cms -sign -in $work/mail.eml -signer $work/rsa.pem
		-engine pkcs11 -keyform engine -inkey pkcs11:token=Bench;object=rsa -out $work/o.eml")
	echo "smime sign $1 ms; openssl cms -sign, pkcs11 engine $2 ms, ratio $(ratio "$1" "$2")"
else
	echo "openssl's pkcs11 engine is not installed: no row"
fi

# peak COMMAND...: seconds and the peak memory (MB) of the process.
peak() {
	/usr/bin/python3 - "$@" <<-'END'
		import resource, subprocess, sys, time
		began = time.monotonic()
		status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
		took = time.monotonic() - began
		print("%.2f %d %d" % (took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, status))
	END
}

# The largest peak of the agent's workers while a command runs.
worker_peak() {
	/usr/bin/python3 - "$(agent_pid)" "$@" <<-'END'
		import subprocess, sys, time
		agent = sys.argv[1]
		began = time.monotonic()
		process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
		peak = 0
		while process.poll() is None:
		    kids = subprocess.run(["pgrep", "-P", agent, "smime-agent-wor"], capture_output=True, text=True).stdout.split()
		    for kid in kids:
		        try:
		            for line in open("/proc/%s/status" % kid):
		                if line.startswith("VmHWM"):
		                    peak = max(peak, int(line.split()[1]))
		        except OSError:
		            pass
		    time.sleep(0.02)
		print("%.2f %.1f %d" % (time.monotonic() - began, peak / 1024, process.returncode))
	END
}

# rpc: p11-kit's server in front of the same token, and the module that is its client.
client=$(ls /usr/lib/*/pkcs11/p11-kit-client.so 2>/dev/null | head -n 1)
if [ -n "$client" ] && command -v p11-kit >/dev/null; then
	echo "== the PKCS#11 module, beside the token's own and p11-kit's client and server"
	eval "$(p11-kit server --provider "$softhsm" -n "$work/p11-kit" "pkcs11:token=Bench")"
	export P11_KIT_SERVER_ADDRESS
	for key in rsa p256; do
		for threads in 1 4; do
			set -- $("$builddir/bench_p11" "$work/pin" $key "$seconds" $threads \
				"$work/installed$prefix/lib/pkcs11/smime-agent-pkcs11.so" "$softhsm" "$client")
			[ $# = 9 ] || continue
			echo "$key, $threads threads: agent $1/s p50 $2 us; direct $4/s p50 $5 us; p11-kit $7/s p50 $8 us;" \
				"agent/p11-kit $(ratio "$1" "$7"), added to a signature $(awk "BEGIN { printf \"%.0f\", $2 - $5 }") us"
			searches="900 searches: agent $3 us, direct $6 us, p11-kit $9 us"
		done
	done
	echo "$searches"
	kill -KILL "$P11_KIT_SERVER_PID" # it only notes the other signals
else
	echo "p11-kit's client and server are not installed: no rows for the PKCS#11 module"
fi

echo "== one process that encrypts a mail"
ours="smime encrypt --no-self -r $work/soft.pem -o $work/e.eml $work/mail.eml"
set -- $(pair "$ours" "openssl cms -encrypt -aes-256-cbc -in $work/mail.eml -out $work/o.eml $work/soft.pem")
echo "smime encrypt $1 ms; openssl cms -encrypt $2 ms, ratio $(ratio "$1" "$2")"
ours="smime encrypt --sign -k rsa -r $work/soft.pem -o $work/e.eml $work/mail.eml"
set -- $(pair "$ours" "sh -c 'openssl cms -sign -in $work/mail.eml -signer $work/soft.pem -inkey $work/soft.key |
	openssl cms -encrypt -aes-256-cbc -out $work/o.eml $work/soft.pem'")
echo "smime encrypt --sign $1 ms; openssl cms -sign | openssl cms -encrypt, software key $2 ms, ratio $(ratio "$1" "$2")"

echo "== encrypting to /dev/null, a file of N MB"
for mb in $size; do
	head -c "${mb}000000" /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 >"$work/plain" 2>/dev/null
	for cipher in aes-256-cbc aes-256-gcm; do
		set -- $(worker_peak smime encrypt --raw --no-self -r "$work/soft.pem" --cipher $cipher -o /dev/null "$work/plain")
		ours=$1 memory=$2 status=$3
		set -- $(peak openssl cms -encrypt -binary -stream -$cipher -in "$work/plain" -outform DER -out /dev/null "$work/soft.pem")
		echo "$mb MB $cipher: smime $ours s (worker $memory MB, status $status); openssl -stream $1 s ($2 MB, status $3), openssl/ours $(ratio "$1" "$ours")"
	done
done

echo "== decrypting to /dev/null, a file of N MB"
gpg_ready=
if command -v gpgsm >/dev/null; then
	export GNUPGHOME=$work/gnupg
	mkdir -m 700 "$GNUPGHOME"
	openssl pkcs12 -export -in "$work/soft.pem" -inkey "$work/soft.key" -out "$work/soft.p12" -passout pass:x \
		-legacy 2>/dev/null
	echo allow-loopback-pinentry >"$GNUPGHOME/gpg-agent.conf"
	echo x >"$work/passphrase"
	echo x | gpgsm --batch --disable-dirmngr --pinentry-mode loopback --passphrase-fd 0 --import "$work/soft.p12" \
		>/dev/null 2>&1 && gpg_ready=yes
fi
for mb in $size; do
	head -c "${mb}000000" /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 >"$work/plain" 2>/dev/null
	for cipher in aes-256-cbc aes-256-gcm; do
		openssl cms -encrypt -binary -stream -$cipher -in "$work/plain" -outform DER -out "$work/e" \
			"$work/rsa.pem" "$work/soft.pem" 2>/dev/null
		set -- $(worker_peak smime decrypt --raw -o /dev/null "$work/e")
		ours=$1 memory=$2 status=$3
		set -- $(peak openssl cms -decrypt -inform DER -in "$work/e" -recip "$work/soft.pem" -inkey "$work/soft.key" -out /dev/null)
		echo "$mb MB $cipher: smime $ours s (worker $memory MB, status $status); openssl $1 s ($2 MB, status $3), openssl/ours $(ratio "$1" "$ours")"
		if [ "$gpg_ready" = yes ] && [ $cipher = aes-256-cbc ]; then
			set -- $(peak sh -c 'exec gpgsm --batch --yes --pinentry-mode loopback --passphrase-fd 3 \
				--decrypt --output /dev/null "$1" 3<"$2"' sh "$work/e" "$work/passphrase")
			echo "$mb MB $cipher: gpgsm $1 s ($2 MB, status $3), gpgsm/ours $(ratio "$1" "$ours")"
		fi
	done
done

echo "== verifying, content to /dev/null, a file of N MB"
openssl req -x509 -key "$work/soft.key" -subj /CN=soft -addext keyUsage=digitalSignature -out "$work/signer.pem" 2>/dev/null
verify_row() { # WHAT OURS THEIRS
	what=$1
	ours=$2
	theirs=$3
	set -- $(worker_peak $ours 2>"$work/said")
	took=$1 memory=$2 status=$3
	set -- $(peak $theirs 2>"$work/said")
	echo "$mb MB $what: smime $took s (worker $memory MB, status $status); openssl $1 s ($2 MB, status $3), openssl/ours $(ratio "$1" "$took")"
}
for mb in $size; do
	head -c "${mb}000000" /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 >"$work/plain" 2>/dev/null
	for form in opaque detached; do
		nodetach=
		content="-content $work/plain"
		[ $form = detached ] || nodetach="-nodetach -stream" content=
		openssl cms -sign -binary $nodetach -in "$work/plain" -signer "$work/signer.pem" -inkey "$work/soft.key" \
			-outform DER -out "$work/e" 2>/dev/null
		verify_row $form "smime verify --raw --ca $work/signer.pem ${content:+-}$content -o /dev/null $work/e" \
			"openssl cms -verify -binary -inform DER $content -in $work/e -CAfile $work/signer.pem -out /dev/null"
	done
done
[ -z "$gpg_ready" ] || gpgconf --kill all

echo "== the certificate store, 10,000 certificates"
"$builddir/tests/clients/make_certs" 10000 >"$work/people.pem"
began=$(date +%s%N)
smime certs import "$work/people.pem" >/dev/null || exit 1
ended=$(date +%s%N)
echo "import: $(awk "BEGIN { printf \"%.0f\", ($ended - $began) / 1e10 }") us a certificate"
set -- $("$builddir/bench_certs" 'person%u@example.org' 10000 2000)
echo "found by address, through the agent: median $1 us, 99 % $2 us"
set -- $("$builddir/bench_certs" 'person%u@example.org' 1 2000)
echo "always the same: median $1 us, 99 % $2 us"
