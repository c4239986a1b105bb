//! Behind a real balancer: HAProxy in front of `ferryd`, with control and data connections through
//! it, saying by the PROXY protocol whose they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use interop::clients::LIMIT;
use interop::link::Link;
use interop::peers::have;
use interop::process::run;
use interop::server::Server;
use interop::{PASSWORD, USER};

/// Not in everyone's path.
const HAPROXY: &str = "/usr/sbin/haproxy";

/// What clients connect to, where the balancer connects from, and where a client comes from.
const FRONT: &str = "127.0.0.2";
const BACK: &str = "127.0.0.3";
const CLIENT: &str = "127.0.0.77";

/// The balancer; dropping it ends it.
struct Balancer(Child);

impl Balancer {
    /// In front of `server`: a control port for version 1, one for version 2, and `ports` for data.
    fn start(dir: &Path, server: SocketAddr, fronts: [u16; 2], ports: &str) -> Self {
        let ip = server.ip();
        let [v1, v2] = fronts;
        let text = format!(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  \
             timeout server 60s\n  source {BACK}\n\
             listen v1\n  bind {FRONT}:{v1}\n  server s {server} send-proxy check inter 200\n\
             listen v2\n  bind {FRONT}:{v2}\n  \
             server s {server} send-proxy-v2 proxy-v2-options unique-id,crc32c\n\
             listen data\n  bind {FRONT}:{ports}\n  server s {ip} send-proxy-v2\n"
        );
        fs::write(dir.join("haproxy.cfg"), text).unwrap();
        let child = Command::new(HAPROXY)
            .arg("-db")
            .arg("-f")
            .arg(dir.join("haproxy.cfg"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut balancer = Self(child);
        for _ in 0..1000 {
            if TcpStream::connect((FRONT, v2)).is_ok() {
                return balancer;
            }
            if let Some(status) = balancer.0.try_wait().unwrap() {
                panic!("haproxy: {status}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("haproxy does not get ready");
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind((FRONT, 0)).unwrap().local_addr().unwrap().port()
}

/// Files up and down through the balancer, by both versions of the header, in the clear and under
/// TLS that must resume; `ports` are the balancer's.
fn files_go_both_ways(passive: &str, ports: &str) {
    if !have(HAPROXY) || !have("curl") {
        return;
    }
    let lines =
        format!("proxies = [\"{BACK}\"]\ndata_proxy = true\nresumption = \"strict\"\n{passive}");
    let server = Server::with(&lines).unwrap();
    let content: String = (0..9000).map(|n| format!("line {n}\n")).collect();
    let dir = tempfile::tempdir().unwrap();
    let (up, down) = (dir.path().join("up"), dir.path().join("down"));
    fs::write(&up, &content).unwrap();
    let fronts = [free_port(), free_port()];
    let at = server.address(&Link::PLAIN).unwrap();
    let _balancer = Balancer::start(dir.path(), at, fronts, ports);
    for (front, tls) in fronts.iter().flat_map(|front| [(front, true), (front, false)]) {
        let url = format!("ftp://{FRONT}:{front}/file-{front}-{tls}");
        // The address in 227 counts, so that it must be the balancer's.
        let curl = || {
            let mut curl = Command::new("curl");
            curl.args(["-sS", "-k", "--disable-epsv", "--no-ftp-skip-pasv-ip"]);
            curl.args(["--interface", CLIENT, "--user", &format!("{USER}:{PASSWORD}")]);
            if tls {
                curl.arg("--ssl-reqd");
            }
            curl
        };
        let mut store = curl();
        store.arg("-T").arg(&up).arg(&url);
        let done = run(store, b"", LIMIT).unwrap();
        assert!(done.ok(), "{done}{}", server.log_tail());
        let mut fetch = curl();
        fetch.arg("-o").arg(&down).arg(&url);
        let done = run(fetch, b"", LIMIT).unwrap();
        assert!(done.ok(), "{done}{}", server.log_tail());
        assert!(fs::read_to_string(&down).unwrap() == content, "{url}");
    }
    // The log names the client, and neither address of the balancer did anything.
    let log = server.log();
    let doing: Vec<&str> =
        log.lines().filter(|l| l.contains("STOR") || l.contains("RETR")).collect();
    assert_eq!(doing.len(), 8, "{log}");
    assert!(doing.iter().all(|line| line.contains(&format!(" {CLIENT} "))), "{doing:#?}");
    assert!(!log.contains("stranger"), "{log}");
}

#[test]
fn through_a_range_of_ports() {
    files_go_both_ways("passive_ports = \"42200-42215\"", "42200-42215");
}

#[test]
fn through_one_shared_port() {
    let port = free_port();
    files_go_both_ways(&format!("shared_data_port = {port}"), &port.to_string());
}
