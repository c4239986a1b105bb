//! Small files that are read and written whole: what the trait does where an implementation knows
//! no shorter way.

use std::fs::File;
use std::io::{self, Read as _};

use crate::{FsError, Sink, Source};

/// The rest of what was opened; [`None`] if that is more than `most` octets.
pub(crate) async fn read(source: Source, most: usize) -> Result<Option<Vec<u8>>, FsError> {
    let (mut stream, len) = match source {
        Source::Stream { stream, len } => (stream, len),
        Source::File { file, from, len } => {
            let job = move || of_file(&file, from, len, most);
            return crate::blocking::run(job).await.flatten().map_err(FsError::Io);
        }
    };
    // One more than was announced, so that the end shows itself.
    let want = usize::try_from(len).unwrap_or(most).min(most) + 1;
    let (mut whole, mut buf) = (Vec::new(), Vec::new());
    loop {
        buf.resize(want, 0);
        let (read, n) = stream.read(buf).await;
        match n? {
            0 => return Ok(Some(whole)),
            n if whole.len() + n > most => return Ok(None),
            n => whole.extend_from_slice(read.get(..n).unwrap_or_default()),
        }
        buf = read;
    }
}

/// The same for a file of this machine. Blocks.
pub(crate) fn of_file(
    mut file: &File,
    from: u64,
    len: u64,
    most: usize,
) -> io::Result<Option<Vec<u8>>> {
    use io::Seek as _;
    let left = len.saturating_sub(from);
    let Some(left) = usize::try_from(left).ok().filter(|left| *left <= most) else {
        return Ok(None);
    };
    if from > 0 {
        file.seek(io::SeekFrom::Start(from))?;
    }
    // As long as it was when it was opened, so that its end need not be looked for; files that the
    // kernel makes up have no length.
    let take = if left == 0 { most as u64 + 1 } else { left as u64 };
    let mut whole = Vec::with_capacity(left);
    file.take(take).read_to_end(&mut whole)?;
    Ok((whole.len() <= most).then_some(whole))
}

/// What came of setting what a medium need not have.
pub(crate) fn was_set(result: Result<(), FsError>) -> Result<bool, FsError> {
    match result {
        Ok(()) => Ok(true),
        // What was stored may have been taken away at once, as from a letter box.
        Err(FsError::Unsupported | FsError::Denied | FsError::NotFound) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Writes the last octets of an upload and commits it.
pub(crate) async fn finish<S: Sink + ?Sized>(
    mut sink: Box<S>,
    buf: Vec<u8>,
) -> Result<(), FsError> {
    if !buf.is_empty() {
        let (_, written) = sink.write(buf).await;
        if let Err(e) = written {
            // Why it could not be written is what is told.
            let _ = sink.abandon().await;
            return Err(e);
        }
    }
    sink.commit().await
}
