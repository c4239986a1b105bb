//! Finding the place in the replies again after ABOR (RFC 959 §4.1.3). Servers answer it with 426
//! and 226, with 226 alone, twice, with 225, or not in these words at all; so a PWD is sent right
//! behind it as a fence: 257 answers nothing else, and whatever comes before belongs to the
//! transfer and the ABOR.

/// What a reply was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing else it can be")]
pub enum Place {
    /// Of the transfer or of ABOR; more is to come.
    Before,
    /// The fence's: the next command's reply is the next reply.
    Found,
    /// This cannot be put in order; the session must be dropped.
    Lost,
}

/// The most replies taken as part of the transfer and ABOR.
const BEFORE_MAX: u8 = 4;

/// Follows the replies after ABOR and PWD.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resync {
    before: u8,
}

impl Resync {
    /// Takes the next reply.
    pub fn on_reply(&mut self, code: u16) -> Place {
        self.before += 1;
        match code {
            257 => Place::Found,
            421 | 530 => Place::Lost,
            _ if self.before > BEFORE_MAX => Place::Lost,
            _ => Place::Before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_answer_to_abor_ends_at_the_fence() {
        let cases: [&[u16]; 9] = [
            &[426, 226, 257],
            &[226, 257],
            &[226, 226, 257],
            &[225, 257],
            &[426, 225, 257],
            &[451, 257],
            &[550, 226, 257],
            &[426, 500, 257],
            &[257],
        ];
        for codes in cases {
            let mut resync = Resync::default();
            let places: Vec<Place> = codes.iter().map(|code| resync.on_reply(*code)).collect();
            let found = places.iter().position(|place| *place == Place::Found);
            assert_eq!(found, Some(codes.len() - 1), "{codes:?} {places:?}");
        }
    }

    #[test]
    fn a_server_that_goes_on_answering_is_given_up() {
        let mut resync = Resync::default();
        let places = [226; 6].map(|code| resync.on_reply(code));
        assert!(places.contains(&Place::Lost));
        assert_eq!(Resync::default().on_reply(421), Place::Lost);
    }
}
