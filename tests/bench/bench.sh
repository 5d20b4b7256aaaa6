#!/bin/sh
# SPDX-License-Identifier: ISC
# make bench: one table, measured in one run, each row beside the alternative that people have today. It passes or
# fails on no figure, since the machine may be busy. A command that fails ends it, with the name of the row.
# BENCH_SECONDS, BENCH_RUNS, BENCH_MB and BENCH_CERTS say how much is measured.
. "$(dirname "$0")/../regress/lib.sh"
[ -n "$softhsm" ] || { echo "bench: SoftHSM is not installed"; exit 1; }
seconds=${BENCH_SECONDS:-3}
runs=${BENCH_RUNS:-41}
size=${BENCH_MB:-10 100 1000}
certs=${BENCH_CERTS:-10000}
lookups=$((certs / 5))
export GNUPGHOME=$work/gnupg

# What commands say against themselves goes to a file, and to the person when one of them fails. A figure is taken
# by an assignment of its own: the status of $(...) elsewhere is lost.
row=preparations
ended() {
	status=$?
	set +e
	if [ $status != 0 ]; then
		echo "bench: a command failed in the row \"$row\"; the last that was said:"
		tail -n 20 "$work/said"
	fi >&3
	[ -z "${P11_KIT_SERVER_PID:-}" ] || kill -KILL "$P11_KIT_SERVER_PID" # it only notes the other signals
	[ ! -d "$GNUPGHOME" ] || gpgconf --kill all
	cleanup
	exit $status
}
exec 3>&2 2>"$work/said"
trap ended EXIT
set -e

# The installed command, not libtool's wrapper of it.
installed=$work/installed
make -s -C "$builddir" install DESTDIR="$installed" >&2
folders=$(make -s --no-print-directory -C "$builddir" --eval 'folders: ; @echo $(bindir) $(libdir) $(agentlibexecdir) $(pkcs11dir)' folders)
set -- $folders
PATH=$installed$1:$PATH
export LD_LIBRARY_PATH="$installed$2" SMIME_AGENT_LIBEXEC="$installed$3" SMIME_AGENT_PROGRAM="$installed$1/smime-agent"
module=$installed$4/smime-agent-pkcs11.so
sed -i 's/log-level debug/log-level info/' "$conf"
make_token Bench
make_key Bench rsa rsa:2048
make_key Bench p256 ec:P-256
unlock
agent=$(agent_pid)
[ -n "$agent" ]
write_mail "$work/mail.eml"
openssl genrsa -out "$work/soft.key" 2048
openssl req -x509 -key "$work/soft.key" -subj /CN=soft -addext basicConstraints=CA:FALSE -out "$work/soft.pem"

calculate() { # PRINTF-FORMAT EXPRESSION
	awk "BEGIN { printf \"$1\", $2 }"
}

# pair COMMAND...: what each row of two whole processes begins with: the medians of the runs, in turn, in ms, and
# the ratio of the first to the second.
pair() {
	times=$(/usr/bin/python3 - "$runs" "$@" <<-'END'
		import shlex, statistics, subprocess, sys, time
		commands = [shlex.split(text) for text in sys.argv[2:]]
		took = [[] for command in commands]
		for run in range(int(sys.argv[1]) + 1):
		    for times, command in zip(took, commands):
		        began = time.monotonic()
		        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
		        if run: # the first one warms the caches
		            times.append(time.monotonic() - began)
		print(*("%.2f" % (statistics.median(times) * 1000) for times in took))
	END
	)
	ours=${times% *}
	theirs=${times#* }
	ratio=$(calculate %.2f "$ours / $theirs")
}

# measure WHOSE COMMAND...: its time in s, and in MB the largest peak of its memory (WHOSE is "own") or of the
# agent's workers meanwhile (WHOSE is the agent's process), unless it was too short to be watched. What the kernel
# counts for a child has Python's in it.
measure() {
	/usr/bin/python3 - "$@" <<-'END'
		import subprocess, sys, threading, time
		def processes(whose):
		    if whose == "own":
		        return [str(process.pid)]
		    with open("/proc/%s/task/%s/children" % (whose, whose)) as file:
		        return file.read().split()
		def peak_of(pid):
		    try:
		        with open("/proc/%s/status" % pid) as file:
		            status = dict(line.split(":", 1) for line in file)
		    except OSError:
		        return 0 # it has ended
		    if sys.argv[1] != "own" and status["Name"].strip() != "smime-agent-wor":
		        return 0
		    return int(status.get("VmHWM", "0").split()[0]) * 1024
		def watch():
		    while not done.wait(0.002):
		        peaks.append(max(map(peak_of, processes(sys.argv[1])), default=0))
		peaks, done = [], threading.Event()
		began = time.monotonic()
		process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
		watcher = threading.Thread(target=watch)
		watcher.start()
		status = process.wait()
		took = time.monotonic() - began
		done.set()
		watcher.join()
		if status:
		    sys.exit("status %d of: %s" % (status, " ".join(sys.argv[2:])))
		print("%.3f" % took, "%.1f" % (max(peaks) / 1e6) if len(peaks) > 4 else "unknown")
	END
}

# through OURS: the command of ours whose worker a row is about.
through() {
	figures=$(measure "$agent" "$@")
	took=${figures% *}
	memory=${figures#* }
}

# beside NAME COMMAND...: the alternative to what went through, and the row.
beside() {
	name=$1
	shift
	figures=$(measure own "$@")
	ratio=$(calculate %.2f "${figures% *} / $took")
	echo "$row: smime $took s (worker $memory MB); $name ${figures% *} s (${figures#* } MB), $name/smime $ratio"
}

plaintext() { # MB
	openssl rand -out "$work/plain" "${1}000000"
}

# One file in some hundred is one that gpgsm cannot decrypt: another salt helps.
gpgsm_takes_key() {
	openssl pkcs12 -export -in "$work/soft.pem" -inkey "$work/soft.key" -out "$work/soft.p12" -passout pass:x -legacy &&
		gpgsm --batch --disable-dirmngr --pinentry-mode loopback --passphrase-fd 4 --import "$work/soft.p12" 4<"$work/passphrase"
}

echo "== signatures through a kept connection, beside C_Sign on the same key in one process"
for key in rsa p256; do
	row="signatures with $key"
	"$builddir/bench_sign" "$softhsm" "$work/pin" $key "$seconds" 1 8 16
done

echo "== one process that signs a mail"
row="openssl cms -sign, software key"
sign="smime sign -k rsa -o $work/s.eml $work/mail.eml"
pair "$sign" "openssl cms -sign -in $work/mail.eml -signer $work/soft.pem -inkey $work/soft.key -out $work/o.eml"
echo "smime sign $ours ms; $row $theirs ms, smime/openssl $ratio"
if openssl engine pkcs11 >/dev/null; then
	row="openssl cms -sign, pkcs11 engine"
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
	pair "$sign" "env OPENSSL_CONF=$work/openssl.cnf openssl cms -sign -in $work/mail.eml -signer $work/rsa.pem
		-engine pkcs11 -keyform engine -inkey pkcs11:token=Bench;object=rsa -out $work/o.eml"
	echo "smime sign $ours ms; $row $theirs ms, smime/openssl $ratio"
else
	echo "openssl's pkcs11 engine is not installed: no row"
fi

# rpc: p11-kit's server in front of the same token, and the module that is its client.
client=$(find /usr/lib/*/pkcs11 -name p11-kit-client.so | head -n 1)
if [ -n "$client" ] && command -v p11-kit >/dev/null; then
	echo "== the PKCS#11 module, beside the token's own and p11-kit's client and server"
	row="p11-kit server"
	variables=$(p11-kit server --provider "$softhsm" -n "$work/p11-kit" "pkcs11:token=Bench")
	eval "$variables"
	export P11_KIT_SERVER_ADDRESS
	for key in rsa p256; do
		for threads in 1 4; do
			row="PKCS#11 module, $key, $threads threads"
			figures=$("$builddir/bench_p11" "$work/pin" $key "$seconds" $threads \
				"$module" "$softhsm" "$client")
			set -- $figures
			ratio=$(calculate %.2f "$1 / $7")
			added=$(calculate %.0f "$2 - $5")
			echo "$key, $threads threads: agent $1/s p50 $2 us; direct $4/s p50 $5 us; p11-kit $7/s p50 $8 us;" \
				"agent/p11-kit $ratio, added to a signature $added us"
		done
	done
	echo "a search: agent $3 us, direct $6 us, p11-kit $9 us"
else
	echo "p11-kit's client and server are not installed: no rows for the PKCS#11 module"
fi

echo "== one process that encrypts a mail"
row="openssl cms -encrypt"
pair "smime encrypt --no-self -r $work/soft.pem -o $work/e.eml $work/mail.eml" \
	"openssl cms -encrypt -aes-256-cbc -in $work/mail.eml -out $work/o.eml $work/soft.pem"
echo "smime encrypt $ours ms; $row $theirs ms, smime/openssl $ratio"
row="openssl cms -sign | openssl cms -encrypt, software key"
pair "smime encrypt --sign -k rsa -r $work/soft.pem -o $work/e.eml $work/mail.eml" \
	"sh -c '{ openssl cms -sign -in $work/mail.eml -signer $work/soft.pem -inkey $work/soft.key || kill \$\$; } |
	openssl cms -encrypt -aes-256-cbc -out $work/o.eml $work/soft.pem'"
echo "smime encrypt --sign $ours ms; $row $theirs ms, smime/openssl $ratio"

echo "== encrypting to /dev/null, a file of N MB"
for mb in $size; do
	plaintext "$mb"
	for cipher in aes-256-cbc aes-256-gcm; do
		row="encrypting $mb MB $cipher"
		through smime encrypt --raw --no-self -r "$work/soft.pem" --cipher $cipher -o /dev/null "$work/plain"
		beside openssl openssl cms -encrypt -binary -stream -$cipher -in "$work/plain" -outform DER -out /dev/null "$work/soft.pem"
	done
done

echo "== decrypting to /dev/null, a file of N MB"
if command -v gpgsm >/dev/null; then
	row="gpgsm --import"
	mkdir -m 700 "$GNUPGHOME"
	echo allow-loopback-pinentry >"$GNUPGHOME/gpg-agent.conf"
	echo x >"$work/passphrase"
	gpgsm_takes_key || gpgsm_takes_key || gpgsm_takes_key
else
	echo "gpgsm is not installed: no rows"
fi
for mb in $size; do
	plaintext "$mb"
	for cipher in aes-256-cbc aes-256-gcm; do
		row="decrypting $mb MB $cipher"
		openssl cms -encrypt -binary -stream -$cipher -in "$work/plain" -outform DER -out "$work/e" "$work/rsa.pem" "$work/soft.pem"
		through smime decrypt --raw -o /dev/null "$work/e"
		beside openssl openssl cms -decrypt -inform DER -in "$work/e" -recip "$work/soft.pem" -inkey "$work/soft.key" -out /dev/null
		if [ -d "$GNUPGHOME" ] && [ $cipher = aes-256-cbc ]; then
			beside gpgsm sh -c 'exec gpgsm --batch --yes --pinentry-mode loopback --passphrase-fd 4 \
				--decrypt --output /dev/null "$1" 4<"$2"' sh "$work/e" "$work/passphrase"
		fi
	done
done

echo "== verifying, content to /dev/null, a file of N MB"
openssl req -x509 -key "$work/soft.key" -subj /CN=soft -addext keyUsage=digitalSignature -out "$work/signer.pem"
for mb in $size; do
	plaintext "$mb"
	for form in opaque detached; do
		row="verifying $mb MB $form"
		nodetach=
		content="-content $work/plain"
		[ $form = detached ] || nodetach="-nodetach -stream" content=
		openssl cms -sign -binary $nodetach -in "$work/plain" -signer "$work/signer.pem" -inkey "$work/soft.key" \
			-outform DER -out "$work/e"
		through smime verify --raw --ca "$work/signer.pem" ${content:+-}$content -o /dev/null "$work/e"
		beside openssl openssl cms -verify -binary -inform DER $content -in "$work/e" -CAfile "$work/signer.pem" -out /dev/null
	done
done

echo "== the certificate store, $certs certificates"
row=import
"$builddir/tests/clients/make_certs" "$certs" >"$work/people.pem"
figures=$(measure "$agent" smime certs import "$work/people.pem")
each=$(calculate %.0f "${figures% *} * 1e6 / $certs")
echo "import: ${figures% *} s, $each us a certificate"
row="found by address"
figures=$("$builddir/bench_certs" 'person%u@example.org' "$certs" $lookups)
echo "found by address, through the agent: median ${figures% *} us, 99 % ${figures#* } us"
row="always the same"
figures=$("$builddir/bench_certs" 'person%u@example.org' 1 $lookups)
echo "always the same: median ${figures% *} us, 99 % ${figures#* } us"
