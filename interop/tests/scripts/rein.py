"""REIN under explicit TLS ends TLS; the same connection logs in in the clear, then under TLS."""
import socket


def cleared(ftp):
    """TLS ends, as in ftplib's own ccc(), and with it all that ftplib and ssl remember of it."""
    ftp.file.close()
    ftp.sock = socket.socket(fileno=ftp.sock.unwrap().detach())
    ftp.sock.settimeout(ftp.timeout)
    ftp.file = ftp.sock.makefile("r", encoding=ftp.encoding)
    ftp._prot_p = False


ftp = explicit()
ftp.login(user, password)
ftp.prot_p()
ftp.voidcmd("TYPE I")
ftp.cwd("inner")
assert ftp.pwd() == "/inner"
assert fetched(ftp, "file") == b"deep\n"

for _ in range(3):
    assert ftp.sendcmd("REIN").startswith("220")
    cleared(ftp)
    refused("530", ftp.pwd)
    refused("503", ftp.sendcmd, "PROT P")
    ftp.login(user, password, secure=False)
    assert ftp.pwd() == "/", "the directory is forgotten"
    assert fetched(ftp, "inner/file") == b"deep\n"
    ftp.auth()
    refused("530", ftp.pwd)
    ftp.login(user, password)
    ftp.prot_p()
    assert fetched(ftp, "inner/file") == b"deep\n"

ftp.quit()
