//! Connections: names, proxies, TCP and TLS. Nothing of FTP.
