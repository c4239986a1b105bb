//! Connections over loopback, with proxies and TLS servers made for the occasion.
