//! What clients put in front of the path, as if the server ran `ls`.

use super::column;

/// What a client asks of LIST or NLST in front of the path, as if the server ran `ls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// `-a`: hidden names, `.` and `..` too.
    pub all: bool,
    /// `-A`: hidden names too.
    pub almost_all: bool,
    /// `-1`: names only, where that is meant.
    pub one_per_line: bool,
    /// `-t`: newest first.
    pub by_time: bool,
    /// `-r`: order reversed.
    pub reverse: bool,
    /// `-S`: largest first.
    pub by_size: bool,
    /// `-d`: a directory itself, not what is in it.
    pub directory_itself: bool,
    /// `-R`: with all directories below.
    pub recursive: bool,
}

impl ListOptions {
    /// Splits the argument of LIST into options and path. Words of the form `-letters` in front
    /// are options, until `--` or the first other word; letters without a meaning here are passed
    /// over. A file may have such a name, so the caller looks for one named by the whole argument
    /// first.
    #[must_use]
    pub fn parse(arg: &[u8]) -> (Self, &[u8]) {
        let mut options = Self::default();
        let mut rest = arg;
        loop {
            let mut after = rest;
            let Some(letters) = column(&mut after).and_then(|word| word.strip_prefix(b"-")) else {
                break;
            };
            if letters == b"-" {
                rest = path_after(after);
                break;
            }
            if letters.is_empty() || !letters.iter().all(u8::is_ascii_alphanumeric) {
                break;
            }
            options.take(letters);
            rest = path_after(after);
        }
        (options, rest)
    }

    fn take(&mut self, letters: &[u8]) {
        for letter in letters {
            match letter {
                b'a' => self.all = true,
                b'A' => self.almost_all = true,
                b'1' => self.one_per_line = true,
                b't' => self.by_time = true,
                b'r' => self.reverse = true,
                b'S' => self.by_size = true,
                b'd' => self.directory_itself = true,
                b'R' => self.recursive = true,
                _ => {}
            }
        }
    }
}

/// One space separates the path from the options; any more are part of its name.
fn path_after(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b" ").unwrap_or(rest)
}
