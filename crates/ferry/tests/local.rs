//! The command between places of this machine: what holds for every storage, without a network.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::Desk;

#[test]
fn files_go_into_a_directory_or_under_a_new_name() {
    let desk = Desk::new();
    desk.put("a", "one");
    desk.put("b", "two");
    fs::create_dir(desk.at("to")).unwrap();
    desk.run(&["get", "a", "b", "to"]).well();
    desk.run(&["put", "a", "to/c"]).well();
    desk.run(&["put", "a", "b", "made/here/"]).well();
    assert_eq!((desk.read("to/a"), desk.read("to/b")), ("one".into(), "two".into()));
    assert_eq!((desk.read("to/c"), desk.read("made/here/b")), ("one".into(), "two".into()));
    let times = ["a", "to/a"].map(|name| fs::metadata(desk.at(name)).unwrap().modified().unwrap());
    assert_eq!(times[0], times[1], "times are kept");
    let several = desk.run(&["put", "a", "b", "nowhere"]);
    assert_eq!(several.code, Some(16), "{}", several.err);
}

#[test]
fn the_exit_code_tells_the_cause() {
    let desk = Desk::new();
    desk.put("a", "one");
    let cases: &[(&[&str], i32)] = &[
        (&["ls", "a"], 0),
        (&["ls", "none"], 3),
        (&["cat", "none", "none2"], 3),
        (&["stat", "a", "none"], 1),
        (&["nonsense"], 2),
        (&["ls", "sftp://h/"], 2),
        (&["ls", "nobody:x"], 2),
        (&["get", "-", "x"], 2),
        (&["rm", "--max-delete", "0", "a"], 14),
        (&["mkdir", "a"], 16),
        (&["bookmark", "show", "none"], 3),
        (&["bookmark", "add", "x", "ftp://u:p@h/"], 2),
        (&["hash", "-A", "sha3", "a"], 2),
        (&["ls", "ftp://u@127.0.0.1:1/"], 6),
    ];
    for (words, code) in cases {
        let ran = desk.run(words);
        assert_eq!(ran.code, Some(*code), "{words:?}: {}{}", ran.out, ran.err);
        assert_eq!(ran.err.is_empty(), *code == 0, "{words:?}: {}", ran.err);
    }
}

#[test]
fn what_is_no_level_of_compression_is_told_as_such() {
    let desk = Desk::new();
    desk.put("a", "one");
    for word in
        ["--compress=10", "--compress=-1", "--compress=fast", "--compress=z", "--compress=1k"]
    {
        for words in [[word, "get", "a", "b"], ["get", word, "a", "b"]] {
            let ran = desk.run(&words);
            assert_eq!(ran.code, Some(2), "{words:?}: {}{}", ran.out, ran.err);
            let told = ran.err.contains(word.split_once('=').unwrap().1)
                && ran.err.contains("--compress")
                && ran.err.contains("from 0, not at all, to 9");
            assert!(told && !desk.has("b"), "{words:?}: {}", ran.err);
        }
    }
    // What follows after a blank is a name, not a level.
    desk.run(&["get", "--compress", "a", "b"]).well();
    assert_eq!(desk.read("b"), "one");
    assert_eq!(desk.run(&["get", "--compress", "9", "c"]).code, Some(3));
}

#[test]
fn nothing_from_a_name_reaches_the_terminal() {
    let desk = Desk::new();
    desk.put("d/a\u{1b}[2Jb", "x");
    for words in [
        &["ls", "d"][..],
        &["ls", "-l", "d"],
        &["tree", "d"],
        &["find", "d"],
        &["du", "d"],
        &["--json", "ls", "d"],
        &["rm", "-v", "-r", "d"],
    ] {
        let ran = desk.run(words).well();
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{words:?}");
    }
}

#[test]
fn records_are_one_object_a_line() {
    let desk = Desk::new();
    desk.put("d/a", "12345");
    let ran = desk.run(&["--json", "ls", "d", "none"]);
    assert_eq!(ran.code, Some(1));
    let lines = ran.lines();
    assert!(
        lines[0].starts_with("{\"type\":\"entry\",\"base\":\"\",\"path\":\"d/a\""),
        "{lines:?}"
    );
    assert!(lines[0].contains("\"size\":5,") && lines[0].ends_with('}'), "{lines:?}");
    assert!(lines[1].starts_with("{\"type\":\"error\"") && lines[1].contains("\"exit\":3"));
    assert!(ran.err.is_empty(), "{}", ran.err);
    let hash = desk.run(&["--json", "hash", "-A", "md5", "d/a"]).well();
    assert!(hash.out.contains("\"digest\":\"827ccb0eea8a706c4c34a16891f84e7b\""), "{}", hash.out);
}

#[test]
fn standard_input_and_output_are_places() {
    let desk = Desk::new();
    desk.run_with(&["put", "-", "f"], "from a pipe").well();
    assert_eq!(desk.read("f"), "from a pipe");
    desk.run_with(&["put", "--append", "-", "f"], ", and more").well();
    assert_eq!(desk.run(&["get", "f", "-"]).well().out, "from a pipe, and more");
    assert_eq!(desk.run(&["cat", "--offset", "5", "--length", "6", "f"]).well().out, "a pipe");
    assert_eq!(desk.run_with(&["put", "-", "."], "x").code, Some(2), "it has no name");
}

#[test]
fn a_tree_is_made_like_another_and_kept_so() {
    let desk = Desk::new();
    for name in ["from/a", "from/sub/b", "from/sub/deep/c"] {
        desk.put(name, name);
    }
    fs::create_dir(desk.at("from/empty")).unwrap();
    desk.run(&["mirror", "from", "to"]).well();
    assert_eq!(desk.tree("from"), desk.tree("to"));
    desk.run(&["diff", "from", "to"]).well();
    let again = desk.run(&["mirror", "--json", "from", "to"]).well();
    assert!(
        again.out.contains("\"copied\":0") && again.out.contains("\"same\":3"),
        "{}",
        again.out
    );
    desk.put("to/extra", "x");
    desk.put("from/a", "changed");
    let differs = desk.run(&["diff", "from", "to"]);
    assert_eq!(differs.code, Some(1));
    assert_eq!(differs.out, "the sizes differ: a\nonly in the second: extra\n");
    desk.run(&["mirror", "from", "to"]).well();
    assert!(desk.has("to/extra"), "nothing is deleted unless asked");
    let limited = desk.run(&["mirror", "--delete", "--max-delete", "0", "from", "to"]);
    assert_eq!(limited.code, Some(14), "{}", limited.err);
    assert!(desk.has("to/extra"));
    let dry = desk.run(&["mirror", "--delete", "-n", "from", "to"]).well();
    assert!(dry.out.contains("delete  to/extra") && desk.has("to/extra"), "{}", dry.out);
    desk.run(&["mirror", "--delete", "from", "to"]).well();
    assert_eq!(desk.tree("from"), desk.tree("to"));
}

#[test]
fn a_plan_is_written_read_edited_and_done() {
    let desk = Desk::new();
    desk.put("from/a", "1");
    desk.put("from/b", "2");
    desk.run(&["mirror", "from", "to", "--plan-out", "plan"]).well();
    assert!(!desk.has("to"), "a plan changes nothing");
    let plan = desk.read("plan");
    let kept: Vec<&str> = plan.lines().filter(|line| !line.ends_with("/b")).collect();
    desk.put("plan", kept.join("\n"));
    desk.run(&["mirror", "from", "to", "--plan-in", "plan"]).well();
    assert!(desk.has("to/a") && !desk.has("to/b"));
    desk.put("plan", "not a plan");
    assert_eq!(desk.run(&["mirror", "from", "to", "--plan-in", "plan"]).code, Some(2));
}

#[test]
fn only_what_counts_is_copied_by_rules_in_order() {
    let desk = Desk::new();
    for name in ["from/a.txt", "from/b.log", "from/keep.log", "from/tmp/x"] {
        desk.put(name, "12345");
    }
    desk.put("from/large", [b'x'; 5000]);
    let rules = ["-x", "*.log", "--include", "keep.log", "-x", "tmp/", "--max-size", "1K"];
    desk.run(&[&["mirror", "from", "to"][..], &rules].concat()).well();
    let names: Vec<String> = desk.tree("to").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.txt", "keep.log"]);
}

#[test]
fn both_sides_of_a_sync_get_what_the_other_has() {
    let desk = Desk::new();
    desk.put("one/a", "a");
    desk.put("two/b", "b");
    desk.run(&["sync", "one", "two"]).well();
    assert_eq!(desk.tree("one"), desk.tree("two"));
    fs::remove_file(desk.at("one/b")).unwrap();
    desk.run(&["sync", "one", "two"]).well();
    assert!(!desk.has("two/b"), "it was deleted on one side since");
    desk.put("one/a", "changed here");
    desk.put("two/a", "and there");
    let conflict = desk.run(&["sync", "one", "two"]);
    assert_eq!(conflict.code, Some(1), "{}", conflict.err);
    assert!(conflict.err.contains("both sides have changed"), "{}", conflict.err);
    desk.run(&["sync", "--conflict", "first", "one", "two"]).well();
    assert_eq!(desk.read("two/a"), "changed here");
    fs::rename(desk.at("one"), desk.at("gone")).unwrap();
    assert_eq!(desk.run(&["sync", "one", "two"]).code, Some(3));
    assert!(desk.has("two/a"), "a tree that has gone deletes nothing");
}

#[test]
fn removing_a_tree_does_not_follow_its_links() {
    let desk = Desk::new();
    desk.put("other/precious", "x");
    desk.put("tree/sub/f", "x");
    symlink(desk.at("other"), desk.at("tree/link")).unwrap();
    symlink(desk.at("tree"), desk.at("alias")).unwrap();
    assert_eq!(desk.run(&["rm", "tree"]).code, Some(16), "a directory wants -r");
    desk.run(&["rm", "alias"]).well();
    assert!(desk.has("tree") && !desk.has("alias"));
    desk.run(&["rm", "-r", "-n", "tree"]).well();
    assert!(desk.has("tree/sub/f"));
    desk.run(&["rm", "-r", "tree"]).well();
    assert!(!desk.has("tree") && desk.has("other/precious"));
    desk.run(&["rm", "-f", "tree"]).well();
}

#[test]
fn names_are_moved_and_directories_made() {
    let desk = Desk::new();
    desk.put("a", "one");
    desk.run(&["mkdir", "-p", "d/e/f"]).well();
    desk.run(&["mkdir", "-p", "d/e/f"]).well();
    desk.run(&["mv", "a", "d/e"]).well();
    desk.run(&["mv", "d/e/a", "b"]).well();
    assert_eq!(desk.read("b"), "one");
    desk.put("c", "two");
    assert_eq!(desk.run(&["mv", "b", "c"]).code, Some(16), "the name is taken");
    desk.run(&["mv", "-f", "b", "c"]).well();
    assert_eq!(desk.read("c"), "one");
}

#[test]
fn bookmarks_are_kept_and_no_passwords() {
    let desk = Desk::new();
    desk.run(&["bookmark", "add", "work", "ftpes://me@h.example/dir", "--plain"]).well();
    desk.run(&["bookmark", "add", "home", "ftp://h2.example/"]).well();
    assert_eq!(desk.run(&["bookmark", "list"]).well().lines().len(), 2);
    let shown = desk.run(&["--json", "bookmark", "show", "work"]).well();
    let want = "{\"type\":\"bookmark\",\"name\":\"work\",\
                \"url\":\"ftpes://me@h.example/dir\",\"plain\":true}\n";
    assert_eq!(shown.out, want);
    desk.run(&["bookmark", "remove", "work"]).well();
    assert_eq!(desk.run(&["bookmark", "remove", "work"]).code, Some(3));
}

#[test]
fn a_file_of_log_ins_that_cannot_be_read_stops_only_who_named_it() {
    let desk = Desk::new();
    desk.put(".netrc", "machine h secret-that-was-torn apart");
    desk.put("f", "x");
    let ran = desk.run(&["cat", "f"]).well();
    assert!(ran.err.contains("line 1") && !ran.err.contains("torn"), "{}", ran.err);
    assert_eq!(desk.run(&["--netrc", ".netrc", "cat", "f"]).code, Some(2));
    assert_eq!(desk.run(&["--netrc", "none", "cat", "f"]).code, Some(3));
}

#[test]
fn the_manual_has_the_table_of_exit_codes_and_every_command() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/client.md");
    let manual = fs::read_to_string(manual).unwrap();
    let help = Desk::new().run(&["--help"]).well().out;
    let mut commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let mut count = 0;
    for line in commands.by_ref().take_while(|line| !line.is_empty()) {
        let Some(name) = line.split_whitespace().next() else { continue };
        if line.starts_with("  ") && !line.starts_with("   ") {
            assert!(manual.contains(&format!("`{name}")), "docs/client.md does not know {name}");
            count += 1;
        }
    }
    assert!(count >= 18, "{help}");
}
