# SPDX-License-Identifier: ISC
# Sourced after lib.sh: people with certificates of one CA, mails of Alice, and what smime verify says of them.
python=/usr/bin/python3
make_ca

# issue NAME SUBJECT [EXTENSION...]: a key and a certificate of the CA, or of $issuer.
issuer=ca
issue() {
	name=$1
	subject=$2
	shift 2
	printf '%s\n' "$@" >"$work/$name.ext"
	openssl req -new -newkey "${key_type:-rsa:2048}" ${key_option:-} -nodes -keyout "$work/$name.key" -out "$work/$name.csr" \
		-subj "$subject" 2>/dev/null &&
		openssl x509 -req -in "$work/$name.csr" -CA "$work/$issuer.pem" -CAkey "$work/$issuer.key" -CAcreateserial \
			-days "${days:-365}" ${issue_options:-} -extfile "$work/$name.ext" -out "$work/$name.pem" 2>/dev/null
}
# expired NAME CERTFILE SERIAL: another certificate for what issue made, for a year that is over.
expired() {
	mkdir -p "$work/expired" && : >"$work/expired/index" && echo "$3" >"$work/expired/serial" &&
		printf '[ca]\ndefault_ca=own\n[own]\ndatabase=%s/index\nserial=%s/serial\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n' \
			"$work/expired" "$work/expired" "$work/expired" >"$work/expired/conf" &&
		openssl ca -batch -config "$work/expired/conf" -cert "$work/ca.pem" -keyfile "$work/ca.key" -in "$work/$1.csr" \
			-startdate 20200101000000Z -enddate 20210101000000Z -extfile "$work/$1.ext" -notext -out "$work/$2" 2>/dev/null
}
mail_use="keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=emailProtection"
issue alice /CN=Alice "$mail_use" subjectAltName=email:alice@example.org
issue bob /CN=Bob "$mail_use" subjectAltName=email:bob@example.org
issue mallory /CN=Mallory "$mail_use" subjectAltName=email:mallory@example.net

cat >"$work/text" <<-END
	Content-Type: text/plain; charset=us-ascii

	Please pay 10 euros to Bob.
	From here on: nothing.
END
sed 's/$/\r/' "$work/text" >"$work/text.crlf"

# sign FILE OPTIONS...: a mail from Alice with openssl.
sign() {
	file=$1
	shift
	openssl cms -sign -in "$work/text" -from "Alice <alice@example.org>" -to bob@example.org -subject pay \
		-signer "$work/alice.pem" -inkey "$work/alice.key" "$@" -out "$file" 2>/dev/null
}

# verify STATUS FILE [OPTIONS...], and then found WORD...: whether the report has each of them.
verify() {
	wanted=$1
	mail=$2
	shift 2
	rm -f "$work/signed"
	smime verify --json --ca "$work/ca.pem" -o "$work/signed" "$@" "$mail" >"$work/json" 2>"$work/said"
	got=$?
	[ "$got" = "$wanted" ] && return
	echo "status $got, wanted $wanted" >&2
	cat "$work/said" "$work/json" >&2
	return 1
}
found() {
	for word; do
		grep -q -- "\"$word\"" "$work/json" && continue
		echo "no $word in:" >&2
		cat "$work/json" >&2
		return 1
	done
}
is() { # VERDICT STATUS FILE WORD...
	verdict=$1
	wanted=$2
	mail=$3
	shift 3
	verify "$wanted" "$mail" || return
	grep -q "^{\"verdict\":\"$verdict\"" "$work/json" || { cat "$work/json" >&2; return 1; }
	found "$@"
}
nothing_came_out() {
	[ ! -e "$work/signed" ]
}
raw() { # STATUS FILE [OPTIONS...]
	verify "$@" --raw
}
