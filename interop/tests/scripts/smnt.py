"""SMNT puts another directory in place of the home."""
import io

ftp = plain()
ftp.login(user, password)
ftp.cwd("inner")
refused("550", ftp.voidcmd, "SMNT nowhere")
assert ftp.pwd() == "/inner", "a refusal changes nothing"

for volume in ["attic", "cellar", "attic"]:
    assert ftp.voidcmd(f"SMNT {volume}").startswith("250")
    assert ftp.pwd() == "/"
    assert fetched(ftp, "label") == volume.encode()
    assert "inner" not in ftp.nlst()
    refused("550", ftp.cwd, "../cellar")
    ftp.storbinary(f"STOR from-{volume}", io.BytesIO(volume.encode()))
    assert fetched(ftp, f"from-{volume}") == volume.encode()

ftp.sendcmd("REIN")
ftp.login(user, password)
assert ftp.nlst() == ["inner"], "REIN leads home"
ftp.quit()
