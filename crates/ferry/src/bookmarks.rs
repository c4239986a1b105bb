//! Bookmarks: names for servers, in a file of TOML in the user's configuration directory. Never
//! passwords.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure, Outcome};

/// The longest file that is read, in octets.
const FILE_MAX: u64 = 1 << 20;

/// One bookmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bookmark {
    pub(crate) name: String,
    /// Without a password.
    pub(crate) url: String,
    /// As `--plain`.
    pub(crate) plain: bool,
}

/// All of them, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bookmarks(Vec<Bookmark>);

/// Whether a bookmark may have that name: letters, digits, `-`, `_` and `.`, none of the last two
/// first.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.chars().all(plain) && name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric())
}

/// Where they are: `ferry/bookmarks.toml` in `$XDG_CONFIG_HOME`, else in `~/.config`.
pub(crate) fn file() -> Option<PathBuf> {
    config_dir().map(|dir| dir.join("bookmarks.toml"))
}

/// The directory of what the user configures.
fn config_dir() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME", ".config")
}

/// `ferry` in the directory that the variable names, else in one below the home directory.
pub(crate) fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let dir = set.or_else(|| Some(home()?.join(below_home)))?;
    Some(dir.join("ferry"))
}

/// The user's home directory.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
}

impl Bookmarks {
    /// Those of the user; none if there is no file.
    pub(crate) fn load() -> Outcome<Self> {
        let Some(path) = file() else { return Ok(Self::default()) };
        Self::load_from(&path)
    }

    fn load_from(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        match fs::metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Ok(meta) if meta.len() > FILE_MAX => {
                return Err(Failure::usage(format!("{shown} is too long for bookmarks")));
            }
            _ => {}
        }
        let text = fs::read_to_string(path).map_err(|e| Failure::local(shown, &e))?;
        Self::read(&text).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))
    }

    /// Out of the text of a file.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        let mut all = Vec::new();
        for (name, value) in table {
            let toml::Value::Table(entry) = value else {
                return Err(format!("\"{name}\" is no bookmark; write [{name}] and url = \"…\""));
            };
            if !is_name(&name) {
                return Err(format!("\"{name}\" is no name of a bookmark"));
            }
            let Some(url) = entry.get("url").and_then(toml::Value::as_str) else {
                return Err(format!("[{name}] has no url"));
            };
            if let Some(key) = entry.keys().find(|key| !matches!(key.as_str(), "url" | "plain")) {
                return Err(format!("[{name}]: \"{key}\" is not known; there are url and plain"));
            }
            let plain = match entry.get("plain") {
                None => false,
                Some(toml::Value::Boolean(plain)) => *plain,
                Some(_) => return Err(format!("[{name}]: plain is true or false")),
            };
            all.push(Bookmark { name, url: url.to_owned(), plain });
        }
        Ok(Self(all))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Bookmark> {
        self.0.iter().find(|bookmark| bookmark.name == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bookmark> {
        self.0.iter()
    }

    /// Puts one in, in place of one of that name.
    pub(crate) fn insert(&mut self, bookmark: Bookmark) {
        match self.0.iter_mut().find(|there| there.name == bookmark.name) {
            Some(there) => *there = bookmark,
            None => self.0.push(bookmark),
        }
    }

    /// Takes one out, and says whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|bookmark| bookmark.name != name);
        self.0.len() < before
    }

    /// The text of a file.
    fn write(&self) -> String {
        let mut out = String::from("# Bookmarks of ferry. Passwords do not belong here.\n");
        for Bookmark { name, url, plain } in &self.0 {
            // Writing into a string cannot fail. A name may hold dots, so it is quoted.
            let _ = write!(out, "\n[\"{name}\"]\nurl = {}\n", quoted(url));
            if *plain {
                out.push_str("plain = true\n");
            }
        }
        out
    }

    /// Writes them back, all or nothing, for this user's eyes only.
    pub(crate) fn store(&self) -> Outcome<()> {
        let path = file().ok_or_else(|| {
            Failure::new(Exit::Local, "there is no home directory to keep bookmarks in")
        })?;
        self.store_in(&path).map_err(|e| Failure::local(path.display(), &e))
    }

    fn store_in(&self, path: &Path) -> io::Result<()> {
        use io::Write as _;
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        // A file that is a link, into a repository of such files perhaps, stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let new = path.with_extension(format!("toml.{}", std::process::id()));
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let written = (|| {
            if let Ok(meta) = fs::metadata(&path) {
                file.set_permissions(fs::Permissions::from_mode(
                    meta.permissions().mode() & 0o777,
                ))?;
            }
            file.write_all(self.write().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(name: &str, url: &str, plain: bool) -> Bookmark {
        Bookmark { name: name.to_owned(), url: url.to_owned(), plain }
    }

    #[test]
    fn what_is_written_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/bookmarks.toml");
        let mut marks = Bookmarks::default();
        marks.insert(mark("a.b", "ftp://h/\"x\\", true));
        marks.insert(mark("c", "ftps://u@h/", false));
        marks.store_in(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut read = Bookmarks::load_from(&path).unwrap();
        assert_eq!(read, marks);
        assert!(read.remove("c") && !read.remove("c"));
        read.insert(mark("a.b", "ftp://other/", false));
        read.store_in(&path).unwrap();
        let again = Bookmarks::load_from(&path).unwrap();
        assert_eq!(again.iter().count(), 1);
        assert_eq!(again.find("a.b").unwrap().url, "ftp://other/");
    }

    #[test]
    fn mistakes_in_the_file_are_told() {
        let cases = [
            ("x = 1", "is no bookmark"),
            ("[x]\n", "has no url"),
            ("[x]\nurl = \"ftp://h\"\npassword = \"p\"", "\"password\" is not known"),
            ("[\"a b\"]\nurl = \"ftp://h\"", "no name of a bookmark"),
            ("[x]\nurl = \"ftp://h\"\nplain = 1", "true or false"),
            ("[x", "TOML"),
        ];
        for (text, want) in cases {
            let why = Bookmarks::read(text).unwrap_err();
            assert!(why.contains(want), "{text}: {why}");
        }
    }

    #[test]
    fn no_file_is_no_bookmarks() {
        let none = Bookmarks::load_from(Path::new("/nonexistent/bookmarks.toml")).unwrap();
        assert_eq!(none, Bookmarks::default());
    }
}
