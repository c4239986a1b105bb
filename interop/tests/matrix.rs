//! Every client × every way to connect × every job, with what must be on both sides afterwards.
//!
//! One test per client; each prints its part of the matrix. A cell that is left out has its reason
//! below the table, and the reason is the client's: nothing is left out for the server's sake.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::path::{Path, PathBuf};

use interop::PASSWORD;
use interop::clients::{Client, Skill, all};
use interop::content::{marked_head, noise};
use interop::link::{Link, Target};
use interop::peers::{have, say};
use interop::process::Finished;
use interop::server::{Server, ipv6};
use interop::table::{Cell, Table};
use interop::task::{Task, half};

/// More than the server's buffers and than a TLS record, and no multiple of anything.
const LEN: usize = 300_007;

/// After so many failures the rest of a client's matrix is not tried: each may take its time limit.
const FAILURES_MAX: usize = 8;

/// Names that clients and servers get wrong: spaces (also two, and at an end), quotes, UTF-8, a
/// leading dash, glob characters.
const ODD_NAMES: [&str; 7] = [
    "two  spaces in.txt",
    "say \"hello\" it's.txt",
    "zażółć 日本語 🚢.txt",
    "-dash.txt",
    "--double dash",
    ".hidden",
    "percent%20 #hash;semi&amp.txt",
];

/// One column of the matrix.
struct Job {
    name: &'static str,
    skills: &'static [Skill],
    run: fn(&Cx<'_>) -> Result<(), String>,
}

const JOBS: [Job; 12] = [
    Job { name: "login", skills: &[Skill::Read], run: log_in },
    Job { name: "list", skills: &[Skill::Read], run: list },
    Job { name: "get", skills: &[Skill::Read], run: get },
    Job { name: "put", skills: &[Skill::Write], run: put },
    Job { name: "reget", skills: &[Skill::ResumeGet], run: resume_get },
    Job { name: "reput", skills: &[Skill::ResumePut], run: resume_put },
    Job { name: "rename", skills: &[Skill::Manage], run: rename },
    Job { name: "delete", skills: &[Skill::Manage], run: delete },
    Job { name: "mkdir", skills: &[Skill::Manage], run: make_and_remove_dirs },
    Job { name: "get-names", skills: &[Skill::OddNames], run: get_odd_names },
    Job { name: "put-names", skills: &[Skill::OddNames, Skill::Write], run: put_odd_names },
    Job { name: "empty", skills: &[Skill::Read], run: empty_files },
];

/// What a job has to work with: a client, a link, and a directory of its own on either side.
struct Cx<'a> {
    client: &'a dyn Client,
    target: Target<'a>,
    remote: String,
    remote_here: PathBuf,
    local: PathBuf,
}

impl Cx<'_> {
    fn run(&self, tasks: &[Task]) -> Result<Vec<Finished>, String> {
        self.client.run(&self.target, tasks).map_err(|e| e.to_string())
    }

    fn get(&self, name: &str, resume: bool) -> Task {
        Task::Get { dir: self.remote.clone(), name: name.into(), to: self.local.join(name), resume }
    }

    fn put(&self, name: &str, resume: bool) -> Task {
        let from = self.local.join(name);
        Task::Put { from, dir: self.remote.clone(), name: name.into(), resume }
    }
}

fn report(runs: &[Finished]) -> String {
    runs.iter().map(ToString::to_string).collect()
}

/// Compares a file with what should be in it.
fn expect(path: &Path, content: &[u8], runs: &[Finished]) -> Result<(), String> {
    let found = fs::read(path).map_err(|e| format!("{}: {e}\n{}", path.display(), report(runs)))?;
    if found == content {
        return Ok(());
    }
    let same = found.iter().zip(content).take_while(|(a, b)| a == b).count();
    Err(format!(
        "{}: {} octets where {} should be, different from octet {same}\n{}",
        path.display(),
        found.len(),
        content.len(),
        report(runs)
    ))
}

fn expect_gone(path: &Path, runs: &[Finished]) -> Result<(), String> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(format!("{} is still there\n{}", path.display(), report(runs)));
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    fs::write(path, content).map_err(|e| format!("{}: {e}", path.display()))
}

fn log_in(cx: &Cx<'_>) -> Result<(), String> {
    write(&cx.remote_here.join("inside"), b"")?;
    let list = [Task::List { dir: cx.remote.clone() }];
    let runs = cx.run(&list)?;
    if !runs.iter().all(|run| run.ok() && run.stdout.contains("inside")) {
        return Err(format!("cannot log in\n{}", report(&runs)));
    }
    if cx.target.link != Link::PLAIN {
        return Ok(());
    }
    let target = Target { password: "wrong horse", ..cx.target };
    let runs = cx.client.run(&target, &list).map_err(|e| e.to_string())?;
    if runs.iter().any(|run| run.stdout.contains("inside")) {
        return Err(format!("logged in with a wrong password\n{}", report(&runs)));
    }
    Ok(())
}

fn list(cx: &Cx<'_>) -> Result<(), String> {
    let names = ["one.txt", "two words.txt", "zażółć.txt", "folder"];
    for name in &names[..3] {
        write(&cx.remote_here.join(name), name.as_bytes())?;
    }
    fs::create_dir(cx.remote_here.join(names[3])).map_err(|e| e.to_string())?;
    let runs = cx.run(&[Task::List { dir: cx.remote.clone() }])?;
    for run in &runs {
        // ncftp shows what is not ASCII in its own way.
        let missing = names.iter().find(|name| name.is_ascii() && !run.stdout.contains(*name));
        if let (false, _) | (_, Some(_)) = (run.ok(), missing) {
            return Err(format!("{missing:?} is missing\n{run}"));
        }
    }
    Ok(())
}

fn get(cx: &Cx<'_>) -> Result<(), String> {
    let content = noise(1, LEN);
    write(&cx.remote_here.join("file.bin"), &content)?;
    let runs = cx.run(&[cx.get("file.bin", false)])?;
    expect(&cx.local.join("file.bin"), &content, &runs)
}

fn put(cx: &Cx<'_>) -> Result<(), String> {
    let content = noise(2, LEN);
    write(&cx.local.join("new.bin"), &content)?;
    write(&cx.local.join("old.bin"), &content)?;
    write(&cx.remote_here.join("old.bin"), &noise(3, 2 * LEN))?;
    let runs = cx.run(&[cx.put("new.bin", false), cx.put("old.bin", false)])?;
    expect(&cx.remote_here.join("new.bin"), &content, &runs)?;
    expect(&cx.remote_here.join("old.bin"), &content, &runs)
}

/// A file whose first half is marked and whose second half is `whole`'s: what a resumed transfer
/// must leave, and a repeated one does not.
fn resumed(whole: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let at = usize::try_from(half(whole.len() as u64)).unwrap_or(0);
    let head = marked_head(whole, at);
    let mut result = head.clone();
    result.extend(whole.iter().skip(at));
    (head, result)
}

fn resume_get(cx: &Cx<'_>) -> Result<(), String> {
    let content = noise(4, LEN);
    let (head, result) = resumed(&content);
    write(&cx.remote_here.join("part.bin"), &content)?;
    write(&cx.local.join("part.bin"), &head)?;
    let runs = cx.run(&[cx.get("part.bin", true)])?;
    expect(&cx.local.join("part.bin"), &result, &runs)
}

fn resume_put(cx: &Cx<'_>) -> Result<(), String> {
    let content = noise(5, LEN);
    let (head, result) = resumed(&content);
    write(&cx.local.join("part.bin"), &content)?;
    write(&cx.remote_here.join("part.bin"), &head)?;
    let runs = cx.run(&[cx.put("part.bin", true)])?;
    expect(&cx.remote_here.join("part.bin"), &result, &runs)
}

fn rename(cx: &Cx<'_>) -> Result<(), String> {
    write(&cx.remote_here.join("before.txt"), b"the same")?;
    let (from, to) = ("before.txt".to_owned(), "after.txt".to_owned());
    let runs = cx.run(&[Task::Rename { dir: cx.remote.clone(), from, to }])?;
    expect_gone(&cx.remote_here.join("before.txt"), &runs)?;
    expect(&cx.remote_here.join("after.txt"), b"the same", &runs)
}

fn delete(cx: &Cx<'_>) -> Result<(), String> {
    write(&cx.remote_here.join("doomed.txt"), b"x")?;
    write(&cx.remote_here.join("spared.txt"), b"y")?;
    let runs = cx.run(&[Task::Delete { dir: cx.remote.clone(), name: "doomed.txt".into() }])?;
    expect_gone(&cx.remote_here.join("doomed.txt"), &runs)?;
    expect(&cx.remote_here.join("spared.txt"), b"y", &runs)
}

fn make_and_remove_dirs(cx: &Cx<'_>) -> Result<(), String> {
    let dir = || cx.remote.clone();
    fs::create_dir(cx.remote_here.join("old")).map_err(|e| e.to_string())?;
    let runs = cx.run(&[
        Task::MakeDir { dir: dir(), name: "new".into() },
        Task::RemoveDir { dir: dir(), name: "old".into() },
    ])?;
    if !cx.remote_here.join("new").is_dir() {
        return Err(format!("no directory was made\n{}", report(&runs)));
    }
    expect_gone(&cx.remote_here.join("old"), &runs)
}

fn get_odd_names(cx: &Cx<'_>) -> Result<(), String> {
    let tasks: Vec<Task> = ODD_NAMES.iter().map(|name| cx.get(name, false)).collect();
    for name in ODD_NAMES {
        write(&cx.remote_here.join(name), name.as_bytes())?;
    }
    let runs = cx.run(&tasks)?;
    ODD_NAMES.iter().try_for_each(|name| expect(&cx.local.join(name), name.as_bytes(), &runs))
}

fn put_odd_names(cx: &Cx<'_>) -> Result<(), String> {
    let tasks: Vec<Task> = ODD_NAMES.iter().map(|name| cx.put(name, false)).collect();
    for name in ODD_NAMES {
        write(&cx.local.join(name), name.as_bytes())?;
    }
    let runs = cx.run(&tasks)?;
    ODD_NAMES.iter().try_for_each(|name| expect(&cx.remote_here.join(name), name.as_bytes(), &runs))
}

fn empty_files(cx: &Cx<'_>) -> Result<(), String> {
    write(&cx.remote_here.join("from.txt"), b"")?;
    let mut tasks = vec![cx.get("from.txt", false)];
    let writes = cx.client.skill_left_out(Skill::Write).is_none();
    if writes {
        write(&cx.local.join("to.txt"), b"")?;
        tasks.push(cx.put("to.txt", false));
    }
    let runs = cx.run(&tasks)?;
    expect(&cx.local.join("from.txt"), b"", &runs)?;
    if writes { expect(&cx.remote_here.join("to.txt"), b"", &runs) } else { Ok(()) }
}

fn cell(server: &Server, client: &dyn Client, link: Link, job: &Job) -> Cell {
    if let Some(reason) = client.link_left_out(&link) {
        return Cell::Left(reason);
    }
    if let Some(reason) = job.skills.iter().find_map(|skill| client.skill_left_out(*skill)) {
        return Cell::Left(reason);
    }
    let place = format!("{}-{}", link.slug(), job.name);
    let remote_here = server.files().join(&place);
    fs::create_dir(&remote_here).unwrap();
    let lines_before = server.log().lines().count();
    let result = server.target(link, |target| {
        let local = target.home.join("local");
        fs::create_dir(&local).map_err(|e| e.to_string())?;
        assert_eq!(target.password, PASSWORD);
        let remote = format!("/{place}");
        (job.run)(&Cx { client, target, remote, remote_here, local })
    });
    let result = result.map_err(|e| e.to_string()).and_then(|result| result);
    result.map_or_else(
        |report| {
            let log = server.log();
            let since: Vec<&str> = log.lines().skip(lines_before).take(60).collect();
            let name = client.name();
            let job = job.name;
            let log = since.join("\nserver| ");
            Cell::Failed(format!("==== {name}, {link}, {job}: {report}server| {log}\n"))
        },
        |()| Cell::Ok,
    )
}

/// Runs one client through all of it.
fn matrix_of(name: &str) {
    let client = *all().iter().find(|client| client.name() == name).unwrap();
    if !have(client.program()) {
        return;
    }
    let server = Server::start().unwrap();
    let mut table = Table::default();
    for link in Link::all() {
        if link.family == interop::link::Family::V6 && !ipv6() {
            let left = Cell::Left("this machine has no IPv6");
            table.row(&link.to_string(), vec![left; JOBS.len()]);
            continue;
        }
        let cells = JOBS.iter().map(|job| cell(&server, client, link, job)).collect();
        table.row(&link.to_string(), cells);
        if table.counts().2 >= FAILURES_MAX {
            say("stopped early: too much fails\n");
            break;
        }
    }
    say(&table.print(client.name(), &JOBS.map(|job| job.name)));
    let (worked, _, failed) = table.counts();
    assert!(failed == 0 && worked > 0, "{failed} cells failed\n{}", table.failures());
}

#[test]
fn curl() {
    matrix_of("curl");
}

#[test]
fn lftp() {
    matrix_of("lftp");
}

#[test]
fn ncftp() {
    matrix_of("ncftp");
}

#[test]
fn tnftp() {
    matrix_of("tnftp");
}

#[test]
fn inetutils_ftp() {
    matrix_of("inetutils-ftp");
}

#[test]
fn wget() {
    matrix_of("wget");
}

#[test]
fn rclone() {
    matrix_of("rclone");
}

#[test]
fn ftplib() {
    matrix_of("ftplib");
}
