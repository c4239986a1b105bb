//! Lines from a person: edited, completed, remembered.

use std::path::PathBuf;
use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::complete::Known;
use crate::bookmarks::xdg;
use crate::exit::{Exit, Failure, Outcome};

/// Lines that are remembered.
const HISTORY_MAX: usize = 2000;

/// A person at the terminal.
pub(super) struct Input {
    /// [`None`] only while a line is read.
    editor: Option<Editor<Complete, FileHistory>>,
    history: Option<PathBuf>,
}

impl Input {
    pub(super) fn new(known: Arc<Known>) -> Outcome<Self> {
        let fail = |e: ReadlineError| Failure::new(Exit::Local, format!("the terminal: {e}"));
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)
            .map_err(fail)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config).map_err(fail)?;
        editor.set_helper(Some(Complete { known, handle: tokio::runtime::Handle::current() }));
        let history = xdg("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("history"));
        if let Some(file) = &history {
            // None yet, or none that can be read: both begin anew.
            let _ = editor.load_history(file);
        }
        Ok(Self { editor: Some(editor), history })
    }

    /// The next line; [`None`] at the end. An empty one after Ctrl-C.
    pub(super) async fn line(&mut self, prompt: String) -> Outcome<Option<String>> {
        let Some(mut editor) = self.editor.take() else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || {
            let line = editor.readline(&prompt);
            (editor, line)
        });
        let (mut editor, line) =
            read.await.map_err(|e| Failure::new(Exit::Local, e.to_string()))?;
        if let Ok(line) = &line
            && !is_secret(line)
        {
            let _ = editor.add_history_entry(line.as_str());
            self.remember(&mut editor);
        }
        self.editor = Some(editor);
        match line {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
            Err(ReadlineError::Eof) => Ok(None),
            Err(e) => Err(Failure::new(Exit::Local, format!("the terminal: {e}"))),
        }
    }

    fn remember(&self, editor: &mut Editor<Complete, FileHistory>) {
        let Some(file) = &self.history else { return };
        if let Some(dir) = file.parent() {
            let _ = std::fs::create_dir_all(dir);
        }
        // A history that cannot be kept is no reason to stop.
        let _ = editor.append_history(file);
    }
}

/// Whether a line may hold a password, and so is not remembered.
fn is_secret(line: &str) -> bool {
    let after = line.split_once("://").map(|(_, rest)| rest);
    let login =
        after.and_then(|rest| rest.split('/').next()).and_then(|part| part.rsplit_once('@'));
    let upper = line.to_ascii_uppercase();
    login.is_some_and(|(login, _)| login.contains(':')) || upper.contains("PASS")
}

/// The line editor's way to what the shell knows.
struct Complete {
    known: Arc<Known>,
    handle: tokio::runtime::Handle,
}

impl Completer for Complete {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or(line);
        Ok(self.handle.block_on(self.known.complete(typed)).unwrap_or((at, Vec::new())))
    }
}

impl Hinter for Complete {
    type Hint = String;
}
impl Highlighter for Complete {}
impl Validator for Complete {}
impl Helper for Complete {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_passwords_are_not_remembered() {
        for line in ["open ftp://u:p@h/", "quote PASS x", "site pswd", "open ftps://a:b@h"] {
            assert_eq!(is_secret(line), line != "site pswd", "{line}");
        }
        for line in ["open ftp://u@h/a:b", "get a", "cd x@y:z"] {
            assert!(!is_secret(line), "{line}");
        }
    }
}
