"""LANG changes the language of what follows, until it is changed back."""
ftp = plain()
english = ftp.sendcmd("NOOP")
german = ftp.sendcmd("LANG de")
assert german.startswith("200 ") and "Deutsch" in german, german
assert ftp.sendcmd("NOOP") == "200 In Ordnung."
assert " LANG en;de*;es;fr" in ftp.sendcmd("FEAT").splitlines()
assert ftp.login(user, password) == "230 Angemeldet."
wrong = refused("504", ftp.sendcmd, "LANG tlh")
assert ftp.sendcmd("NOOP") == "200 In Ordnung.", "a refusal changes nothing"
refused("550", ftp.size, "missing")
# Umlauts come as UTF-8, which ftplib expects.
assert "ü" in ftp.sendcmd("HELP") + refused("501", ftp.sendcmd, "CWD") + wrong
# What clients read out of replies stays as it is.
assert ftp.sendcmd("SYST") == "215 UNIX Type: L8"
assert ftp.pwd() == "/"
ftp.voidcmd("LANG fr-CA")
assert ftp.sendcmd("NOOP") not in (english, "200 In Ordnung.")
ftp.voidcmd("LANG")
assert ftp.sendcmd("NOOP") == english
ftp.quit()
