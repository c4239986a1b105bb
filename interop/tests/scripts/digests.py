"""Digests of octets, checked against Python's own."""
import hashlib
import io
import random
import zlib

ftp = plain()
ftp.login(user, password)
ftp.voidcmd("TYPE I")

NAME = "two words 5"  # ends like a range, so that the X forms want it in quotes
CONTENT = random.Random(1).randbytes(300_001)
PART = CONTENT[1000:200_000]


def crc(octets):
    return f"{zlib.crc32(octets):08x}"


def by(name):
    return lambda octets: hashlib.new(name, octets).hexdigest()


def same(got, *words):
    assert f"{got} ".startswith(" ".join(words) + " "), f"{got}, not {words}"


ftp.storbinary(f"STOR {NAME}", io.BytesIO(CONTENT))
ftp.storbinary("STOR empty", io.BytesIO())

forms = {
    "SHA-256": by("sha256"),
    "SHA-512": by("sha512"),
    "SHA-1": by("sha1"),
    "MD5": by("md5"),
    "CRC32": crc,
}
for algorithm, digest in forms.items():
    ftp.voidcmd(f"OPTS HASH {algorithm}")
    same(ftp.sendcmd(f"HASH {NAME}"), "213", algorithm, "0-300000", digest(CONTENT), NAME)
    same(ftp.sendcmd("HASH empty"), "213", algorithm, "0-0", digest(b""), "empty")
    same(ftp.sendcmd("RANG 1000 199999"), "350")
    same(ftp.sendcmd(f"HASH {NAME}"), "213", algorithm, "1000-199999", digest(PART), NAME)

forms = {
    "XCRC": crc,
    "XMD5": by("md5"),
    "XSHA": by("sha1"),
    "XSHA1": by("sha1"),
    "XSHA256": by("sha256"),
    "XSHA512": by("sha512"),
}
for verb, digest in forms.items():
    assert ftp.sendcmd(f'{verb} "{NAME}"') == f"250 {digest(CONTENT).upper()}"
    assert ftp.sendcmd(f'{verb} "{NAME}" 1000 200000') == f"250 {digest(PART).upper()}"
    assert ftp.sendcmd(f"{verb} empty") == f"250 {digest(b'').upper()}"
    refused("550", ftp.sendcmd, f"{verb} missing")

same(ftp.sendcmd(f"MD5 {NAME}"), "251", NAME, by("md5")(CONTENT))
refused("501", ftp.sendcmd, "OPTS HASH MD4")
ftp.quit()
