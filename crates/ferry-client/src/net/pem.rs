//! Certificates and keys out of PEM files.

use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, ErrorKind, Result};
use crate::settings::ClientCertificate;

fn unreadable(path: &Path, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Local, format!("{} cannot be used", path.display())).with_source(e)
}

/// The certificates of a file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| unreadable(path, e))?;
    if certificates.is_empty() {
        let what = format!("{} holds no certificate", path.display());
        return Err(Error::new(ErrorKind::Local, what));
    }
    Ok(certificates)
}

/// A client's certificate and its key.
pub(super) fn client_certificate(
    files: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, e))?;
    Ok((certificates(&files.chain)?, key))
}
