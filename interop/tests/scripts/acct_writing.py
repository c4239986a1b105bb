"""An account that must say ACCT before it changes anything."""
import io

ftp = plain()
ftp.login(user, password)
assert fetched(ftp, "inner/file") == b"deep\n", "reading needs none"
refused("532", ftp.storbinary, "STOR new", io.BytesIO(b"new"))
refused("532", ftp.delete, "inner/file")
refused("532", ftp.mkd, "dir")
refused("530", ftp.acct, "wrong")
refused("532", ftp.mkd, "dir")
ftp.acct(password)
ftp.storbinary("STOR new", io.BytesIO(b"new"))
assert fetched(ftp, "new") == b"new"
ftp.mkd("dir")
ftp.quit()
