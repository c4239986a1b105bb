//! The file of known hosts: which certificates a person has said are good (trust on first use).
//!
//! One line for each: `host:port sha256:fingerprint`, the fingerprint of the whole certificate,
//! DER. An address of IPv6 is in brackets. Lines that mean nothing, such as comments, stay.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::trust::Fingerprint;

/// The longest file that is read; some 40,000 hosts.
const FILE_MAX: u64 = 4 << 20;

/// How a fingerprint begins.
const SHA256: &str = "sha256:";

/// Where it is unless said otherwise: `ferry/known_hosts` in the user's data directory
/// (`XDG_DATA_HOME`, else `~/.local/share`). None without a home.
pub(crate) fn default_known_hosts() -> Option<PathBuf> {
    let from = |name| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let data = from("XDG_DATA_HOME").or_else(|| Some(from("HOME")?.join(".local/share")))?;
    Some(data.join("ferry").join("known_hosts"))
}

/// What is known of a server; nothing if there is no such file.
///
/// # Errors
/// It cannot be read, or is too long.
pub(super) fn known(file: &Path, host: &str, port: u16) -> io::Result<Vec<Fingerprint>> {
    let server = server(host, port);
    let text = read(file)?;
    let of_server = text.lines().filter_map(entry).filter(|(name, _)| same(name, &server));
    Ok(of_server.map(|(_, fingerprint)| fingerprint).collect())
}

/// From now on this certificate is good for this server; instead of all others if `alone`.
///
/// Other processes may do the same at the same time. The file is never seen half-written.
///
/// # Errors
/// It cannot be read or written.
pub(super) fn remember(
    file: &Path,
    host: &str,
    port: u16,
    fingerprint: &Fingerprint,
    alone: bool,
) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        private_directory(directory)?;
    }
    // A file of its own: the one that is replaced cannot be what is locked.
    let lock = private_file(&beside(file, ".lock"))?;
    lock.lock()?;
    let server = server(host, port);
    let old = read(file)?;
    let mut text = String::with_capacity(old.len() + 128);
    for line in old.lines() {
        let of_server = entry(line).filter(|(name, _)| same(name, &server));
        if of_server.is_none_or(|(_, known)| !alone && known != *fingerprint) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str(&server);
    text.push(' ');
    text.push_str(SHA256);
    for octet in fingerprint {
        text.push_str(&format!("{octet:02x}"));
    }
    text.push('\n');
    let new = beside(file, ".new");
    // What a process that died has left; nobody else is writing.
    if let Err(e) = fs::remove_file(&new)
        && e.kind() != io::ErrorKind::NotFound
    {
        return Err(e);
    }
    let mut writing = private_file(&new)?;
    writing.write_all(text.as_bytes())?;
    writing.sync_all()?;
    fs::rename(&new, file)
}

/// A server as the file has it.
fn server(host: &str, port: u16) -> String {
    let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn same(listed: &str, server: &str) -> bool {
    listed.eq_ignore_ascii_case(server)
}

/// The server and the fingerprint in a line, if it has them.
fn entry(line: &str) -> Option<(&str, Fingerprint)> {
    let mut words = line.split_ascii_whitespace();
    let (server, text) = (words.next()?, words.next()?);
    let text = text.strip_prefix(SHA256)?;
    let mut digits = text.chars().filter(|c| *c != ':');
    let mut fingerprint = [0; 32];
    for octet in &mut fingerprint {
        let (high, low) = (digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?);
        *octet = u8::try_from(high << 4 | low).ok()?;
    }
    let whole = digits.next().is_none() && !server.starts_with('#');
    whole.then_some((server, fingerprint))
}

fn read(file: &Path) -> io::Result<String> {
    let opened = match File::open(file) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        opened => opened?,
    };
    let mut text = Vec::new();
    opened.take(FILE_MAX + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too long"));
    }
    String::from_utf8(text).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens for writing what only its owner may read: which servers someone uses is their business.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_known_for_that_server_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("made/on/the/way/known_hosts");
        assert_eq!(known(&file, "a.example", 21).unwrap(), Vec::<Fingerprint>::new());
        remember(&file, "A.example.", 21, &[1; 32], false).unwrap();
        remember(&file, "2001:db8::1", 990, &[2; 32], false).unwrap();
        assert_eq!(known(&file, "a.EXAMPLE", 21).unwrap(), [[1; 32]]);
        assert_eq!(known(&file, "2001:db8::1", 990).unwrap(), [[2; 32]]);
        for (host, port) in [("a.example", 990), ("b.example", 21), ("2001:db8::2", 990)] {
            assert!(known(&file, host, port).unwrap().is_empty(), "{host} {port}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_changed_certificate_takes_the_place_of_the_old_and_comments_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known_hosts");
        fs::write(&file, "# mine\n\na.example:21 something else\nb.example:21 sha256:00\n")
            .unwrap();
        remember(&file, "a.example", 21, &[1; 32], false).unwrap();
        remember(&file, "a.example", 21, &[2; 32], false).unwrap();
        assert_eq!(known(&file, "a.example", 21).unwrap(), [[1; 32], [2; 32]]);
        remember(&file, "a.example", 21, &[3; 32], true).unwrap();
        remember(&file, "a.example", 21, &[3; 32], false).unwrap();
        assert_eq!(known(&file, "a.example", 21).unwrap(), [[3; 32]]);
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("# mine\n\na.example:21 something else\nb.example:21 sha256:00\n")
        );
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known_hosts");
        std::thread::scope(|scope| {
            for port in 1..=20 {
                let file = &file;
                scope.spawn(move || remember(file, "a.example", port, &[7; 32], true).unwrap());
            }
        });
        for port in 1..=20 {
            assert_eq!(known(&file, "a.example", port).unwrap(), [[7; 32]]);
        }
    }

    #[test]
    fn lines_that_are_no_entries_are_none() {
        let good = format!("a:21 sha256:{}", "Ab".repeat(32));
        assert_eq!(entry(&good), Some(("a:21", [0xab; 32])));
        assert_eq!(entry(&format!("{good} since Monday")), Some(("a:21", [0xab; 32])));
        let colons = format!("a:21 sha256:{}ab", "ab:".repeat(31));
        assert_eq!(entry(&colons), Some(("a:21", [0xab; 32])));
        for bad in [
            String::new(),
            "a:21".to_owned(),
            format!("#{good}"),
            format!("{good}00"),
            good.replace("sha256", "sha1"),
            good.replace("Ab", "gg"),
            format!("a:21 sha256:{}", "ab".repeat(31)),
        ] {
            assert_eq!(entry(&bad), None, "{bad}");
        }
    }
}
