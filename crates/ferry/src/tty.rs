//! Questions to the person at the terminal, whatever standard input and output are.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};

use ferry_client::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The most that is read for one answer, in octets.
const LINE_MAX: usize = 1024;

/// The terminal of this process.
#[derive(Debug)]
pub(crate) struct Tty(File);

impl Tty {
    /// [`None`] where there is none.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().map(Self)
    }

    /// Asks for something that nobody is to see. [`None`] when Ctrl-C or Ctrl-D was typed.
    pub(crate) fn secret(&self, question: &str) -> io::Result<Option<Secret>> {
        let silence = Silence::begin(&self.0)?;
        (&self.0).write_all(question.as_bytes())?;
        let typed = typed_line(&mut &self.0);
        drop(silence);
        (&self.0).write_all(b"\n")?;
        Ok(typed?.map(|line| Secret::new(line.to_vec())))
    }

    /// Asks a question whose answer is `yes` in full, or no.
    pub(crate) fn yes(&self, question: &str) -> io::Result<bool> {
        (&self.0).write_all(question.as_bytes())?;
        let mut line = Vec::new();
        let mut octet = [0];
        while line.len() < LINE_MAX && (&self.0).read(&mut octet)? == 1 && octet != [b'\n'] {
            line.extend_from_slice(&octet);
        }
        Ok(line.trim_ascii().eq_ignore_ascii_case(b"yes"))
    }
}

/// The terminal without echo, line editing and signal keys, until dropped. Signal keys are read
/// like any other, so that Ctrl-C cannot leave the terminal silent.
struct Silence<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(tty: &'a File) -> io::Result<Self> {
        let before = tcgetattr(tty)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(tty, OptionalActions::Flush, &silent)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty, OptionalActions::Now, &self.before);
    }
}

/// Reads keys up to the line end, with the keys that edit and cancel a line.
fn typed_line(keys: &mut impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // All of it at once, so that growing never leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_MAX));
    loop {
        let mut key = [0];
        if keys.read(&mut key)? == 0 {
            return Ok(None);
        }
        match key[0] {
            b'\r' | b'\n' => return Ok(Some(line)),
            0x03 | 0x04 => return Ok(None),
            0x08 | 0x7f => {
                // One character, however many octets UTF-8 takes for it.
                while line.pop().is_some_and(|octet| octet & 0xc0 == 0x80) {}
            }
            0x15 => line.clear(),
            _ if line.len() == LINE_MAX => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "the answer is too long"));
            }
            octet => line.push(octet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_and_cancel_what_is_typed() {
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (b"abc\n", Some(b"abc")),
            (b"ab\x7fc\r", Some(b"ac")),
            ("a\u{e9}\u{7f}b\n".as_bytes(), Some(b"ab")),
            (b"wrong\x15right\n", Some(b"right")),
            (b"ab\x03", None),
            (b"", None),
        ];
        for (keys, want) in cases {
            let typed = typed_line(&mut &*keys).unwrap();
            assert_eq!(typed.as_deref().map(Vec::as_slice), want, "{keys:?}");
        }
        assert!(typed_line(&mut &[b'x'; LINE_MAX + 2][..]).is_err());
    }
}
