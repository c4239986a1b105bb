//! How a file's octets look on the data connection (RFC 959 §3.1), as pure transducers.
//!
//! [`Representation`] is stream mode of whole files, in the types image (`I`, `L 8`) and ASCII
//! (`A`), where octets need no framing. All other combinations of type, structure and mode are put
//! together from small parts, one file each. The parts for types take octets in any chunks and
//! append what they become, never more than twice as many. The parts that frame octets are
//! [`Transducer`]s where the octets come from a peer, so that what a few octets expand to is met in
//! steps. Nothing here reads, writes, or holds more than it says.

pub mod ascii;
pub mod block;
pub mod compressed;
#[cfg(feature = "deflate")]
pub mod deflate;
pub mod ebcdic;
mod error;
pub mod image;
pub mod local;
mod marker;
pub mod page;
pub mod pipeline;
pub mod record;
mod step;

pub use error::FormatError;
pub use marker::{MARKER_MAX, Marker, RestartPoint};
pub use step::{Mark, Progress, Transducer};

/// The representation type in force, as far as it changes octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Representation {
    /// Octets as they are.
    Image,
    /// Lines end with CRLF on the connection and LF in the file; what a session starts with.
    #[default]
    Ascii,
}

impl Representation {
    /// Whether the octets on the connection are those of the file, so that they may be moved
    /// without being looked at.
    #[must_use]
    pub fn is_identity(self) -> bool {
        self == Self::Image
    }

    /// Starts turning a file into what is sent.
    #[must_use]
    pub fn encoder(self) -> Encoder {
        match self {
            Self::Image => Encoder(Kind::Image(image::Identity)),
            Self::Ascii => Encoder(Kind::Ascii(ascii::ToNetwork::default())),
        }
    }

    /// Starts turning a file into what is sent at an offset that a restart named; `after_cr` says
    /// that a CR comes right before it on the connection (an offset may fall within a line end).
    #[must_use]
    pub fn encoder_after(self, after_cr: bool) -> Encoder {
        match self {
            Self::Image => self.encoder(),
            Self::Ascii => Encoder(Kind::Ascii(ascii::ToNetwork::after(after_cr))),
        }
    }

    /// Starts turning what is received into a file.
    #[must_use]
    pub fn decoder(self) -> Decoder {
        match self {
            Self::Image => Decoder(Kind::Image(image::Identity)),
            Self::Ascii => Decoder(Kind::Ascii(ascii::ToLocal::default())),
        }
    }
}

#[derive(Debug, Clone)]
enum Kind<A> {
    Image(image::Identity),
    Ascii(A),
}

/// From the file to the connection.
#[derive(Debug, Clone)]
pub struct Encoder(Kind<ascii::ToNetwork>);

impl Encoder {
    /// Whether octets come out as they go in, so that they may be moved without being looked at.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        matches!(self.0, Kind::Image(_))
    }

    /// Appends what the next octets of the file become.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Kind::Image(image) => image.push(input, out),
            Kind::Ascii(ascii) => ascii.push(input, out),
        }
    }
}

/// From the connection to the file.
#[derive(Debug, Clone)]
pub struct Decoder(Kind<ascii::ToLocal>);

impl Decoder {
    /// Appends what the next octets of the connection become.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Kind::Image(image) => image.push(input, out),
            Kind::Ascii(ascii) => ascii.push(input, out),
        }
    }

    /// Appends what was held back; the connection has ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Kind::Ascii(ascii) = &mut self.0 {
            ascii.finish(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(representation: Representation, file: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut wire, mut back) = (Vec::new(), Vec::new());
        representation.encoder().push(file, &mut wire);
        let mut decoder = representation.decoder();
        decoder.push(&wire, &mut back);
        decoder.finish(&mut back);
        (wire, back)
    }

    #[test]
    fn image_changes_nothing_and_ascii_only_line_ends() {
        let file = b"a\nb\rc\xff\r".to_vec();
        assert_eq!(through(Representation::Image, &file), (file.clone(), file.clone()));
        assert_eq!(
            through(Representation::Ascii, &file),
            (b"a\r\nb\rc\xff\r".to_vec(), file.clone())
        );
        assert!(Representation::Image.is_identity() && !Representation::Ascii.is_identity());
    }
}
