"""One ftplib session: logs in, then does the tab-separated tasks on standard input.

usage: HOST PORT USER PASSWORD plain|explicit|implicit 1.2|1.3 active|passive CA-FILE
"""
import ftplib
import os
import ssl
import sys

host, port, user, password, security, version, data, ca_file = sys.argv[1:]


class ImplicitFtp(ftplib.FTP_TLS):
    """ftplib knows only explicit TLS: put TLS around the socket before the greeting is read."""

    _sock = None

    @property
    def sock(self):
        return self._sock

    @sock.setter
    def sock(self, value):
        if value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname=self.host)
        self._sock = value


if security == "plain":
    ftp = ftplib.FTP(timeout=20)
else:
    context = ssl.create_default_context(cafile=ca_file)
    wanted = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    context.minimum_version = context.maximum_version = wanted
    kind = ftplib.FTP_TLS if security == "explicit" else ImplicitFtp
    ftp = kind(timeout=20, context=context)

ftp.set_debuglevel(1)
ftp.connect(host, int(port))
if security == "implicit":
    ftplib.FTP.login(ftp, user, password)
else:
    ftp.login(user, password)
if security != "plain":
    ftp.prot_p()
ftp.set_pasv(data == "passive")

for line in sys.stdin.read().splitlines():
    verb, folder, *rest = line.split("\t")
    ftp.cwd(folder)
    if verb == "list":
        ftp.dir()
        print("\n".join(ftp.nlst()))
        print("\n".join(name for name, _ in ftp.mlsd()))
    elif verb == "get":
        name, path, how = rest
        start = os.path.getsize(path) if how == "resume" else None
        with open(path, "ab" if start else "wb") as file:
            ftp.retrbinary(f"RETR {name}", file.write, rest=start)
    elif verb == "put":
        name, path, how = rest
        ftp.voidcmd("TYPE I")
        start = ftp.size(name) if how == "resume" else None
        with open(path, "rb") as file:
            file.seek(start or 0)
            ftp.storbinary(f"STOR {name}", file, rest=start)
    elif verb == "rename":
        ftp.rename(*rest)
    elif verb == "delete":
        ftp.delete(*rest)
    elif verb == "mkdir":
        ftp.mkd(*rest)
    elif verb == "rmdir":
        ftp.rmd(*rest)
    else:
        sys.exit(f"no such task: {verb}")
ftp.quit()
