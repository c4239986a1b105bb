//! How far it is: a line for each file that is moved and one for all of them on a terminal, a line
//! now and then elsewhere, records with `--json`, nothing with `--quiet`.

mod draw;
pub(crate) mod rate;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_client::copy::{Progress, Step};

use crate::cx;
use crate::records::{self, Record as _};
use crate::say;
use rate::Rate;

/// Between two pictures on a terminal.
const FRAME: Duration = Duration::from_millis(200);

/// Between two lines elsewhere.
const LINE: Duration = Duration::from_secs(10);

/// Where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Nowhere,
    Terminal,
    Lines,
    Json,
}

/// One file that is being moved.
#[derive(Debug, Clone)]
struct Active {
    name: String,
    size: Option<u64>,
    /// Octets that are there, those of earlier times among them.
    there: u64,
    rate: Rate,
}

/// Everything that is being moved, and all that was.
#[derive(Debug)]
struct State {
    active: BTreeMap<u64, Active>,
    next: u64,
    files_done: u64,
    files: Option<u64>,
    /// Octets that were moved or were there.
    octets: u64,
    total: Option<u64>,
    /// Octets that were moved.
    moved: u64,
    rate: Rate,
    /// Lines on the terminal now.
    drawn: usize,
    /// Someone else is writing.
    hidden: bool,
}

/// Shows how far it is, until dropped. Clones show the same.
#[derive(Debug, Clone)]
pub(crate) struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    screen: Screen,
    start: Instant,
    state: Mutex<State>,
}

impl Drop for Inner {
    /// What was stopped leaves no lines behind.
    fn drop(&mut self) {
        if self.screen == Screen::Terminal {
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            say::paint(&draw::wipe(state));
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        let mut state = self.lock();
        if !state.hidden {
            let text = draw::frame(&mut state, self.start.elapsed());
            say::paint(&text);
        }
    }
}

impl Board {
    /// Begins to show, as the flags say.
    pub(crate) fn new(cx: &cx::Cx) -> Self {
        let screen = match () {
            () if cx.json() => Screen::Json,
            () if cx.quiet() => Screen::Nowhere,
            () if std::io::stderr().is_terminal() => Screen::Terminal,
            () => Screen::Lines,
        };
        let state = State {
            active: BTreeMap::new(),
            next: 0,
            files_done: 0,
            files: None,
            octets: 0,
            total: None,
            moved: 0,
            rate: Rate::default(),
            drawn: 0,
            hidden: false,
        };
        let inner = Inner { screen, start: cx::instant(), state: Mutex::new(state) };
        let board = Self(Arc::new(inner));
        board.begin();
        board
    }

    fn begin(&self) {
        let (weak, every) = (
            Arc::downgrade(&self.0),
            match self.0.screen {
                Screen::Nowhere => return,
                Screen::Terminal => FRAME,
                Screen::Lines | Screen::Json => LINE,
            },
        );
        if self.0.screen == Screen::Terminal {
            let curtain = Arc::downgrade(&self.0);
            say::set_curtain(Some(Box::new(move |down| {
                let Some(inner) = curtain.upgrade() else { return };
                let mut state = inner.lock();
                state.hidden = down;
                if down {
                    let text = draw::wipe(&mut state);
                    say::paint(&text);
                }
            })));
        }
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(inner) = weak.upgrade() else { return };
                show(&inner);
            }
        });
    }

    /// So many more files and octets are to come.
    pub(crate) fn expect(&self, files: u64, octets: u64) {
        let mut state = self.0.lock();
        state.files = Some(state.files.unwrap_or(0) + files);
        state.total = Some(state.total.unwrap_or(0) + octets);
    }

    /// A file begins.
    pub(crate) fn file(&self, name: impl Into<String>) -> File {
        let mut state = self.0.lock();
        let id = state.next;
        state.next += 1;
        let active = Active { name: name.into(), size: None, there: 0, rate: Rate::default() };
        state.active.insert(id, active);
        File { board: self.clone(), id, start: self.elapsed() }
    }

    /// Octets moved so far.
    pub(crate) fn moved(&self) -> u64 {
        self.0.lock().moved
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// Takes everything off the screen.
    pub(crate) fn end(&self) {
        if self.0.screen == Screen::Terminal {
            say::set_curtain(None);
            let mut state = self.0.lock();
            state.hidden = true;
            let text = draw::wipe(&mut state);
            say::paint(&text);
        }
    }
}

fn show(inner: &Inner) {
    {
        let (mut state, now) = (inner.lock(), inner.start.elapsed());
        let moved = state.moved;
        state.rate.note(now, moved);
        for active in state.active.values_mut() {
            active.rate.note(now, active.there);
        }
    }
    match inner.screen {
        Screen::Nowhere => {}
        Screen::Terminal => inner.draw(),
        Screen::Lines => {
            let line = draw::total(&inner.lock(), inner.start.elapsed());
            say::err(&line);
        }
        Screen::Json => {
            let line = record(&inner.lock()).line();
            // Who does not read any more is told by the next record that counts.
            let _ = say::out(&line).and_then(|()| say::flush());
        }
    }
}

fn record(state: &State) -> records::Progress {
    let left = state.total.map(|total| total.saturating_sub(state.octets));
    records::Progress {
        files_done: state.files_done,
        files: state.files,
        moved: state.octets,
        total: state.total,
        rate: state.rate.per_second(),
        eta_secs: left.and_then(|left| state.rate.eta(left)).map(|eta| eta.as_secs()),
    }
}

/// One file on the board, until dropped. Told by the copier.
#[derive(Debug)]
pub(crate) struct File {
    board: Board,
    id: u64,
    start: Duration,
}

impl File {
    /// How long ago it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.board.elapsed().saturating_sub(self.start)
    }

    /// The file has arrived.
    pub(crate) fn done(self) {
        self.board.0.lock().files_done += 1;
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.board.0.lock().active.remove(&self.id);
    }
}

impl Progress for File {
    fn on(&self, step: &Step<'_>) {
        let now = self.board.elapsed();
        let mut state = self.board.0.lock();
        let state = &mut *state;
        let Some(active) = state.active.get_mut(&self.id) else { return };
        match step {
            Step::Started { size, resumed } => {
                active.size = *size;
                state.octets = state.octets.saturating_sub(active.there) + resumed;
                active.there = *resumed;
                active.rate = Rate::starting(now, *resumed);
            }
            Step::Moved(octets) => {
                active.there += octets;
                state.octets += octets;
                state.moved += octets;
            }
            Step::Restarted => {
                state.octets = state.octets.saturating_sub(active.there);
                active.there = 0;
            }
            _ => {}
        }
    }
}
