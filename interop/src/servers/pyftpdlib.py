"""A server of pyftpdlib. Arguments: IP PORT ROOT USER PASSWORD TLS CERT KEY PUBLIC PASSIVE STRICT;
an empty one is one that does not apply."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.log import config_logging
from pyftpdlib.servers import FTPServer

ip, port, root, user, password, tls, cert, key, public, passive, strict = sys.argv[1:]

config_logging(level="WARNING")
authorizer = DummyAuthorizer()
authorizer.add_user(user, password, root, perm="elradfmwMT")

if tls:
    from OpenSSL import SSL

    handler = TLS_FTPHandler
    handler.certfile = cert
    handler.keyfile = key
    context = handler.get_ssl_context()
    version = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[tls]
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    handler.ssl_context = context
else:
    handler = FTPHandler

handler.authorizer = authorizer
handler.auth_failed_timeout = 0
handler.permit_foreign_addresses = not strict
if public:
    handler.masquerade_address = public
if passive:
    first, last = passive.split("-")
    handler.passive_ports = range(int(first), int(last) + 1)

server = FTPServer((ip, int(port)), handler)
server.max_cons = 0
server.max_cons_per_ip = 0
server.serve_forever()
