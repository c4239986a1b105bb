//! Commands about files and directories that need no data connection.

use ferry_proto::client::replies;
use ferry_proto::date::UnixTime;
use ferry_proto::facts::{ParsedKind, parse_facts};
use ferry_proto::hash::Algorithm;
use ferry_proto::reply_reader::IncomingReply;

use super::capabilities::{Known, SetTime};
use super::{Session, refused};
use crate::error::{Error, ErrorKind, Result};

/// The types that files are transferred in (RFC 959 §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TypeCode {
    /// TYPE I: octets as they are.
    #[default]
    Image,
    /// TYPE A: text, lines ended by CR LF on the wire. What is here keeps the wire's form.
    Ascii,
}

impl TypeCode {
    pub(super) fn letter(self) -> u8 {
        match self {
            Self::Image => b'I',
            Self::Ascii => b'A',
        }
    }
}

/// What is known of one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stat {
    /// A directory; [`None`] where the server does not tell.
    pub is_dir: Option<bool>,
    /// A symbolic link, and the name it has.
    pub is_link: bool,
    /// Length in octets.
    pub size: Option<u64>,
    /// Time of last modification.
    pub modified: Option<UnixTime>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// An identity, as the server writes it.
    pub unique: Option<Vec<u8>>,
}

/// Servers that say no more than "failed" when asked what something is mean that it is not there.
fn absent(path: &[u8], error: Error) -> Error {
    if error.kind() != ErrorKind::Refused {
        return error;
    }
    let name = ferry_proto::path::ForPeople(path);
    let not_found = Error::new(ErrorKind::NotFound, format!("{name} is not there"));
    match error.reply() {
        Some(reply) => not_found.with_reply(reply.clone()),
        None => not_found,
    }
}

impl Session {
    /// The directory the session is in.
    ///
    /// # Errors
    /// The server will not say, or not so that it can be read.
    pub async fn working_dir(&self) -> Result<Vec<u8>> {
        let reply = self.demand("PWD", b"").await?;
        replies::path(&reply).ok_or_else(|| {
            Error::new(ErrorKind::Protocol, "the answer to PWD names no path").with_reply(reply)
        })
    }

    /// Goes into a directory. Paths of other methods should be absolute: sessions are shared.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn change_dir(&self, path: &[u8]) -> Result<()> {
        self.demand("CWD", path).await.map(drop)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] where something has the name already; the server's refusal.
    pub async fn make_dir(&self, path: &[u8]) -> Result<()> {
        self.demand("MKD", path).await.map(drop)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn remove_dir(&self, path: &[u8]) -> Result<()> {
        self.demand("RMD", path).await.map(drop)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn remove_file(&self, path: &[u8]) -> Result<()> {
        self.demand("DELE", path).await.map(drop)
    }

    /// Renames. What becomes of a file that has the new name is the server's choice.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn rename(&self, from: &[u8], to: &[u8]) -> Result<()> {
        let turn = self.turn().await?;
        let (first, mut first_ticket) = self.outgoing("RNFR", from)?;
        let (second, mut second_ticket) = self.outgoing("RNTO", to)?;
        let refuse = |reply: IncomingReply| {
            if matches!(reply.code, 500 | 502 | 504) {
                self.0.known.lock().rename = Known::No;
            }
            refused("RNFR", from, reply)
        };
        let reply = if self.0.known.read(super::Capabilities::pipelines) {
            // Sent together; a refused RNFR makes RNTO fail, too.
            self.0.control.send(vec![first, second.holding(Some(turn))]);
            let reply = first_ticket.last().await?;
            let second = second_ticket.last().await?;
            if !(200..400).contains(&reply.code) {
                return Err(refuse(reply));
            }
            second
        } else {
            self.0.control.send(vec![first]);
            let reply = first_ticket.last().await?;
            if !(200..400).contains(&reply.code) {
                return Err(refuse(reply));
            }
            self.0.control.send(vec![second.holding(Some(turn))]);
            second_ticket.last().await?
        };
        match reply.code {
            200..=299 => Ok(()),
            _ => Err(refused("RNTO", to, reply)),
        }
    }

    /// The size of a file in TYPE I; [`None`] where the server does not know.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn size(&self, path: &[u8]) -> Result<Option<u64>> {
        if !self.0.known.read(|known| known.size.may()) {
            return Ok(None);
        }
        // In TYPE A many refuse, others count differently.
        if self.form().code != Some(b'I') {
            let turn = self.turn().await?;
            let (type_i, _) = self.outgoing("TYPE", b"I")?;
            {
                let mut form = self.form();
                form.code = Some(b'I');
                self.0.control.send(vec![type_i]);
            }
            drop(turn);
        }
        let reply = self.ask("SIZE", path).await?;
        match reply.code {
            200..=299 => Ok(replies::size(&reply)),
            500 | 502 | 504 => {
                self.0.known.lock().size = Known::No;
                Ok(None)
            }
            _ => Err(refused("SIZE", path, reply)),
        }
    }

    /// The time of last modification; [`None`] where the server does not know.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn modified(&self, path: &[u8]) -> Result<Option<UnixTime>> {
        if !self.0.known.read(|known| known.mdtm.may()) {
            return Ok(None);
        }
        let reply = self.ask("MDTM", path).await?;
        match reply.code {
            200..=299 => Ok(replies::time(&reply).map(|(time, _)| time)),
            500 | 502 | 504 => {
                self.0.known.lock().mdtm = Known::No;
                Ok(None)
            }
            _ => Err(refused("MDTM", path, reply)),
        }
    }

    /// What is known of a name: by MLST, else by SIZE, MDTM and CWD.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; the server's refusal.
    pub async fn stat(&self, path: &[u8]) -> Result<Stat> {
        if self.0.known.read(|known| {
            known.mlsd.may()
                && known.features.as_ref().is_some_and(ferry_proto::feat::Features::mlst)
        }) {
            let reply = self.ask("MLST", path).await?;
            match reply.code {
                200..=299 => {
                    if let Some(stat) = stat_of_reply(&reply) {
                        return Ok(stat);
                    }
                }
                500 | 502 | 504 => {}
                _ => return Err(absent(path, refused("MLST", path, reply))),
            }
        }
        self.stat_by_trying(path).await
    }

    /// Whether one can go there. For a session that nobody shares at the moment.
    pub(crate) async fn is_dir(&self, path: &[u8]) -> bool {
        let reply = self.ask("CWD", path).await;
        let is_dir = reply.is_ok_and(|reply| (200..300).contains(&reply.code));
        if is_dir && !self.0.home.is_empty() {
            _ = self.ask("CWD", &self.0.home.clone()).await;
        }
        is_dir
    }

    async fn stat_by_trying(&self, path: &[u8]) -> Result<Stat> {
        let size = match self.size(path).await {
            Ok(size) => size,
            Err(error) if error.reply().is_some() && !error.may_pass() => None,
            Err(error) => return Err(error),
        };
        if size.is_some_and(|size| size > 0) {
            let modified = self.modified(path).await.unwrap_or(None);
            return Ok(Stat { is_dir: Some(false), size, modified, ..Stat::default() });
        }
        // A directory is what can be gone into; some have a SIZE.
        let turn = self.turn().await?;
        let reply = self.ask("CWD", path).await?;
        let is_dir = (200..300).contains(&reply.code);
        if is_dir && !self.0.home.is_empty() {
            _ = self.ask("CWD", &self.0.home.clone()).await?;
        }
        drop(turn);
        if is_dir {
            return Ok(Stat { is_dir: Some(true), ..Stat::default() });
        }
        let modified = match self.modified(path).await {
            Ok(modified) => modified,
            Err(error) if error.reply().is_some() && !error.may_pass() => None,
            Err(error) => return Err(error),
        };
        if size.is_none() && modified.is_none() {
            // Neither a directory nor anything with a size or a time.
            return Err(absent(path, refused("CWD", path, reply)));
        }
        Ok(Stat { is_dir: Some(false), size, modified, ..Stat::default() })
    }

    /// Sets the time of last modification, by whatever way the server knows.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it knows none, or never set one and says "not now"; its
    /// refusal.
    pub async fn set_modified(&self, path: &[u8], time: UnixTime) -> Result<()> {
        // A fraction only where it is known to be understood.
        let value = time.format_timeval(time.nanos != 0 && self.keeps_data());
        loop {
            let way = self.0.known.read(|known| known.set_time);
            let spaced = [value.as_bytes(), b" ", path].concat();
            let reply = match way {
                SetTime::Mfmt => self.ask("MFMT", &spaced).await?,
                SetTime::Mff => {
                    let argument = [b"Modify=", value.as_bytes(), b"; ", path].concat();
                    self.ask("MFF", &argument).await?
                }
                SetTime::Mdtm => self.ask("MDTM", &spaced).await?,
                SetTime::Utime => {
                    self.ask("SITE", &[b"UTIME ", spaced.as_slice()].concat()).await?
                }
                SetTime::None => {
                    let what = "the server cannot set times";
                    return Err(Error::new(ErrorKind::Unsupported, what));
                }
            };
            // An answer to MDTM that only tells a time has set nothing.
            let told = way == SetTime::Mdtm && replies::time(&reply).is_some_and(|t| t.0 != time);
            match reply.code {
                200..=299 if !told => {
                    self.0.known.lock().set_time_works = true;
                    return Ok(());
                }
                200..=299 | 500..=504 => {}
                // It took the time for a part of the name; unless it has set one before.
                550 if way == SetTime::Mdtm && !self.0.known.read(|known| known.set_time_works) => {
                }
                // rclone says so of every time, although there is nothing to wait for.
                400..=420 | 422..=499 if !self.0.known.read(|known| known.set_time_works) => {
                    self.0.known.lock().time_put_off = true;
                    let what = "the server does not set the time";
                    return Err(Error::new(ErrorKind::Unsupported, what).with_reply(reply));
                }
                _ => return Err(refused("MFMT", path, reply)),
            }
            let mut known = self.0.known.lock();
            if known.set_time == way {
                known.set_time = match way {
                    SetTime::Mfmt if known.has("MFF") => SetTime::Mff,
                    SetTime::Mfmt | SetTime::Mff => SetTime::Mdtm,
                    SetTime::Mdtm => SetTime::Utime,
                    SetTime::Utime | SetTime::None => SetTime::None,
                };
            }
        }
    }

    /// Sets the permission bits (SITE CHMOD).
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn set_mode(&self, path: &[u8], mode: u32) -> Result<()> {
        let argument = [format!("CHMOD {:03o} ", mode & 0o7777).as_bytes(), path].concat();
        self.demand("SITE", &argument).await.map(drop)
    }

    /// The digest of a file, or of `len` octets of it from `from` on, as the server computes it;
    /// [`None`] where it knows no such thing.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn hash(
        &self,
        path: &[u8],
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> Result<Option<Vec<u8>>> {
        let partly = from > 0 || len.is_some();
        let x_form = match algorithm {
            Algorithm::Crc32 => "XCRC",
            Algorithm::Md5 => "XMD5",
            Algorithm::Sha1 => "XSHA1",
            Algorithm::Sha256 => "XSHA256",
            Algorithm::Sha512 => "XSHA512",
            Algorithm::Blake3 => "XBLAKE3",
        };
        let (by_hash, by_x, ranges) = self.0.known.read(|known| {
            let features = known.features.as_ref();
            let listed = features.map(|f| f.hash_algorithms()).unwrap_or_default();
            let find = |name: &str| listed.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            let hash = find(algorithm.name());
            (hash.is_some(), known.has(x_form), known.has("RANG"))
        });
        // The patience of HASH is that of a disk.
        let digest = |reply: IncomingReply| -> Result<Option<Vec<u8>>> {
            match reply.code {
                200..=299 => Ok(replies::digest(&reply, algorithm.digest_len())),
                500..=504 => Ok(None),
                _ => Err(refused("HASH", path, reply)),
            }
        };
        if by_x {
            let mut argument = Vec::new();
            ferry_proto::path::write_quoted(path, &mut argument);
            if partly {
                let end = match len {
                    Some(len) => from.saturating_add(len),
                    None => match self.size(path).await? {
                        Some(size) => size,
                        None => return Ok(None),
                    },
                };
                argument.extend_from_slice(format!(" {from} {end}").as_bytes());
            }
            if let Some(found) = digest(self.ask_patiently(x_form, &argument).await?)? {
                return Ok(Some(found));
            }
        }
        if !by_hash || (partly && !ranges) {
            return Ok(None);
        }
        let turn = self.turn().await?;
        {
            let argument = format!("HASH {}", algorithm.name());
            let reply = self.ask("OPTS", argument.as_bytes()).await?;
            if reply.code >= 300 {
                return Ok(None);
            }
        }
        if partly {
            let end = len.map_or(u64::MAX >> 1, |len| from.saturating_add(len).saturating_sub(1));
            let reply = self.ask("RANG", format!("{from} {end}").as_bytes()).await?;
            if !(200..400).contains(&reply.code) {
                return Ok(None);
            }
        }
        let reply = self.ask_patiently("HASH", path).await?;
        drop(turn);
        digest(reply)
    }

    async fn ask_patiently(&self, verb: &str, argument: &[u8]) -> Result<IncomingReply> {
        let line = ferry_proto::client::line::command(verb, argument)
            .map_err(|e| Error::new(ErrorKind::BadName, e.to_string()))?;
        let (outgoing, mut ticket) = super::outgoing(line, self.timeout() * 20);
        self.0.control.send(vec![outgoing]);
        ticket.last().await
    }
}

/// What a reply to MLST says.
pub(super) fn stat_of_reply(reply: &IncomingReply) -> Option<Stat> {
    reply.lines.iter().find_map(|line| stat_of(line))
}

fn stat_of(line: &[u8]) -> Option<Stat> {
    let line = line.strip_prefix(b" ").unwrap_or(line);
    if !line.contains(&b'=') {
        return None;
    }
    let facts = parse_facts(line)?;
    let is_dir = facts.kind.map(|kind| {
        matches!(kind, ParsedKind::Dir | ParsedKind::CurrentDir | ParsedKind::ParentDir)
    });
    Some(Stat {
        is_dir,
        is_link: matches!(facts.kind, Some(ParsedKind::Link(_))),
        size: facts.size,
        modified: facts.modify,
        mode: facts.unix_mode,
        unique: facts.unique.map(<[u8]>::to_vec),
    })
}
