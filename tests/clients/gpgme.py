#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A program that uses GPGME for S/MIME, as mail programs do: one operation, and what GPGME says of it.

engine                    the program that GPGME found, and its version
list|list-secret [NAME]   a line for each certificate: fingerprint, what it can, secret or not, addresses
show NAME                 subject, issuer, serial number, chain, validity of each
sign|sign-opaque KEY IN OUT [armor|base64] [CERTS]
decrypt IN OUT
encrypt IN OUT NAME...    with PEM where OUT ends in .pem
verify SIGNATURE [CONTENT|OUT=FILE]   a line for each signature: what GPGME says of it
import FILE, export OUT NAME..., delete NAME
many N KEY                N signatures in one context
"""
import sys

import gpg
from gpg.constants import keylist, sig
from gpg.constants.data import encoding


def context():
    return gpg.Context(protocol=gpg.constants.protocol.CMS)


def read(name):
    return sys.stdin.buffer.read() if name == "-" else open(name, "rb").read()


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def find(c, name, secret=False):
    keys = list(c.keylist(pattern=name, secret=secret))
    if not keys:
        sys.exit("no certificate: " + name)
    return keys[0]


def uses(key):
    return "".join(letter for letter, can in (("e", key.can_encrypt), ("s", key.can_sign), ("c", key.can_certify)) if can)


def list_keys(secret, names):
    for key in context().keylist(pattern=names or None, secret=secret):
        addresses = [uid.email for uid in key.uids if uid.email]
        print(key.fpr, uses(key) or "-", "secret" if key.secret else "public", *addresses)


def show(name):
    for key in context().keylist(pattern=name, mode=keylist.mode.LOCAL | keylist.mode.VALIDATE):
        print("subject", key.uids[0].uid)
        print("issuer", key.issuer_name)
        print("serial", key.issuer_serial)
        print("chain", key.chain_id)
        print("keygrip", key.subkeys[0].keygrip)
        print("validity", key.uids[0].validity, "expired" if key.expired else "", "revoked" if key.revoked else "")


def sign(mode, key, source, target, how="", certs=None):
    c = context()
    c.armor = how == "armor"
    c.signers = [find(c, key, secret=True)]
    if certs is not None:
        c.set_include_certs(int(certs))
    out = gpg.Data()
    if how == "base64":
        out.set_encoding(encoding.BASE64)
    c.op_sign(gpg.Data(read(source)), out, mode)
    for made in c.op_sign_result().signatures:
        print("signature", made.fpr, made.pubkey_algo, made.hash_algo, made.type)
    out.seek(0, 0)
    write(target, out.read())


def decrypt(source, target):
    plain, result, _ = context().decrypt(read(source), verify=False)
    for recipient in result.recipients:
        print("to", recipient.keyid)
    write(target, plain)


def encrypt(source, target, *names):
    c = context()
    c.armor = target.endswith(".pem")
    recipients = [find(c, name) for name in names]
    out = gpg.Data()
    c.op_encrypt(recipients, gpg.constants.ENCRYPT_ALWAYS_TRUST, gpg.Data(read(source)), out)
    out.seek(0, 0)
    write(target, out.read())


def status_of(signature):
    """The words of GPGME's summary, and its error."""
    bits = [name for name in ("VALID", "GREEN", "RED", "KEY_REVOKED", "KEY_EXPIRED", "SIG_EXPIRED", "KEY_MISSING",
                              "SYS_ERROR") if signature.summary & getattr(gpg.constants.sigsum, name)]
    return "%s status %d validity %d" % (",".join(bits) or "-", gpg.errors.GPGMEError(signature.status).getcode(),
                                          signature.validity)


def verify(signature, other=None):
    c = context()
    sink = None
    content = None
    if other and other.startswith("OUT="):
        sink = gpg.Data()
    elif other:
        content = gpg.Data(read(other))
    c.op_verify(gpg.Data(read(signature)), content, sink if sink is not None else (None if content else gpg.Data()))
    for made in c.op_verify_result().signatures:
        print("signature", made.fpr, status_of(made))
    if sink is not None:
        sink.seek(0, 0)
        write(other[4:], sink.read())


def import_file(name):
    c = context()
    c.op_import(gpg.Data(read(name)))
    result = c.op_import_result()
    print("considered %d imported %d unchanged %d secret %d not-imported %d" % (
        result.considered, result.imported, result.unchanged, result.secret_read, result.not_imported))
    for one in result.imports:
        print("import", one.fpr, one.status, one.result)


def export(target, *names):
    c = context()
    c.armor = target.endswith(".pem")
    out = gpg.Data()
    if len(names) == 1:
        c.op_export(names[0], 0, out)
    else:
        c.op_export_ext(list(names), 0, out)
    out.seek(0, 0)
    write(target, out.read())


def many(count, key):
    c = context()
    c.signers = [find(c, key, secret=True)]
    for _ in range(int(count)):
        c.sign(b"text", mode=sig.mode.DETACH)


def main(verb, *args):
    if verb == "engine":
        for engine in gpg.core.get_engine_info():
            if engine.protocol == gpg.constants.protocol.CMS:
                print(engine.file_name, engine.version)
    elif verb in ("list", "list-secret"):
        list_keys(verb == "list-secret", " ".join(args))
    elif verb == "show":
        show(*args)
    elif verb == "sign":
        sign(sig.mode.DETACH, *args)
    elif verb == "sign-opaque":
        sign(sig.mode.NORMAL, *args)
    elif verb == "decrypt":
        decrypt(*args)
    elif verb == "encrypt":
        encrypt(*args)
    elif verb == "verify":
        verify(*args)
    elif verb == "import":
        import_file(*args)
    elif verb == "export":
        export(*args)
    elif verb == "delete":
        c = context()
        c.op_delete(find(c, *args), 0)
    elif verb == "many":
        many(*args)
    else:
        sys.exit("no such verb: " + verb)


try:
    main(*sys.argv[1:])
except gpg.errors.GPGMEError as error:
    print("error", error.getcode(), error)
    sys.exit(1)
