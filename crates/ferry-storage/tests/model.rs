//! The memory store is the model: any sequence of operations has the same results on a local
//! directory, links, broken uploads and refusals included.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use ferry_storage::memory::Memory;
use ferry_storage::{FsError, Kind, Meta, SetMeta, Sink, Source, Storage, Upload, WriteMode};
use proptest::prelude::*;

/// Few enough that operations meet.
const PATHS: &[&str] =
    &["/", "/a", "/b", "/c", "/a/a", "/a/b", "/b/a", "/b/c", "/a/b/a", "/a/b/c", "/c/a", "/c/b/a"];
const TARGETS: &[&str] =
    &["a", "b", "c", "a/b", "../b", "..", "../..", ".", "a/", "c/", "/a", "a/../b", "b/./a", "c/a"];

#[derive(Debug, Clone)]
enum Op {
    Stat(usize, bool),
    List(usize),
    Read(usize, u64),
    /// Opens a slot, ending what it held.
    Begin(usize, usize, WriteMode, u32),
    Write(usize, Vec<u8>),
    End(usize, End),
    MakeDir(usize, u32),
    RemoveDir(usize),
    RemoveFile(usize),
    Rename(usize, usize, bool),
    SetMeta(usize, Option<u32>, Option<i64>),
    FreeSpace(usize),
    Link(usize, usize),
    MakeLink(usize, usize),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Commit,
    Abandon,
    Drop,
}

fn op() -> impl Strategy<Value = Op> {
    let path = || 0..PATHS.len();
    // The owner's own rights stay, so that the test means the same for every user.
    let perm = || (0o0..=0o77u32).prop_map(|low| 0o700 | low);
    let upload = prop_oneof![Just(Upload::Atomic), Just(Upload::Discard), Just(Upload::Direct)];
    let mode = prop_oneof![
        4 => upload.clone().prop_map(WriteMode::Create),
        2 => upload.prop_map(WriteMode::CreateNew),
        1 => (0u64..6).prop_map(WriteMode::At),
        1 => (0u64..6).prop_map(WriteMode::Over),
        1 => Just(WriteMode::Append),
    ];
    let end = prop_oneof![3 => Just(End::Commit), 2 => Just(End::Abandon), 1 => Just(End::Drop)];
    let content = proptest::collection::vec(any::<u8>(), 0..8);
    prop_oneof![
        2 => (path(), any::<bool>()).prop_map(|(p, f)| Op::Stat(p, f)),
        2 => path().prop_map(Op::List),
        2 => (path(), 0u64..6).prop_map(|(p, n)| Op::Read(p, n)),
        5 => (0..3usize, path(), mode, perm()).prop_map(|(s, p, m, x)| Op::Begin(s, p, m, x)),
        5 => (0..3usize, content).prop_map(|(s, c)| Op::Write(s, c)),
        5 => (0..3usize, end).prop_map(|(s, e)| Op::End(s, e)),
        5 => (path(), perm()).prop_map(|(p, x)| Op::MakeDir(p, x)),
        2 => path().prop_map(Op::RemoveDir),
        2 => path().prop_map(Op::RemoveFile),
        4 => (path(), path(), any::<bool>()).prop_map(|(a, b, r)| Op::Rename(a, b, r)),
        1 => (path(), proptest::option::of(perm()), proptest::option::of(0..1_000_000_000i64))
            .prop_map(|(p, m, t)| Op::SetMeta(p, m, t)),
        1 => path().prop_map(Op::FreeSpace),
        2 => (path(), path()).prop_map(|(p, t)| Op::MakeLink(p, t)),
        2 => (path(), 0..TARGETS.len()).prop_map(|(p, t)| Op::Link(p, t)),
    ]
}

fn at(path: usize) -> FtpPath {
    FtpPath::new(PATHS[path].as_bytes()).unwrap()
}

fn said<T>(result: Result<T, FsError>, show: impl FnOnce(T) -> String) -> String {
    result.map_or_else(|e| format!("{e:?}"), show)
}

/// What both must agree on: not sizes of directories, owners, identities or times of changes.
fn shown(meta: &Meta) -> String {
    let size = if meta.kind == Kind::Dir { 0 } else { meta.size };
    format!("{:?} {size} {:o}", meta.kind, meta.mode.unwrap())
}

async fn content(source: Source) -> String {
    let mut all = Vec::new();
    match source {
        Source::File { mut file, from, .. } => {
            file.seek(SeekFrom::Start(from)).unwrap();
            file.read_to_end(&mut all).unwrap();
        }
        Source::Stream { mut stream, .. } => loop {
            let (buf, n) = stream.read(vec![0; 3]).await;
            match n.unwrap() {
                0 => break,
                n => all.extend_from_slice(&buf[..n]),
            }
        },
        other => panic!("{other:?}"),
    }
    format!("{all:?}")
}

async fn listing(storage: &dyn Storage, path: &FtpPath) -> String {
    let mut entries = match storage.list(path).await {
        Ok(entries) => entries,
        Err(e) => return format!("{e:?}"),
    };
    let mut lines = Vec::new();
    loop {
        let batch = entries.next_batch().await.unwrap();
        if batch.is_empty() {
            lines.sort();
            return lines.join("\n");
        }
        for e in batch {
            let target = e.target.as_ref().map(shown);
            lines.push(format!("{:?} {} {:?} {target:?}", e.name, shown(&e.meta), e.link));
        }
    }
}

/// Makes a link at a path; says whether that was possible.
type MakeLink = Box<dyn Fn(&str, &str) -> bool>;

struct Side {
    storage: Box<dyn Storage>,
    link: MakeLink,
    slots: [Option<Box<dyn Sink>>; 3],
}

impl Side {
    async fn apply(&mut self, op: &Op) -> String {
        let s = &*self.storage;
        match *op {
            Op::Stat(p, follow) => said(s.stat(&at(p), follow).await, |m| shown(&m)),
            Op::List(p) => listing(s, &at(p)).await,
            Op::Read(p, from) => match s.read(&at(p), from).await {
                Ok(source) => content(source).await,
                Err(e) => format!("{e:?}"),
            },
            Op::Begin(slot, p, mode, perm) => {
                self.slots[slot] = None;
                match s.write(&at(p), mode, perm).await {
                    Ok(sink) => {
                        self.slots[slot] = Some(sink);
                        "open".into()
                    }
                    Err(e) => format!("{e:?}"),
                }
            }
            Op::Write(slot, ref content) => match &mut self.slots[slot] {
                Some(sink) => said(sink.write(content.clone()).await.1, |()| "written".into()),
                None => String::new(),
            },
            Op::End(slot, end) => match (self.slots[slot].take(), end) {
                (Some(sink), End::Commit) => said(sink.commit().await, |()| "done".into()),
                (Some(sink), End::Abandon) => said(sink.abandon().await, |k| k.to_string()),
                _ => String::new(),
            },
            Op::MakeDir(p, perm) => said(s.make_dir(&at(p), perm).await, |()| "made".into()),
            Op::RemoveDir(p) => said(s.remove_dir(&at(p)).await, |()| "gone".into()),
            Op::RemoveFile(p) => said(s.remove_file(&at(p)).await, |()| "gone".into()),
            Op::Rename(a, b, replace) => {
                said(s.rename(&at(a), &at(b), replace).await, |()| "moved".into())
            }
            Op::SetMeta(p, mode, time) => {
                let modified = time.map(UnixTime::from_secs);
                let set = SetMeta { mode, modified, accessed: modified, ..SetMeta::default() };
                let done = said(s.set_meta(&at(p), set).await, |()| "set".into());
                let meta = s.stat(&at(p), true).await.ok();
                let seen = meta.filter(|_| time.is_some()).map(|m| m.modified);
                format!("{done} {seen:?}")
            }
            Op::FreeSpace(p) => said(s.free_space(&at(p)).await, |_| "known".into()),
            Op::MakeLink(p, t) => said(s.make_link(&at(p), &at(t)).await, |()| "linked".into()),
            Op::Link(p, t) => (self.link)(PATHS[p], TARGETS[t]).to_string(),
        }
    }
}

/// Links are made by their name alone: the directory must be a real one on both sides.
fn os_path(root: &std::path::Path, path: &str) -> PathBuf {
    root.join(OsStr::from_bytes(&path.as_bytes()[1..]))
}

fn sides(root: PathBuf, nameless: bool) -> (Side, Side) {
    let memory = Memory::new();
    let (links, storage) = (memory.clone(), memory);
    let model = Side {
        storage: Box::new(storage),
        link: Box::new(move |path, target| links.add_symlink(path, target).is_ok()),
        slots: [None, None, None],
    };
    let local = Side {
        storage: Box::new(LocalDir::open(&root).unwrap().with_nameless_uploads(nameless)),
        link: Box::new(move |path, target| {
            std::os::unix::fs::symlink(target, os_path(&root, path)).is_ok()
        }),
        slots: [None, None, None],
    };
    (model, local)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn a_local_directory_does_what_the_memory_store_does(
        ops in proptest::collection::vec(op(), 1..60),
        nameless in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&root, mode).unwrap();
        let (mut model, mut local) = sides(root, nameless);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (i, op) in ops.iter().enumerate() {
                // A link is made the same way on both sides only where no link leads to it.
                if let Op::Link(p, _) = op {
                    let parent = at(*p).parent();
                    let Some(parent) = parent else { continue };
                    let meta = model.storage.stat(&parent, false).await;
                    if !meta.is_ok_and(|m| m.kind == Kind::Dir) {
                        continue;
                    }
                }
                // A directory with a hidden name in it is not empty; the model has no such names.
                if !nameless && matches!(op, Op::RemoveDir(_) | Op::Rename(..)) {
                    model.slots = [None, None, None];
                    local.slots = [None, None, None];
                }
                let (want, got) = (model.apply(op).await, local.apply(op).await);
                prop_assert_eq!(want, got, "operation {} of {:?}", i, ops);
            }
            for path in 0..PATHS.len() {
                let op = Op::List(path);
                prop_assert_eq!(model.apply(&op).await, local.apply(&op).await);
                let op = Op::Read(path, 0);
                prop_assert_eq!(model.apply(&op).await, local.apply(&op).await);
            }
            Ok(())
        })?;
    }
}
