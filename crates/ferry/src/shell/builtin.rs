//! What only the shell has.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use ferry_proto::path::ForPeople;
use ferry_proto::reply_reader::IncomingReply;
use ferry_storage::SetMeta;

use super::parse::Word;
use super::{Shell, table, words};
use crate::bookmarks::Bookmarks;
use crate::cli::values;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::{self, Record as _};
use crate::url::Spec;
use crate::{cli, commands, glob, say};

/// Commands that would pull a session away from under the engine.
const OWN: [&str; 24] = [
    "RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD", "PORT", "EPRT", "PASV", "EPSV", "LPRT",
    "LPSV", "TYPE", "MODE", "STRU", "REST", "AUTH", "PROT", "CCC", "USER", "PASS", "REIN", "QUIT",
];

impl Shell {
    /// Obeys it if it is one of these; [`None`] if it is not.
    pub(super) async fn builtin(&mut self, name: &str, words: &[Word]) -> Option<Outcome<Exit>> {
        let done = match name {
            "open" => self.open_words(words).await,
            "user" => self.user(words).await,
            "close" => self.close(),
            "cd" => self.cd(words).await,
            "pwd" => self.pwd(),
            "lcd" => lcd(words),
            "lpwd" => here().and_then(|here| say::out(&here)),
            "lls" => return Some(lls(words).await),
            "rmdir" => return Some(self.rmdir(words).await),
            "chmod" => return Some(self.chmod(words).await),
            "site" => return Some(self.quote(Some("SITE"), words).await),
            "quote" => return Some(self.quote(None, words).await),
            "passive" => self.passive(words).await,
            "binary" | "ascii" => {
                self.text = name == "ascii";
                Ok(())
            }
            "status" => self.status(),
            "jobs" => self.jobs.list(),
            "wait" => return Some(self.jobs.wait(&self.cx, words.first()).await),
            "kill" => self.jobs.kill(words.first()),
            "bookmark" => return Some(self.bookmark(words)),
            "echo" => say::out(&words.iter().map(Word::text).collect::<Vec<_>>().join(" ")),
            "help" => help(words),
            "exit" => {
                self.ended = Some(ending(words));
                Ok(())
            }
            _ => return None,
        };
        Some(done.map(|()| Exit::Done))
    }

    async fn open_words(&mut self, words: &[Word]) -> Outcome<()> {
        let [word] = words else {
            return Err(Failure::usage("open wants one place: a URL, a bookmark: or a host"));
        };
        let text = word.text();
        let typed = match text.contains("://") || text.contains(':') {
            true => OsString::from_vec(word.plain()),
            false => OsString::from(format!("ftp://{text}/")),
        };
        self.open(&typed).await
    }

    async fn user(&mut self, words: &[Word]) -> Outcome<()> {
        let [word] = words else {
            return Err(Failure::usage("user wants a name; the password is asked for"));
        };
        let base = self.here()?.base.clone();
        let Ok(Spec::Remote(mut remote)) = self.cx.places.parse(base.as_ref()) else {
            return Err(Failure::usage("no server yet"));
        };
        (remote.url.user, remote.url.password) = (Some(word.plain()), None);
        let place = self.cx.places.connect(&remote).await?;
        self.enter(place).await
    }

    fn close(&mut self) -> Outcome<()> {
        self.here()?;
        (self.at, self.before) = (None, None);
        self.known.enter(None);
        Ok(())
    }

    async fn cd(&mut self, words: &[Word]) -> Outcome<()> {
        let at = self.here()?;
        let place = match words {
            [] => at.clone().with_path(at.home.clone()),
            [word] if word.plain() == b"-" => match &self.before {
                Some(before) => at.clone().with_path(before.clone()),
                None => return Err(Failure::usage("there is no directory before this one")),
            },
            [word] => {
                let argument = self.remote(word)?;
                let place = self.cx.places.open(&argument, Role::Read).await?;
                match glob::expand(&place).await?.as_slice() {
                    [found] => place.with_path(found.path.clone()),
                    _ => return Err(Failure::usage("that stands for several directories")),
                }
            }
            _ => return Err(Failure::usage("cd wants one directory")),
        };
        self.enter(place).await
    }

    fn pwd(&self) -> Outcome<()> {
        say::out(&self.here()?.shown())
    }

    async fn rmdir(&self, words: &[Word]) -> Outcome<Exit> {
        let places = self.remotes(words)?;
        self.cx
            .each(&places, Role::Name, async |place: &Place| {
                let removed = place.storage.remove_dir(&place.path).await;
                removed.map_err(|e| Failure::storage(place.shown(), &e))
            })
            .await
    }

    async fn chmod(&self, words: &[Word]) -> Outcome<Exit> {
        let Some((mode, rest)) = words.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return Err(Failure::usage("chmod wants permission bits and paths: chmod 644 FILE"));
        };
        let mode = values::mode(&mode.text()).map_err(|e| Failure::usage(e.to_string()))?;
        let places = self.remotes(rest)?;
        self.cx
            .each(&places, Role::Name, async |place: &Place| {
                let set = SetMeta { mode: Some(mode), ..SetMeta::default() };
                let done = place.storage.set_meta(&place.path, set).await;
                done.map_err(|e| Failure::storage(place.shown(), &e))
            })
            .await
    }

    fn remotes(&self, words: &[Word]) -> Outcome<Vec<OsString>> {
        if words.is_empty() {
            return Err(Failure::usage("this wants a path"));
        }
        words.iter().map(|word| self.remote(word)).collect()
    }

    async fn quote(&self, before: Option<&str>, words: &[Word]) -> Outcome<Exit> {
        let mut line: Vec<Vec<u8>> = before.iter().map(|word| word.as_bytes().to_vec()).collect();
        line.extend(words.iter().map(Word::plain));
        let line = line.join(&b' ');
        if words.is_empty() {
            return Err(Failure::usage("there is nothing to send"));
        }
        if line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Failure::usage("line ends and NUL cannot be sent"));
        }
        let verb = String::from_utf8_lossy(line.split(|&b| b == b' ').next().unwrap_or_default())
            .to_ascii_uppercase();
        if OWN.contains(&verb.as_str()) {
            let what = format!("{verb} belongs to the engine; use get, put, ls, user or close");
            return Err(Failure::usage(what));
        }
        let at = self.here()?;
        let link = at.link.as_ref().ok_or_else(|| Failure::usage("no server yet"))?;
        let reply = link.command(&line).await.map_err(|e| Failure::client(&at.base, &e))?;
        self.show_reply(&reply)?;
        Ok(if reply.code < 400 { Exit::Done } else { Exit::Refused })
    }

    fn show_reply(&self, reply: &IncomingReply) -> Outcome<()> {
        let (code, lines) = (reply.code, reply.lines.as_slice());
        if self.cx.json() {
            return say::out(&records::Reply { code, lines }.line());
        }
        for (at, line) in lines.iter().enumerate() {
            let dash = if at + 1 == lines.len() { ' ' } else { '-' };
            say::out(&format!("{code}{dash}{}", ForPeople(line)))?;
        }
        Ok(())
    }

    async fn passive(&mut self, words: &[Word]) -> Outcome<()> {
        let active = match words.first().map(Word::text).as_deref() {
            None => !self.cx.places.is_active(),
            Some("on") => false,
            Some("off") => true,
            Some(_) => return Err(Failure::usage("passive is on or off")),
        };
        self.cx.places.set_active(active);
        if let Some(at) = self.at.take() {
            // Connections that are there were made the other way.
            self.cx.places.close().await;
            let argument = OsString::from_vec(at.argument(&at.path));
            self.open(&argument).await?;
        }
        let who = if active { "come from the server" } else { "go to the server" };
        say::out(&format!("data connections {who}"))
    }

    fn status(&self) -> Outcome<()> {
        match &self.at {
            None => say::out("no server")?,
            Some(at) => {
                say::out(&format!("server     {}", ForPeople(at.base.as_bytes())))?;
                say::out(&format!("directory  {}", at.path))?;
                say::out(&format!("at a time  {}", at.storage.width()))?;
            }
        }
        say::out(&format!("here       {}", here()?))?;
        say::out(&format!("files      {}", if self.text { "as text" } else { "as they are" }))?;
        let passive = if self.cx.places.is_active() { "off" } else { "on" };
        say::out(&format!("passive    {passive}"))?;
        self.jobs.list()
    }

    fn bookmark(&self, words: &[Word]) -> Outcome<Exit> {
        let texts: Vec<String> = words.iter().map(Word::text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let action = match texts.as_slice() {
            [] | ["list"] => cli::Bookmark::List,
            ["show", name] => cli::Bookmark::Show { name: (*name).to_owned() },
            ["remove" | "delete" | "del", name] => {
                cli::Bookmark::Remove { name: (*name).to_owned() }
            }
            ["add", name] => {
                let at = self.here()?;
                let url = String::from_utf8_lossy(&at.argument(&at.path)).into_owned();
                cli::Bookmark::Add { name: (*name).to_owned(), url }
            }
            ["add", name, url] => {
                cli::Bookmark::Add { name: (*name).to_owned(), url: (*url).to_owned() }
            }
            _ => {
                return Err(Failure::usage(
                    "bookmark add NAME [URL], list, show NAME, remove NAME",
                ));
            }
        };
        let exit = commands::bookmark(&self.cx, action)?;
        self.cx.places.set_bookmarks(Bookmarks::load()?);
        Ok(exit)
    }
}

fn help(words: &[Word]) -> Outcome<()> {
    let name = words.first().map(Word::text);
    match table::help(name.as_deref()) {
        Some(text) => say::out(&text),
        None => Err(Failure::usage("that is no command; help alone lists them")),
    }
}

/// What `exit` is told to end with; anything but 0 that is no cause of ours is told as partly.
fn ending(words: &[Word]) -> Exit {
    let code = words.first().map(|word| word.text().parse::<u8>());
    match code {
        None | Some(Ok(0)) => Exit::Done,
        Some(Ok(code)) => Exit::from_code(code).unwrap_or(Exit::Partly),
        Some(Err(_)) => Exit::Usage,
    }
}

fn here() -> Outcome<String> {
    use std::os::unix::ffi::OsStrExt as _;
    let here = std::env::current_dir().map_err(|e| Failure::local("here", &e))?;
    Ok(ForPeople(here.as_os_str().as_bytes()).to_string())
}

fn lcd(words: &[Word]) -> Outcome<()> {
    let home = Word::verbatim(b"~").unquoted();
    let word = words.first().unwrap_or(&home);
    let path = words::absolute(&word.plain(), word)?;
    std::env::set_current_dir(&path).map_err(|e| Failure::local(path.display(), &e))
}

/// The system lists its own files.
async fn lls(words: &[Word]) -> Outcome<Exit> {
    let mut command = std::process::Command::new("ls");
    command.args(words.iter().map(|word| OsString::from_vec(word.plain())));
    wait_for(command, "ls").await
}

/// A command of the system's shell, or that shell.
pub(super) async fn system(line: &str) -> Outcome<Exit> {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let mut command = std::process::Command::new(shell);
    if !line.is_empty() {
        command.args(["-c", line]);
    }
    wait_for(command, line).await
}

async fn wait_for(mut command: std::process::Command, what: &str) -> Outcome<Exit> {
    say::flush()?;
    let what = what.to_owned();
    let status = tokio::task::spawn_blocking(move || command.status()).await;
    let status = status.map_err(std::io::Error::other).flatten();
    let status = status.map_err(|e| Failure::local(ForPeople(what.as_bytes()), &e))?;
    Ok(if status.success() { Exit::Done } else { Exit::Partly })
}
