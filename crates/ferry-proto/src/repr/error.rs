//! The ways in which what arrives on a data connection can be wrong, and the reply each one gets.

use core::fmt;

/// Octets that no sender of the representation in force can have meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// No zlib stream, a damaged one, or a wrong checksum (MODE Z). 451.
    BadDeflate,
    /// FF followed by an octet that is none of 01, 02, 03 and FF (STRU R). 451.
    BadEscape(u8),
    /// A restart marker that is empty, longer than [`MARKER_MAX`](super::MARKER_MAX), or not all
    /// printable ASCII without space (MODE B and C). 451.
    BadMarker,
    /// A page whose header contradicts itself, is of the wrong length for its type, names more
    /// octets than a page has or an offset no file has, or text out of sequence (STRU P). 451.
    BadPageHeader,
    /// Far more octets came out of a compressed stream than went in, or more than allowed in all
    /// (MODE Z). 552.
    BombSuspected,
    /// The file to be sent has more pages than a header can number (STRU P). 555 where the size is
    /// known before the transfer, else 451.
    PageOverflow,
    /// Octets after the end of the file. 451.
    TrailingData,
    /// The connection closed before the end of the file was announced. 426.
    Truncated,
    /// A block or an escape with a descriptor bit that has no meaning (MODE B and C). 451.
    UnknownDescriptor(u8),
    /// A page of a type other than 0 to 3 (STRU P). 551.
    UnknownPageType(u64),
    /// A string of no octets (MODE C). 451.
    ZeroLength,
}

impl FormatError {
    /// The reply code a transfer that failed so is answered with.
    #[must_use]
    pub fn reply_code(self) -> u16 {
        match self {
            Self::Truncated => 426,
            Self::UnknownPageType(_) => 551,
            Self::BombSuspected => 552,
            Self::BadDeflate
            | Self::BadEscape(_)
            | Self::BadMarker
            | Self::BadPageHeader
            | Self::PageOverflow
            | Self::TrailingData
            | Self::UnknownDescriptor(_)
            | Self::ZeroLength => 451,
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadDeflate => f.write_str("damaged compressed data"),
            Self::BadEscape(octet) => write!(f, "record escape FF {octet:02X} is unknown"),
            Self::BadMarker => f.write_str("malformed restart marker"),
            Self::BadPageHeader => f.write_str("malformed page header"),
            Self::BombSuspected => f.write_str("compressed data expands beyond the limit"),
            Self::PageOverflow => f.write_str("too many pages for this type"),
            Self::TrailingData => f.write_str("data after the end of the file"),
            Self::Truncated => f.write_str("connection closed before the end of the file"),
            Self::UnknownDescriptor(bits) => write!(f, "descriptor {bits:02X} is unknown"),
            Self::UnknownPageType(code) => write!(f, "page type {code} is unknown"),
            Self::ZeroLength => f.write_str("string of no octets"),
        }
    }
}

impl core::error::Error for FormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_a_transfer_that_failed_and_says_why() {
        let all = [
            FormatError::BadDeflate,
            FormatError::BadEscape(4),
            FormatError::BadMarker,
            FormatError::BadPageHeader,
            FormatError::BombSuspected,
            FormatError::PageOverflow,
            FormatError::TrailingData,
            FormatError::Truncated,
            FormatError::UnknownDescriptor(1),
            FormatError::UnknownPageType(4),
            FormatError::ZeroLength,
        ];
        for error in all {
            assert!([426, 451, 551, 552].contains(&error.reply_code()));
            let text = error.to_string();
            assert!(!text.is_empty() && text.is_ascii() && text.len() < 60, "{text}");
        }
    }
}
