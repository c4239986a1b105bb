//! The commands of the walk, with good and bad arguments, shuffled and sent ahead through the whole
//! engine over the network in memory: as many last replies as commands, and a session that goes on.
//! Which code each gets depends on the order; the walk knows that, here they are counted.

use std::net::SocketAddr;
use std::time::Duration;

use super::arguments::{Argument, Frame};
use super::rows::{ROWS, Reads};
use crate::net::SimLink;
use crate::rng::Rng;
use crate::script::{Ferry, Stage, Subject as _};

/// How long a reply may take, in virtual time: longer than waiting for a data connection in vain.
const PATIENCE: Duration = Duration::from_secs(120);

/// Commands sent together.
const TOGETHER: usize = 60;

/// How many segments of commands a session is given.
const ROUNDS: usize = 4;

/// Sends shuffled commands from this seed; how many were answered.
///
/// # Errors
/// What did not go as it should, with the commands of the segment.
pub fn pipelined(seed: u64) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(Box::pin(session(seed)))
}

/// Everything but what ends a session by right: QUIT, MAIL as the first word, wrong passwords and
/// lines that are too long, which are counted.
fn everything() -> Vec<Argument> {
    let stays = ROWS.iter().filter(|row| !matches!(row.name, "QUIT" | "PASS"));
    let all = stays.flat_map(|row| {
        let many = super::arguments::of(row);
        let take = if matches!(row.reads, Reads::Off) { 3 } else { many.len() };
        many.into_iter().take(take)
    });
    all.filter(|argument| argument.frame != Frame::TooLong && argument.line.len() < 600).collect()
}

async fn session(seed: u64) -> Result<usize, String> {
    let mut rng = Rng::new(seed);
    let mut stage = Stage::new(rng.next_u64());
    stage.storage.put(b"/f", b"content\n").map_err(|e| e.to_string())?;
    stage.storage.put(b"/d/f", b"content\n").map_err(|e| e.to_string())?;
    stage.finish();
    let _server = Ferry.start(&stage).map_err(|e| e.to_string())?;
    let from = SocketAddr::new(stage.peer, 0);
    let control = stage.net.dial(from, stage.server).await.map_err(|e| e.to_string())?;
    finals(&control, 1).await?;
    let all = everything();
    let mut answered = 0;
    for _ in 0..ROUNDS {
        say(&control, b"USER alice\r\nPASS secret\r\n")?;
        let login = finals(&control, 2).await?;
        if login != [331, 230] {
            return Err(format!("logging in again is answered {login:?}"));
        }
        let lines: Vec<&[u8]> = (0..TOGETHER)
            .filter_map(|_| all.get(rng.below(all.len())))
            .map(|argument| argument.line.as_slice())
            .collect();
        say(&control, &lines.concat())?;
        let told = |e| format!("{e}, of\n{}", lines.concat().escape_ascii());
        let codes = finals(&control, lines.len()).await.map_err(told)?;
        answered += codes.len();
        say(&control, b"NOOP\r\n")?;
        let noop = finals(&control, 1).await?;
        if noop != [200] {
            let lines = lines.concat();
            return Err(format!("NOOP is answered {noop:?}, behind\n{}", lines.escape_ascii()));
        }
    }
    say(&control, b"QUIT\r\n")?;
    match finals(&control, 1).await?.as_slice() {
        [221] => Ok(answered),
        other => Err(format!("QUIT is answered {other:?}")),
    }
}

fn say(control: &SimLink, octets: &[u8]) -> Result<(), String> {
    control.send_whole(octets).map_err(|e| e.to_string())
}

/// The codes of so many last replies.
async fn finals(control: &SimLink, count: usize) -> Result<Vec<u16>, String> {
    let mut codes: Vec<u16> = Vec::new();
    let mut within: Option<Vec<u8>> = None;
    while codes.len() < count {
        let line = tokio::time::timeout(PATIENCE, control.recv_line()).await;
        let line = line.map_err(|_| format!("{} replies to {count} commands", codes.len()))?;
        let line = line.map_err(|e| e.to_string())?.ok_or("the server closed the connection")?;
        let mut line = line.as_slice();
        // Telnet's answers have no line of their own.
        while let [0xff, 0xfb..=0xfe, _, rest @ ..] = line {
            line = rest;
        }
        let (code, mark) = (line.get(..3).unwrap_or_default(), line.get(3));
        match (&within, mark) {
            (None, Some(b'-')) => within = Some(code.to_vec()),
            (Some(open), Some(b' ')) if open == code => within = None,
            _ => {}
        }
        let code = std::str::from_utf8(code).ok().and_then(|code| code.parse::<u16>().ok());
        if within.is_none() {
            let code = code.ok_or("a reply begins with its code")?;
            codes.extend((code >= 200).then_some(code));
        }
    }
    Ok(codes)
}
