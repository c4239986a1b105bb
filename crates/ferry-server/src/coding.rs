//! What a file goes through between storage and the data connection, made ready before 150: the
//! encoder of a download and the decoder of an upload, and what has to be looked up in the file for
//! them. The codecs themselves are in `ferry_proto::repr`.

use ferry_proto::path::FtpPath;
use ferry_proto::repr::pipeline::{Encoder, Form, Options, Receiver, Start, Structure};
use ferry_proto::repr::{Progress, RestartPoint, Transducer as _, record};
use ferry_storage::{FsError, Source, Storage as _};

use crate::ops::{Refused, Session};

/// Octets of what is sent that are counted at a time.
const COUNTED: usize = 64 << 10;

/// Files up to this are read with the opening, in octets.
const LOADED_MAX: usize = 64 << 10;

/// A file about to be sent: from where, and by which encoder; `None` where its octets go as they
/// are.
pub(crate) type Sending = (Source, Option<Box<Encoder>>);

impl Session {
    /// What the codecs are told beside the representation.
    fn codec_options(&self, level: u8) -> Options {
        let coding = &self.coding;
        Options {
            code_page: coding.code_page,
            charset: coding.charset,
            record_store: coding.record_store,
            limits: coding.expansion,
            level: ferry_proto::repr::deflate::Level::new(level).unwrap_or_default(),
            ..Options::default()
        }
    }

    /// Opens a file to be sent from where a restart says.
    pub(crate) async fn sending(
        &self,
        path: &FtpPath,
        form: Form,
        level: u8,
        from: RestartPoint,
    ) -> Result<Sending, Refused> {
        let Some(start) = form.start_sending(from) else {
            // What is not there is told first.
            self.guard.read(path, 0).await?;
            return Err(FsError::BadOffset.into());
        };
        match start {
            Start::File(point) if form.is_identity() => {
                Ok((self.guard.read(path, point.offset).await?, None))
            }
            Start::File(point) => {
                let source = self.open(path, form, point.offset).await?;
                let encoder = self.encoder(path, form, level, start, len(&source)).await?;
                Ok((source, Some(encoder)))
            }
            Start::Wire(_) => self.sending_from_wire(path, form, level, start).await,
        }
    }

    /// Opens a file. Where many follow each other on one connection, small ones are read at once.
    async fn open(&self, path: &FtpPath, form: Form, from: u64) -> Result<Source, Refused> {
        if form.mode.has_markers()
            && from == 0
            && let Some(octets) = self.guard.load(path, LOADED_MAX).await?
        {
            return Ok(Source::of_octets(octets));
        }
        Ok(self.guard.read(path, from).await?)
    }

    /// The file is looked through for the place.
    async fn sending_from_wire(
        &self,
        path: &FtpPath,
        form: Form,
        level: u8,
        start: Start,
    ) -> Result<Sending, Refused> {
        let size = len(&self.guard.read(path, 0).await?);
        if size > self.restart_scan {
            return Err(Refused::TooCostly);
        }
        let mut encoder = self.encoder(path, form, level, start, size).await?;
        let mut reader = self.reader(path).await?;
        let mut at = 0_u64;
        loop {
            let chunk = reader.next().await?;
            let found = if chunk.is_empty() {
                if !encoder.look_at_end().map_err(|_| Refused::NotOfForm)? {
                    return Err(FsError::BadOffset.into());
                }
                true
            } else {
                at = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                encoder.look_for(chunk).map_err(|_| Refused::NotOfForm)?
            };
            if found {
                return Ok((self.guard.read(path, at).await?, Some(encoder)));
            }
        }
    }

    async fn encoder(
        &self,
        path: &FtpPath,
        form: Form,
        level: u8,
        start: Start,
        size: u64,
    ) -> Result<Box<Encoder>, Refused> {
        let mut options = self.codec_options(level);
        let paged = form.structure == Structure::Page;
        if paged && form.pages().is_none_or(|pages| size > pages.file_max()) {
            return Err(Refused::NotOfForm);
        }
        if form.structure == Structure::Record && !form.is_text() {
            options.stored_records = self.holds_records(path, size).await?;
        }
        Encoder::new(form, &options, start).map(Box::new).ok_or(Refused::NotOfForm)
    }

    /// Whether a file keeps records apart in the escaped form, so that it is sent as these. Its end
    /// is looked at first, which tells of most files that they do not.
    async fn holds_records(&self, path: &FtpPath, size: u64) -> Result<bool, Refused> {
        let tail = size.checked_sub(2).filter(|_| size <= record::SCAN_MAX);
        let Some(at) = tail else {
            return Ok(false);
        };
        let mut reader = self.reader_from(path, at).await?;
        let mut end = Vec::new();
        while end.len() < 2 {
            match reader.next().await? {
                [] => break,
                some => end.extend_from_slice(some),
            }
        }
        if !matches!(end[..], [first, second] if record::may_end_with([first, second])) {
            return Ok(false);
        }
        let mut scanner = record::Scanner::default();
        let mut reader = self.reader(path).await?;
        loop {
            let chunk = reader.next().await?;
            if chunk.is_empty() {
                return Ok(scanner.is_records());
            }
            if !scanner.push(chunk) {
                return Ok(false);
            }
        }
    }

    /// The encoder of a listing; `None` where its text goes as it is.
    pub(crate) fn listing_encoder(&self, form: Form, level: u8) -> Option<Box<Encoder>> {
        let start = Start::File(RestartPoint::default());
        let encoder = || Encoder::new(form, &self.codec_options(level), start);
        if form.is_identity() { None } else { encoder().map(Box::new) }
    }

    /// The decoder of an upload that starts there in the file; `None` where octets are stored as
    /// they come.
    pub(crate) fn decoder(
        &self,
        form: Form,
        start: RestartPoint,
    ) -> Result<Option<Box<Receiver>>, Refused> {
        if form.is_identity() {
            return Ok(None);
        }
        let options = Options { start, ..self.codec_options(0) };
        let receiver = Receiver::new(form, &options).ok_or(Refused::NotOfForm)?;
        Ok(Some(Box::new(receiver)))
    }

    /// Octets that a file is on the wire in mode stream, looked through where need be.
    pub(crate) async fn wire_size(
        &self,
        path: &FtpPath,
        form: Form,
        file_len: u64,
    ) -> Result<u64, Refused> {
        if let Some(octets) = form.wire_len(file_len) {
            return Ok(octets);
        }
        if file_len > self.size_scan {
            return Err(Refused::TooCostly);
        }
        let start = Start::File(RestartPoint::default());
        let mut encoder = self.encoder(path, form.in_stream(), 0, start, file_len).await?;
        let mut reader = self.reader(path).await?;
        let (mut total, mut out) = (0_u64, Vec::new());
        loop {
            let mut input = reader.next().await?;
            if input.is_empty() {
                encoder.close();
            }
            loop {
                out.clear();
                let step = encoder.step(&mut input, &mut out, COUNTED);
                total = total.saturating_add(u64::try_from(out.len()).unwrap_or(u64::MAX));
                match step.map_err(|_| Refused::NotOfForm)? {
                    Progress::Full => {}
                    Progress::Hungry => break,
                    _ => return Ok(total),
                }
            }
        }
    }
}

/// The length of the whole file behind a source.
pub(crate) fn len(source: &Source) -> u64 {
    match source {
        Source::File { len, .. } | Source::Stream { len, .. } => *len,
        _ => 0,
    }
}
