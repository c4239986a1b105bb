//! The scripted server's end of a control connection: lines in, octets out, and hearing what the
//! client says while something else goes on.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::sync::Arc;

use super::player::World;
use super::wire::Wire;

/// The longest line of a client; longer ones are cut.
const LINE_MAX: usize = 64 * 1024;

/// Telnet's "interpret as command".
const IAC: u8 = 0xff;

/// Why what went on did not go on.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The client said ABOR.
    Abort,
    /// The rest of the rule is not performed; the session goes on.
    Skip,
    /// The client is gone, or the scene ends the session here.
    Gone,
}

/// A control connection.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) wire: Wire,
    world: Arc<World>,
    number: usize,
    input: Vec<u8>,
    waiting: VecDeque<Vec<u8>>,
    eof: bool,
}

impl Control {
    pub(crate) fn new(wire: Wire, world: Arc<World>, number: usize) -> Self {
        let (input, waiting) = (Vec::new(), VecDeque::new());
        Self { wire, world, number, input, waiting, eof: false }
    }

    /// Notes something about this connection.
    pub(crate) fn note(&self, what: &str) {
        self.world.note(self.number, what);
    }

    /// The next line to obey.
    pub(crate) async fn next_line(&mut self) -> Result<Vec<u8>, Cut> {
        match self.waiting.pop_front() {
            Some(line) => Ok(line),
            None if self.eof => Err(Cut::Gone),
            None => self.hear().await.ok_or(Cut::Gone),
        }
    }

    /// The next line that comes, past those that wait; `None` when no more will come. May be given
    /// up without losing anything.
    async fn hear(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.input.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                let line = without_telnet(&line);
                self.world.heard(self.number, &line);
                return Some(line);
            }
            let mut buf = vec![0; 4096];
            let more = match self.wire.read(&mut buf).await {
                Ok(n) if self.input.len() < LINE_MAX => buf.get(..n).unwrap_or_default(),
                Ok(_) => &[],
                Err(e) => {
                    self.note(&format!("control: {e}"));
                    &[]
                }
            };
            if more.is_empty() {
                self.eof = true;
                self.note("the client closed its end");
                return None;
            }
            self.input.extend_from_slice(more);
        }
    }

    /// Does that while listening: ABOR and the client's going cut it short, other lines wait.
    pub(crate) async fn race<T>(
        &mut self,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Cut> {
        tokio::pin!(work);
        loop {
            if self.eof {
                return Err(Cut::Gone);
            }
            tokio::select! {
                biased;
                done = &mut work => return done.map_err(|e| {
                    self.note(&format!("failed: {e}"));
                    Cut::Gone
                }),
                line = self.hear() => match line {
                    Some(line) if line.eq_ignore_ascii_case(b"ABOR") => return Err(Cut::Abort),
                    Some(line) => self.waiting.push_back(line),
                    None => {}
                },
            }
        }
    }

    /// Hears and answers nothing until the client is gone.
    pub(crate) async fn stall(&mut self) -> Cut {
        self.note("nothing more is answered");
        while self.hear().await.is_some() {}
        Cut::Gone
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) -> Result<(), Cut> {
        self.world.said(self.number, octets);
        self.wire.write(octets).await.map_err(|e| {
            self.note(&format!("control: {e}"));
            Cut::Gone
        })
    }

    /// Shakes hands on it.
    pub(crate) async fn begin_tls(&mut self) -> Result<(), Cut> {
        if !self.input.is_empty() || !self.waiting.is_empty() {
            self.note("octets came before TLS");
        }
        let config = Arc::clone(&self.world.tls.control);
        match self.wire.accept_tls(config).await {
            Ok(_) => {
                self.note("TLS on control");
                Ok(())
            }
            Err(e) => {
                self.note(&format!("no TLS on control: {e}"));
                Err(Cut::Gone)
            }
        }
    }
}

/// The line without its end, Telnet commands and doubled IACs.
fn without_telnet(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut octets = line.iter().copied();
    while let Some(octet) = octets.next() {
        match octet {
            IAC => match octets.next() {
                Some(IAC) => out.push(IAC),
                // WILL, WONT, DO and DONT name an option; IP and DM, sent with ABOR, do not.
                Some(251..=254) => drop(octets.next()),
                _ => {}
            },
            b'\n' => {}
            octet => out.push(octet),
        }
    }
    if out.last() == Some(&b'\r') {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_telnet_commands() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"NOOP\r\n", b"NOOP"),
            (b"\xff\xf4\xff\xf2ABOR\r\n", b"ABOR"),
            (b"RETR \xff\xff\r\n", b"RETR \xff"),
            (b"\xff\xfd\x06NOOP\n", b"NOOP"),
        ];
        for (line, want) in cases {
            assert_eq!(without_telnet(line), want);
        }
    }
}
