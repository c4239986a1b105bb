"""An account that must say ACCT to log in; ftplib sends it when it is asked for (332)."""
ftp = plain()
refused("530", ftp.login, user, password, "wrong")
refused("530", ftp.pwd)
assert ftp.login(user, password, password).startswith("230")
assert ftp.pwd() == "/"
ftp.quit()

ftp = plain()
ftp.sendcmd(f"USER {user}")
assert ftp.sendcmd(f"PASS {password}").startswith("332")
refused("530", ftp.pwd)
ftp.quit()
