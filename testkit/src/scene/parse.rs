//! From the text of scenes to what is played.

use super::act::{Act, DataAct, Ear, Plain, Rule, When};
use super::{Scene, Stage};
use crate::script::text::{Pattern, duration, filler, quoted};

/// One line of a scene that is somebody else's to understand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Where it stands, counted from 1.
    pub number: usize,
    /// What it says, without white space around.
    pub text: String,
}

impl Line {
    /// Another text at the same place.
    #[must_use]
    pub fn saying(&self, text: &str) -> Self {
        Self { number: self.number, text: text.to_owned() }
    }
}

/// What must hold when a scene is over.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Saw(Option<usize>, Pattern),
    Never(Pattern),
    Connections(usize),
    File(Vec<u8>, Vec<u8>),
    Same(Vec<u8>, Vec<u8>),
    NoFile(Vec<u8>),
}

pub(crate) fn read_all(text: &str) -> Result<Vec<Scene>, String> {
    let mut scenes: Vec<Scene> = Vec::new();
    for (number, line) in joined(text) {
        let at = |why: String| format!("line {number}: {why}: {line:?}");
        if let Some(title) = line.strip_prefix("== ") {
            if scenes.iter().any(|scene| scene.title == title) {
                return Err(at("there is a scene of this title".to_owned()));
            }
            scenes.push(Scene {
                title: title.to_owned(),
                line: number,
                stage: Stage::default(),
                rules: Vec::new(),
                settings: Vec::new(),
                steps: Vec::new(),
                checks: Vec::new(),
            });
            continue;
        }
        let scene = scenes.last_mut().ok_or_else(|| at("no scene has begun".to_owned()))?;
        read_line(scene, number, &line).map_err(at)?;
    }
    match scenes.iter().find(|scene| scene.steps.is_empty()) {
        Some(idle) => Err(format!("line {}: the client does nothing here", idle.line)),
        None => Ok(scenes),
    }
}

/// Lines without comments and blank ones; those that start with white space go on the one before.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match lines.last_mut() {
            Some((_, open)) if line.starts_with([' ', '\t']) => {
                open.push(' ');
                open.push_str(line.trim());
            }
            _ => lines.push((index + 1, line.trim_end().to_owned())),
        }
    }
    lines
}

fn read_line(scene: &mut Scene, number: usize, line: &str) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "file" => scene.stage.files.push(file(rest)?),
        "dir" => scene.stage.files.push((name(rest)?.0, None)),
        "server" => server(&mut scene.stage, rest)?,
        "with" => scene.settings.push(Line { number, text: rest.to_owned() }),
        "on" => scene.rules.push(rule(rest)?),
        "saw" => {
            let counted = rest.split_once(' ').and_then(|(n, p)| Some((n.parse().ok()?, p)));
            scene.checks.push(match counted {
                Some((n, pattern)) => Check::Saw(Some(n), Pattern::new(pattern)?),
                None => Check::Saw(None, Pattern::new(rest)?),
            });
        }
        "never" => scene.checks.push(Check::Never(Pattern::new(rest)?)),
        "connections" => scene.checks.push(Check::Connections(count(rest)?)),
        "then" => scene.checks.push(then(rest)?),
        _ if line.contains(" -> ") => {
            scene.steps.push(Line { number, text: line.to_owned() });
        }
        _ => return Err("neither the stage nor a step".to_owned()),
    }
    Ok(())
}

/// A name, quoted or up to the next space, and what follows it.
fn name(text: &str) -> Result<(Vec<u8>, &str), String> {
    if text.starts_with('"') {
        let (name, rest) = quoted(text)?;
        return Ok((name, rest.trim()));
    }
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    if name.is_empty() {
        return Err("a name was expected".to_owned());
    }
    Ok((name.as_bytes().to_vec(), rest.trim()))
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a number: {text:?}"))
}

fn file(text: &str) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
    let (name, rest) = name(text)?;
    let content = match rest.strip_suffix(" octets") {
        Some(n) => filler(count(n)?),
        None => whole(rest)?,
    };
    Ok((name, Some(content)))
}

/// A quoted string and nothing behind it.
fn whole(text: &str) -> Result<Vec<u8>, String> {
    let (octets, rest) = quoted(text)?;
    if rest.trim().is_empty() { Ok(octets) } else { Err(format!("what is {rest:?}?")) }
}

fn server(stage: &mut Stage, text: &str) -> Result<(), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let tls = &mut stage.tls;
    match words.as_slice() {
        ["tls"] => tls.explicit = true,
        ["implicit"] => tls.implicit = true,
        ["tls", "1.2"] => tls.only = Some(&rustls::version::TLS12),
        ["tls", "1.3"] => tls.only = Some(&rustls::version::TLS13),
        ["without", verbs @ ..] => stage.without.extend(verbs.iter().map(|v| (*v).to_owned())),
        ["deflates"] => stage.deflates = true,
        ["writes", "over"] => stage.writes_over = true,
        ["drops", "broken", "uploads"] => stage.drops_broken = true,
        ["tickets", n] => tls.tickets = count(n)?,
        ["data", "tickets", n] => tls.data_tickets = count(n)?,
        ["require", "resumption", ..] => {
            let reply = text.trim_start_matches("require resumption").trim();
            tls.required = Some(if reply.is_empty() {
                b"522 SSL connection failed; session reuse required".to_vec()
            } else {
                whole(reply)?
            });
        }
        _ => return Err("no such server".to_owned()),
    }
    Ok(())
}

fn rule(text: &str) -> Result<Rule, String> {
    let (head, body) = match text.split_once(": ") {
        Some(parts) => parts,
        None => (text.strip_suffix(':').ok_or("a rule has a colon")?, ""),
    };
    let (first, rest) = head.split_once(' ').unwrap_or((head, ""));
    let (when, verb, argument) = match occurrence(first) {
        Some(when) => {
            let (verb, argument) = rest.split_once(' ').unwrap_or((rest, ""));
            (when, verb, argument)
        }
        None => (When::Always, first, rest),
    };
    if verb.is_empty() {
        return Err("a rule has a verb".to_owned());
    }
    let argument = if argument.is_empty() { None } else { Some(name(argument)?.0) };
    let acts: Vec<Act> =
        actions(body).into_iter().map(act).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(Rule { when, verb: verb.to_ascii_uppercase(), argument, acts })
}

fn occurrence(word: &str) -> Option<When> {
    let (word, on) = match word.strip_suffix('+') {
        Some(word) => (word, true),
        None => (word, false),
    };
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end))?;
    let n = digits.parse().ok()?;
    Some(if on { When::From(n) } else { When::Only(n) })
}

/// Cuts at semicolons that are in no quoted string.
fn actions(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut inside, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            ';' if !inside => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn act(text: &str) -> Result<Vec<Act>, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    Ok(vec![match (word, rest) {
        ("reply", _) => Act::Reply(said(rest)?),
        ("send", _) => Act::Send(whole(rest)?),
        ("dribble", _) => Act::Dribble(whole(rest)?),
        ("repeat", _) => {
            let (n, octets) = times(rest)?;
            Act::Repeat(n, octets)
        }
        ("forever", _) => Act::Forever(whole(rest)?),
        ("wait", _) => Act::Wait(duration(rest)?),
        ("usual", "") => Act::Usual,
        ("silence", "") => Act::Silence,
        ("stall", "") => Act::Stall,
        ("close", "") => Act::Close,
        ("fin", "") => Act::Fin,
        ("reset", "") => Act::Reset,
        ("tls", "") => Act::Tls,
        ("listen", "refusing") => Act::Listen(Ear::Refusing),
        ("listen", "deaf") => Act::Listen(Ear::Deaf),
        ("forget", "tickets") => Act::ForgetTickets,
        ("data", _) => Act::Data(data_act(rest)?),
        ("sends", _) => {
            return Ok(vec![
                Act::Reply(b"150 Here it comes".to_vec()),
                Act::Data(DataAct::Open),
                Act::Data(DataAct::Send(whole(rest)?)),
                Act::Data(DataAct::Close),
                Act::Reply(b"226 Done".to_vec()),
            ]);
        }
        _ => return Err(format!("no such action: {text:?}")),
    }])
}

fn said(text: &str) -> Result<Vec<u8>, String> {
    match text {
        "" => Err("what is replied?".to_owned()),
        text if text.starts_with('"') => whole(text),
        text if text.len() == 3 => Ok(format!("{text} So it is").into_bytes()),
        text => Ok(text.as_bytes().to_vec()),
    }
}

fn times(text: &str) -> Result<(usize, Vec<u8>), String> {
    let (n, octets) = text.split_once(' ').ok_or("how often what?")?;
    Ok((count(n)?, whole(octets)?))
}

fn data_act(text: &str) -> Result<DataAct, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    Ok(match (word, rest) {
        ("open", "") => DataAct::Open,
        ("tcp", "") => DataAct::Tcp,
        ("tls", "") => DataAct::Tls,
        ("send", _) => DataAct::Send(whole(rest)?),
        ("dribble", _) => DataAct::Dribble(whole(rest)?),
        ("repeat", _) => {
            let (n, octets) = times(rest)?;
            DataAct::Repeat(n, octets)
        }
        ("forever", _) => DataAct::Forever(whole(rest)?),
        ("file", "") => DataAct::File(usize::MAX),
        ("file", n) => DataAct::File(count(n)?),
        ("deflate", _) => deflate(rest)?,
        ("read", "") => DataAct::Read(None),
        ("read", n) => DataAct::Read(Some(count(n)?)),
        ("close", "") => DataAct::Close,
        ("fin", "") => DataAct::Fin,
        ("reset", "") => DataAct::Reset,
        _ => return Err(format!("no such action on data: {text:?}")),
    })
}

fn deflate(text: &str) -> Result<DataAct, String> {
    let (plain, rest) = match text.strip_prefix("file") {
        Some(rest) => (Plain::File, rest),
        None if text.starts_with('"') => {
            let (octets, rest) = quoted(text)?;
            (Plain::Octets(octets), rest)
        }
        None => {
            let (n, rest) = text.split_once(" zeros").ok_or("what is deflated?")?;
            (Plain::Zeros(count(n)?), rest)
        }
    };
    match rest.trim().strip_prefix("short ") {
        Some(n) => Ok(DataAct::Deflate(plain, count(n)?)),
        None if rest.trim().is_empty() => Ok(DataAct::Deflate(plain, 0)),
        None => Err(format!("what is {rest:?}?")),
    }
}

fn then(text: &str) -> Result<Check, String> {
    if let Some(rest) = text.strip_prefix("no file ") {
        return Ok(Check::NoFile(name(rest)?.0));
    }
    let rest = text.strip_prefix("file ").ok_or("then what?")?;
    let (path, rest) = name(rest)?;
    Ok(match rest.strip_prefix("whole ") {
        Some(other) => Check::Same(path, name(other)?.0),
        None => Check::File(path, whole(rest)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_their_occurrence_argument_and_actions() {
        let read = rule(r#"2nd RETR /f: reply "150 a;b"; data send "\"x;"; reply 226"#).unwrap();
        assert_eq!((read.when, read.verb.as_str()), (When::Only(2), "RETR"));
        assert_eq!(read.argument.as_deref(), Some(&b"/f"[..]));
        assert_eq!(
            read.acts,
            [
                Act::Reply(b"150 a;b".to_vec()),
                Act::Data(DataAct::Send(b"\"x;".to_vec())),
                Act::Reply(b"226 So it is".to_vec()),
            ]
        );
        assert_eq!(rule("3rd+ any: close").unwrap().when, When::From(3));
        assert!(rule("RETR reply 150").is_err() && rule("RETR: dance").is_err());
    }

    #[test]
    fn lines_go_on_and_scenes_without_steps_are_refused() {
        let text = "== a\n# note\non RETR:\n  reply 150;\n  reply 226\nget /f -> \"x\"\n";
        let scenes = read_all(text).unwrap();
        assert_eq!(scenes[0].rules[0].acts.len(), 2);
        assert_eq!(scenes[0].steps[0], Line { number: 6, text: "get /f -> \"x\"".to_owned() });
        assert!(read_all("== a\nserver tls\n").is_err());
        assert!(read_all("get /f -> ok\n").is_err());
        assert!(read_all("== a\nnoop -> 200\n== a\nnoop -> 200\n").is_err());
    }
}
