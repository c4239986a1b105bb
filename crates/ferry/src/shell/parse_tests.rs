//! Lines of the shell: tables of what they mean.

use super::*;
use proptest::prelude::*;

/// Commands as text: words between bars, marks for how they hang together.
fn shown(line: &str) -> String {
    let steps = match parse(line) {
        Ok(steps) => steps,
        Err(e) => return format!("error: {e}"),
    };
    let shown = steps.iter().map(|step| {
        let when = match step.when {
            When::Always => "",
            When::IfDone => "&& ",
            When::IfFailed => "|| ",
        };
        let words: Vec<String> = step.words.iter().map(Word::text).collect();
        let words = match &step.system {
            Some(system) => format!("!{system}"),
            None => words.join("|"),
        };
        format!("{when}{words}{}", if step.background { " &" } else { "" })
    });
    shown.collect::<Vec<_>>().join(" ; ")
}

#[test]
fn lines_are_taken_apart_as_people_expect() {
    let cases = [
        ("", ""),
        ("   ", ""),
        ("ls", "ls"),
        ("  get  a   b ", "get|a|b"),
        ("cd a; ls", "cd|a ; ls"),
        ("cd a\nls\n", "cd|a ; ls"),
        ("cd a && ls || pwd", "cd|a ; && ls ; || pwd"),
        ("get a & get b&", "get|a & ; get|b &"),
        ("get 'a b' \"c d\" e\\ f", "get|a b|c d|e f"),
        ("get 'a;b' \"&\" \\;", "get|a;b|&|;"),
        ("get \"a\\\"b\\\\c\\d\"", "get|a\"b\\c\\d"),
        ("get 'a\\b'", "get|a\\b"),
        ("get ''", "get|"),
        ("get a'b'\"c\"", "get|abc"),
        ("# nothing here; at all", ""),
        ("ls # that\npwd", "ls ; pwd"),
        ("get a#b", "get|a#b"),
        ("!ls -l; date", "!ls -l; date"),
        ("cd a; !date\nls", "cd|a ; !date ; ls"),
        ("get a|b", "get|a|b"),
        ("get !x", "get|!x"),
        ("; ;", ""),
        ("get 'a", "error: a quote that does not end"),
        ("&& ls", "error: there is no command before && or || or &"),
        ("ls && ", "error: there is no command before && or || or &"),
        ("& ls", "error: there is no command before && or || or &"),
        ("ls && ; pwd", "ls ; && pwd"),
    ];
    for (line, want) in cases {
        assert_eq!(shown(line), want, "{line:?}");
    }
}

#[test]
fn a_command_remembers_how_it_was_typed() {
    let steps = parse("cd 'a b' && get x & pwd; !date").unwrap();
    let texts: Vec<&str> = steps.iter().map(|step| step.text.as_str()).collect();
    assert_eq!(texts, ["cd 'a b'", "get x", "pwd", "!date"]);
}

#[test]
fn quoted_wildcards_are_none() {
    let words = |line: &str| parse(line).unwrap().remove(0).words;
    assert!(words("get *.txt")[1].spec().pattern.is_some());
    for line in ["get '*.txt'", "get \\*.txt", "get \"*.txt\""] {
        assert_eq!(words(line)[1].spec().pattern, None, "{line}");
    }
}

#[test]
fn the_word_at_the_end_is_known_while_it_is_typed() {
    let cases = [
        ("", 0, "", 0),
        ("ge", 0, "ge", 0),
        ("get ", 1, "", 4),
        ("get a\\ b", 1, "a b", 4),
        ("get 'a b", 1, "a b", 4),
        ("cd x; put y z", 2, "z", 12),
    ];
    for (line, before, word, start) in cases {
        let tail = tail(line).unwrap();
        assert_eq!(tail.before.len(), before, "{line:?}");
        assert_eq!((tail.word.text().as_str(), tail.start), (word, start), "{line:?}");
    }
    assert_eq!(tail("!ls a"), None);
}

proptest! {
    #[test]
    fn a_quoted_word_means_itself(text in "\\PC{1,20}") {
        prop_assume!(!text.contains(['\n', '\r']));
        let steps = parse(&format!("get {}", quoted(&text))).unwrap();
        prop_assert_eq!(steps.len(), 1);
        prop_assert_eq!(steps[0].words[1].text(), text);
        prop_assert_eq!(&steps[0].words[1].spec().pattern, &None);
    }

    #[test]
    fn no_line_panics(line in "[ -~\\n]{0,60}") {
        let _ = parse(&line);
        let _ = tail(&line);
    }
}
