"""What scripts against the server have in common: whom to ask, how to reach it, what is refused."""
import ftplib
import socket
import ssl
import sys

host, port, user, password, ca_file = sys.argv[1:]
port = int(port)


def plain():
    """A connection that has been greeted."""
    ftp = ftplib.FTP(timeout=20)
    ftp.set_debuglevel(1)
    ftp.connect(host, port)
    return ftp


def explicit(name=None, trusted=ca_file, version=ssl.TLSVersion.TLSv1_3):
    """A connection under explicit TLS, begun for the host of that name (SNI)."""
    context = ssl.create_default_context(cafile=trusted)
    context.minimum_version = context.maximum_version = version
    ftp = ftplib.FTP_TLS(timeout=20, context=context)
    ftp.set_debuglevel(1)
    ftp.connect(host, port)
    # ftplib gives this to TLS, while data connections go where the control connection went.
    ftp.host = name or host
    ftp.auth()
    return ftp


def clear(ftp):
    """TLS ends, as in ftplib's own ccc(), and with it all that ftplib and ssl remember of it."""
    ftp.file.close()
    ftp.sock = socket.socket(fileno=ftp.sock.unwrap().detach())
    ftp.sock.settimeout(ftp.timeout)
    ftp.file = ftp.sock.makefile("r", encoding=ftp.encoding)
    ftp._prot_p = False


def refused(code, call, *arguments):
    """The call is answered with this error; its text is handed back."""
    try:
        answer = call(*arguments)
    except (ftplib.error_perm, ftplib.error_temp) as error:
        assert str(error).startswith(code), f"{arguments}: {error}, not {code}"
        return str(error)
    raise AssertionError(f"{arguments}: {answer!r}, not {code}")


def fetched(ftp, name):
    """The content of a file."""
    parts = []
    ftp.retrbinary(f"RETR {name}", parts.append)
    return b"".join(parts)
