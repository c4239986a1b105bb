//! Lines of the shell, taken apart. Pure.
//!
//! Words are separated by blanks. `'…'` keeps everything as it is; in `"…"` a backslash quotes `"`
//! and `\`; elsewhere it quotes any octet. `;` and line ends separate commands, `&&` goes on after
//! success, `||` after failure, `&` leaves the command before it in the background, `#` at the
//! start of a word makes the rest a comment. A command that begins with `!` is for the system's
//! shell, to the end of the line.

use std::fmt;

use crate::pathspec::PathSpec;

/// The longest line, in octets.
pub(crate) const LINE_MAX: usize = 64 << 10;

/// A word: its octets, and whether each was quoted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word(Vec<(u8, bool)>);

impl Word {
    /// The octets.
    pub(crate) fn plain(&self) -> Vec<u8> {
        self.0.iter().map(|&(octet, _)| octet).collect()
    }

    /// As text, where it is that.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.plain()).into_owned()
    }

    /// As a path, with the wildcards that were not quoted.
    pub(crate) fn spec(&self) -> PathSpec {
        PathSpec::from_octets(self.0.iter().copied())
    }

    /// Octets that all mean themselves.
    pub(crate) fn verbatim(octets: &[u8]) -> Self {
        Self(octets.iter().map(|&octet| (octet, true)).collect())
    }

    /// The same octets as if none were quoted.
    pub(crate) fn unquoted(self) -> Self {
        Self(self.0.into_iter().map(|(octet, _)| (octet, false)).collect())
    }

    /// Octets and whether each was quoted.
    pub(crate) fn octets(&self) -> &[(u8, bool)] {
        &self.0
    }
}

/// When a command is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum When {
    #[default]
    Always,
    /// Behind `&&`.
    IfDone,
    /// Behind `||`.
    IfFailed,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Step {
    pub(crate) when: When,
    /// Never empty, unless it is for the system.
    pub(crate) words: Vec<Word>,
    /// What follows `!`.
    pub(crate) system: Option<String>,
    pub(crate) background: bool,
    /// As it was typed.
    pub(crate) text: String,
}

/// Why a line cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseError {
    OpenQuote,
    NothingBefore,
    TooLong,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenQuote => "a quote that does not end",
            Self::NothingBefore => "there is no command before && or || or &",
            Self::TooLong => "the line is too long",
        })
    }
}

impl std::error::Error for ParseError {}

/// The word that a line ends with, for completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The words before it in its command.
    pub(crate) before: Vec<Word>,
    /// Where it starts, in octets.
    pub(crate) start: usize,
    pub(crate) word: Word,
}

/// Takes a line apart.
pub(crate) fn parse(line: &str) -> Result<Vec<Step>, ParseError> {
    let mut lexer = Lexer::new(line)?;
    lexer.run()?;
    match lexer.quote {
        Some(_) => Err(ParseError::OpenQuote),
        None => {
            lexer.end_step(false, When::Always)?;
            if lexer.when != When::Always {
                // `a &&` and then nothing.
                return Err(ParseError::NothingBefore);
            }
            Ok(lexer.steps)
        }
    }
}

/// The word that is being typed at the end of `line`.
pub(crate) fn tail(line: &str) -> Option<Tail> {
    let mut lexer = Lexer::new(line).ok()?;
    lexer.run().ok()?;
    if lexer.system {
        return None;
    }
    let (start, word) = lexer.word.take().unwrap_or_else(|| (line.len(), Word::default()));
    Some(Tail { before: lexer.words, start, word })
}

struct Lexer<'a> {
    line: &'a str,
    at: usize,
    /// Where the present command starts.
    step_start: usize,
    quote: Option<u8>,
    word: Option<(usize, Word)>,
    words: Vec<Word>,
    when: When,
    steps: Vec<Step>,
    /// The rest was for the system's shell.
    system: bool,
}

impl<'a> Lexer<'a> {
    fn new(line: &'a str) -> Result<Self, ParseError> {
        if line.len() > LINE_MAX {
            return Err(ParseError::TooLong);
        }
        Ok(Self {
            line,
            at: 0,
            step_start: 0,
            quote: None,
            word: None,
            words: Vec::new(),
            when: When::Always,
            steps: Vec::new(),
            system: false,
        })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.as_bytes().get(self.at + ahead).copied()
    }

    fn push(&mut self, octet: u8, quoted: bool) {
        let at = self.at;
        self.word.get_or_insert_with(|| (at, Word::default())).1.0.push((octet, quoted));
    }

    /// A word begins here, even if it stays empty.
    fn begin(&mut self) {
        let at = self.at;
        self.word.get_or_insert_with(|| (at, Word::default()));
    }

    fn run(&mut self) -> Result<(), ParseError> {
        while let Some(octet) = self.peek(0) {
            match (self.quote, octet) {
                (Some(quote), _) if octet == quote => self.quote = None,
                (Some(b'"'), b'\\') if matches!(self.peek(1), Some(b'"' | b'\\')) => {
                    self.at += 1;
                    let next = self.peek(0).unwrap_or_default();
                    self.push(next, true);
                }
                (Some(_), _) => self.push(octet, true),
                (None, b'\'' | b'"') => {
                    self.begin();
                    self.quote = Some(octet);
                }
                (None, b'\\') => {
                    self.begin();
                    self.at += 1;
                    if let Some(next) = self.peek(0) {
                        self.push(next, true);
                    }
                }
                (None, b' ' | b'\t' | b'\r') => self.end_word(),
                (None, b'#') if self.word.is_none() => self.skip_comment(),
                (None, b'!') if self.word.is_none() && self.words.is_empty() => {
                    self.take_system();
                }
                (None, b';' | b'\n') => self.end_step(false, When::Always)?,
                (None, b'&') if self.peek(1) == Some(b'&') => {
                    self.end_step(false, When::IfDone)?;
                    self.at += 1;
                }
                (None, b'|') if self.peek(1) == Some(b'|') => {
                    self.end_step(false, When::IfFailed)?;
                    self.at += 1;
                }
                (None, b'&') => self.end_step(true, When::Always)?,
                (None, _) => self.push(octet, false),
            }
            self.at += 1;
            if matches!(octet, b';' | b'\n' | b'&' | b'|') && self.words.is_empty() {
                self.step_start = self.step_start.max(self.at).min(self.line.len());
            }
        }
        Ok(())
    }

    fn end_word(&mut self) {
        if let Some((_, word)) = self.word.take() {
            self.words.push(word);
        }
    }

    /// To the end of the line, which itself is left.
    fn skip_comment(&mut self) {
        while self.peek(1).is_some_and(|octet| octet != b'\n') {
            self.at += 1;
        }
    }

    fn take_system(&mut self) {
        let rest = self.line.get(self.at + 1..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        self.steps.push(Step {
            when: std::mem::take(&mut self.when),
            system: Some(line.trim().to_owned()),
            text: format!("!{line}"),
            ..Step::default()
        });
        self.at += line.len();
        self.system = true;
    }

    fn end_step(&mut self, background: bool, next: When) -> Result<(), ParseError> {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        let chained = background || next != When::Always;
        if words.is_empty() {
            let after_system = self.system && self.steps.last().is_some_and(|s| s.system.is_some());
            self.system = false;
            return match chained && !after_system {
                true => Err(ParseError::NothingBefore),
                false => Ok(()),
            };
        }
        self.system = false;
        let text = self.line.get(self.step_start..self.at).unwrap_or_default().trim().to_owned();
        let when = std::mem::replace(&mut self.when, next);
        self.steps.push(Step { when, words, system: None, background, text });
        self.step_start = self.at;
        Ok(())
    }
}

/// A word as it must be typed to mean exactly these octets.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        let special = c.is_whitespace() || "'\"\\;&|*?[]".contains(c);
        if special || (at == 0 && "#!-~".contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
