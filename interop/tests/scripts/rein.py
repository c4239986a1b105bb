"""REIN under explicit TLS ends TLS; the same connection logs in in the clear, then under TLS."""


def there_and_back(version):
    ftp = explicit(version=version)
    ftp.login(user, password)
    ftp.prot_p()
    ftp.cwd("inner")
    assert fetched(ftp, "file") == b"deep\n"

    for _ in range(3):
        assert ftp.sendcmd("REIN").startswith("220")
        clear(ftp)
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


there_and_back(ssl.TLSVersion.TLSv1_2)
there_and_back(ssl.TLSVersion.TLSv1_3)
