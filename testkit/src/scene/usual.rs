//! What the scripted server does where a scene says nothing: a small correct FTP server, told as
//! the same actions that scenes are made of.

use std::net::SocketAddr;

use super::act::{Act, DataAct, Plain};
use super::session::{Asked, Session};
use super::tree::absolute;

/// When every file here was changed, as facts and MDTM say it.
pub const MODIFIED: &str = "20240102030405";

/// The same in seconds since 1970.
pub const MODIFIED_SECS: i64 = 1_704_164_645;

/// Verbs of FEAT lines, and the lines.
const FEATURES: [(&str, &str); 8] = [
    ("EPSV", "EPSV"),
    ("MDTM", "MDTM"),
    ("MFMT", "MFMT"),
    ("MLSD", "MLST type*;size*;modify*;"),
    ("REST", "REST STREAM"),
    ("SIZE", "SIZE"),
    ("TVFS", "TVFS"),
    ("UTF8", "UTF8"),
];

fn say(text: impl Into<Vec<u8>>) -> Vec<Act> {
    vec![Act::Reply(text.into())]
}

/// Whether TLS can be begun.
fn has_tls(session: &Session) -> bool {
    session.world.explicit() || session.world.implicit()
}

/// What is done for a command.
pub(crate) fn acts(session: &mut Session, asked: &Asked) -> Vec<Act> {
    let verb = asked.verb.as_str();
    if session.world.lacks(verb) {
        return say("502 No such command here");
    }
    match verb {
        "CONNECT" => connect(session),
        "USER" => say("331 Password, please"),
        "PASS" => say("230 Logged in"),
        "ACCT" => say("230 Account noted"),
        "AUTH" if session.world.explicit() => {
            vec![Act::Reply(b"234 Go ahead".to_vec()), Act::Tls]
        }
        "PBSZ" if has_tls(session) => say("200 PBSZ=0"),
        "PROT" if has_tls(session) => {
            session.private = asked.argument.eq_ignore_ascii_case(b"P");
            say("200 So protected")
        }
        "SYST" => say("215 UNIX Type: L8"),
        "FEAT" => features(session),
        "MODE" => mode(session, asked),
        "TYPE" | "STRU" | "OPTS" | "CLNT" | "NOOP" | "ALLO" | "LANG" => say("200 Fine"),
        "HELP" => say("214 There is none"),
        "PWD" | "XPWD" => {
            let cwd = String::from_utf8_lossy(&session.cwd).replace('"', "\"\"");
            say(format!("257 \"{cwd}\" is where you are"))
        }
        "EPSV" => say("229 Entering Extended Passive Mode (|||{port}|)"),
        "PASV" => say("227 Entering Passive Mode ({h},{p1},{p2})"),
        "EPRT" | "PORT" => call(session, asked),
        "REST" => rest(session, asked),
        "QUIT" => say("221 Goodbye"),
        "ABOR" => abort(session),
        "RETR" | "STOR" | "APPE" | "LIST" | "NLST" | "MLSD" => transfer(session, asked),
        "STAT" if asked.argument.is_empty() => say("211 All is well"),
        _ => on_files(session, asked),
    }
}

fn connect(session: &Session) -> Vec<Act> {
    let greeting = Act::Reply(b"220 Ready".to_vec());
    if session.world.implicit() { vec![Act::Tls, greeting] } else { vec![greeting] }
}

fn features(session: &Session) -> Vec<Act> {
    let mut text = "211-Features\r\n".to_owned();
    for (verb, line) in FEATURES {
        if !session.world.lacks(verb) {
            text.push_str(&format!(" {line}\r\n"));
        }
    }
    if session.world.deflates() {
        text.push_str(" MODE Z\r\n");
    }
    if has_tls(session) {
        text.push_str(" AUTH TLS\r\n PBSZ\r\n PROT\r\n");
    }
    text.push_str("211 End\r\n");
    vec![Act::Send(text.into_bytes())]
}

fn mode(session: &mut Session, asked: &Asked) -> Vec<Act> {
    session.deflates = asked.argument.eq_ignore_ascii_case(b"Z");
    if session.deflates && !session.world.deflates() {
        session.deflates = false;
        return say("504 That mode is not there");
    }
    say("200 Fine")
}

fn call(session: &mut Session, asked: &Asked) -> Vec<Act> {
    let target = if asked.verb == "EPRT" {
        ferry_proto::addr::parse_eprt(&asked.argument)
    } else {
        ferry_proto::addr::parse_port(&asked.argument).map(SocketAddr::V4)
    };
    match target {
        Ok(target) => {
            session.call(target);
            say("200 I shall call there")
        }
        Err(_) => say("501 That is no address"),
    }
}

fn rest(session: &mut Session, asked: &Asked) -> Vec<Act> {
    let number = std::str::from_utf8(&asked.argument).ok().and_then(|text| text.parse().ok());
    match number {
        Some(at) => {
            session.rest = at;
            say("350 From there")
        }
        None => say("501 That is no number"),
    }
}

/// 426 and 226 when a transfer was cut, 226 alone when there was none.
fn abort(session: &Session) -> Vec<Act> {
    let mut acts = vec![Act::Data(DataAct::Reset)];
    if session.cut {
        acts.push(Act::Reply(b"426 Transfer aborted".to_vec()));
    }
    acts.push(Act::Reply(b"226 Abort successful".to_vec()));
    acts
}

fn transfer(session: &Session, asked: &Asked) -> Vec<Act> {
    let path = absolute(&session.cwd, listed(&asked.argument));
    let tree = &session.world.tree;
    let listing = matches!(asked.verb.as_str(), "LIST" | "NLST" | "MLSD");
    let missing = match asked.verb.as_str() {
        "RETR" => tree.file(&path).is_none(),
        "MLSD" => !tree.is_dir(&path),
        "LIST" | "NLST" => !tree.exists(&path),
        _ => tree.is_dir(&path),
    };
    if missing {
        return say("550 No such file or directory");
    }
    if !session.data.is_ready() {
        return say("425 Use PASV or PORT first");
    }
    if asked.verb == "STOR" && session.rest == 0 {
        // As every server opens a file that is written anew.
        tree.put(path.clone(), Some(Vec::new()));
    }
    let work = match asked.verb.as_str() {
        "RETR" if session.deflates => DataAct::Deflate(Plain::File, 0),
        "RETR" => DataAct::File(usize::MAX),
        _ if listing && session.deflates => {
            DataAct::Deflate(Plain::Octets(lines(session, asked, &path)), 0)
        }
        _ if listing => DataAct::Send(lines(session, asked, &path)),
        _ => DataAct::Read(None),
    };
    vec![
        Act::Reply(b"150 Here it comes".to_vec()),
        Act::Data(DataAct::Open),
        Act::Data(work),
        Act::Data(DataAct::Close),
        Act::Reply(b"226 Done".to_vec()),
    ]
}

/// The path of a listing, without flags as of ls.
fn listed(argument: &[u8]) -> &[u8] {
    match argument.strip_prefix(b"-") {
        Some(flags) => {
            let space = flags.iter().position(|b| *b == b' ');
            space.and_then(|at| flags.get(at + 1..)).unwrap_or_default()
        }
        None => argument,
    }
}

fn lines(session: &Session, asked: &Asked, path: &[u8]) -> Vec<u8> {
    let tree = &session.world.tree;
    let entries = if let Some(content) = tree.file(path) {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
        vec![(name, Some(content.len()))]
    } else {
        tree.entries(path)
    };
    let mut out = Vec::new();
    for (name, len) in entries {
        let head = match asked.verb.as_str() {
            "NLST" => String::new(),
            "MLSD" => format!("{} ", facts(len)),
            _ => {
                let mode = if len.is_some() { "-rw-r--r--" } else { "drwxr-xr-x" };
                let len = len.unwrap_or(4096);
                format!("{mode}   1 owner    group    {len:>12} Jan 02  2024 ")
            }
        };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&name);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn facts(len: Option<usize>) -> String {
    match len {
        Some(len) => format!("type=file;size={len};modify={MODIFIED};"),
        None => format!("type=dir;modify={MODIFIED};"),
    }
}

fn on_files(session: &mut Session, asked: &Asked) -> Vec<Act> {
    let path = absolute(&session.cwd, &asked.argument);
    let tree = &session.world.tree;
    let missing = || say("550 No such file or directory");
    match asked.verb.as_str() {
        "CWD" | "XCWD" if tree.is_dir(&path) => {
            session.cwd = path;
            say("250 You are there")
        }
        "CDUP" | "XCUP" => {
            session.cwd = absolute(&session.cwd, b"..");
            say("250 You are there")
        }
        "SIZE" => match tree.file(&path) {
            Some(content) => say(format!("213 {}", content.len())),
            None => missing(),
        },
        "MDTM" if tree.file(&path).is_some() => say(format!("213 {MODIFIED}")),
        "MFMT" if tree.exists(&path) || asked.argument.contains(&b' ') => {
            say("213 Modify=20240102030405; {path}")
        }
        "MLST" if tree.exists(&path) => {
            let len = tree.file(&path).map(|content| content.len());
            let mut text = format!("250-Listing\r\n {} ", facts(len)).into_bytes();
            text.extend_from_slice(&path);
            text.extend_from_slice(b"\r\n250 End\r\n");
            vec![Act::Send(text)]
        }
        "DELE" if tree.file(&path).is_some() => {
            tree.remove(&path);
            say("250 Gone")
        }
        "RMD" | "XRMD" if tree.is_dir(&path) && tree.entries(&path).is_empty() => {
            tree.remove(&path);
            say("250 Gone")
        }
        "RMD" | "XRMD" if tree.is_dir(&path) => say("550 Directory not empty"),
        "MKD" | "XMKD" if tree.exists(&path) => say("550 File exists"),
        "MKD" | "XMKD" => {
            tree.put(path, None);
            say("257 \"{path}\" created")
        }
        "RNFR" if tree.exists(&path) => {
            session.renaming = Some(path);
            say("350 To what?")
        }
        "RNTO" => match session.renaming.take() {
            Some(from) if tree.rename(&from, path) => say("250 Renamed"),
            Some(_) => missing(),
            None => say("503 RNFR first"),
        },
        "CWD" | "XCWD" | "MDTM" | "MFMT" | "MLST" | "DELE" | "RMD" | "XRMD" | "RNFR" => missing(),
        _ => say("500 What is that?"),
    }
}
