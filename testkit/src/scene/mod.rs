//! Scenes as text: an FTP server that misbehaves in one exact way, what a client is asked to do
//! with it, and what must come of that. Played over real sockets on loopback, plain or under TLS.
//!
//! The server here is a small correct one with a tree of files ([`usual`]); a scene says only what
//! is odd. Who drives the client is not in here: the steps of a client are handed out as lines
//! ([`Scene::steps`]), and whoever plays a scene performs them.
//!
//! A text holds scenes; each starts with `== ` and a sentence about what the client does. `#`
//! starts a comment. Lines set the stage, in any order:
//!
//! ```text
//! file PATH "content" | file PATH N octets | dir PATH      (beside /f "hello", /big 300000 octets,
//!                                                           /empty "", /d with /d/a and /d/b)
//! server tls | server implicit             (AUTH TLS, or TLS from the first octet)
//! server tls 1.2|1.3                       (only that version)
//! server without VERB…                     (502 to these, and none of them in FEAT)
//! server tickets N | server data tickets N (TLS 1.3 tickets a handshake gives; each is good once)
//! server writes over                      (REST and STOR replace octets, and begin beyond the end;
//!                                           else the file is cut off there, or at its end)
//! server deflates                         (MODE Z, listed in FEAT)
//! server drops broken uploads              (the whole file, whatever was there)
//! server require resumption ["REPLY"]      (else that reply, 522 if none is said)
//! with …                                   (settings of the client, for whoever drives it)
//! on [NTH] VERB [ARGUMENT]: ACTION; …      (instead of what is usual; a line that starts with
//!                                           white space goes on)
//! ```
//!
//! The first rule that fits is performed. `NTH` is `1st`, `2nd`, …, `2nd+` for that one and all
//! later ones, counted by verb over all connections. The verb `connect` stands for a connection
//! that was accepted, instead of the greeting; `any` for every command. Actions:
//!
//! ```text
//! reply TEXT | reply "TEXT"     a line, with CR LF; {h} {p1} {p2} {port} {path} are filled in
//! send "octets"                 octets as they are
//! dribble "octets"              one octet at a time, each by itself on the wire
//! repeat N "octets" | forever "octets"
//! usual                         what the server would have done without the rule
//! wait 200ms | silence          silence: nothing more of this, but ABOR is heard
//! stall                         nothing more at all on this connection
//! close | reset                 the control connection: close_notify and FIN, or RST
//! fin                           the control connection: FIN without close_notify
//! tls                           begin the handshake on the control connection
//! listen refusing | listen deaf nobody at the passive port; one that never answers a SYN
//! forget tickets                no TLS session can be resumed that was begun before
//! data open | data tcp          make the data connection (under TLS if PROT P was said), or
//!                               without TLS whatever was said
//! data tls                      the handshake alone, on a connection made by `data tcp`
//! data send "octets" | data repeat N "octets" | data forever "octets" | data dribble "octets"
//! data file | data file N       the file named, from REST on; or N octets of it
//! data deflate file | data deflate "octets" | data deflate N zeros      as a zlib stream;
//!                               … short M leaves out its last M octets
//! data read | data read N       take an upload to its end and keep it; or N octets of it
//! data close | data fin | data reset      close_notify and FIN; FIN alone; RST
//! sends "octets"                reply 150, data open, data send, data close, reply 226
//! ```
//!
//! Every other line is a step for the client, `WHAT -> OUTCOME`. When all are done:
//!
//! ```text
//! saw PATTERN | never PATTERN   a command that came; * is any run
//! saw N PATTERN                 so many of them
//! connections N                 so many control connections were made
//! then file PATH "content" | then file PATH whole OTHER | then no file PATH
//! ```

mod act;
mod control;
mod data;
mod parse;
mod player;
mod session;
mod tls;
mod tree;
pub mod usual;
mod wire;

pub use self::parse::Line;
pub use self::player::Playing;
pub use crate::script::text::{duration, filler, quoted};

use self::act::Rule;
use self::parse::Check;
use self::tls::TlsStage;

/// One scene, read.
#[derive(Debug, Clone)]
pub struct Scene {
    title: String,
    line: usize,
    stage: Stage,
    rules: Vec<Rule>,
    settings: Vec<Line>,
    steps: Vec<Line>,
    checks: Vec<Check>,
}

/// What the server is like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage {
    pub(crate) files: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) without: Vec<String>,
    /// MODE Z is there, and listed.
    pub(crate) deflates: bool,
    /// What follows an upload in its file stays.
    pub(crate) writes_over: bool,
    /// What a broken upload was for is removed.
    pub(crate) drops_broken: bool,
    pub(crate) tls: TlsStage,
}

impl Scene {
    /// Reads every scene of a text.
    ///
    /// # Errors
    /// The line that cannot be understood, and why.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        parse::read_all(text)
    }

    /// What it is about.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The line of its title.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// What stands behind each `with`.
    #[must_use]
    pub fn settings(&self) -> &[Line] {
        &self.settings
    }

    /// The client's steps.
    #[must_use]
    pub fn steps(&self) -> &[Line] {
        &self.steps
    }

    /// Opens the server and plays its part until the returned handle is dropped.
    ///
    /// # Errors
    /// No socket or no certificate could be made.
    pub async fn play(&self) -> Result<Playing, String> {
        player::play(self).await
    }
}
