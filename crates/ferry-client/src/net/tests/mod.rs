//! Connections over loopback, with proxies and TLS servers made for the occasion. What is common
//! to the tests is here; servers run in threads of their own, with blocking sockets.

mod moving;
mod proxies;
mod reaching;
mod resuming;
mod trusting;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream as Blocking};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;

use super::{Purpose, Received, Tls, Wire};
use crate::error::Result;
use crate::settings::{Settings, Trust};
use crate::site::Site;

/// How long the tests wait for what should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// An authority that issues certificates for the tests.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    cert: CertificateDer<'static>,
    pem: String,
}

/// A certificate and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pem: String,
    key_pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        let (pem, cert) = (cert.pem(), cert.der().clone());
        Self { issuer: Issuer::new(params, key), cert, pem }
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            chain: vec![cert.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            pem: cert.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}

/// Which versions a server has and how it gives out what can be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// TLS 1.2, session in a ticket.
    V12Ticket,
    /// TLS 1.2, session under an id.
    V12Id,
    /// TLS 1.3, tickets that hold what they stand for: good any number of times.
    V13Ticket,
    /// TLS 1.3, tickets that the server looks up and forgets: good once.
    V13Once,
    /// TLS 1.3, no tickets at all.
    V13None,
}

const RESUMABLE: [Kind; 4] = [Kind::V12Ticket, Kind::V12Id, Kind::V13Ticket, Kind::V13Once];

fn config(kind: Kind, identity: &Identity, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let version = match kind {
        Kind::V12Ticket | Kind::V12Id => &TLS12,
        _ => &TLS13,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.cert.clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let key = identity.key.clone_key();
    let mut config = builder.with_single_cert(identity.chain.clone(), key).unwrap();
    match kind {
        Kind::V12Ticket | Kind::V13Ticket => {
            config.ticketer = aws_lc_rs::Ticketer::new().unwrap();
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Kind::V12Id | Kind::V13Once => {}
        Kind::V13None => config.send_tls13_tickets = 0,
    }
    config
}

type Served = StreamOwned<ServerConnection, Blocking>;

/// Runs `serve` in a thread of its own for each connection, for as long as the test runs.
fn server_of_tcp(serve: impl Fn(Blocking) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let serve = Arc::clone(&serve);
            let tcp = tcp.unwrap();
            tcp.set_nodelay(true).unwrap();
            std::thread::spawn(move || serve(tcp));
        }
    });
    address
}

/// The same under TLS. A handshake that fails ends the connection.
fn server_of_tls(
    config: ServerConfig,
    serve: impl Fn(Served) + Send + Sync + 'static,
) -> SocketAddr {
    let config = Arc::new(config);
    server_of_tcp(move |mut tcp| {
        let mut conn = ServerConnection::new(Arc::clone(&config)).unwrap();
        while conn.is_handshaking() {
            if conn.complete_io(&mut tcp).is_err() {
                return;
            }
        }
        serve(StreamOwned::new(conn, tcp));
    })
}

/// Says close_notify and lets the peer end.
fn end(mut served: Served) {
    served.conn.send_close_notify();
    let _ = served.conn.complete_io(&mut served.sock);
    let _ = served.sock.shutdown(std::net::Shutdown::Write);
    let _ = std::io::copy(&mut served.sock, &mut std::io::sink());
}

/// What a server for FTP might do, told by the first octet: `C` greets and stays, `G` sends five
/// thousand octets, `P` takes all there is.
fn play(mut served: Served) {
    let mut what = [0];
    if served.read_exact(&mut what).is_err() {
        return;
    }
    match &what {
        b"C" => {
            served.write_all(b"220 here\r\n").unwrap();
            let _ = served.read_to_end(&mut Vec::new());
        }
        b"G" => served.write_all(&[7; 5000]).unwrap(),
        _ => assert_eq!(served.read_to_end(&mut Vec::new()).unwrap(), 5000),
    }
    end(served);
}

fn site(host: &str, port: u16) -> Site {
    Site { port: Some(port), ..Site::new(host) }
}

fn trusting(trust: Trust) -> Settings {
    Settings { trust, timeout: PATIENCE, ..Settings::default() }
}

/// A file that lives as long as the directory.
fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn dial(to: SocketAddr) -> Wire {
    let tcp = TcpStream::connect(to).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    Wire::plain(tcp)
}

async fn secured(to: SocketAddr, tls: &Tls, purpose: Purpose) -> Result<Wire> {
    dial(to).await.secure(tls, purpose, PATIENCE).await
}

/// A control connection that was greeted.
async fn control(to: SocketAddr, tls: &Tls) -> Result<Wire> {
    let mut wire = secured(to, tls, Purpose::Control).await?;
    wire.write_all(b"C").await.unwrap();
    let mut greeting = [0; 64];
    assert_eq!(wire.read(&mut greeting).await.unwrap(), Received::Bytes(10));
    Ok(wire)
}

/// Everything to the end, and how it ended.
async fn read_all(wire: &mut Wire, buffer: usize) -> (Vec<u8>, Received) {
    let (mut all, mut buf) = (Vec::new(), vec![0; buffer]);
    loop {
        match wire.read(&mut buf).await.unwrap() {
            Received::Bytes(n) => all.extend_from_slice(&buf[..n]),
            end => return (all, end),
        }
    }
}
