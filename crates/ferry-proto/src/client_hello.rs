//! The first message of a TLS client, looked at without answering it: which sessions it wants to
//! resume (RFC 5246 §7.4.1.2, RFC 5077 §3.2, RFC 8446 §4.1.2 and §4.2.11). Where many sessions
//! share one data port, that tells whose connection it is. Nothing here is believed; the handshake
//! that follows decides.

/// Octets of records in which a ClientHello must be whole: one record of the largest size, which
/// with its tickets is several times what clients send.
pub const HELLO_MAX: usize = 5 + (1 << 14);

/// Tickets looked at; clients offer one or two.
pub const TICKETS_MAX: usize = 8;

/// What a ClientHello offers to resume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offered<'a> {
    /// The session id (TLS 1.2); empty for none.
    pub session_id: &'a [u8],
    /// Tickets (TLS 1.2) and identities of pre-shared keys (TLS 1.3); empty places at the end.
    pub tickets: [&'a [u8]; TICKETS_MAX],
}

/// How far a ClientHello has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// More octets are to come.
    Partial,
    /// The whole message, without its header.
    Whole(Vec<u8>),
    /// Not how a TLS client begins, or longer than [`HELLO_MAX`].
    Foreign,
}

/// Takes a ClientHello out of the records that have come so far.
#[must_use]
pub fn read(came: &[u8]) -> Progress {
    let came = came.get(..HELLO_MAX).unwrap_or(came);
    let mut message = Vec::new();
    let mut rest = came;
    loop {
        if let Some((&[kind, a, b, c], body)) = message.split_first_chunk::<4>() {
            let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if kind != 1 || len > HELLO_MAX {
                return Progress::Foreign;
            }
            if let Some(body) = body.get(..len) {
                return Progress::Whole(body.to_vec());
            }
        }
        let Some((&[kind, major, _, high, low], body)) = rest.split_first_chunk::<5>() else {
            let begun = rest.first().is_none_or(|kind| *kind == 0x16);
            let more = begun && rest.get(1).is_none_or(|major| *major == 3);
            let room = came.len() < HELLO_MAX;
            return if more && room { Progress::Partial } else { Progress::Foreign };
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if kind != 0x16 || major != 3 || len == 0 || len > 1 << 14 {
            return Progress::Foreign;
        }
        match body.split_at_checked(len) {
            Some((fragment, next)) => {
                message.extend_from_slice(fragment);
                rest = next;
            }
            None if came.len() < HELLO_MAX => return Progress::Partial,
            None => return Progress::Foreign,
        }
    }
}

/// What a whole ClientHello offers; nothing where it is not well-formed.
#[must_use]
pub fn offered(message: &[u8]) -> Offered<'_> {
    let mut offered = Offered::default();
    // What was found before the form broke is no worse for it.
    let _ = look(message, &mut offered);
    offered
}

fn look<'a>(message: &'a [u8], offered: &mut Offered<'a>) -> Option<()> {
    let (_version_and_random, rest) = message.split_at_checked(2 + 32)?;
    let (session_id, rest) = short(rest)?;
    offered.session_id = session_id;
    let (_cipher_suites, rest) = long(rest)?;
    let (_compression, rest) = short(rest)?;
    let (mut extensions, _) = long(rest)?;
    let mut places = offered.tickets.iter_mut();
    while !extensions.is_empty() {
        let (kind, rest) = extensions.split_first_chunk::<2>()?;
        let (body, rest) = long(rest)?;
        extensions = rest;
        match u16::from_be_bytes(*kind) {
            // session_ticket; empty where the client has none yet.
            35 if !body.is_empty() => *places.next()? = body,
            // pre_shared_key.
            41 => {
                let (mut identities, _) = long(body)?;
                while !identities.is_empty() {
                    let (identity, rest) = long(identities)?;
                    *places.next()? = identity;
                    (_, identities) = rest.split_at_checked(4)?;
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// A vector whose length is one octet, and what follows it.
fn short(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = octets.split_first()?;
    rest.split_at_checked(len.into())
}

/// A vector whose length is two octets, and what follows it.
fn long(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*len).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_len2(body: &[u8]) -> Vec<u8> {
        [&u16::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
    }

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &with_len2(body)].concat()
    }

    fn hello(session_id: &[u8], extensions: &[u8]) -> Vec<u8> {
        let id_len = [u8::try_from(session_id.len()).unwrap()];
        let start = [&[3, 3][..], &[7; 32], &id_len, session_id].concat();
        [&start[..], &with_len2(&[0x13, 1]), &[1, 0], &with_len2(extensions)].concat()
    }

    fn identity(ticket: &[u8]) -> Vec<u8> {
        [&with_len2(ticket)[..], &[0, 0, 0, 9]].concat()
    }

    fn keys(tickets: &[&[u8]]) -> Vec<u8> {
        let identities: Vec<u8> = tickets.iter().flat_map(|t| identity(t)).collect();
        extension(41, &[&with_len2(&identities)[..], &with_len2(&[32; 33])].concat())
    }

    /// The message in records of `cut` octets.
    fn records(message: &[u8], cut: usize) -> Vec<u8> {
        let len = u32::try_from(message.len()).unwrap().to_be_bytes();
        let whole = [&[1][..], &len[1..], message].concat();
        whole.chunks(cut).flat_map(|f| [&[0x16, 3, 1][..], &with_len2(f)].concat()).collect()
    }

    fn tickets<'a>(offered: &Offered<'a>) -> Vec<&'a [u8]> {
        offered.tickets.iter().copied().filter(|t| !t.is_empty()).collect()
    }

    #[test]
    fn session_ids_and_tickets_of_both_versions_are_found() {
        let none: &[&[u8]] = &[];
        let cases = [
            ("", Vec::new(), none),
            ("id", extension(0, b"name"), none),
            ("id", extension(35, b""), none),
            ("id", extension(35, b"old ticket"), &[b"old ticket"]),
            ("", [extension(16, b"x"), keys(&[b"one", b"two"])].concat(), &[b"one", b"two"]),
        ];
        for (id, extensions, want) in cases {
            let message = hello(id.as_bytes(), &extensions);
            let found = offered(&message);
            assert_eq!((found.session_id, &tickets(&found)[..]), (id.as_bytes(), want));
        }
    }

    #[test]
    fn more_tickets_than_are_looked_at_do_no_harm() {
        let message = hello(b"", &keys(&[&b"t"[..]; 40]));
        assert_eq!(tickets(&offered(&message)).len(), TICKETS_MAX);
    }

    #[test]
    fn a_hello_is_put_together_from_records_and_is_partial_until_it_is_whole() {
        let message = hello(b"id", &keys(&[b"one"]));
        for cut in [1, 7, 50, 16_384] {
            let all = records(&message, cut);
            for len in 0..all.len() {
                assert_eq!(read(&all[..len]), Progress::Partial, "{len} of {}", all.len());
            }
            assert_eq!(read(&all), Progress::Whole(message.clone()));
            assert_eq!(read(&[&all[..], b"more"].concat()), Progress::Whole(message.clone()));
        }
    }

    #[test]
    fn what_no_client_begins_with_is_foreign() {
        let endless = [&[0x16, 3, 1, 0x40, 0][..], &[1, 0, 0xff, 0xff], &[0; 16_380]].concat();
        let cases: [&[u8]; 8] = [
            b"hello\r\n",
            b"\x15\x03\x01",
            b"\x16\x02",
            b"\x16\x03\x01\x00\x00",
            b"\x16\x03\x01\x40\x01",
            b"\x16\x03\x01\x00\x04\x02\x00\x00\x01",
            b"\x16\x03\x01\x00\x04\x01\xff\x00\x01",
            &endless,
        ];
        for octets in cases {
            let shown = &octets[..octets.len().min(20)];
            assert_eq!(read(octets), Progress::Foreign, "{shown:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_looked_at_without_harm(octets: Vec<u8>, start in 0_usize..3) {
            let begun = [&b""[..], b"\x16\x03\x01\x00", b"\x16\x03\x01\x00\x80\x01\x00\x00\x40"];
            let came = [begun[start], &octets].concat();
            if let Progress::Whole(message) = read(&came) {
                prop_assert!(message.len() <= came.len());
            }
            for ticket in offered(&octets).tickets {
                prop_assert!(ticket.len() <= octets.len());
            }
        }

        #[test]
        fn tickets_are_found_whatever_surrounds_them(
            id in proptest::collection::vec(any::<u8>(), 0..32),
            ticket in proptest::collection::vec(any::<u8>(), 1..300),
            before in proptest::collection::vec(any::<u8>(), 0..300),
            cut in 1_usize..400,
        ) {
            let message = hello(&id, &[extension(51, &before), keys(&[&ticket])].concat());
            let Progress::Whole(whole) = read(&records(&message, cut)) else {
                return Err(TestCaseError::fail("not whole"));
            };
            let found = offered(&whole);
            prop_assert_eq!(found.session_id, &id[..]);
            prop_assert_eq!(tickets(&found), vec![&ticket[..]]);
        }
    }
}
