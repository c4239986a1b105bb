//! The commands and what each of them takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use ferry_proto::hash::Algorithm;

use super::values::{self, Since, Wrong};
use super::{DeleteWhen, LinksHow};

/// What is to be done.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Lists directories and files
    #[command(visible_alias = "dir")]
    Ls(Ls),
    /// Shows a directory and all below it as a tree
    Tree(Tree),
    /// Tells everything about files and directories
    Stat(Places),
    /// Writes files to standard output
    Cat(Cat),
    /// Downloads files: SOURCE... TARGET, or one SOURCE to here
    Get(Get),
    /// Uploads files: SOURCE... TARGET
    Put(Put),
    /// Removes files, and directories with -r
    Rm(Rm),
    /// Renames or moves files and directories on one server
    Mv(Mv),
    /// Makes directories
    Mkdir(Mkdir),
    /// Makes a tree at TO like the one at FROM
    Mirror(Mirror),
    /// Makes two trees alike, in both directions
    Sync(Sync),
    /// Tells in what two trees differ
    Diff(Diff),
    /// Adds up sizes
    Du(Du),
    /// Finds files in a tree
    Find(Find),
    /// Computes hashes of files, on the server where it can
    Hash(Hash),
    /// Copies a file from one server to another
    Fxp(Fxp),
    /// Works on a server by hand
    Shell(Shell),
    /// Names for servers
    Bookmark {
        #[command(subcommand)]
        action: Bookmark,
    },
    /// Works on a server by hand, at a place that must be there
    Open(Open),
}

impl Command {
    /// What it names, where that is a list of places.
    pub(crate) fn places_mut(&mut self) -> Option<&mut Vec<OsString>> {
        match self {
            Self::Ls(args) => Some(&mut args.places),
            Self::Tree(args) => Some(&mut args.places),
            Self::Stat(args) => Some(&mut args.places),
            Self::Cat(args) => Some(&mut args.places),
            Self::Get(args) => Some(&mut args.places),
            Self::Put(args) => Some(&mut args.places),
            Self::Rm(args) => Some(&mut args.places),
            Self::Mv(args) => Some(&mut args.places),
            Self::Mkdir(args) => Some(&mut args.places),
            Self::Du(args) => Some(&mut args.places),
            Self::Find(args) => Some(&mut args.places),
            Self::Hash(args) => Some(&mut args.places),
            _ => None,
        }
    }
}

/// Just places.
#[derive(Debug, Clone, Args)]
pub(crate) struct Places {
    /// URLs, bookmarks or local paths
    #[arg(required = true, value_name = "PLACE")]
    pub(crate) places: Vec<OsString>,
}

/// By what listings are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum SortBy {
    #[default]
    Name,
    Size,
    Time,
    Extension,
    /// As the server lists them
    None,
}

#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags are")]
pub(crate) struct Ls {
    #[arg(value_name = "PLACE", default_value = ".", help = "What to list")]
    pub(crate) places: Vec<OsString>,
    /// With kind, rights, size and time
    #[arg(short)]
    pub(crate) long: bool,
    /// Names with a dot in front, too
    #[arg(short)]
    pub(crate) all: bool,
    /// Directories themselves, not what is in them
    #[arg(short)]
    pub(crate) directory: bool,
    /// And all that is below
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// Sizes with units
    #[arg(short = 'H', long)]
    pub(crate) human: bool,
    /// The other way round
    #[arg(short = 'r', long)]
    pub(crate) reverse: bool,
    /// In which order
    #[arg(long, value_enum, default_value_t, value_name = "KEY")]
    pub(crate) sort: SortBy,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Tree {
    #[arg(value_name = "PLACE", default_value = ".", help = "Where to begin")]
    pub(crate) places: Vec<OsString>,
    /// So many levels, no more
    #[arg(short = 'L', long, value_name = "N")]
    pub(crate) depth: Option<usize>,
    /// Names with a dot in front, too
    #[arg(short)]
    pub(crate) all: bool,
    /// Directories only
    #[arg(short)]
    pub(crate) directories: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Cat {
    #[arg(value_name = "PLACE", required = true, help = "Files to write out")]
    pub(crate) places: Vec<OsString>,
    /// Begins at that octet
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) offset: Option<u64>,
    /// Ends after so many octets
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) length: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Get {
    #[arg(value_name = "PLACE", required = true, help = "URLs, and where to put them last")]
    pub(crate) places: Vec<OsString>,
    /// Directories with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Put {
    #[arg(value_name = "PLACE", required = true, num_args = 2..,
          help = "Files, and where to put them last")]
    pub(crate) places: Vec<OsString>,
    /// Directories with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Appends to what is there
    #[arg(long, conflicts_with_all = ["recursive", "resume", "atomic"])]
    pub(crate) append: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Rm {
    #[arg(value_name = "PLACE", required = true, help = "What to remove")]
    pub(crate) places: Vec<OsString>,
    /// Directories with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// What is not there is no error
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Fails rather than remove more than so many
    #[arg(long, value_name = "N")]
    pub(crate) max_delete: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Mv {
    #[arg(value_name = "PLACE", required = true, num_args = 2..,
          help = "What to move, and where to last")]
    pub(crate) places: Vec<OsString>,
    /// Replaces a file that has the name
    #[arg(short, long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Mkdir {
    #[arg(value_name = "PLACE", required = true, help = "What to make")]
    pub(crate) places: Vec<OsString>,
    /// With all directories on the way; those that are there are no error
    #[arg(short, long)]
    pub(crate) parents: bool,
}

/// How trees are made alike.
#[derive(Debug, Clone, Args)]
pub(crate) struct Alike {
    /// Removes what the source does not have, if its listing proved to be whole
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true,
          default_missing_value = "after")]
    pub(crate) delete: Option<DeleteWhen>,
    /// Fails rather than remove more than so many
    #[arg(long, value_name = "N")]
    pub(crate) max_delete: Option<u64>,
    /// Deletes even if the source is empty
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Leaves alone what is newer at the destination
    #[arg(short, long)]
    pub(crate) update: bool,
    /// What becomes of symbolic links
    #[arg(long, value_enum, default_value = "skip", value_name = "HOW")]
    pub(crate) links: LinksHow,
    /// Compares contents, by hashes, whatever the times say
    #[arg(long)]
    pub(crate) checksum: bool,
    /// Compares sizes only
    #[arg(long, conflicts_with = "checksum")]
    pub(crate) size_only: bool,
    /// Writes what would be done to this file, and does nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) plan_out: Option<PathBuf>,
    /// Does what this file says
    #[arg(long, value_name = "FILE", conflicts_with = "plan_out")]
    pub(crate) plan_in: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Mirror {
    /// The tree as it should be
    pub(crate) from: OsString,
    /// The tree to change
    pub(crate) to: OsString,
    #[command(flatten)]
    pub(crate) alike: Alike,
}

/// What wins where both sides have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Conflict {
    /// Neither: it is told, and left as it is
    #[default]
    Skip,
    /// What was changed last
    Newer,
    /// What is larger
    Larger,
    /// The first place
    First,
    /// The second place
    Second,
    /// Both, the loser under another name
    Both,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Sync {
    /// One tree
    pub(crate) first: OsString,
    /// The other
    pub(crate) second: OsString,
    /// What wins where both have changed
    #[arg(long, value_enum, default_value_t, value_name = "RULE")]
    pub(crate) conflict: Conflict,
    /// Fails rather than remove more than so many
    #[arg(long, value_name = "N")]
    pub(crate) max_delete: Option<u64>,
    /// Deletes even if one side is empty
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// What becomes of symbolic links
    #[arg(long, value_enum, default_value = "skip", value_name = "HOW")]
    pub(crate) links: LinksHow,
    /// Compares contents, by hashes, whatever the times say
    #[arg(long)]
    pub(crate) checksum: bool,
    /// Compares sizes only
    #[arg(long, conflicts_with = "checksum")]
    pub(crate) size_only: bool,
    /// Remembers in this file what both trees held, not in one of its own
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Writes what would be done to this file, and does nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) plan_out: Option<PathBuf>,
    /// Does what this file says
    #[arg(long, value_name = "FILE", conflicts_with = "plan_out")]
    pub(crate) plan_in: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Diff {
    /// One tree
    pub(crate) first: OsString,
    /// The other
    pub(crate) second: OsString,
    /// Compares contents, by hashes, whatever the times say
    #[arg(long)]
    pub(crate) checksum: bool,
    /// Compares sizes only
    #[arg(long, conflicts_with = "checksum")]
    pub(crate) size_only: bool,
    /// What becomes of symbolic links
    #[arg(long, value_enum, default_value = "skip", value_name = "HOW")]
    pub(crate) links: LinksHow,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Du {
    #[arg(value_name = "PLACE", default_value = ".", help = "What to add up")]
    pub(crate) places: Vec<OsString>,
    /// The sum only
    #[arg(short, long)]
    pub(crate) summarize: bool,
    /// Sizes with units
    #[arg(short = 'H', long)]
    pub(crate) human: bool,
    /// Directories down to so many levels, each with its sum
    #[arg(short = 'L', long, value_name = "N", conflicts_with = "summarize")]
    pub(crate) depth: Option<usize>,
}

/// What kind of thing is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindKind {
    #[value(name = "f", alias = "file")]
    File,
    #[value(name = "d", alias = "dir")]
    Dir,
    #[value(name = "l", alias = "link")]
    Link,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Find {
    #[arg(value_name = "PLACE", default_value = ".", help = "Where to look")]
    pub(crate) places: Vec<OsString>,
    /// Names that match (wildcards)
    #[arg(long, value_name = "GLOB")]
    pub(crate) name: Option<String>,
    /// Files (f), directories (d) or links (l) only
    #[arg(short = 't', long = "kind", value_enum, value_name = "KIND")]
    pub(crate) kind: Option<FindKind>,
    /// So many levels, no more
    #[arg(short = 'L', long, value_name = "N")]
    pub(crate) depth: Option<usize>,
    /// What was changed before that
    #[arg(long, value_name = "TIME", value_parser = values::since)]
    pub(crate) older_than: Option<Since>,
    /// As `ls -l` shows them
    #[arg(short)]
    pub(crate) long: bool,
    /// NUL behind each name instead of a line end, names as they are
    #[arg(short = '0', long)]
    pub(crate) print0: bool,
}

fn algorithm(text: &str) -> Result<Algorithm, Wrong> {
    values::algorithm(text)
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Hash {
    #[arg(value_name = "PLACE", required = true, help = "Files to hash")]
    pub(crate) places: Vec<OsString>,
    /// SHA-256, SHA-512, SHA-1, MD5, CRC32 or BLAKE3
    #[arg(short = 'A', long, default_value = "sha256", value_name = "NAME",
          value_parser = algorithm)]
    pub(crate) algorithm: Algorithm,
    /// Fails where the server does not know, instead of downloading the file
    #[arg(long)]
    pub(crate) no_download: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Fxp {
    /// The file, or with -r the directory
    pub(crate) from: OsString,
    /// Where it is to go
    pub(crate) to: OsString,
    /// Takes a directory with all that is in it
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Fails rather than move files through this machine
    #[arg(long, conflicts_with_all = ["via_here", "limit_rate"])]
    pub(crate) direct: bool,
    /// Moves files through this machine without asking the servers to do it
    #[arg(long)]
    pub(crate) via_here: bool,
    /// How long the servers may take for one file: nobody sees whether they go on
    #[arg(long, value_name = "SECONDS", value_parser = values::timeout,
          conflicts_with = "via_here")]
    pub(crate) direct_timeout: Option<Duration>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Shell {
    /// Where to begin
    pub(crate) place: Option<OsString>,
    /// Obeys the lines of this file (- for standard input)
    #[arg(short, long, value_name = "FILE", conflicts_with = "command")]
    pub(crate) file: Option<PathBuf>,
    /// Obeys these commands, separated by ;
    #[arg(short, long, value_name = "COMMANDS")]
    pub(crate) command: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Open {
    /// Where to begin
    pub(crate) place: OsString,
}

/// What is done with bookmarks.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Bookmark {
    /// Adds one, or changes it; --plain is kept with it
    Add {
        /// Its name
        name: String,
        /// Where it leads, without a password
        url: String,
    },
    /// Shows all of them
    List,
    /// Shows where one leads
    Show {
        /// Its name
        name: String,
    },
    /// Removes one
    Remove {
        /// Its name
        name: String,
    },
}
