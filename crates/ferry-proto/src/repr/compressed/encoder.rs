//! From a file to strings.

use super::super::block::Descriptor;
use super::super::marker::Marker;
use super::super::step::transfer;

/// The most octets of one literal string.
const LITERAL_MAX: usize = 127;
/// The most repetitions of one octet.
const RUN_MAX: u8 = 63;
/// From this length a run is shorter than its octets as part of a literal, which it interrupts.
const RUN_MIN: u8 = 4;

/// From a file to strings. Holds the last string back, since only the end tells that it was the
/// last: 190 octets at most. An octet becomes two at most, the end of a record adds four.
#[derive(Debug, Clone)]
pub struct Encoder {
    filler: u8,
    literal: Vec<u8>,
    run: (u8, u8),
    /// The pending string, or none, is the last of a record.
    record_ended: bool,
    /// An end-of-record escape was sent without a string, which must not take the next one.
    bare_escape: bool,
}

impl Encoder {
    /// Starts a file; the filler is the space of the type's character set, or zero.
    #[must_use]
    pub fn new(filler: u8) -> Self {
        Self { filler, literal: Vec::new(), run: (0, 0), record_ended: false, bare_escape: false }
    }

    /// Appends what octets of the file become, but for the last string.
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        if self.record_ended && !octets.is_empty() {
            self.send_last(Descriptor::END_OF_RECORD, out);
        }
        let mut rest = octets;
        while let Some((octet, after)) = rest.split_first() {
            let (repeated, times) = self.run;
            if times > 0 && repeated == *octet && times < RUN_MAX {
                self.run.1 += 1;
                rest = after;
                continue;
            }
            self.settle_run(out);
            // An octet unlike the one behind it is no run; one that is like it, or the last, begins
            // a run.
            let begins = rest.windows(2).position(|pair| matches!(pair, [a, b] if a == b));
            let (singles, run) = rest.split_at(begins.unwrap_or(rest.len() - 1));
            self.extend_literal(singles, out);
            if let Some((octet, after)) = run.split_first() {
                self.run = (*octet, 1);
                rest = after;
            }
        }
    }

    /// Ends a record.
    pub fn end_record(&mut self, out: &mut Vec<u8>) {
        if self.record_ended {
            self.send_last(Descriptor::END_OF_RECORD, out);
        }
        self.record_ended = true;
    }

    /// Appends all that was held back and a restart marker.
    pub fn marker(&mut self, marker: &Marker, out: &mut Vec<u8>) {
        if self.record_ended {
            self.send_last(Descriptor::END_OF_RECORD, out);
        } else if self.run.1 > 0 {
            self.send_last(Descriptor::NONE, out);
        }
        out.extend_from_slice(&[0, Descriptor::MARKER.octet()]);
        self.bare_escape = false;
        self.literal.extend_from_slice(marker.text());
        self.send_literal(out);
    }

    /// Appends what was held back, as the last of the file.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let record = if self.record_ended { Descriptor::END_OF_RECORD } else { Descriptor::NONE };
        self.send_last(record.with(Descriptor::END_OF_FILE), out);
    }

    /// Sends all that is pending, the last string of it under `descriptor`.
    fn send_last(&mut self, descriptor: Descriptor, out: &mut Vec<u8>) {
        let is_run = self.run.1 >= self.run_min();
        if !is_run {
            self.settle_run(out);
        } else if !self.literal.is_empty() {
            self.send_literal(out);
        }
        let is_bare = !is_run && self.literal.is_empty();
        if descriptor != Descriptor::NONE {
            out.extend_from_slice(&[0, descriptor.octet()]);
            self.bare_escape = false;
        }
        if is_run {
            self.send_run(out);
        } else if !is_bare {
            self.send_literal(out);
        }
        self.bare_escape = is_bare && descriptor.has(Descriptor::END_OF_RECORD);
        self.record_ended = false;
    }

    /// Makes the run a string, or part of the literal before it; afterwards there is no run, and
    /// the literal is not empty unless the run was a string.
    fn settle_run(&mut self, out: &mut Vec<u8>) {
        if self.run.1 >= self.run_min() {
            if !self.literal.is_empty() {
                self.send_literal(out);
            }
            self.send_run(out);
            return;
        }
        let (octet, times) = core::mem::take(&mut self.run);
        for _ in 0..times {
            self.extend_literal(&[octet], out);
        }
    }

    fn extend_literal(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut rest = octets;
        while !rest.is_empty() {
            if self.literal.len() == LITERAL_MAX {
                self.send_literal(out);
            }
            let missing = LITERAL_MAX - self.literal.len();
            transfer(&mut rest, &mut self.literal, missing);
        }
    }

    fn run_min(&self) -> u8 {
        // Fillers are one octet, and two where the literal goes on afterwards.
        if self.run.0 == self.filler { RUN_MIN - 1 } else { RUN_MIN }
    }

    fn send_literal(&mut self, out: &mut Vec<u8>) {
        self.separate(out);
        // Never more than LITERAL_MAX.
        out.push(u8::try_from(self.literal.len()).unwrap_or(0));
        out.append(&mut self.literal);
    }

    fn send_run(&mut self, out: &mut Vec<u8>) {
        self.separate(out);
        let (octet, times) = core::mem::take(&mut self.run);
        if octet == self.filler {
            out.push(0xc0 | times);
        } else {
            out.extend_from_slice(&[0x80 | times, octet]);
        }
    }

    fn separate(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.bare_escape) {
            out.extend_from_slice(&[0, Descriptor::NONE.octet()]);
        }
    }
}
