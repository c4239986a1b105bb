//! `bookmark`: names for servers.

use std::ffi::OsStr;

use crate::bookmarks::{Bookmark as Mark, Bookmarks, is_name};
use crate::cli::Bookmark;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::records;
use crate::url::{self, Spec};

pub(crate) fn run(cx: &Cx, action: Bookmark) -> Outcome<Exit> {
    let mut marks = Bookmarks::load()?;
    match action {
        Bookmark::Add { name, url } => {
            marks.insert(checked(name, url, cx.flags.connection.plain)?);
            marks.store()?;
        }
        Bookmark::Remove { name } => {
            if !marks.remove(&name) {
                return Err(missing(&name));
            }
            marks.store()?;
        }
        Bookmark::List => marks.iter().try_for_each(|mark| show(cx, mark))?,
        Bookmark::Show { name } => show(cx, marks.find(&name).ok_or_else(|| missing(&name))?)?,
    }
    Ok(Exit::Done)
}

fn missing(name: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no bookmark \"{name}\""))
}

/// A bookmark that will be understood.
pub(crate) fn checked(name: String, url: String, plain: bool) -> Outcome<Mark> {
    if !is_name(&name) || matches!(name.to_ascii_lowercase().as_str(), "ftp" | "ftps" | "ftpes") {
        let right = "letters, digits, -, _ and ., and no scheme of a URL";
        return Err(Failure::usage(format!("\"{name}\" is no name of a bookmark: {right}")));
    }
    match url::parse(OsStr::new(&url), &Bookmarks::default()) {
        Ok(Spec::Remote(remote)) if remote.url.password.is_some() => Err(Failure::usage(
            "passwords are not kept in bookmarks; leave it out of the URL, and see netrc",
        )),
        Ok(Spec::Remote(_)) => Ok(Mark { name, url, plain }),
        Ok(_) => Err(Failure::usage("a bookmark leads to a server: ftp://, ftpes:// or ftps://")),
        Err(why) => Err(Failure::usage(why.to_string())),
    }
}

fn show(cx: &Cx, mark: &Mark) -> Outcome<()> {
    let Mark { name, url, plain } = mark;
    cx.put(
        || records::Mark { name, url, plain: *plain },
        || format!("{name:<16} {url}{}", if *plain { "  (plain)" } else { "" }),
    )
}
