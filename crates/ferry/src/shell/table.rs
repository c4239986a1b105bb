//! The commands of the shell: their names, their help, and what their words name.

/// What a word of a command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// No path.
    None,
    /// Something on the server.
    Remote,
    /// Something of this machine.
    Local,
    /// Something on the server, and behind it something here.
    RemoteLocal,
    /// Something here, and behind it something on the server.
    LocalRemote,
}

impl Side {
    /// For the `at`-th word behind the command.
    pub(crate) fn of_word(self, at: usize) -> Self {
        match (self, at) {
            (Self::RemoteLocal, 0) | (Self::LocalRemote, 1..) => Self::Remote,
            (Self::RemoteLocal, _) | (Self::LocalRemote, _) => Self::Local,
            (side, _) => side,
        }
    }
}

/// One command.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) words: &'static str,
    pub(crate) help: &'static str,
    pub(crate) side: Side,
}

const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    words: &'static str,
    help: &'static str,
    side: Side,
) -> Entry {
    Entry { name, aliases, words, help, side }
}

/// All commands, in the order of the help.
pub(crate) const TABLE: &[Entry] = &[
    entry("open", &["connect"], "URL|BOOKMARK:|HOST", "goes to a server", Side::None),
    entry("user", &[], "NAME", "logs in again, as someone else", Side::None),
    entry("close", &["disconnect"], "", "leaves the server", Side::None),
    entry("ls", &["list"], "[-aHRr] [--sort KEY] [PATH...]", "lists, long", Side::Remote),
    entry("dir", &[], "[PATH...]", "lists, long, hidden names too", Side::Remote),
    entry("cls", &["nlist"], "[PATH...]", "lists names only", Side::Remote),
    entry("cd", &["cwd"], "[DIRECTORY|-]", "changes the directory on the server", Side::Remote),
    entry("pwd", &[], "", "tells the directory on the server", Side::None),
    entry("lcd", &[], "[DIRECTORY]", "changes the local directory", Side::Local),
    entry("lpwd", &[], "", "tells the local directory", Side::None),
    entry("lls", &[], "[-al] [PATH...]", "lists here", Side::Local),
    entry("get", &["recv"], "[-r] FILE [LOCAL]", "downloads a file", Side::RemoteLocal),
    entry("mget", &[], "[-r] FILE...", "downloads files to here", Side::Remote),
    entry("reget", &[], "FILE [LOCAL]", "downloads the rest of a file", Side::RemoteLocal),
    entry("put", &["send"], "[-r] LOCAL [FILE]", "uploads a file", Side::LocalRemote),
    entry("mput", &[], "[-r] LOCAL...", "uploads files to the directory", Side::Local),
    entry("reput", &[], "LOCAL [FILE]", "uploads the rest of a file", Side::LocalRemote),
    entry("append", &[], "LOCAL FILE", "uploads to the end of a file", Side::LocalRemote),
    entry("cat", &["more"], "FILE...", "shows files", Side::Remote),
    entry(
        "mirror",
        &[],
        "[-R] [--delete] [FROM [TO]]",
        "makes a tree here like one there; -R: there like here",
        Side::RemoteLocal,
    ),
    entry("mv", &["rename", "ren"], "FROM... TO", "renames and moves", Side::Remote),
    entry("rm", &["del", "delete", "mdelete", "mrm"], "[-r] PATH...", "removes", Side::Remote),
    entry("rmdir", &[], "DIRECTORY...", "removes empty directories", Side::Remote),
    entry("mkdir", &["md"], "[-p] DIRECTORY...", "makes directories", Side::Remote),
    entry("chmod", &[], "MODE PATH...", "changes permission bits (octal)", Side::Remote),
    entry("stat", &[], "PATH...", "tells all about files", Side::Remote),
    entry("find", &[], "[--name GLOB] [PATH...]", "finds files in a tree", Side::Remote),
    entry("tree", &[], "[PATH]", "draws a tree", Side::Remote),
    entry("du", &[], "[-sH] [PATH...]", "adds up sizes", Side::Remote),
    entry("hash", &[], "[-A NAME] FILE...", "computes hashes", Side::Remote),
    entry("site", &[], "WORDS", "sends SITE and shows the reply", Side::None),
    entry("quote", &["literal"], "WORDS", "sends a command as it is", Side::None),
    entry("passive", &[], "[on|off]", "who opens data connections", Side::None),
    entry("binary", &["bin", "image"], "", "moves octets as they are", Side::None),
    entry("ascii", &[], "", "moves text, line ends converted", Side::None),
    entry("status", &[], "", "tells where we are", Side::None),
    entry("jobs", &[], "", "lists what runs in the background", Side::None),
    entry("wait", &[], "[JOB]", "waits for one or all of them", Side::None),
    entry("kill", &[], "JOB|all", "stops one or all of them", Side::None),
    entry("bookmark", &[], "[add NAME [URL]|list|show|remove]", "names for servers", Side::None),
    entry("echo", &[], "WORDS", "says them", Side::None),
    entry("help", &["?"], "[COMMAND]", "this", Side::None),
    entry("exit", &["quit", "bye"], "[CODE]", "ends", Side::None),
];

/// The command of that name; its first letters are enough where no other has them.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    let exact = |entry: &&Entry| entry.name == name || entry.aliases.contains(&name);
    if let Some(entry) = TABLE.iter().find(exact) {
        return Some(entry);
    }
    let mut fits = TABLE.iter().filter(|entry| !name.is_empty() && entry.name.starts_with(name));
    let first = fits.next()?;
    fits.next().is_none().then_some(first)
}

/// The help: of one command, or of all.
pub(crate) fn help(name: Option<&str>) -> Option<String> {
    let line = |entry: &Entry| {
        let usage = format!("{} {}", entry.name, entry.words);
        let aliases = match entry.aliases {
            [] => String::new(),
            aliases => format!(" (also {})", aliases.join(", ")),
        };
        format!("  {usage:<48} {}{aliases}", entry.help)
    };
    match name {
        Some(name) => find(name).map(line),
        None => {
            let lines: Vec<String> = TABLE.iter().map(line).collect();
            let end = "  !COMMAND   runs a command of this machine\n\n\
                       COMMAND & leaves it in the background; ; && || as elsewhere; '…' quotes";
            Some(format!("{}\n{end}", lines.join("\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_means_two_commands() {
        let mut seen = HashSet::new();
        for entry in TABLE {
            for name in std::iter::once(&entry.name).chain(entry.aliases) {
                assert!(seen.insert(*name), "{name}");
                assert_eq!(find(name).map(|found| found.name), Some(entry.name));
            }
        }
    }

    #[test]
    fn the_manual_has_this_help() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/client.md");
        let there = std::fs::read_to_string(file).unwrap();
        let help = help(None).unwrap();
        assert!(there.contains(&help), "docs/client.md must hold:\n\n{help}");
    }

    #[test]
    fn the_first_letters_are_enough() {
        assert_eq!(find("mir").map(|entry| entry.name), Some("mirror"));
        assert_eq!(find("by").map(|entry| entry.name), None, "that is an alias");
        assert!(find("m").is_none() && find("").is_none() && find("nonsense").is_none());
    }

    #[test]
    fn words_name_things_on_either_side() {
        assert_eq!(Side::RemoteLocal.of_word(0), Side::Remote);
        assert_eq!(Side::RemoteLocal.of_word(1), Side::Local);
        assert_eq!(Side::LocalRemote.of_word(0), Side::Local);
        assert_eq!(Side::LocalRemote.of_word(2), Side::Remote);
        assert_eq!(Side::Remote.of_word(5), Side::Remote);
    }

    #[test]
    fn everything_is_explained() {
        let all = help(None).unwrap();
        assert!(TABLE.iter().all(|entry| all.contains(entry.name)));
        assert!(help(Some("get")).unwrap().contains("downloads"));
        assert_eq!(help(Some("nonsense")), None);
    }
}
