//! The scripted server, tried by a client of a few lines: without it a scene that fails would not
//! say whose fault that is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use testkit::scene::{Playing, Scene};

/// Far above what anything here takes; a test that hangs fails by it.
const PATIENCE: Duration = Duration::from_secs(20);

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

struct Client {
    control: BufReader<Box<dyn Stream>>,
    tcp: TcpStream,
    tls: Option<Arc<ClientConfig>>,
}

impl Client {
    fn connect(playing: &Playing) -> Self {
        let tcp = TcpStream::connect(playing.addr()).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let control: Box<dyn Stream> = Box::new(tcp.try_clone().unwrap());
        Self { control: BufReader::new(control), tcp, tls: None }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.control.read_until(b'\n', &mut line).unwrap();
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Sends a command and reads one reply of one line.
    fn ask(&mut self, command: &str) -> String {
        self.control.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.line()
    }

    fn begin_tls(&mut self, config: Arc<ClientConfig>) {
        assert_eq!(self.ask("AUTH TLS"), "234 Go ahead");
        let stream = shake(&config, self.tcp.try_clone().unwrap()).0;
        let control: Box<dyn Stream> = Box::new(stream);
        self.control = BufReader::new(control);
        self.tls = Some(config);
        assert_eq!(self.ask("PBSZ 0"), "200 PBSZ=0");
        assert_eq!(self.ask("PROT P"), "200 So protected");
    }

    fn data(&mut self) -> TcpStream {
        let reply = self.ask("EPSV");
        let port = reply.split('|').nth(3).unwrap().parse().unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp
    }

    /// What RETR gives, whether it was resumed, and the reply at the end.
    fn get(&mut self, path: &str) -> (std::io::Result<Vec<u8>>, bool, String) {
        let mut tcp = self.data();
        assert!(self.ask(&format!("RETR {path}")).starts_with("150"));
        let mut content = Vec::new();
        let (read, resumed) = match &self.tls {
            None => (tcp.read_to_end(&mut content), false),
            Some(config) => {
                let (mut stream, resumed) = shake(config, tcp);
                (stream.read_to_end(&mut content), resumed)
            }
        };
        let last = self.line();
        (read.map(|_| content), resumed, last)
    }
}

fn shake(
    config: &Arc<ClientConfig>,
    mut tcp: TcpStream,
) -> (StreamOwned<ClientConnection, TcpStream>, bool) {
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp).unwrap();
    }
    let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
    (StreamOwned::new(tls, tcp), resumed)
}

fn config(playing: &Playing) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(playing.certificate().unwrap().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let versions = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Plays the one scene of `text` while `client` does what it does, in a thread of its own.
fn play(text: &str, client: impl FnOnce(&Playing) + Send + 'static) {
    let scenes = Scene::read_all(text).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let playing = scenes[0].play().await.unwrap();
        let work = tokio::task::spawn_blocking(move || {
            client(&playing);
            if let Err(why) = playing.check() {
                panic!("{why}\n{}", playing.transcript());
            }
        });
        work.await.unwrap();
    });
}

#[test]
fn without_a_rule_it_is_a_small_ftp_server() {
    let text = "== a\nx -> y\nsaw RETR /f\nnever ABOR\nthen file /up \"new\"\nconnections 1\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        assert_eq!(client.line(), "220 Ready");
        assert_eq!(client.ask("USER me"), "331 Password, please");
        assert_eq!(client.ask("PASS x"), "230 Logged in");
        let (content, _, last) = client.get("/f");
        assert_eq!((&content.unwrap()[..], last.as_str()), (&b"hello"[..], "226 Done"));
        assert_eq!(client.get("/big").0.unwrap(), playing.file(b"/big").unwrap());
        let mut data = client.data();
        assert_eq!(client.ask("STOR up"), "150 Here it comes");
        data.write_all(b"new").unwrap();
        data.shutdown(Shutdown::Write).unwrap();
        assert_eq!(data.read(&mut [0]).unwrap(), 0, "the server closes when it has the file");
        assert_eq!(client.line(), "226 Done");
        assert_eq!(client.ask("SIZE /up"), "213 3");
        assert_eq!(client.ask("CWD /none"), "550 No such file or directory");
        assert_eq!(client.ask("QUIT"), "221 Goodbye");
        assert_eq!(client.line(), "");
    });
}

#[test]
fn rules_count_occurrences_and_fill_in_the_port() {
    let text = "== a\non 2nd NOOP: reply 500 Not now\non 3rd+ any: reply 421 Gone; close\n\
        on EPSV: reply \"229 ({port})\"\nx -> y\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        client.line();
        assert_eq!(client.ask("NOOP"), "200 Fine");
        assert_eq!(client.ask("NOOP"), "500 Not now");
        assert_eq!(client.ask("NOOP"), "421 Gone");
        assert_eq!(client.line(), "", "closed");
    });
}

#[test]
fn abor_is_heard_in_the_middle_of_a_transfer_and_not_in_a_stall() {
    let text = "== a\non RETR /f: reply 150; data open; data send \"x\"; silence\n\
        on RETR /d/a: stall\nx -> y\nsaw 2 ABOR\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        client.line();
        let mut data = client.data();
        assert!(client.ask("RETR /f").starts_with("150"));
        assert_eq!(data.read(&mut [0; 8]).unwrap(), 1);
        assert_eq!(client.ask("ABOR"), "426 Transfer aborted");
        assert_eq!(client.line(), "226 Abort successful");
        assert_eq!(client.ask("NOOP"), "200 Fine");
        client.tcp.write_all(b"RETR /d/a\r\nABOR\r\n").unwrap();
        client.tcp.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.line(), "", "no answer, and the end when the client is gone");
    });
}

#[test]
fn tickets_are_good_once_and_resumption_can_be_required() {
    let text = "== a\nserver tls 1.3\nserver tls\nserver tickets 1\nserver data tickets 0\n\
        x -> y\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        client.line();
        client.begin_tls(config(playing));
        assert!(client.get("/f").1, "by the ticket of the control connection");
        let (content, resumed, last) = client.get("/f");
        assert_eq!((&content.unwrap()[..], resumed), (&b"hello"[..], false));
        assert_eq!(last, "226 Done");
    });
    let text = "== a\nserver tls\nserver require resumption\nx -> y\n\
        on 2nd RETR: forget tickets; usual\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        client.line();
        client.begin_tls(config(playing));
        assert!(client.get("/f").1);
        let (_, resumed, last) = client.get("/f");
        assert_eq!((resumed, last.get(..3)), (false, Some("522")));
        assert_eq!(client.ask("NOOP"), "200 Fine");
    });
}

#[test]
fn a_data_connection_can_end_without_close_notify() {
    let text = "== a\nserver tls\nx -> y\non RETR: reply 150; data open; data file 3; data fin; \
        reply 226\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        client.line();
        client.begin_tls(config(playing));
        let (content, _, last) = client.get("/f");
        assert_eq!(content.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        assert!(last.starts_with("226"));
    });
}

#[test]
fn passive_ports_can_refuse_and_be_deaf() {
    let text = "== a\non 1st EPSV: listen refusing; usual\non 2nd EPSV: listen deaf; usual\n\
        x -> y\n";
    play(text, |playing| {
        let mut client = Client::connect(playing);
        client.line();
        let port = |reply: String| -> u16 { reply.split('|').nth(3).unwrap().parse().unwrap() };
        let refusing = port(client.ask("EPSV"));
        let refused = TcpStream::connect(("127.0.0.1", refusing)).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        let deaf = ([127, 0, 0, 1], port(client.ask("EPSV"))).into();
        // The one wait here that is meant to run out: nothing tells a dropped SYN from a late one.
        let silent = TcpStream::connect_timeout(&deaf, Duration::from_millis(300)).unwrap_err();
        assert_eq!(silent.kind(), std::io::ErrorKind::TimedOut);
    });
}
