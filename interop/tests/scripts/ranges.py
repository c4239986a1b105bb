"""Parts of a file, both ways."""
import io

ftp = plain()
ftp.login(user, password)
ftp.voidcmd("TYPE I")
CONTENT = bytes(range(256)) * 400
ftp.storbinary("STOR whole", io.BytesIO(CONTENT))

for first, last in [(0, 0), (5, 5), (1000, 70_000), (102_399, 102_399), (100_000, 999_999)]:
    assert ftp.sendcmd(f"RANG {first} {last}").startswith("350")
    assert fetched(ftp, "whole") == CONTENT[first:last + 1], (first, last)
    assert fetched(ftp, "whole") == CONTENT, "a range holds for one transfer"

ftp.sendcmd("RANG 3 9")
ftp.sendcmd("RANG 1 0")
assert fetched(ftp, "whole") == CONTENT, "RANG 1 0 takes it back"

ftp.sendcmd("RANG 200000 200009")
refused("554", fetched, ftp, "whole")
assert fetched(ftp, "whole") == CONTENT, "the refusal used it up"

ftp.sendcmd("RANG 10 19")
ftp.storbinary("STOR whole", io.BytesIO(b"0123456789"))
want = CONTENT[:10] + b"0123456789" + CONTENT[20:]
assert fetched(ftp, "whole") == want, "only those octets are replaced"

ftp.sendcmd("RANG 30 32")
refused("552", ftp.storbinary, "STOR whole", io.BytesIO(b"too many"))
want = want[:30] + b"too" + want[33:]
assert fetched(ftp, "whole") == want, "what does not fit is not stored"
ftp.quit()
