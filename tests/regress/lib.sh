# SPDX-License-Identifier: ISC
# Sourced by every regress test: a private home, configuration, SoftHSM store and agent for this
# test alone, and TAP output. Nothing of the user's or the system's is touched.
set -u

srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
builddir=${builddir:-$srcdir}
builddir=$(cd "$builddir" && pwd)
srcdir=$(cd "$srcdir" && pwd)
corpus=${SMIME_CORPUS:-$srcdir/../shared/corpus}

tests_run=0
tests_failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/smime-test.XXXXXX")

export HOME=$work/home
export XDG_RUNTIME_DIR=$work/run
export XDG_CONFIG_HOME=$work/config
export XDG_DATA_HOME=$work/data
export SOFTHSM2_CONF=$work/softhsm2.conf
export SMIME_AGENT_LIBEXEC=$builddir
export SMIME_AGENT_PROGRAM=$builddir/smime-agent
export SMIME_AGENT_SOCKET=$work/run/S.smime-agent
export LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS 2>/dev/null
unset MAKEFLAGS MFLAGS MAKELEVEL # the descriptors that "make -j check" speaks of are other ones in a test
# In the build folder itself, smime is libtool's script, which takes much longer than the program.
PATH=$builddir/.libs:$builddir:$PATH
export LD_LIBRARY_PATH=$builddir/.libs
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$XDG_CONFIG_HOME/smime-agent" "$work/tokens"
chmod 700 "$XDG_RUNTIME_DIR"
conf=$XDG_CONFIG_HOME/smime-agent/agent.conf

softhsm=
for candidate in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
	[ -e "$candidate" ] && softhsm=$candidate && break
done

cat >"$SOFTHSM2_CONF" <<END
directories.tokendir = $work/tokens
objectstore.backend = file
log.level = ERROR
END

# The configuration that tests start from; further lines are arguments.
write_conf() {
	{
		echo "module $softhsm"
		echo "log-file $work/agent.log"
		echo "log-level debug"
		echo "pinentry-program $srcdir/tests/regress/pinentry.sh"
		for line in "$@"; do
			echo "$line"
		done
	} >"$conf"
}
write_conf

cleanup() {
	# Under valgrind or sanitizers the agent may need a moment; stop waits for it.
	timeout 60 smime agent stop >/dev/null 2>&1
	if [ -z "${KEEP:-}" ]; then
		rm -rf "$work"
	else
		echo "# kept: $work"
	fi
}
trap cleanup EXIT

# When limited.sh ends the test: where it stood, and what was running.
out_of_time() {
	{
		echo "Bail out! out of time: ${description:-before the first line}"
		ps -eo pid,ppid,stat,wchan:20,etimes,args --forest | sed 's/^/# /'
		tail -n 20 "$work/agent.log" 2>/dev/null | sed 's/^/# /'
	} >"${LAST_WORDS:-/dev/stderr}"
	exit 1
}
trap out_of_time TERM

plan_skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

# ok DESCRIPTION COMMAND...: one test, which is the command's exit status.
ok() {
	description=$1
	shift
	tests_run=$((tests_run + 1))
	if "$@" >"$work/out" 2>"$work/err"; then
		echo "ok $tests_run - $description"
	else
		result=$?
		echo "not ok $tests_run - $description"
		echo "# status $result of: $*"
		sed 's/^/# out: /' "$work/out" | head -n 20
		sed 's/^/# err: /' "$work/err" | head -n 20
		tests_failed=$((tests_failed + 1))
	fi
}

skip() {
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $1 # SKIP $2"
}

# status WANTED COMMAND...: whether the command ends with that status.
status() {
	wanted=$1
	shift
	"$@"
	got=$?
	[ "$got" = "$wanted" ] && return 0
	echo "status $got, wanted $wanted" >&2
	return 1
}

# says PATTERN STATUS COMMAND...: whether it ends with that status and its standard error matches.
says() {
	pattern=$1
	wanted=$2
	shift 2
	"$@" 2>"$work/said"
	got=$?
	cat "$work/said" >&2
	[ "$got" = "$wanted" ] && grep -q -- "$pattern" "$work/said"
}

# wait_for COMMAND...: polls until the command succeeds. The limit, a minute or more, is for what hangs.
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -gt 1200 ] && return 1
		sleep 0.05
	done
}

gone() { # PID: or about to be
	! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

listens() { # SOCKET: somebody takes connections there; that it is bound is not enough
	grep -q " 00010000 [^ ]* [^ ]* *[0-9]* $1\$" /proc/net/unix
}

finish() {
	# What a sanitizer says about any process of the agent is in its log or on its standard error.
	if ls "$work"/sanitizer.* >/dev/null 2>&1; then
		sed 's/^/# /' "$work"/sanitizer.* | head -n 60
		echo "not ok $((tests_run + 1)) - a sanitizer reported"
		tests_run=$((tests_run + 1))
		tests_failed=$((tests_failed + 1))
	fi
	# A worker in its sandbox cannot write a sanitizer's report: it shows as a death.
	if [ -z "${DEATHS_EXPECTED:-}" ] && grep -E 'smime-agent[a-z-]* .*(died of signal|ended with status)' "$work/agent.log" 2>/dev/null; then
		echo "not ok $((tests_run + 1)) - a process of the agent died"
		tests_run=$((tests_run + 1))
		tests_failed=$((tests_failed + 1))
	fi
	echo "1..$tests_run"
	[ "$tests_failed" = 0 ]
	exit
}
export ASAN_OPTIONS=log_path=$work/sanitizer:detect_leaks=0:handle_segv=0
export UBSAN_OPTIONS=log_path=$work/sanitizer:print_stacktrace=1

SO_PIN=87654321
PIN=1234
printf '%s\n' "$PIN" >"$work/pin"
printf '%s\n%s\n' "$SO_PIN" "$PIN" >"$work/new-pins"

make_token() { # LABEL
	smime token init --label "$1" --pin-fd 3 3<"$work/new-pins"
}

make_ca() {
	[ -e "$work/ca.pem" ] && return
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" \
		-subj "/CN=Test CA" -days 3650 >/dev/null 2>&1
}

# A CA between the root and a signer.
make_sub_ca() {
	make_ca
	openssl req -new -newkey rsa:2048 -nodes -keyout "$work/sub.key" -subj "/CN=Sub CA" -out "$work/sub.csr" &&
		printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n' >"$work/sub.ext" &&
		openssl x509 -req -in "$work/sub.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
			-days 3650 -extfile "$work/sub.ext" -out "$work/sub.pem" && cat "$work/sub.pem" "$work/ca.pem" >"$work/chain.pem"
}

# make_key TOKEN LABEL TYPE [ADDRESS [USAGE [CA]]]: a key born on the token, with a certificate.
make_key() {
	make_ca
	smime token keygen --token "$1" --label "$2" --type "$3" --pin-fd 3 3<"$work/pin" || return
	smime token csr --token "$1" --label "$2" --subject "/O=Test/CN=$2" \
		--address "${4:-$2@example.org}" --pin-fd 3 3<"$work/pin" >"$work/$2.csr" || return
	cat >"$work/$2.ext" <<-END
		subjectAltName=email:${4:-$2@example.org}
		keyUsage=critical,${5:-digitalSignature,keyEncipherment,keyAgreement}
		extendedKeyUsage=emailProtection
		subjectKeyIdentifier=hash
	END
	openssl x509 -req -in "$work/$2.csr" -CA "$work/${6:-ca}.pem" -CAkey "$work/${6:-ca}.key" -CAcreateserial \
		-days 365 -extfile "$work/$2.ext" -out "$work/$2.pem" >/dev/null 2>&1 || return
	smime token import-cert --token "$1" --pin-fd 3 "$work/$2.pem" 3<"$work/pin"
}

# import_key TOKEN ID LABEL PEMKEY CERT: a key that was made elsewhere, written by another program.
import_key() {
	openssl pkey -in "$4" -outform DER -out "$work/import.key" || return
	openssl x509 -in "$5" -outform DER -out "$work/import.der" || return
	usage="--usage-sign --usage-decrypt"
	openssl pkey -in "$4" -noout -text | grep -q 'ASN1 OID' && usage="--usage-sign --usage-derive"
	for object in privkey cert; do
		file=$work/import.key
		[ "$object" = cert ] && file=$work/import.der && usage=
		pkcs11-tool --module "$softhsm" --token-label "$1" --login --pin "$PIN" --write-object "$file" \
			--type "$object" --id "$2" --label "$3" $usage >/dev/null || return
	done
}

# make_dated KEYFILE CERTFILE SUBJECT START END [EXTENSION...]: a self-signed certificate with these
# dates (YYYYMMDDHHMMSSZ) for a fresh RSA key.
make_dated() {
	mkdir -p "$work/ca" && : >"$work/ca/index" && echo 01 >"$work/ca/serial" || return
	dated_key=$1
	dated_cert=$2
	dated_subject=$3
	dated_start=$4
	dated_end=$5
	shift 5
	{
		printf '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/ca/index\nserial=%s/ca/serial\n' "$work" "$work"
		printf 'new_certs_dir=%s/ca\ndefault_md=sha256\npolicy=any\nx509_extensions=ext\n' "$work"
		printf 'unique_subject=no\n[any]\ncommonName=supplied\n[ext]\nbasicConstraints=CA:FALSE\n'
		for extension in "$@"; do echo "$extension"; done
	} >"$work/ca/conf"
	openssl req -new -newkey rsa:2048 -nodes -keyout "$dated_key" -out "$work/ca/csr" -subj "$dated_subject" &&
		openssl ca -batch -selfsign -config "$work/ca/conf" -keyfile "$dated_key" -in "$work/ca/csr" \
			-startdate "$dated_start" -enddate "$dated_end" -notext -out "$dated_cert"
}

unlock() {
	smime unlock --pin-fd 3 "$@" 3<"$work/pin"
}

write_mail() { # FILE
	cat >"$1" <<-END
		From: Alice <rsa@example.org>
		To: Bob <bob@example.org>
		Subject: a test
		Date: Mon, 23 Nov 2026 12:00:00 +0000
		Message-ID: <1@example.org>
		MIME-Version: 1.0
		Content-Type: text/plain; charset=us-ascii

		Hello Bob,

		this is a test. A line of its own:
		.
		From here on, nothing.
	END
}

# Children of the agent and its open descriptors, for leak checks.
agent_pid() {
	smime status | sed -n 's/^ *pid *//p'
}
