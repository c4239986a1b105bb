//! What the model expects of one command.

use super::Model;

/// What is to come over the data connection.
#[derive(Debug)]
pub(crate) enum Data {
    /// No data connection: a 1yz would be wrong.
    None,
    /// The client sends.
    Upload,
    /// The client gets just these octets.
    Octets(Vec<u8>),
    /// The client gets one line for each of these names, in any order, and the name ends it.
    Lines(Vec<Vec<u8>>),
}

/// What changes when the last reply is a good one.
pub(crate) type Effect = Box<dyn FnOnce(&mut Model)>;

/// What is expected of one command.
pub(crate) struct Expect {
    /// The codes the last reply may have; below ten: any code that begins so.
    pub(crate) codes: Vec<u16>,
    /// What one of the reply's lines must hold.
    pub(crate) says: Option<Vec<u8>>,
    /// Whether 150 comes first, and what moves then.
    pub(crate) data: Data,
    /// What a good reply (2yz, 3yz) changes.
    pub(crate) effect: Option<Effect>,
}

impl Expect {
    pub(crate) fn codes(codes: &[u16]) -> Self {
        Self { codes: codes.to_vec(), says: None, data: Data::None, effect: None }
    }

    pub(crate) fn saying(mut self, what: &[u8]) -> Self {
        self.says = Some(what.to_vec());
        self
    }

    pub(crate) fn then(mut self, effect: impl FnOnce(&mut Model) + 'static) -> Self {
        self.effect = Some(Box::new(effect));
        self
    }

    pub(crate) fn data(data: Data) -> Self {
        Self { codes: vec![226], says: None, data, effect: None }
    }

    /// Whether a reply of this code is right.
    pub(crate) fn allows(&self, code: u16) -> bool {
        self.codes.iter().any(|want| *want == code || *want == code / 100)
    }
}
