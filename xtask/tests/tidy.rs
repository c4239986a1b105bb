//! What the repository looks like: rules that no compiler knows, checked over every tracked file.
//! Each failure says what to do instead.
//!
//! Words that are not to appear are spelled in two halves here, so that this file may be checked
//! like any other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINE_MAX: usize = 100;
const FILE_LINES_MAX: usize = 800;
const FUZZ_TARGET_LINES_MAX: usize = 20;
const BLOB_MAX: u64 = 200 << 10;

/// The only places where `unsafe` may be written.
const UNSAFE_FILES: [&str; 2] = [
    // Counts what a session allocates: an allocator cannot be written otherwise.
    "testkit/src/heap.rs",
    // Makes a TUN device for measuring: the kernel offers it by ioctl alone.
    "bench/src/sys.rs",
];

/// Files that are generated and may be as long as they like.
const GENERATED: [&str; 2] = ["Cargo.lock", "fuzz/Cargo.lock"];

/// Texts that are not ours to word.
const VERBATIM: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// One tracked file.
struct Tracked {
    path: String,
    full: PathBuf,
    /// `None` for what is no text.
    text: Option<String>,
}

impl Tracked {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_generated(&self) -> bool {
        GENERATED.contains(&self.path.as_str())
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.iter().flat_map(|text| text.lines()).enumerate().map(|(i, line)| (i + 1, line))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn tracked() -> Vec<Tracked> {
    let listed = Command::new("git")
        // The checkout may belong to someone else than who runs the tests.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<Tracked> = listed
        .split_terminator('\0')
        .map(|path| (path.to_owned(), root().join(path)))
        // Deleted but not yet committed.
        .filter(|(_, full)| full.is_file())
        .map(|(path, full)| {
            let text = fs::read(&full).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Tracked { path, full, text }
        })
        .collect();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "no repository here");
    files
}

/// Fails with every finding of `check` at once.
fn check(check: impl Fn(&Tracked, &mut Vec<String>)) {
    let mut found = Vec::new();
    for file in tracked() {
        check(&file, &mut found);
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Rust code without its comments, strings left in: enough to look for words.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

/// Whether `word` stands in `text` by itself.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn lines_are_short_and_end_cleanly() {
    check(|file, found| {
        for (number, line) in file.lines() {
            let place = format!("{}:{number}", file.path);
            if file.is_rust() && line.chars().count() > LINE_MAX {
                found.push(format!("{place}: over {LINE_MAX} columns; break the line"));
            }
            if !file.is_generated() && line.ends_with([' ', '\t', '\r']) {
                found.push(format!("{place}: white space at the end; remove it"));
            }
            if file.is_rust() && line.contains('\t') {
                found.push(format!("{place}: a tab; write \\t in a string, indent by spaces"));
            }
        }
        if file.text.as_ref().is_some_and(|text| !text.is_empty() && !text.ends_with('\n')) {
            found.push(format!("{}: no line end at its end; add one", file.path));
        }
    });
}

#[test]
fn every_rust_file_says_first_what_lives_there() {
    check(|file, found| {
        let text = file.text.as_deref().unwrap_or_default();
        if file.is_rust() && !text.starts_with("//!") {
            found.push(format!(
                "{}: start it with a //! paragraph: what lives here, what does not, who calls it",
                file.path
            ));
        }
    });
}

#[test]
fn files_are_of_a_size_to_be_read() {
    check(|file, found| {
        let lines = file.lines().count();
        let explains = file.lines().take(30).any(|(_, line)| line.contains("This file is long"));
        if file.is_rust() && lines > FILE_LINES_MAX && !explains {
            found.push(format!(
                "{}: {lines} lines; split it by noun, or say in its header \
                 \"This file is long because …\"",
                file.path
            ));
        }
        let bytes = fs::metadata(&file.full).map_or(0, |meta| meta.len());
        if bytes > BLOB_MAX && !file.is_generated() {
            found.push(format!(
                "{}: {bytes} octets; make such data where it is needed instead of keeping it",
                file.path
            ));
        }
    });
}

#[test]
fn nothing_is_left_unfinished() {
    let macros = [
        (concat!("to", "do!"), "write the code, or return a typed error"),
        (concat!("unimple", "mented!"), "write the code, or return a typed error"),
        (concat!("db", "g!"), "remove it; what an operator should know is an Event"),
        (concat!("#[ig", "nore"), "repair the test or delete it"),
    ];
    let notes = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    check(|file, found| {
        for (number, line) in file.lines() {
            let place = format!("{}:{number}", file.path);
            for (what, instead) in &macros {
                if file.is_rust() && line.contains(what) {
                    found.push(format!("{place}: {what}: {instead}"));
                }
            }
            for note in notes {
                if has_word(line, note) && !file.is_generated() {
                    found
                        .push(format!("{place}: {note}: do it, or open an issue and name it here"));
                }
            }
        }
    });
}

#[test]
fn unsafe_code_stays_in_its_module() {
    let word = concat!("un", "safe");
    check(|file, found| {
        if !file.is_rust() || UNSAFE_FILES.contains(&file.path.as_str()) {
            return;
        }
        for (number, line) in file.lines() {
            if has_word(code(line), word) {
                found.push(format!(
                    "{}:{number}: {word} code; use a safe interface (rustix), or move it to {}",
                    file.path, UNSAFE_FILES[0]
                ));
            }
        }
    });
}

#[test]
fn the_protocol_crate_does_no_io_and_reads_no_clock() {
    let banned = ["std::fs", "tokio", "Instant", "SystemTime", "rand", "getrandom", "std::process"];
    let addresses =
        ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];
    check(|file, found| {
        if !file.is_rust() || !file.path.starts_with("crates/ferry-proto/src/") {
            return;
        }
        for (number, line) in file.lines() {
            let place = format!("{}:{number}", file.path);
            let code = code(line);
            for word in banned.iter().filter(|word| has_word(code, word)) {
                found.push(format!(
                    "{place}: {word}: this crate has no I/O, clock or chance; take a value as an \
                     argument, or return a request for the driver"
                ));
            }
            let nets = ["std::net::", "core::net::"];
            for named in nets.iter().flat_map(|net| code.split(net).skip(1)) {
                let names = named
                    .trim_start_matches('{')
                    .split([',', ' ', '}', ';', '(', ')', '<', '>', ':']);
                let first = names.map(str::trim).find(|name| !name.is_empty()).unwrap_or_default();
                if !addresses.contains(&first) {
                    found.push(format!("{place}: {first} of std::net: only address types here"));
                }
            }
        }
    });
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let machine_paths = [
        concat!("/wo", "rk/"),
        concat!("/root", "/.cargo"),
        concat!("/root", "/.rust"),
        concat!("/bash_", "jobs"),
    ];
    let words = [
        concat!("assist", "ant"),
        concat!("chat", "bot"),
        concat!("language", " model"),
        concat!("gener", "ated by"),
        concat!("co-auth", "ored-by"),
    ];
    check(|file, found| {
        if VERBATIM.contains(&file.path.as_str()) {
            return;
        }
        for (number, line) in file.lines().filter(|_| !file.is_generated()) {
            let place = format!("{}:{number}", file.path);
            for path in machine_paths.iter().filter(|path| line.contains(*path)) {
                found.push(format!("{place}: {path}: a path of one machine; make it relative"));
            }
            let lower = line.to_lowercase();
            for word in words.iter().filter(|word| lower.contains(*word)) {
                found
                    .push(format!("{place}: \"{word}\": say what the code does, not who wrote it"));
            }
        }
    });
}

#[test]
fn only_scripts_are_executable() {
    check(|file, found| {
        let executable =
            fs::metadata(&file.full).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
        let script = file.text.as_ref().is_some_and(|text| text.starts_with("#!/"));
        if executable && !script {
            found.push(format!("{}: executable but no script; chmod -x", file.path));
        }
        if script && !executable {
            found.push(format!("{}: a script that cannot be run; chmod +x", file.path));
        }
    });
}

#[test]
fn every_crate_says_what_it_is_and_under_which_licence() {
    check(|file, found| {
        let crates = file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml");
        for key in ["description = \"", "license", "[lints]"] {
            if crates && !file.lines().any(|(_, line)| line.starts_with(key)) {
                let key = key.trim_end_matches(" = \"");
                found.push(format!("{}: no {key}; add it as in the other crates", file.path));
            }
        }
    });
}

#[test]
fn fuzz_targets_are_listed_and_short() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    check(|file, found| {
        let Some(name) = file.path.strip_prefix("fuzz/fuzz_targets/") else {
            return;
        };
        if !manifest.contains(&format!("path = \"fuzz_targets/{name}\"")) {
            found.push(format!("{}: not in fuzz/Cargo.toml; add a [[bin]]", file.path));
        }
        let lines = file.lines().count();
        if lines > FUZZ_TARGET_LINES_MAX {
            found.push(format!(
                "{}: {lines} lines; what it does belongs in the crate, where tests reach it",
                file.path
            ));
        }
    });
}

#[test]
fn the_readme_names_the_commands_that_work() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    for command in ["cargo xtask test", "cargo run --release --bin ferryd -- ./share"] {
        assert!(readme.contains(command), "README.md must show `{command}`");
    }
    let config = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    assert!(config.contains("xtask = "), "`cargo xtask` is an alias in .cargo/config.toml");
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(ci.contains("cargo xtask test"), ".ci/run must run the README's test command");
}
