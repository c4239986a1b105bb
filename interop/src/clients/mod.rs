//! One driver per client: how it is told to do a [`Task`] over a [`Link`], and what it cannot do.
//!
//! A driver turns tasks into the client's own command line or script and runs it. Whether the
//! right thing came of it is for the tests to judge, from the files on both sides: the exit
//! status of half of these programs says nothing.

mod curl;
mod inetutils;
mod lftp;
mod ncftp;
mod python;
mod rclone;
mod tnftp;
mod wget;

use std::fmt;
use std::io;
use std::time::Duration;

use crate::link::{Link, Target};
use crate::process::Finished;
use crate::task::Task;

pub use curl::Curl;
pub use inetutils::Inetutils;
pub use lftp::Lftp;
pub use ncftp::Ncftp;
pub use python::Python;
pub use rclone::Rclone;
pub use tnftp::Tnftp;
pub use wget::Wget;

/// The most one run of a client may take: a hundred times what the slowest needs.
pub const LIMIT: Duration = Duration::from_secs(40);

/// A kind of thing that some clients cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "every client driver must know every one")]
pub enum Skill {
    /// Log in, list, fetch.
    Read,
    /// Continue a broken download.
    ResumeGet,
    /// Send.
    Write,
    /// Continue a broken upload.
    ResumePut,
    /// Rename, delete, make and remove directories.
    Manage,
    /// Names with spaces, quotes, UTF-8, a leading dash.
    OddNames,
}

/// A program that speaks FTP.
pub trait Client: fmt::Debug + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// The program that must be installed.
    fn program(&self) -> &'static str;

    /// Why it cannot use `link` at all, whatever the server; `None` if it can.
    fn link_left_out(&self, link: &Link) -> Option<&'static str>;

    /// Why it cannot do such things, whatever the server; `None` if it can.
    fn skill_left_out(&self, skill: Skill) -> Option<&'static str> {
        let _ = skill;
        None
    }

    /// Does the tasks in order, in one session where the client has such a thing.
    ///
    /// # Errors
    /// The program cannot be run.
    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>>;
}

/// Every client.
#[must_use]
pub fn all() -> [&'static dyn Client; 8] {
    [&Curl, &Lftp, &Ncftp, &Tnftp, &Inetutils, &Wget, &Rclone, &Python]
}

/// `text` with everything but RFC 3986's unreserved characters and the slash escaped.
fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, octet| {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                url.push(char::from(octet));
            }
            other => url.push_str(&format!("%{other:02X}")),
        }
        url
    })
}

/// `word` with a backslash before whatever may mean something: how lftp, ncftp, tnftp and
/// inetutils-ftp can all be given any name. Quotation marks they read in four different ways, and
/// lftp keeps a backslash before what means nothing to it.
fn escaped(word: &str) -> String {
    let plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "/._-,:%#".contains(c);
    word.chars().fold(String::new(), |mut text, c| {
        if !plain(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_quoting_and_urls() {
        assert_eq!(escaped(r#"a "b" \ż"#), r#"a\ \"b\"\ \\ż"#);
        assert_eq!(percent_encode("/a b/ż\"#"), "/a%20b/%C5%BC%22%23");
    }

    #[test]
    fn every_client_can_do_something_over_the_simplest_link() {
        for client in all() {
            assert_eq!(client.link_left_out(&Link::PLAIN), None, "{}", client.name());
            assert_eq!(client.skill_left_out(Skill::Read), None, "{}", client.name());
        }
    }
}
