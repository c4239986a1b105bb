"""A client that knows one charset and no other: CHARSET, in which NAMES can be said, and OFF."""
import ftplib
import io


def connected(encoding):
    """Logged in, with everything on the control connection in this encoding."""
    ftp = ftplib.FTP(timeout=20, encoding=encoding)
    ftp.connect(host, port)
    # Without OPTS replies come in UTF-8, which is unreadable to some codecs.
    if not OFF:
        ftp.file = ftp.sock.makefile("r", encoding=encoding, errors="replace")
    ftp.login(user, password)
    return ftp


def is_utf8(octets):
    """Whether they are, so that without OPTS they are taken for it."""
    try:
        return bool(octets.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def listed(ftp):
    """What LIST, NLST and MLSD show, which must be the same names."""
    lines = []
    ftp.retrlines("LIST", lines.append)
    names = sorted(ftp.nlst())
    assert sorted(line.split(None, 8)[8] for line in lines) == names, lines
    facts = [name for name, facts in ftp.mlsd() if facts["type"] in ("file", "dir")]
    assert sorted(facts) == names, facts
    return names


ftp, modern = connected(CHARSET), connected("utf-8")
assert modern.sendcmd("OPTS UTF8 ON").startswith("200")
if OFF:
    assert ftp.sendcmd("OPTS UTF8 OFF").startswith("200")
# Without OPTS names may come in the charset, but they are shown in UTF-8.
reader = ftp if OFF else modern

for name in NAMES:
    if not OFF and is_utf8(name.encode(CHARSET)):
        continue
    ftp.storbinary(f"STOR {name}.txt", io.BytesIO(name.encode()))
    assert fetched(ftp, f"{name}.txt") == name.encode()
    assert ftp.size(f"{name}.txt") == modern.size(f"{name}.txt") == len(name.encode())
    assert listed(reader) == listed(modern) == [f"{name}.txt"], name
    assert fetched(reader, reader.nlst()[0]) == name.encode()
    ftp.rename(f"{name}.txt", f"new {name}")
    ftp.mkd(name)
    ftp.cwd(name)
    assert reader is modern or reader.pwd() == f"/{name}"
    ftp.cwd("/")
    assert listed(reader) == sorted([name, f"new {name}"])
    assert modern.nlst(name) == []
    ftp.rmd(name)
    ftp.delete(f"new {name}")

# What the charset cannot say can be told apart all the same, fetched and removed.
for n in range(2):
    modern.storbinary(f"STOR 🂡{n}", io.BytesIO(str(n).encode()))
shown = listed(reader)
assert [fetched(reader, name) for name in shown] == [b"0", b"1"], shown
for name in shown:
    reader.delete(name)
assert modern.nlst() == []

# The last one stays for the test to look at.
ftp.storbinary(f"STOR {NAMES[0]}", io.BytesIO(b"kept"))
ftp.quit()
modern.quit()
