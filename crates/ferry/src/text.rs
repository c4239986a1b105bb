//! A server whose files are text (`;type=a`): lines end with CR LF on the wire (RFC 959 §3.1.1.1)
//! and with LF here. How long such a file is, nobody knows before it has come; so nothing is
//! resumed, and nothing but a clean end says that it is whole.

use ferry_client::remote::Remote;
use ferry_client::session::{Download, TypeCode, Upload, UploadHow};
use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;
use ferry_storage::{
    BoxFut, ByteSource, Caps, Entries, Entry, FsError, Kind, Meta, Octets, SetMeta, Sink, Source,
    Storage, WriteMode,
};

/// The files of a server as text.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) Remote);

/// Metadata of a file whose length as text is not known.
fn unsized_meta(meta: Meta) -> Meta {
    Meta { size_known: meta.size_known && meta.kind != Kind::File, ..meta }
}

impl Storage for Text {
    fn caps(&self) -> Caps {
        Caps { write_in_place: false, write_over: false, ..self.0.caps() }
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        Box::pin(async move { self.0.stat(path, follow).await.map(unsized_meta) })
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        Box::pin(async move {
            let entries = self.0.list(path).await?;
            Ok(Box::new(UnsizedEntries(entries)) as Box<dyn Entries>)
        })
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        Box::pin(async move {
            if from > 0 {
                return Err(FsError::Unsupported);
            }
            let session = self.0.session().await?;
            let download = session.download_as(path.as_bytes(), 0, TypeCode::Ascii).await?;
            let stream = Incoming { download, cr: false, ready: Octets::default() };
            Ok(Source::Stream { stream: Box::new(stream), len: 0 })
        })
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        _perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        Box::pin(async move {
            let how = match mode {
                WriteMode::Create(_) | WriteMode::At(0) => UploadHow::Create,
                WriteMode::Append => UploadHow::Append,
                _ => return Err(FsError::Unsupported),
            };
            let session = self.0.session().await?;
            let upload = session.upload_as(path.as_bytes(), how, TypeCode::Ascii).await?;
            Ok(Box::new(Outgoing { upload, cr: false }) as Box<dyn Sink>)
        })
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        self.0.make_dir(path, perm)
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.0.make_link(path, target)
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.0.remove_dir(path)
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.0.remove_file(path)
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.0.rename(from, to, replace)
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        self.0.set_meta(path, set)
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        self.0.free_space(path)
    }

    /// The server would hash what it has, not what it sends.
    fn hash<'a>(
        &'a self,
        _: &'a FtpPath,
        _: Algorithm,
        _: u64,
        _: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn width(&self) -> usize {
        // Each transfer holds a session of its own.
        self.0.width().min(4)
    }
}

struct UnsizedEntries(Box<dyn Entries>);

impl Entries for UnsizedEntries {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        Box::pin(async move {
            let batch = self.0.next_batch().await?;
            let unsized_entry = |entry: Entry| Entry {
                meta: unsized_meta(entry.meta),
                target: entry.target.map(unsized_meta),
                ..entry
            };
            Ok(batch.into_iter().map(unsized_entry).collect())
        })
    }

    fn by_name(&mut self, most: usize) -> BoxFut<'_, Result<bool, FsError>> {
        self.0.by_name(most)
    }

    fn unread(&self) -> u64 {
        self.0.unread()
    }
}

/// Octets read from the wire at a time.
const CHUNK: usize = 64 << 10;

/// Text on its way here.
struct Incoming {
    download: Download,
    /// The last octet was a CR that may belong to a line end.
    cr: bool,
    /// What was converted and not yet taken.
    ready: Octets,
}

impl Incoming {
    /// Makes sure that there is something to take, unless it is the end.
    async fn fill(&mut self) -> Result<(), FsError> {
        let mut wire = vec![0; CHUNK];
        while self.ready.is_empty() {
            let octets = self.download.read(&mut wire).await?;
            let mut text = to_lf(wire.get(..octets).unwrap_or_default(), &mut self.cr);
            if octets == 0 && std::mem::take(&mut self.cr) {
                text.push(b'\r');
            }
            self.ready = Octets::new(text);
            if octets == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl ByteSource for Incoming {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        Box::pin(async move {
            if let Err(e) = self.fill().await {
                return (buf, Err(e));
            }
            let len = self.ready.give(&mut buf);
            (buf, Ok(len))
        })
    }
}

/// Text on its way there.
struct Outgoing {
    upload: Upload,
    /// The last octet was a CR.
    cr: bool,
}

impl Sink for Outgoing {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        Box::pin(async move {
            let wire = to_crlf(&buf, &mut self.cr);
            let done = self.upload.write(&wire).await;
            (buf, done.map_err(FsError::from))
        })
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async move { self.upload.finish().await.map(|_| ()).map_err(FsError::from) })
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(async move { self.upload.abort().await.map(|()| true).map_err(FsError::from) })
    }
}

/// Line ends of the wire to ours. `cr` remembers a CR at the end of a piece.
fn to_lf(wire: &[u8], cr: &mut bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(wire.len() + 1);
    for &octet in wire {
        if *cr && octet != b'\n' {
            out.push(b'\r');
        }
        *cr = octet == b'\r';
        if !*cr {
            out.push(octet);
        }
    }
    out
}

/// Our line ends to those of the wire; what has CR LF already keeps it.
fn to_crlf(text: &[u8], cr: &mut bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 16);
    for &octet in text {
        if octet == b'\n' && !*cr {
            out.push(b'\r');
        }
        out.push(octet);
        *cr = octet == b'\r';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// In pieces of that size.
    fn pieces(
        text: &[u8],
        size: usize,
        convert: impl Fn(&[u8], &mut bool) -> Vec<u8>,
    ) -> (Vec<u8>, bool) {
        let mut cr = false;
        let out = text.chunks(size).flat_map(|piece| convert(piece, &mut cr)).collect();
        (out, cr)
    }

    #[test]
    fn line_ends_are_converted_wherever_a_piece_is_cut() {
        for size in 1..8 {
            assert_eq!(pieces(b"a\r\nb\r\n\r\nc\rd\n", size, to_lf).0, b"a\nb\n\nc\rd\n");
            assert_eq!(pieces(b"a\nb\r\n\nc", size, to_crlf).0, b"a\r\nb\r\n\r\nc");
            assert!(pieces(b"a\r", size, to_lf).1, "it is held back until more comes");
        }
    }

    proptest! {
        #[test]
        fn text_comes_back_as_it_went(text in "[a\\n]{0,40}", size in 1usize..9) {
            let (wire, _) = pieces(text.as_bytes(), size, to_crlf);
            let (back, cr) = pieces(&wire, size, to_lf);
            prop_assert_eq!((back, cr), (text.into_bytes(), false));
        }
    }
}
