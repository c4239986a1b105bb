"""Every mode, structure and type by codecs of the test's own, in the clear and under TLS."""
import random
import struct
import zlib

random.seed(3)
CONTENT = bytes(random.choices(b"ab\n\r\xff\x00 ", k=200_000)) + b"\n"


def received(ftp, command, code):
    """Everything up to the end of the data connection."""
    data = ftp.transfercmd(command)
    octets = b""
    while more := data.recv(65536):
        octets += more
    close(data)
    reply = ftp.getresp()
    assert reply.startswith(code), reply
    return octets


def sent(ftp, command, octets):
    data = ftp.transfercmd(command)
    data.sendall(octets)
    close(data)
    reply = ftp.getresp()
    assert reply.startswith("226"), reply


def close(data):
    if hasattr(data, "unwrap"):
        data.unwrap()
    data.close()


def blocks(octets, size=1000):
    """A file of MODE B."""
    pieces = [octets[at:at + size] for at in range(0, len(octets), size)]
    return b"".join(struct.pack(">BH", 0, len(p)) + p for p in pieces) + b"\x40\x00\x00"


def block_file(data):
    """The next file of MODE B off a connection."""
    def exactly(n):
        octets = b""
        while len(octets) < n:
            more = data.recv(n - len(octets))
            assert more, "the connection ended within a file"
            octets += more
        return octets
    file = b""
    while True:
        bits, count = struct.unpack(">BH", exactly(3))
        file += exactly(count)
        if bits & 0x40:
            return file


def run_lengths(octets):
    """The file that MODE C sends."""
    out, at, filler = b"", 0, b"\0"
    while at < len(octets):
        kind = octets[at]
        if kind == 0:
            assert octets[at + 1] in (0x40,), octets[at:at + 2]
            at += 2
        elif kind < 0x80:
            out += octets[at + 1:at + 1 + kind]
            at += 1 + kind
        elif kind < 0xC0:
            out += octets[at + 1:at + 2] * (kind & 0x3F)
            at += 2
        else:
            out += filler * (kind & 0x3F)
            at += 1
    return out


def records(octets):
    """The records that STRU R sends in MODE S."""
    out, record, at = [], b"", 0
    while True:
        if octets[at] != 0xFF:
            record += octets[at:at + 1]
            at += 1
            continue
        mark = octets[at + 1]
        at += 2
        if mark == 0xFF:
            record += b"\xff"
        if mark in (1, 3):
            out.append(record)
            record = b""
        if mark in (2, 3):
            assert at == len(octets) and not record
            return out


for ftp in [plain(), explicit()]:
    ftp.login(user, password)
    if isinstance(ftp, ftplib.FTP_TLS):
        ftp.prot_p()
    features = ftp.sendcmd("FEAT").splitlines()
    assert {" MODE B", " MODE C", " MODE Z"} <= set(features), features
    ftp.voidcmd("TYPE I")

    ftp.voidcmd("MODE Z")
    sent(ftp, "STOR z", zlib.compress(CONTENT))
    for level in (0, 1, 6, 9):
        ftp.voidcmd(f"OPTS MODE Z LEVEL {level}")
        assert zlib.decompress(received(ftp, "RETR z", "226")) == CONTENT, level
    ftp.sendcmd("REST 1000")
    assert zlib.decompress(received(ftp, "RETR z", "226")) == CONTENT[1000:]
    assert b"type=cdir" in zlib.decompress(received(ftp, "MLSD", "226"))
    assert b" z\r\n" in zlib.decompress(received(ftp, "LIST", "226"))

    ftp.voidcmd("MODE C")
    assert run_lengths(received(ftp, "RETR z", "226")) == CONTENT
    ftp.voidcmd("MODE S")
    assert fetched(ftp, "z") == CONTENT

    ftp.voidcmd("STRU R")
    ftp.voidcmd("TYPE A")
    lines = CONTENT.split(b"\n")[:-1]
    assert records(received(ftp, "RETR z", "226")) == lines
    ftp.voidcmd("TYPE I")
    stored = b"".join(r.replace(b"\xff", b"\xff\xff") + b"\xff\x01" for r in lines) + b"\xff\x02"
    sent(ftp, "STOR r", stored)
    assert records(received(ftp, "RETR r", "226")) == lines
    ftp.voidcmd("STRU F")

    ftp.voidcmd("TYPE E")
    text = "Grüße, 0-9 A-Z a-z\n"
    sent(ftp, "STOR e", text.replace("\n", "\x85").encode("cp1140"))
    ebcdic = received(ftp, "RETR e", "226")
    assert ebcdic.decode("cp1140").replace("\x85", "\n") == text, ebcdic
    ftp.voidcmd("TYPE I")
    assert fetched(ftp, "e") == text.encode()

    # One data connection for all of these; what is in the socket already is the next file's.
    ftp.voidcmd("MODE B")
    data = ftp.transfercmd("STOR b0")
    data.sendall(blocks(CONTENT))
    assert ftp.getresp().startswith("250")
    for n in range(1, 20):
        ftp.putcmd(f"STOR b{n}")
        ftp.putcmd(f"RETR b{n}")
        data.sendall(blocks(CONTENT[:n * 1000]))
        got = block_file(data)
        replies = [ftp.getresp()[:3] for _ in range(4)]
        assert replies == ["125", "250", "125", "250"], replies
        assert got == CONTENT[:n * 1000], n
    ftp.voidcmd("MODE S")
    assert data.recv(1) == b"", "a new mode ends the connection"
    data.close()
    ftp.quit()
