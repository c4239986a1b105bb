//! Copies between storages that work, fail, lie and break off.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{SetMeta, Storage};

use super::*;
use crate::ErrorKind;
use crate::testing::{Dice, Ill, p, touch, tree};

const MIB: usize = 1 << 20;

/// Octets without a pattern that a shifted copy could match.
fn noise(len: usize) -> Vec<u8> {
    let dice = Dice::new(len as u64);
    let words = (0..len.div_ceil(64)).map(|_| blake3::hash(&dice.below(u64::MAX).to_be_bytes()));
    let mut all: Vec<u8> = words.flat_map(|word| [*word.as_bytes(); 2].concat()).collect();
    all.truncate(len);
    all
}

async fn source(len: usize) -> (Memory, Vec<u8>) {
    let (files, octets) = (Memory::new(), noise(len));
    files.put("/f", &octets).unwrap();
    touch(&files, "/f", 1_700_000_000, 123_000_000).await;
    (files, octets)
}

/// Without attempts after the first.
fn once() -> CopyOptions {
    CopyOptions { retry: Retry { retries: 0, ..Retry::default() }, ..CopyOptions::default() }
}

async fn copy(from: &dyn Storage, to: &dyn Storage, options: &CopyOptions) -> Result<Copied> {
    copy_file(from, &p("/f"), to, &p("/to"), options, &()).await
}

async fn names(files: &Memory) -> Vec<String> {
    tree(files, "/").await.into_iter().map(|(path, ..)| path.to_string()).collect()
}

#[tokio::test]
async fn files_of_every_size_arrive_with_their_times_and_nothing_else() {
    for len in [0, 1, 64 << 10, (64 << 10) + 1, MIB, MIB + 1, 3 * MIB + 7] {
        for placing in [Placing::default(), Placing::Final, Placing::Partial { above: 0 }] {
            for chunk in [1500, usize::MAX] {
                let (from, octets) = source(len).await;
                let to = Memory::new();
                let from = Ill { chunk, ..Ill::new(&from) };
                let options = CopyOptions { placing, verify: true, ..CopyOptions::default() };
                let copied = copy(&from, &to, &options).await.unwrap();
                assert_eq!((copied.size, copied.moved), (len as u64, len as u64));
                assert!(copied.times_kept && copied.verified);
                assert!(to.get("/to").unwrap() == octets, "{len} {placing:?} {chunk}");
                assert_eq!(names(&to).await, ["/to"]);
                let meta = to.stat(&p("/to"), true).await.unwrap();
                assert_eq!(meta.modified.secs, 1_700_000_000);
            }
        }
    }
}

#[tokio::test]
async fn what_broke_off_is_continued_and_the_old_file_stays_until_then() {
    let (from, octets) = source(4 * MIB).await;
    for hashes in [false, true] {
        let to = Memory::new();
        to.put("/to", b"old").unwrap();
        let ill = Ill { hashes, ..Ill::new(&from) };
        ill.reads.store(3 * MIB as i64, Ordering::Relaxed);
        let error = copy(&ill, &to, &once()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert_eq!(to.get("/to").unwrap(), b"old");
        ill.reads.store(-1, Ordering::Relaxed);
        let dst = Ill { hashes, ..Ill::new(&to) };
        let copied = copy(&ill, &dst, &once()).await.unwrap();
        assert_eq!(copied.resumed, 3 * MIB as u64);
        assert_eq!(copied.moved, MIB as u64);
        assert!(to.get("/to").unwrap() == octets);
        assert_eq!(names(&to).await, ["/to"]);
        assert_eq!(dst.count("hash") > 0, hashes);
    }
}

#[tokio::test]
async fn nothing_is_continued_from_another_state_of_the_source() {
    let (from, _) = source(2 * MIB).await;
    let to = Memory::new();
    let ill = Ill::new(&from);
    ill.reads.store(MIB as i64, Ordering::Relaxed);
    copy(&ill, &to, &once()).await.unwrap_err();
    let other = vec![7; 2 * MIB];
    from.put("/f", &other).unwrap();
    touch(&from, "/f", 1_700_000_060, 0).await;
    let copied = copy(&from, &to, &once()).await.unwrap();
    assert_eq!(copied.resumed, 0);
    assert!(to.get("/to").unwrap() == other);
    assert_eq!(names(&to).await, ["/to"], "the old partial file is swept");
}

#[tokio::test]
async fn a_partial_file_with_other_content_is_not_continued() {
    for hashes in [false, true] {
        let (from, octets) = source(2 * MIB).await;
        let to = Memory::new();
        let ill = Ill::new(&from);
        ill.reads.store(MIB as i64, Ordering::Relaxed);
        copy(&ill, &to, &once()).await.unwrap_err();
        let part = names(&to).await.remove(0);
        let mut broken = to.get(&part).unwrap();
        // The overlap shows damage at the end, the digest anywhere.
        let at = if hashes { 10 } else { broken.len() - 10 };
        broken[at] ^= 1;
        to.put(&part, &broken).unwrap();
        let (from, dst) = (Ill { hashes, ..Ill::new(&from) }, Ill { hashes, ..Ill::new(&to) });
        assert_eq!(copy(&from, &dst, &once()).await.unwrap().resumed, 0);
        assert!(to.get("/to").unwrap() == octets);
    }
}

#[tokio::test]
async fn an_existing_file_is_continued_only_if_asked_and_only_if_it_is_a_beginning() {
    let (from, octets) = source(2 * MIB).await;
    let with = |resume| CopyOptions { resume, ..once() };
    let run = async |there: &[u8], resume| {
        let to = Memory::new();
        to.put("/to", there).unwrap();
        let result = copy(&from, &to, &with(resume)).await;
        (result, to.get("/to").unwrap())
    };
    let beginning = &octets[..MIB + 3];
    let (copied, there) = run(beginning, Resume::Partial).await;
    assert_eq!((copied.unwrap().resumed, there == octets), (0, true));
    for resume in [Resume::Existing, Resume::ExistingOrFail] {
        let (copied, there) = run(beginning, resume).await;
        assert_eq!((copied.unwrap().resumed, there == octets), (MIB as u64 + 3, true));
        // All of it is there.
        let (copied, there) = run(&octets, resume).await;
        assert_eq!((copied.unwrap().moved, there == octets), (0, true));
    }
    let longer = [&octets[..], b"more"].concat();
    let other = vec![1; MIB];
    for there in [&longer, &other] {
        let (copied, after) = run(there, Resume::Existing).await;
        assert_eq!((copied.unwrap().resumed, after == octets), (0, true));
        let (failed, after) = run(there, Resume::ExistingOrFail).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Mismatch);
        assert!(&after == there, "what is there is not touched");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_moment_a_copy_leaves_no_half_file_and_goes_on_later() {
    for millis in (1..400).step_by(13) {
        let (from, octets) = source(3 * MIB).await;
        let to = Memory::new();
        to.put("/to", b"old").unwrap();
        let latency = Duration::from_millis(10);
        let slow = Ill { latency, ..Ill::new(&from) };
        let dst = Ill { latency, ..Ill::new(&to) };
        let options = CopyOptions { segments: Segments::Count(3), ..once() };
        let options = if millis % 2 == 0 { options } else { once() };
        let cut =
            tokio::time::timeout(Duration::from_millis(millis), copy(&slow, &dst, &options)).await;
        if cut.is_err() {
            assert_eq!(to.get("/to").unwrap(), b"old", "{millis}");
        }
        copy(&from, &to, &options).await.unwrap();
        assert!(to.get("/to").unwrap() == octets, "{millis}");
        assert_eq!(names(&to).await, ["/to"], "{millis}");
    }
}

#[tokio::test]
async fn ranges_are_read_at_a_time_and_each_is_continued() {
    let (from, octets) = source(9 * MIB + 5).await;
    let to = Memory::new();
    let options = CopyOptions { segments: Segments::Count(4), ..once() };
    let ill = Ill { chunk: 100_000, ..Ill::new(&from) };
    ill.reads.store(5 * MIB as i64, Ordering::Relaxed);
    copy(&ill, &to, &options).await.unwrap_err();
    assert!(to.get("/to").is_none());
    ill.reads.store(-1, Ordering::Relaxed);
    let copied = copy(&ill, &to, &options).await.unwrap();
    assert_eq!(copied.segments, 4);
    assert!(copied.resumed > 4 * MIB as u64, "{copied:?}");
    assert_eq!(copied.resumed + copied.moved, octets.len() as u64);
    assert!(to.get("/to").unwrap() == octets);
    assert_eq!(names(&to).await, ["/to"]);
    assert!(ill.open.1.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn large_files_from_far_away_are_split_without_being_asked() {
    for (far, len, width, want) in [
        (true, 40 * MIB, 16, 4),
        (true, 40 * MIB, 1, 1),
        (true, 31 * MIB, 16, 1),
        (false, 40 * MIB, 16, 1),
    ] {
        let (from, octets) = source(len).await;
        let (mut from, to) = (Ill { width, ..Ill::new(&from) }, Memory::new());
        from.caps.far = far;
        let options = CopyOptions { segments: Segments::Auto, ..once() };
        let copied = copy(&from, &to, &options).await.unwrap();
        assert_eq!(copied.segments, want);
        assert_eq!(from.count("read /"), usize::from(want), "nobody asks twice");
        assert_eq!(from.count("ready 4"), usize::from(want > 1), "they begin together");
        assert!(to.get("/to").unwrap() == octets);
    }
}

#[tokio::test]
async fn a_copy_in_ranges_is_finished_without_them_and_the_other_way_round() {
    for (first, second) in
        [(Segments::Count(4), Segments::Off), (Segments::Off, Segments::Count(4))]
    {
        let (from, octets) = source(8 * MIB).await;
        let to = Memory::new();
        let ill = Ill::new(&from);
        ill.reads.store(5 * MIB as i64, Ordering::Relaxed);
        copy(&ill, &to, &CopyOptions { segments: first, ..once() }).await.unwrap_err();
        let options = CopyOptions { segments: second, ..once() };
        let copied = copy(&from, &to, &options).await.unwrap();
        assert!(copied.resumed > 4 * MIB as u64, "{first:?} {copied:?}");
        assert!(to.get("/to").unwrap() == octets);
    }
}

#[tokio::test]
async fn where_a_storage_cannot_do_something_the_copy_does_without() {
    let (from, octets) = source(2 * MIB).await;
    let to = Memory::new();
    let no_rename = Ill { renames: false, ..Ill::new(&to) };
    copy(&from, &no_rename, &once()).await.unwrap();
    assert!(to.get("/to").unwrap() == octets);
    assert_eq!(names(&to).await, ["/to"]);
    let to = Memory::new();
    let mut in_order = Ill::new(&to);
    in_order.caps.write_in_place = false;
    in_order.caps.write_over = false;
    in_order.caps.set_times = false;
    let options = CopyOptions { segments: Segments::Count(4), ..once() };
    let copied = copy(&from, &in_order, &options).await.unwrap();
    assert!(!copied.times_kept);
    assert_eq!(copied.segments, 1);
    assert!(to.get("/to").unwrap() == octets);
}

#[derive(Default)]
struct Steps(Mutex<Vec<String>>);

impl Progress for Steps {
    fn on(&self, step: &Step<'_>) {
        let line = match step {
            Step::Started { size, resumed } => format!("from {resumed} of {size:?}"),
            Step::Moved(_) => "moved".to_owned(),
            Step::Retrying(_, wait) => format!("again in {} ms", wait.as_millis()),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_that_may_pass_are_tried_again_from_where_it_stopped() {
    let (from, octets) = source(2 * MIB).await;
    for placing in [Placing::default(), Placing::Final] {
        let to = Memory::new();
        let ill = Arc::new(Ill::new(&from));
        ill.reads.store(MIB as i64, Ordering::Relaxed);
        let mended = Arc::clone(&ill.reads);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(600)).await;
            mended.store(-1, Ordering::Relaxed);
        });
        let retry = Retry { retries: 3, jitter: Arc::new(|| 0.0) };
        let options = CopyOptions { retry, placing, ..CopyOptions::default() };
        let steps = Steps::default();
        let copied = copy_file(&*ill, &p("/f"), &to, &p("/to"), &options, &steps).await.unwrap();
        assert!(to.get("/to").unwrap() == octets);
        assert_eq!((copied.retried, copied.moved), (2, 2 * MIB as u64));
        let size = 2 * MIB;
        steps.0.lock().unwrap().retain(|line| line != "moved");
        assert_eq!(
            *steps.0.lock().unwrap(),
            [
                &format!("from 0 of Some({size})"),
                "again in 500 ms",
                // The comparison with what is there fails, too.
                "again in 1000 ms",
                &format!("from {MIB} of Some({size})"),
            ]
        );
    }
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let (from, _) = source(10).await;
    let to = Memory::new();
    let options = CopyOptions::default();
    let none = copy_file(&from, &p("/none"), &to, &p("/to"), &options, &()).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    to.set_free_space(Some(5));
    let full = copy(&from, &to, &options).await.unwrap_err();
    assert_eq!(full.kind(), ErrorKind::NoSpace);
    to.set_free_space(None);
    to.make_dir(&p("/to"), 0o755).await.unwrap();
    assert_eq!(copy(&from, &to, &options).await.unwrap_err().kind(), ErrorKind::Exists);
}

#[tokio::test]
async fn a_link_is_written_through_only_if_asked() {
    for len in [10, 2 * MIB] {
        let (from, octets) = source(len).await;
        let to = Memory::new();
        to.put("/real", b"old").unwrap();
        to.add_symlink("/to", "real").unwrap();
        assert_eq!(copy(&from, &to, &once()).await.unwrap_err().kind(), ErrorKind::Exists);
        assert_eq!(to.get("/real").unwrap(), b"old");
        let options = CopyOptions { through_links: true, placing: Placing::Final, ..once() };
        copy(&from, &to, &options).await.unwrap();
        assert!(to.get("/real").unwrap() == octets);
    }
}

#[tokio::test]
async fn permission_bits_are_kept_as_asked() {
    for len in [10, 2 * MIB] {
        let (from, _) = source(len).await;
        let set = SetMeta { mode: Some(0o751), ..SetMeta::default() };
        from.set_meta(&p("/f"), set).await.unwrap();
        let mode = async |to: &Memory| {
            let meta = to.stat(&FtpPath::new(b"/to").unwrap(), true).await.unwrap();
            meta.mode.unwrap()
        };
        let to = Memory::new();
        copy(&from, &to, &CopyOptions { perm: 0o600, ..once() }).await.unwrap();
        assert_eq!(mode(&to).await, 0o600);
        copy(&from, &to, &CopyOptions { mode: true, ..once() }).await.unwrap();
        assert_eq!(mode(&to).await, 0o751);
        // A file that is replaced keeps its own.
        copy(&from, &to, &CopyOptions { perm: 0o600, ..once() }).await.unwrap();
        assert_eq!(mode(&to).await, 0o751);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limited_copy_takes_the_time_it_should() {
    let (from, _) = source(2 * MIB).await;
    let rate = 256 << 10;
    let limit = Arc::new(Limiter::new(Timetable::constant(Some(rate)), 0));
    let options = CopyOptions { limits: vec![limit], ..once() };
    let start = tokio::time::Instant::now();
    copy(&from, &Memory::new(), &options).await.unwrap();
    let took = start.elapsed().as_secs_f64();
    assert!((7.6..=8.4).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn small_reads_are_put_together_only_while_the_writer_is_behind() {
    let (from, octets) = source(2 * MIB).await;
    for (latency, most) in [(0, 2000), (20, 120)] {
        let (source, to) = (Ill { chunk: 1400, ..Ill::new(&from) }, Memory::new());
        let dst = Ill { latency: Duration::from_millis(latency), ..Ill::new(&to) };
        let writes = Steps::default();
        let copied = copy_file(&source, &p("/f"), &dst, &p("/to"), &once(), &writes).await;
        assert_eq!(copied.unwrap().moved, 2 * MIB as u64);
        assert!(to.get("/to").unwrap() == octets);
        let writes = writes.0.lock().unwrap().iter().filter(|line| *line == "moved").count();
        assert!((4..most).contains(&writes), "{writes} writes at {latency} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_while_the_last_buffers_are_written() {
    let (from, _) = source(4 * MIB).await;
    let latency = Duration::from_millis(10);
    let slow = Ill { latency, chunk: 64 << 10, ..Ill::new(&from) };
    let to = Memory::new();
    let dst = Ill { latency, ..Ill::new(&to) };
    let start = tokio::time::Instant::now();
    copy(&slow, &dst, &once()).await.unwrap();
    // 64 reads of 10 ms; were each followed by its write, it would be twice that.
    let took = start.elapsed();
    assert!(took < Duration::from_millis(900), "{took:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn between_local_directories_too() {
    use ferry_storage::local::LocalDir;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let octets = noise(5 * MIB + 1);
    std::fs::write(a.path().join("f"), &octets).unwrap();
    let (from, to) = (LocalDir::open(a.path()).unwrap(), LocalDir::open(b.path()).unwrap());
    for segments in [Segments::Off, Segments::Auto, Segments::Count(3)] {
        let options = CopyOptions { segments, verify: true, ..once() };
        let copied = copy(&from, &to, &options).await.unwrap();
        assert_eq!(copied.segments, if segments == Segments::Count(3) { 3 } else { 1 });
        assert!(std::fs::read(b.path().join("to")).unwrap() == octets);
        let (a, b) = (from.stat(&p("/f"), true).await, to.stat(&p("/to"), true).await);
        assert_eq!(a.unwrap().modified, b.unwrap().modified);
    }
    assert_eq!(std::fs::read_dir(b.path()).unwrap().count(), 1);
}
