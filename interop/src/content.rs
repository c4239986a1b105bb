//! What is moved: files whose octets tell a resumed transfer from a repeated one, and digests.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// `len` octets of every value that look like nothing in particular, the same for the same `seed`.
#[must_use]
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // xorshift64 (Marsaglia 2003): all that is needed is octets that do not repeat.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(len).collect()
}

/// The head of a file that was left half transferred: `whole`'s first `len` octets, inverted, so
/// that a client that starts over instead of resuming is found out.
#[must_use]
pub fn marked_head(whole: &[u8], len: usize) -> Vec<u8> {
    whole.iter().take(len).map(|octet| !octet).collect()
}

/// Makes a file of `len` octets that is nearly all hole, with marks at both ends and on both sides
/// of the 2 GiB and 4 GiB lines, where counters of 31 and 32 bits wrap.
///
/// # Errors
/// The file system refuses.
pub fn sparse(path: &Path, len: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.set_len(len)?;
    for at in [0, (2 << 30) - 4, (4 << 30) - 4, len.saturating_sub(8)] {
        if at < len {
            file.seek(SeekFrom::Start(at))?;
            write!(file, "{:08x}", at >> 4)?;
        }
    }
    Ok(())
}

/// The SHA-256 of each file as `openssl` counts it, in the order given.
///
/// # Errors
/// A file cannot be read.
pub fn sha256(paths: &[&Path]) -> io::Result<Vec<String>> {
    let mut digests = Vec::with_capacity(paths.len());
    // Bounded, because a command line is.
    for some in paths.chunks(500) {
        let out = Command::new("openssl").args(["dgst", "-sha256", "-r"]).args(some).output()?;
        if !out.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&out.stderr).into_owned()));
        }
        let text = String::from_utf8_lossy(&out.stdout);
        digests.extend(text.lines().map(|line| line.chars().take(64).collect::<String>()));
    }
    Ok(digests)
}

/// A program that prints the SHA-256 of its standard input.
#[must_use]
pub fn sha256_of_stdin() -> Command {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-r"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_repeatable_and_holds_every_octet() {
        let one = noise(1, 100_000);
        assert_eq!(one, noise(1, 100_000));
        assert_ne!(one, noise(2, 100_000));
        assert!((0..=255).all(|octet| one.contains(&octet)));
    }

    #[test]
    fn digests_come_in_the_order_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let (empty, abc) = (dir.path().join("b"), dir.path().join("a"));
        std::fs::write(&empty, "").unwrap();
        std::fs::write(&abc, "abc").unwrap();
        let digests = sha256(&[&empty, &abc]).unwrap();
        assert!(digests[0].starts_with("e3b0c44298fc1c14"), "{digests:?}");
        assert!(digests[1].starts_with("ba7816bf8f01cfea"), "{digests:?}");
    }
}
