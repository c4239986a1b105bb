//! One simulated TCP connection as plain state: two ends, the segments on their way to each, and
//! how the connection ends. Time is an argument; nothing here waits.
//!
//! What is modelled, because servers meet it: segments arrive in order after a delay; the octets
//! in flight are bounded, so that a reader who does not read holds the writer back; either side
//! may finish sending and go on reading; a reset follows what was sent before, unless it was asked
//! for, then it overtakes what has not yet arrived; closing with unread octets resets (RFC 1122
//! §4.2.2.13); writing to a peer that has closed is answered by a reset.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use crate::rng::Rng;

/// The most octets that may be on their way to one end, sent and not yet read.
const IN_FLIGHT_MAX: usize = 16 * 1024;

/// Attempts in one instant to read or write what is not ready, before it counts as spinning.
const EARLY_MAX: u32 = 100_000;

/// How rough a network is; drawn from the seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// The longest one-way delay of a segment.
    latency_ms_max: usize,
    /// Whether reads, and writes of the test's own, are cut at random.
    cuts: bool,
}

impl Weather {
    /// Seed 0 is a calm day: no delay, nothing is cut. Every other seed has its own roughness.
    pub(crate) fn of(seed: u64, rng: &mut Rng) -> Self {
        if seed == 0 {
            return Self { latency_ms_max: 0, cuts: false };
        }
        Self { latency_ms_max: [1, 5, 20, 50][rng.below(4)], cuts: rng.below(8) != 0 }
    }

    pub(crate) fn latency(self, rng: &mut Rng) -> Duration {
        if self.latency_ms_max == 0 {
            return Duration::ZERO;
        }
        let ms = rng.below(self.latency_ms_max + 1);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// How many octets may be on their way to one end of a connection.
    fn in_flight_max(self, rng: &mut Rng) -> usize {
        if self.cuts { [1024, 4096, IN_FLIGHT_MAX][rng.below(3)] } else { IN_FLIGHT_MAX }
    }

    /// How many of `len` octets move in one call: at least one, often all, sometimes a few.
    fn part(self, rng: &mut Rng, len: usize) -> usize {
        if !self.cuts || len < 2 {
            return len;
        }
        match rng.below(4) {
            0 => 1 + rng.below(len.min(8)),
            1 => 1 + rng.below(len),
            _ => len,
        }
    }
}

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Dialler,
    Acceptor,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Acceptor,
            Self::Acceptor => Self::Dialler,
        }
    }
}

/// When something can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    Now,
    At(Instant),
    /// Not before the other side does something.
    Unknown,
}

/// How far the reading of a line has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinePart {
    /// Up to its end.
    Whole,
    /// As far as it has arrived.
    Begun,
    /// The stream has ended.
    Over,
}

#[derive(Debug)]
struct Segment {
    due: Instant,
    bytes: VecDeque<u8>,
}

#[derive(Debug, Default)]
struct End {
    /// On the way to this end or waiting to be read, in order of arrival.
    incoming: VecDeque<Segment>,
    incoming_len: usize,
    /// When the other side's FIN arrives here.
    fin: Option<Instant>,
    /// When a reset arrives here.
    reset: Option<Instant>,
    finished: bool,
    closed: bool,
    abrupt: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl End {
    fn last_due(&self, or: Instant) -> Instant {
        self.incoming.back().map_or(or, |s| s.due.max(or))
    }

    fn is_reset(&self, now: Instant) -> bool {
        self.reset.is_some_and(|at| at <= now)
    }

    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// Both ends and what lies between them.
#[derive(Debug)]
pub(crate) struct Conn {
    dialler: End,
    acceptor: End,
    addrs: (SocketAddr, SocketAddr),
    weather: Weather,
    in_flight_max: usize,
    rng: Rng,
    /// The present instant, and how often something was tried too early in it.
    early: Option<(Instant, u32)>,
}

impl Conn {
    pub(crate) fn new(from: SocketAddr, to: SocketAddr, weather: Weather, mut rng: Rng) -> Self {
        Self {
            dialler: End::default(),
            acceptor: End::default(),
            addrs: (from, to),
            weather,
            in_flight_max: weather.in_flight_max(&mut rng),
            rng,
            early: None,
        }
    }

    pub(crate) const fn addr(&self, side: Side) -> SocketAddr {
        match side {
            Side::Dialler => self.addrs.0,
            Side::Acceptor => self.addrs.1,
        }
    }

    const fn end(&self, side: Side) -> &End {
        match side {
            Side::Dialler => &self.dialler,
            Side::Acceptor => &self.acceptor,
        }
    }

    const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Dialler => &mut self.dialler,
            Side::Acceptor => &mut self.acceptor,
        }
    }

    /// When a read at `side` is worth trying.
    pub(crate) fn readable(&self, side: Side, now: Instant) -> Ready {
        let end = self.end(side);
        let data = end.incoming.front().map(|s| s.due);
        let fin = if end.incoming.is_empty() { end.fin } else { None };
        soonest([data, fin, end.reset], now)
    }

    /// When a write at `side` is worth trying.
    pub(crate) fn writable(&self, side: Side, now: Instant) -> Ready {
        let end = self.end(side);
        let peer = self.end(side.other());
        let free = if peer.closed { end.reset.is_none() } else { self.room(side.other()) > 0 };
        if free || end.finished { Ready::Now } else { soonest([end.reset, None, None], now) }
    }

    pub(crate) fn watch_reads(&mut self, side: Side, waker: &Waker) {
        self.end_mut(side).reader = Some(waker.clone());
    }

    pub(crate) fn watch_writes(&mut self, side: Side, waker: &Waker) {
        self.end_mut(side).writer = Some(waker.clone());
    }

    /// Reads a part of what has arrived, as the seed says.
    pub(crate) fn read(&mut self, side: Side, now: Instant, buf: &mut [u8]) -> io::Result<usize> {
        let there: usize = self
            .end(side)
            .incoming
            .iter()
            .take_while(|s| s.due <= now)
            .map(|s| s.bytes.len())
            .sum();
        let (weather, room) = (self.weather, there.min(buf.len()));
        if room == 0 {
            return self.read_nothing(side, now);
        }
        let want = weather.part(&mut self.rng, room);
        let end = self.end_mut(side);
        let mut out = buf.iter_mut().take(want);
        let mut n = 0;
        while n < want {
            let Some(front) = end.incoming.front_mut() else {
                break;
            };
            let Some(byte) = front.bytes.pop_front() else {
                end.incoming.pop_front();
                continue;
            };
            if let Some(slot) = out.next() {
                *slot = byte;
            }
            n += 1;
        }
        if end.incoming.front().is_some_and(|s| s.bytes.is_empty()) {
            end.incoming.pop_front();
        }
        end.incoming_len -= n;
        self.wake_writer(side.other());
        Ok(n)
    }

    /// Reads what has arrived up to the end of a line, that included, and appends it to `line`;
    /// whether it ended. What is behind it stays unread, so that closing can still tell. Nothing is
    /// cut here: who waits for a line does not care in how many parts it came.
    pub(crate) fn read_line(
        &mut self,
        side: Side,
        now: Instant,
        line: &mut Vec<u8>,
    ) -> io::Result<LinePart> {
        let end = self.end_mut(side);
        let (before, mut ended) = (line.len(), false);
        while let Some(front) = end.incoming.front_mut().filter(|s| !ended && s.due <= now) {
            let len = front.bytes.iter().position(|b| *b == b'\n').map(|at| at + 1);
            ended = len.is_some();
            line.extend(front.bytes.drain(..len.unwrap_or(front.bytes.len())));
            if front.bytes.is_empty() {
                end.incoming.pop_front();
            }
        }
        let n = line.len() - before;
        if n == 0 {
            return self.read_nothing(side, now).map(|_| LinePart::Over);
        }
        end.incoming_len -= n;
        self.wake_writer(side.other());
        Ok(if ended { LinePart::Whole } else { LinePart::Begun })
    }

    fn read_nothing(&mut self, side: Side, now: Instant) -> io::Result<usize> {
        let end = self.end(side);
        if end.incoming.is_empty() && end.fin.is_some_and(|at| at <= now) {
            return Ok(0);
        }
        if end.is_reset(now) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Err(self.not_yet(now))
    }

    /// Sends as much of `buf` on its way as fits.
    pub(crate) fn write(&mut self, side: Side, now: Instant, buf: &[u8]) -> io::Result<usize> {
        if let Some(n) = self.write_to_nobody(side, now, buf)? {
            return Ok(n);
        }
        let room = self.room(side.other());
        if room == 0 {
            return Err(self.not_yet(now));
        }
        let n = room.min(buf.len());
        self.push(side, now, buf.get(..n).unwrap_or(buf));
        Ok(n)
    }

    /// As [`write`](Self::write), but cuts where the seed says, so that a line may come in pieces
    /// with time between them.
    pub(crate) fn write_cut(&mut self, side: Side, now: Instant, buf: &[u8]) -> io::Result<usize> {
        let weather = self.weather;
        let n = weather.part(&mut self.rng, buf.len());
        self.write(side, now, buf.get(..n).unwrap_or(buf))
    }

    const fn room(&self, side: Side) -> usize {
        self.in_flight_max.saturating_sub(self.end(side).incoming_len)
    }

    /// "Would block"; but whoever tries that without end while time stands still will never let
    /// it pass, and hears of an error that ends the test instead of hanging it.
    fn not_yet(&mut self, now: Instant) -> io::Error {
        let times = self.early.filter(|(at, _)| *at == now).map_or(1, |(_, n)| n.saturating_add(1));
        self.early = Some((now, times));
        if times > EARLY_MAX {
            return io::Error::other("tried again and again without waiting");
        }
        io::ErrorKind::WouldBlock.into()
    }

    /// Sends all of `buf` as one segment, whatever is on its way already.
    pub(crate) fn write_whole(&mut self, side: Side, now: Instant, buf: &[u8]) -> io::Result<()> {
        if self.write_to_nobody(side, now, buf)?.is_none() {
            self.push(side, now, buf);
        }
        Ok(())
    }

    /// What becomes of a write when the other end is no longer there; `None` when it is. The first
    /// one is lost and calls for a reset; until that arrives nothing more fits.
    fn write_to_nobody(
        &mut self,
        side: Side,
        now: Instant,
        buf: &[u8],
    ) -> io::Result<Option<usize>> {
        if self.end(side).is_reset(now) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.end(side).finished {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !self.end(side.other()).closed {
            return Ok(None);
        }
        if self.end(side).reset.is_some() {
            return Err(self.not_yet(now));
        }
        let back = now + self.delay() + self.delay();
        let end = self.end_mut(side);
        end.reset = Some(back);
        end.wake();
        Ok(Some(buf.len()))
    }

    fn push(&mut self, side: Side, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let arrival = now + self.delay();
        let peer = self.end_mut(side.other());
        let due = peer.last_due(arrival);
        peer.incoming.push_back(Segment { due, bytes: bytes.iter().copied().collect() });
        peer.incoming_len += bytes.len();
        if let Some(waker) = peer.reader.take() {
            waker.wake();
        }
    }

    /// Sends a FIN.
    pub(crate) fn finish(&mut self, side: Side, now: Instant) -> io::Result<()> {
        if self.end(side).is_reset(now) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if !self.end(side).finished {
            self.end_mut(side).finished = true;
            let arrival = now + self.delay();
            let peer = self.end_mut(side.other());
            peer.fin = Some(peer.last_due(arrival));
            peer.wake();
        }
        Ok(())
    }

    /// Makes the close to come a reset.
    pub(crate) const fn set_abrupt(&mut self, side: Side) {
        self.end_mut(side).abrupt = true;
    }

    /// Closes this end: a FIN, or a reset if that was asked for or something was left unread.
    pub(crate) fn close(&mut self, side: Side, now: Instant) {
        let end = self.end_mut(side);
        let (abrupt, unread) = (end.abrupt, !end.incoming.is_empty());
        end.closed = true;
        end.incoming.clear();
        end.incoming_len = 0;
        let arrival = now + self.delay();
        let finished = self.end(side).finished;
        let peer = self.end_mut(side.other());
        if abrupt {
            let kept: VecDeque<_> = peer.incoming.drain(..).take_while(|s| s.due <= now).collect();
            peer.incoming_len = kept.iter().map(|s| s.bytes.len()).sum();
            peer.incoming = kept;
            peer.fin = None;
        }
        if abrupt || unread {
            peer.reset = Some(peer.last_due(arrival));
        } else if !finished {
            peer.fin = Some(peer.last_due(arrival));
        }
        peer.wake();
    }

    fn wake_writer(&mut self, side: Side) {
        if let Some(waker) = self.end_mut(side).writer.take() {
            waker.wake();
        }
    }

    fn delay(&mut self) -> Duration {
        let weather = self.weather;
        weather.latency(&mut self.rng)
    }
}

fn soonest(times: [Option<Instant>; 3], now: Instant) -> Ready {
    match times.into_iter().flatten().min() {
        Some(at) if at <= now => Ready::Now,
        Some(at) => Ready::At(at),
        None => Ready::Unknown,
    }
}
