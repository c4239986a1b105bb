"""HOST before the log-in, in the clear and under TLS with and without a server name."""
ONE = ca_file.replace("main.pem", "one.pem")


def content(ftp):
    text = fetched(ftp, "whose").decode()
    ftp.quit()
    return text


# In the clear HOST alone decides; the last one counts.
ftp = plain()
assert "220-Files of main" in ftp.getwelcome(), ftp.getwelcome()
assert "220-Files of one" in ftp.sendcmd("HOST ftp.one.test").splitlines()
assert "220-Files of two" in ftp.sendcmd("HOST FTP.Two.Test").splitlines()
ftp.login("kim", password)
refused("503", ftp.sendcmd, "HOST ftp.one.test")
assert content(ftp) == "two"

# Accounts are those of one host only, even where another has the same name.
for name, whose in [("main.test", "main"), ("files.one.test", "one")]:
    ftp = plain()
    ftp.sendcmd(f"HOST {name}")
    refused("530", ftp.login, "kim", password)
    ftp.login(user, password)
    assert content(ftp) == whose
ftp = plain()
ftp.sendcmd("HOST ftp.two.test")
refused("530", ftp.login, user, password)

# What names no host changes nothing.
ftp.sendcmd("HOST ftp.one.test")
refused("504", ftp.sendcmd, "HOST ftp.three.test")
refused("501", ftp.sendcmd, "HOST ftp.two.test:21")
ftp.login(user, password)
assert content(ftp) == "one"

# Without HOST it is the main one; so it is after REIN.
ftp = plain()
ftp.sendcmd("HOST ftp.one.test")
ftp.login(user, password)
ftp.sendcmd("REIN")
ftp.login(user, password)
assert content(ftp) == "main"

# Under TLS with a server name that host is there without HOST, for data as well.
ftp = explicit("ftp.one.test", ONE)
ftp.login(user, password)
ftp.prot_p()
assert content(ftp) == "one"

# With HOST, the name must be the same.
ftp = explicit("ftp.one.test", ONE)
for name in ["ftp.two.test", "files.one.test", "main.test", "127.0.0.1"]:
    refused("504", ftp.sendcmd, f"HOST {name}")
assert "220-Files of one" in ftp.sendcmd("HOST FTP.ONE.TEST").splitlines()
ftp.login(user, password)
ftp.prot_p()
assert content(ftp) == "one"

# REIN ends TLS, and the host goes with the name that TLS was given.
ftp = explicit("ftp.one.test", ONE)
ftp.login(user, password)
ftp.sendcmd("REIN")
clear(ftp)
ftp.login(user, password, secure=False)
assert fetched(ftp, "whose") == b"main"
ftp.sendcmd("REIN")
ftp.sendcmd("HOST ftp.two.test")
ftp.login("kim", password, secure=False)
assert content(ftp) == "two"

# Under TLS without a server name HOST may name any.
ftp = explicit()
ftp.sendcmd("HOST ftp.one.test")
ftp.login(user, password)
assert content(ftp) == "one"

# HOST before TLS without a server name decides on the certificate.
context = ssl.create_default_context(cafile=ca_file.replace("main.pem", "two.pem"))
context.check_hostname = False  # an address is no name that could be in it
ftp = ftplib.FTP_TLS(timeout=20, context=context)
ftp.set_debuglevel(1)
ftp.connect(host, port)
ftp.sendcmd("HOST ftp.two.test")
ftp.auth()
ftp.login("kim", password)
ftp.prot_p()
assert content(ftp) == "two"
