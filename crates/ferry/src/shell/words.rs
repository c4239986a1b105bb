//! From words of the shell to a command of the command line: what they name becomes URLs and
//! absolute local paths.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use ferry_client::url::encode;
use ferry_proto::path::FtpPath;

use super::Shell;
use super::parse::Word;
use super::table::Side;
use crate::cli::{Alike, Cli, Command, Flags, Mirror, rules, session_words, with_rules};
use crate::cx::Cx;
use crate::exit::{Failure, Outcome};
use crate::place::{Place, Role};
use crate::{glob, url};

/// `mirror` as lftp has it: the other way by -R, and places that may be left out.
#[derive(Debug, Parser)]
#[command(name = "mirror", disable_help_flag = true)]
struct LftpMirror {
    #[command(flatten)]
    flags: Flags,
    #[arg(short = 'R', long)]
    reverse: bool,
    from: Option<OsString>,
    to: Option<OsString>,
    #[command(flatten)]
    alike: Alike,
}

impl Shell {
    /// A command and the flags it runs under: those of the session, and those typed with it.
    pub(super) async fn command(&self, name: &str, words: &[Word]) -> Outcome<(Cx, Command)> {
        self.here()?;
        let (name, more, side) = match name {
            "ls" => ("ls", &["-l"][..], Side::Remote),
            "dir" => ("ls", &["-la"][..], Side::Remote),
            "cls" => ("ls", &[][..], Side::Remote),
            "reget" => ("get", &["--resume"][..], Side::RemoteLocal),
            "reput" => ("put", &["--resume"][..], Side::LocalRemote),
            "append" => ("put", &["--append"][..], Side::LocalRemote),
            "get" => ("get", &[][..], Side::RemoteLocal),
            "put" => ("put", &[][..], Side::LocalRemote),
            "mget" => ("get", &[][..], Side::Remote),
            "mput" => ("put", &[][..], Side::Local),
            "mirror" => return self.mirror(words),
            name => (name, &[][..], Side::Remote),
        };
        let mut argv: Vec<OsString> = vec!["ferry".into()];
        argv.extend(session_words(&self.cx.session));
        argv.push(name.into());
        argv.extend(more.iter().map(OsString::from));
        argv.extend(words.iter().map(|word| OsString::from_vec(word.plain())));
        // `put` wants two, and the second may be left out here.
        if name == "put" {
            argv.push(".".into());
        }
        let matches = Cli::command().try_get_matches_from(&argv).map_err(|e| usage(&e))?;
        let cli = Cli::from_arg_matches(&matches).map_err(|e| usage(&e))?;
        let cli = with_rules(cli, &matches);
        let mut command = cli.command;
        self.place_all(&mut command, words, side).await?;
        Ok((Cx { flags: Arc::new(cli.flags), ..self.cx.clone() }, command))
    }

    fn mirror(&self, words: &[Word]) -> Outcome<(Cx, Command)> {
        let mut argv: Vec<OsString> = vec!["mirror".into()];
        argv.extend(session_words(&self.cx.session));
        argv.extend(words.iter().map(|word| OsString::from_vec(word.plain())));
        let matches = LftpMirror::command().try_get_matches_from(&argv).map_err(|e| usage(&e))?;
        let mut typed = LftpMirror::from_arg_matches(&matches).map_err(|e| usage(&e))?;
        typed.flags.choice.rules = rules(&matches);
        let here = OsString::from(".");
        let from = typed.from.unwrap_or_else(|| here.clone());
        let to = match typed.to {
            Some(to) => to,
            // A tree keeps its name where only one is given.
            None if from != here => last_name(&from),
            None => here,
        };
        let (from, to) = match typed.reverse {
            true => (self.local(&word_of(words, &from))?, self.remote(&word_of(words, &to))?),
            false => (self.remote(&word_of(words, &from))?, self.local(&word_of(words, &to))?),
        };
        let flags = Arc::new(typed.flags);
        let command = Command::Mirror(Mirror { from, to, alike: typed.alike });
        Ok((Cx { flags, ..self.cx.clone() }, command))
    }

    /// Turns everything that a command names into places.
    async fn place_all(&self, command: &mut Command, words: &[Word], side: Side) -> Outcome<()> {
        let Some(places) = command.places_mut() else { return Ok(()) };
        let mut typed = std::mem::take(places);
        let mut placed = Vec::new();
        match side {
            Side::RemoteLocal | Side::LocalRemote => {
                if side == Side::LocalRemote {
                    // The dot that was put in.
                    typed.pop();
                }
                let target = if typed.len() > 1 { typed.pop() } else { None };
                let target = target.unwrap_or_else(|| ".".into());
                for source in &typed {
                    placed.extend(self.sources(&word_of(words, source), side.of_word(0)).await?);
                }
                placed.push(self.one(&word_of(words, &target), side.of_word(1))?);
            }
            Side::Local => {
                typed.pop();
                for source in &typed {
                    placed.extend(self.sources(&word_of(words, source), Side::Local).await?);
                }
                placed.push(self.remote(&Word::default())?);
            }
            _ => {
                for name in &typed {
                    placed.push(self.remote(&word_of(words, name))?);
                }
                if matches!(command, Command::Get(_)) {
                    placed.push(self.local(&Word::default())?);
                }
            }
        }
        if let Some(places) = command.places_mut() {
            *places = placed;
        }
        Ok(())
    }

    fn one(&self, word: &Word, side: Side) -> Outcome<OsString> {
        match side {
            Side::Local => self.local(word),
            _ => self.remote(word),
        }
    }

    /// What a word stands for: wildcards on the server are looked up later, here now.
    async fn sources(&self, word: &Word, side: Side) -> Outcome<Vec<OsString>> {
        if side != Side::Local || word.spec().pattern.is_none() {
            return Ok(vec![self.one(word, side)?]);
        }
        let root = Place::local(Path::new("/"), Role::Read)?;
        let here = std::env::current_dir().map_err(|e| Failure::local("here", &e))?;
        let here = FtpPath::new(here.as_os_str().as_bytes())
            .map_err(|e| Failure::path(here.display(), e))?;
        let place = root.seen_from(&here, word.spec())?;
        let found = glob::expand(&place).await?;
        Ok(found.iter().map(|it| OsStr::from_bytes(it.path.as_bytes()).to_owned()).collect())
    }

    /// A word as a URL: seen from where we are, unless it is one, or a bookmark, already.
    pub(super) fn remote(&self, word: &Word) -> Outcome<OsString> {
        let plain = word.plain();
        let typed = OsStr::from_bytes(&plain);
        if matches!(self.cx.places.parse(typed), Ok(url::Spec::Remote(_))) || plain == b"-" {
            return Ok(typed.to_owned());
        }
        let at = self.here()?;
        let mut path = String::from("/");
        if plain.first() != Some(&b'/') {
            path.push_str(&encode(at.path.as_bytes()));
            path.push('/');
        }
        for &(octet, quoted) in word.octets() {
            match octet {
                b'*' | b'?' | b'[' | b']' if !quoted => path.push(char::from(octet)),
                octet => path.push_str(&encode(&[octet])),
            }
        }
        if self.text {
            path.push_str(";type=a");
        }
        Ok(OsString::from(format!("{}{path}", at.base)))
    }

    /// A word as an absolute local path.
    pub(super) fn local(&self, word: &Word) -> Outcome<OsString> {
        let plain = word.plain();
        if plain == b"-" {
            return Ok("-".into());
        }
        Ok(absolute(&plain, word)?.into_os_string())
    }
}

/// A local path from where we are, or from home.
pub(super) fn absolute(plain: &[u8], word: &Word) -> Outcome<PathBuf> {
    let here = std::env::current_dir().map_err(|e| Failure::local("here", &e))?;
    let tilde = word.octets().first() == Some(&(b'~', false));
    let path = match (tilde, plain.strip_prefix(b"~")) {
        (true, Some(b"")) => crate::bookmarks::home().unwrap_or_default(),
        (true, Some(rest)) if rest.starts_with(b"/") => crate::bookmarks::home()
            .unwrap_or_default()
            .join(OsStr::from_bytes(rest.get(1..).unwrap_or_default())),
        _ => PathBuf::from(OsStr::from_bytes(plain)),
    };
    Ok(here.join(path))
}

/// The word that reads so, with what was quoted in it.
fn word_of(words: &[Word], plain: &OsStr) -> Word {
    let same = |word: &&Word| word.plain() == plain.as_bytes();
    words.iter().find(same).cloned().unwrap_or_else(|| Word::verbatim(plain.as_bytes()))
}

/// The last component of a path that was typed.
fn last_name(typed: &OsStr) -> OsString {
    let octets = typed.as_bytes();
    let octets = octets.strip_suffix(b"/").unwrap_or(octets);
    let name = octets.rsplit(|&b| b == b'/').next().unwrap_or_default();
    match name {
        b"" | b".." => ".".into(),
        name => OsStr::from_bytes(name).to_owned(),
    }
}

fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    // The first paragraph says it; the rest is about another command line.
    let first = text.split("\n\n").next().unwrap_or_default();
    Failure::usage(first.trim_start_matches("error: ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_keeps_its_last_name() {
        let cases = [("a/b", "b"), ("a/", "a"), ("/", "."), ("..", "."), ("x", "x")];
        for (typed, want) in cases {
            assert_eq!(last_name(OsStr::new(typed)), want, "{typed}");
        }
    }
}
