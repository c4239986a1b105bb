//! TLS that is chosen by name and ends under a living connection, over real sockets: virtual hosts
//! by SNI (RFC 7151 §3.2.2), REIN (RFC 4217 §13) and CCC (§12.3).

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test panic as the test does")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::{Access, Account};
use ferry_proto::date::UnixTime;
use ferry_server::auth::{Authenticator, Login};
use ferry_server::events::Quiet;
use ferry_server::net::BoxFut;
use ferry_server::options::{DataResumption, Listen, ListenTls, Options};
use ferry_server::tcp::Tcp;
use ferry_server::tls::{ClientCertificates, ClientTrust, TlsSetup};
use ferry_server::{Server, Setup, VirtualHost};
use ferry_storage::memory::Memory;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::{PrivatePkcs8KeyDer, ServerName};
use testkit::StoppedClock;

#[derive(Debug)]
struct Only(&'static str, Arc<Memory>);

impl Only {
    fn entry(&self, user: &[u8]) -> Option<Login> {
        let account = Account::new(self.0, Access::ReadWrite);
        (user == self.0.as_bytes()).then(|| Login {
            account: Arc::new(account),
            storage: Arc::<Memory>::clone(&self.1),
            volumes: Arc::default(),
        })
    }
}

impl Authenticator for Only {
    fn login<'a>(&'a self, user: &'a [u8], _: &'a [u8], _: IpAddr) -> BoxFut<'a, Option<Login>> {
        Box::pin(std::future::ready(self.entry(user)))
    }

    fn recognise<'a>(
        &'a self,
        user: &'a [u8],
        _: &'a [u8],
        _: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        Box::pin(std::future::ready(self.entry(user)))
    }

    /// A certificate that counted where it should not is seen by nobody getting in.
    fn login_certified<'a>(
        &'a self,
        _: &'a [u8],
        _: &'a [u8],
        _: &'a [u8],
        _: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        Box::pin(std::future::ready(None))
    }

    fn welcomes_anonymous(&self) -> bool {
        false
    }
}

/// TLS with a certificate of this name, which asks clients for theirs or requires it.
fn certified(name: &str, required: bool, roots: &mut RootCertStore) -> TlsSetup {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let cert = made.cert.der().clone();
    roots.add(cert.clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let clients = ClientCertificates { trust: ClientTrust::Any, required };
    TlsSetup::asking(vec![cert], key.into(), Some(&clients)).unwrap()
}

fn host(name: &'static str, user: &'static str, tls: TlsSetup) -> VirtualHost {
    VirtualHost {
        names: vec![name.to_owned()],
        banner: vec![format!("Welcome to {}", name.trim_end_matches(".example"))],
        charset: None,
        auth: only(user),
        tls: Some(tls),
    }
}

fn only(name: &'static str) -> Arc<Only> {
    let files = Memory::new();
    files.put(b"/name", name.as_bytes()).unwrap();
    Arc::new(Only(name, Arc::new(files)))
}

/// A server with the user alice, and the virtual hosts `b.example` with the user bob and
/// `c.example`, which requires certificates of clients, with the user carol.
fn setup(tls: ListenTls, roots: &mut RootCertStore) -> Setup {
    Setup {
        options: Options {
            listen: vec![Listen { at: (Ipv4Addr::LOCALHOST, 0).into(), tls }],
            ccc: true,
            data_resumption: DataResumption::Strict,
            ..Options::default()
        },
        net: Arc::new(Tcp::new()),
        auth: only("alice"),
        tls: Some(certified("a.example", false, roots)),
        hosts: vec![
            host("b.example", "bob", certified("b.example", false, roots)),
            host("c.example", "carol", certified("c.example", true, roots)),
        ],
        clock: Arc::new(StoppedClock(UnixTime::from_secs(0))),
        observer: Arc::new(Quiet),
        seed: 1,
    }
}

/// Runs a conversation with such a server.
fn with_server(tls: ListenTls, talk: impl FnOnce(SocketAddr, &Arc<ClientConfig>)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let mut roots = RootCertStore::empty();
    let server = Server::bind(setup(tls, &mut roots)).unwrap();
    let (at, handle) = (server.addresses()[0], server.handle());
    let running = runtime.spawn(server.run());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    talk(at, &Arc::new(config));
    handle.shut_down(Duration::ZERO);
    runtime.block_on(running).unwrap();
}

/// A client's control connection, which can be under TLS for a while.
struct Client {
    tcp: TcpStream,
    tls: Option<ClientConnection>,
}

impl Client {
    fn connect(at: SocketAddr) -> Self {
        let tcp = TcpStream::connect(at).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { tcp, tls: None }
    }

    fn start_tls(&mut self, config: &Arc<ClientConfig>, name: &'static str) {
        let name = ServerName::try_from(name).unwrap();
        self.tls = Some(ClientConnection::new(Arc::clone(config), name).unwrap());
    }

    /// Reads what is still under TLS, octet by octet, up to the server's close_notify; answers it
    /// or not.
    fn end_tls(&mut self, answer: bool) {
        let mut tls = self.tls.take().unwrap();
        loop {
            let mut octet = [0];
            self.tcp.read_exact(&mut octet).unwrap();
            tls.read_tls(&mut &octet[..]).unwrap();
            if tls.process_new_packets().unwrap().peer_has_closed() {
                break;
            }
        }
        if answer {
            tls.send_close_notify();
            tls.write_tls(&mut self.tcp).unwrap();
        }
    }

    fn octet(&mut self) -> u8 {
        let mut octet = [0];
        match &mut self.tls {
            None => self.tcp.read_exact(&mut octet).unwrap(),
            Some(tls) => {
                // Never an octet more from the socket than this one needs.
                struct Sip<'a>(&'a TcpStream);
                impl Read for Sip<'_> {
                    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                        self.0.read(&mut buf[..1])
                    }
                }
                impl Write for Sip<'_> {
                    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                        self.0.write(buf)
                    }
                    fn flush(&mut self) -> std::io::Result<()> {
                        Ok(())
                    }
                }
                rustls::Stream::new(tls, &mut Sip(&self.tcp)).read_exact(&mut octet).unwrap();
            }
        }
        octet[0]
    }

    fn reply(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.octet());
            }
            let line = String::from_utf8(line).unwrap();
            all += &line;
            if line.as_bytes().get(3) == Some(&b' ') && !line.starts_with(' ') {
                return all;
            }
        }
    }

    fn say(&mut self, line: &str) -> String {
        let line = format!("{line}\r\n");
        match &mut self.tls {
            None => self.tcp.write_all(line.as_bytes()).unwrap(),
            Some(tls) => {
                rustls::Stream::new(tls, &mut self.tcp).write_all(line.as_bytes()).unwrap();
            }
        }
        self.reply()
    }

    #[track_caller]
    fn expect(&mut self, line: &str, code: &str) -> String {
        let reply = self.say(line);
        assert!(reply.starts_with(code), "{line}: {reply}");
        reply
    }

    fn secured(at: SocketAddr, config: &Arc<ClientConfig>, name: &'static str) -> Self {
        let mut client = Self::connect(at);
        client.reply();
        client.expect("AUTH TLS", "234");
        client.start_tls(config, name);
        client
    }
}

#[test]
fn rein_under_tls_is_answered_under_tls_and_goes_on_in_the_clear() {
    with_server(ListenTls::Explicit, |at, config| {
        for answer in [true, false] {
            let mut client = Client::secured(at, config, "a.example");
            client.expect("USER alice", "331");
            client.expect("PASS x", "230");
            client.expect("REIN", "220");
            client.end_tls(answer);
            client.expect("PWD", "530");
            assert!(client.expect("FEAT", "211").contains(" AUTH TLS"));
            client.expect("AUTH TLS", "234");
            client.start_tls(config, "b.example");
            client.expect("USER bob", "331");
            client.expect("PASS x", "230");
            client.expect("QUIT", "221");
        }
    });
}

#[test]
fn rein_under_implicit_tls_stays_there_and_with_its_host() {
    with_server(ListenTls::Implicit, |at, config| {
        let mut client = Client::connect(at);
        client.start_tls(config, "b.example");
        assert!(client.reply().contains("220-Welcome to b"));
        client.expect("USER bob", "331");
        client.expect("PASS x", "230");
        client.expect("REIN", "220");
        client.expect("PWD", "530");
        client.expect("USER bob", "331");
        client.expect("PASS x", "230");
    });
}

#[test]
fn ccc_clears_the_control_connection_and_data_stays_private_without_resuming() {
    with_server(ListenTls::Explicit, |at, config| {
        for answer in [true, false] {
            let mut client = Client::secured(at, config, "a.example");
            client.expect("USER alice", "331");
            client.expect("PASS x", "230");
            client.expect("PBSZ 0", "200");
            client.expect("PROT P", "200");
            client.expect("CCC", "200");
            client.end_tls(answer);
            client.expect("PROT C", "503");
            let reply = client.expect("EPSV", "229");
            let port = reply.split('|').nth(3).unwrap().parse().unwrap();
            let mut data = Client::connect((Ipv4Addr::LOCALHOST, port).into());
            client.expect("RETR name", "150");
            data.start_tls(config, "a.example");
            let mut got = Vec::new();
            let tls = data.tls.as_mut().unwrap();
            rustls::Stream::new(tls, &mut data.tcp).read_to_end(&mut got).unwrap();
            assert_eq!(got, b"alice");
            drop(data);
            assert!(client.reply().starts_with("226"));
        }
    });
}

#[test]
fn the_name_that_tls_was_started_for_is_the_host_and_the_only_one() {
    with_server(ListenTls::Explicit, |at, config| {
        // The certificate of b.example is shown only to who asks for it, or this would fail.
        let mut client = Client::secured(at, config, "b.example");
        client.expect("HOST a.example", "504");
        assert!(client.expect("HOST B.EXAMPLE", "220").contains("220-Welcome to b"));
        client.expect("USER alice", "331");
        client.expect("PASS x", "530");
        client.expect("USER bob", "331");
        client.expect("PASS x", "230");

        let mut client = Client::secured(at, config, "a.example");
        client.expect("HOST b.example", "504");
        client.expect("USER alice", "331");
        client.expect("PASS x", "230");
    });
}

#[test]
fn a_host_chosen_before_tls_lasts_where_tls_names_none() {
    with_server(ListenTls::Explicit, |at, config| {
        let mut client = Client::connect(at);
        client.reply();
        client.expect("HOST b.example", "220");
        client.expect("AUTH TLS", "234");
        let mut silent = ClientConfig::clone(config);
        silent.enable_sni = false;
        client.start_tls(&Arc::new(silent), "b.example");
        client.expect("USER bob", "331");
        client.expect("PASS x", "230");
    });
}

#[test]
fn the_name_that_tls_is_started_for_counts_and_no_host_chosen_before_it() {
    with_server(ListenTls::Explicit, |at, config| {
        let mut client = Client::connect(at);
        client.reply();
        client.expect("HOST b.example", "220");
        client.expect("AUTH TLS", "234");
        client.start_tls(config, "a.example");
        client.expect("USER alice", "331");
        client.expect("PASS x", "230");
    });
}

#[test]
fn a_host_that_requires_certificates_is_not_reached_by_tls_that_asked_for_none() {
    with_server(ListenTls::Explicit, |at, config| {
        let mut silent = ClientConfig::clone(config);
        silent.enable_sni = false;
        let mut client = Client::secured(at, &Arc::new(silent), "a.example");
        client.expect("HOST c.example", "504");
        client.expect("USER carol", "331");
        client.expect("PASS x", "530");
    });
}

#[test]
fn a_certificate_shown_before_ccc_says_nothing_after_rein() {
    with_server(ListenTls::Explicit, |at, config| {
        let made = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let shown = made.cert.der().clone();
        let mut showing = ClientConfig::clone(config);
        let certified = rustls::sign::CertifiedKey::from_der(
            vec![shown],
            key.into(),
            &aws_lc_rs::default_provider(),
        );
        let only = rustls::sign::SingleCertAndKey::from(certified.unwrap());
        showing.client_auth_cert_resolver = Arc::new(only);
        let showing = Arc::new(showing);
        let mut client = Client::secured(at, &showing, "a.example");
        client.expect("USER alice", "232");
        client.expect("CCC", "200");
        client.end_tls(true);
        client.expect("REIN", "220");
        client.expect("HOST b.example", "220");
        client.expect("USER bob", "331");
        client.expect("PASS x", "230");
    });
}
