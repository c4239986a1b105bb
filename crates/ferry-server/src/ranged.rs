//! RANG: a transfer of a part of a file, made from a transfer that starts where the part does.

use ferry_proto::path::FtpPath;
use ferry_storage::{BoxFut, ByteSource, FsError, Sink, Source, Storage as _, WriteMode};

use crate::opened::{Opened, Ready};
use crate::ops::Session;

/// A download from `from` that ends before the octet `until`.
pub(crate) fn reading(mut ready: Ready, from: u64, until: u64) -> Ready {
    let part = until.saturating_sub(from);
    if let Opened::File(source, encoder) = ready.opened {
        let source = match source {
            Source::File { file, from, len } => Source::File { file, from, len: len.min(until) },
            Source::Stream { stream, len } => {
                let stream = Box::new(Part { stream, left: part });
                Source::Stream { stream, len: len.min(until) }
            }
            other => other,
        };
        ready.opened = Opened::File(source, encoder);
    }
    ready.wire_len = ready.wire_len.map(|n| n.min(part));
    ready
}

/// An upload of the octets from `from` on that ends before `until`. It may begin beyond the end of
/// the file, so that several clients' sessions can fill one file, each its own part: what lies
/// between reads as zeros. Storages that write in order only refuse that, as REST does.
pub(crate) async fn over(
    session: &Session,
    path: &FtpPath,
    from: u64,
    until: u64,
    perm: u32,
) -> Result<Box<dyn Sink>, FsError> {
    let sink = match session.guard.write(path, WriteMode::Over(from), perm).await {
        Err(FsError::BadOffset) => {
            let mut sink = session.guard.write(path, WriteMode::Over(0), perm).await?;
            match sink.seek(from).await {
                Err(FsError::Unsupported) => return Err(FsError::BadOffset),
                done => done?,
            }
            sink
        }
        done => done?,
    };
    Ok(Box::new(Room { sink, left: until.saturating_sub(from) }))
}

struct Part {
    stream: Box<dyn ByteSource>,
    left: u64,
}

impl ByteSource for Part {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        buf.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        if buf.is_empty() {
            return Box::pin(std::future::ready((buf, Ok(0))));
        }
        Box::pin(async move {
            let (buf, read) = self.stream.read(buf).await;
            if let Ok(n) = &read {
                self.left = self.left.saturating_sub(u64::try_from(*n).unwrap_or(u64::MAX));
            }
            (buf, read)
        })
    }
}

/// Takes what belongs to the part; more is an error, and nothing of that buffer's rest is written.
struct Room {
    sink: Box<dyn Sink>,
    left: u64,
}

impl Sink for Room {
    fn write(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        let fits = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let too_much = fits < buf.len();
        buf.truncate(fits);
        self.left = self.left.saturating_sub(u64::try_from(fits).unwrap_or(u64::MAX));
        Box::pin(async move {
            let (buf, written) = self.sink.write(buf).await;
            let refused = if too_much { Err(FsError::BadOffset) } else { Ok(()) };
            (buf, written.and(refused))
        })
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        self.sink.commit()
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        self.sink.abandon()
    }
}
