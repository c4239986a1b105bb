//! TLS for control and data connections (RFC 4217) by rustls.

/// Certificate, key and everything shared by all sessions' TLS.
#[derive(Debug, Clone)]
pub struct TlsSetup {}
