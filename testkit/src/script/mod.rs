//! Conversations as text: what a client does and what a server must answer, played over
//! [`SimNet`](crate::net::SimNet) with a paused clock, once for every seed.
//!
//! A text holds conversations; each starts with `== ` and a sentence about behaviour. `#` starts a
//! comment. Lines before the first `connect` set the stage:
//!
//! ```text
//! file PATH "content" | file PATH N octets | dir PATH | symlink PATH -> TARGET | free N
//! user NAME PASSWORD read-write|read-only [HOME]      (without any: alice, secret, read-write)
//! admin NAME                          (a user named before, who may see who is connected)
//! acct NAME login|writing INFO        (what a user named before must say in ACCT, and for what)
//! fxp NAME                  (a user named before may have data moved between servers)
//! charset NAME LABEL                  (of a user or virtual host named before)
//! volume USER NAME PATH "content"     (what a user named before may mount, and a file there)
//! vhost NAME USER PASSWORD "banner"   (a virtual host; its name is in its file /host.txt)
//! anonymous | option NAME=VALUE | server ADDRESS | listen ADDRESS | peer ADDRESS
//! host ADDRESS refuses|unreachable|silent | taken ADDRESS:PORT | forbidden ADDRESS:PORT
//! ```
//!
//! Then lines are performed in order. One that begins with a letter other than C, S, D or O and a
//! space is about another client than `A`.
//!
//! ```text
//! connect [from ADDRESS[:PORT]] [proxied for ADDRESS:PORT to ADDRESS:PORT]   (by a PROXY header)
//! control eof | control close | control reset
//! name NAME is ADDRESS|nothing             (what it stands for from now on; also before connect)
//! C: line                   a command
//! C raw: "octets"           octets as they are; C raw together: in one segment
//! C together: "l1" "l2"     several commands in one segment
//! C repeats N: line         so many times the same command, in one segment
//! S 226 | S 425|426         one whole reply, of any shape, with this code
//! S: pattern                one line of a reply; * is any run, {name} captures one
//! S raw: "octets"           one line of a reply, octets as they are
//! S has: pattern | S lacks: pattern          about the last whole reply
//! S nothing for 10s | S EOF
//! data connect [from ADDRESS] | data connect refused      to what the last 227 or 229 said
//! data listen ADDRESS:PORT | data listen control | data accept [from ADDRESS:PORT]
//! D> "octets" | D> N octets | D eof | D close | D reset | D stall 10s
//! D< "octets" | D< N octets everything up to the end; then the client closes
//! D< some N                 so many octets, and no further
//! D< next "octets"          just these, and no further
//! D< lines | D< nothing | D< anything | D< fewer than N | D< reset
//! D has: pattern | D lacks: pattern | D count N           about the lines last read
//! other …, O< …             as data and D, for a second connection by someone else
//! wait 300s | expect within 2s (for the next line) | shutdown (transfers may take 10 s)
//! expect file PATH "content" | expect no file PATH | expect [no] dir PATH | expect sessions N
//! expect connect to ADDRESS:PORT | expect no connect to ADDRESS
//! ```
//!
//! At the end nothing more may come for a second, every session must end once its client is gone,
//! and the server must end when asked.

mod client;
mod exchange;
mod parse;
mod play;
mod stage;
mod step;
mod subject;
pub(crate) mod text;

use std::fmt::Write as _;

pub use self::exchange::Exchange;
pub use self::parse::Conversation;
pub use self::stage::{NOW, Stage, User, VirtualStage};
pub use self::subject::{Ferry, GRACE, Running, Subject};

/// Seeds every conversation is played under unless `FERRY_SEEDS` says how many.
const SEEDS: u64 = 8;

impl Conversation {
    /// Plays the conversation once.
    ///
    /// # Errors
    /// It did not go as written: the transcript, the line and the reason.
    pub fn play(&self, subject: &dyn Subject, seed: u64) -> Result<String, String> {
        self.played(subject, seed).map(|transcript| transcript.as_str().to_owned())
    }

    /// Plays the conversation once and tells what was asked and answered in it.
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn exchanges(&self, subject: &dyn Subject, seed: u64) -> Result<Vec<Exchange>, String> {
        self.played(subject, seed).map(|mut transcript| transcript.exchanges.take())
    }

    fn played(&self, subject: &dyn Subject, seed: u64) -> Result<play::Transcript, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|e| e.to_string())?;
        let (transcript, done) = runtime.block_on(Box::pin(play::play(self, subject, seed)));
        let Err(failure) = done else {
            return Ok(transcript);
        };
        let mut report = format!("{}\n{}", self.title(), transcript.as_str());
        if let Some((line, source)) = failure.line {
            let _ = writeln!(report, "line {line}: {source}");
        }
        let _ = write!(report, "  {} (seed {seed})", failure.what);
        Err(report)
    }
}

/// Plays every conversation of `text` under every seed. `command` is what runs this one text again.
///
/// The environment narrows it down: `FERRY_SEEDS` is how many seeds, `FERRY_SEED` the only one,
/// `FERRY_CONVERSATION` the title of the only conversation.
///
/// # Errors
/// What went wrong in each conversation that failed, and a command line to repeat it.
pub fn play_all(text: &str, subject: &dyn Subject, command: &str) -> Result<usize, String> {
    let only = std::env::var("FERRY_CONVERSATION").ok();
    let conversations = Conversation::read_all(text)?;
    let mut failures = String::new();
    let mut played = 0;
    for conversation in &conversations {
        if only.as_deref().is_some_and(|t| t != conversation.title()) {
            continue;
        }
        played += 1;
        for seed in seeds() {
            if let Err(report) = conversation.play(subject, seed) {
                let title = conversation.title();
                let _ = writeln!(
                    failures,
                    "{report}\nrepeat: FERRY_SEED={seed} FERRY_CONVERSATION={title:?} {command}\n"
                );
                break;
            }
        }
    }
    if failures.is_empty() { Ok(played) } else { Err(failures) }
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|v: String| v.parse::<u64>().ok());
    match number("FERRY_SEED") {
        Some(seed) => seed..seed.saturating_add(1),
        None => 0..number("FERRY_SEEDS").unwrap_or(SEEDS),
    }
}
