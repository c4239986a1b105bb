//! Copies in ranges to storages that confirm late, break off, or do not keep what they proved.

use std::sync::atomic::Ordering;

use ferry_storage::Storage;
use ferry_storage::local::LocalDir;
use ferry_storage::memory::Memory;

use super::*;
use crate::testing::{Ill, p, tree};

const MIB: usize = 1 << 20;

/// A file of this machine, as only those are sent in ranges.
fn source(len: usize) -> (tempfile::TempDir, LocalDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut octets = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut octets);
    std::fs::write(dir.path().join("f"), &octets).unwrap();
    let files = LocalDir::open(dir.path()).unwrap();
    (dir, files, octets)
}

fn server(files: &Memory) -> Ill {
    Ill { writers: 8, ..Ill::new(files) }
}

fn in_four() -> CopyOptions {
    let retry = Retry { retries: 0, ..Retry::default() };
    CopyOptions { retry, segments: Segments::Count(4), ..CopyOptions::default() }
}

async fn copy(from: &dyn Storage, to: &dyn Storage, options: &CopyOptions) -> Result<Copied> {
    copy_file(from, &p("/f"), to, &p("/to"), options, &()).await
}

async fn names(files: &Memory) -> Vec<String> {
    tree(files, "/").await.into_iter().map(|(path, ..)| path.to_string()).collect()
}

/// A copy that broke off when so many octets had been taken.
async fn broken_off(from: &LocalDir, to: &Memory, after: usize) {
    let ill = server(to);
    ill.writes.store(after as i64, Ordering::Relaxed);
    copy(from, &ill, &in_four()).await.unwrap_err();
}

#[tokio::test]
async fn a_file_is_filled_from_several_places_and_named_when_it_is_whole() {
    let mut at_a_time = 0;
    for len in [2 * MIB, 5 * MIB + 3, 9 * MIB - 1] {
        let (_dir, from, octets) = source(len);
        for placing in [Placing::default(), Placing::Final] {
            let to = Memory::new();
            to.put("/to", b"old").unwrap();
            let ill = server(&to);
            let copied = copy(&from, &ill, &CopyOptions { placing, ..in_four() }).await.unwrap();
            assert_eq!(usize::from(copied.segments), (len / MIB).min(4));
            assert_eq!((copied.size, copied.moved, copied.resumed), (len as u64, len as u64, 0));
            assert!(copied.times_kept);
            assert!(to.get("/to").unwrap() == octets);
            assert_eq!(names(&to).await, ["/to"]);
            at_a_time = at_a_time.max(ill.open.1.load(Ordering::Relaxed));
        }
    }
    assert!(at_a_time > 1, "several at a time");
}

#[tokio::test]
async fn it_is_not_done_unasked_under_the_files_own_name_nor_where_it_is_not_proved() {
    let (_dir, from, octets) = source(33 * MIB);
    let auto = CopyOptions { segments: Segments::Auto, ..in_four() };
    let as_is = CopyOptions { placing: Placing::Final, ..auto.clone() };
    let cases = [(8, auto.clone(), 4), (2, auto.clone(), 2), (1, auto, 1), (8, as_is, 1)];
    for (writers, options, want) in cases {
        let to = Memory::new();
        let ill = Ill { writers, ..Ill::new(&to) };
        // As a server in whose middle nothing can be written, or nobody knows.
        let ill = if writers == 1 { without_over(ill) } else { ill };
        let copied = copy(&from, &ill, &options).await.unwrap();
        assert_eq!(copied.segments, want, "{writers} {:?}", options.placing);
        assert!(to.get("/to").unwrap() == octets);
        assert_eq!(names(&to).await, ["/to"]);
    }
}

fn without_over(mut ill: Ill) -> Ill {
    ill.caps.write_over = false;
    ill
}

#[tokio::test]
async fn what_was_confirmed_is_not_sent_again_and_the_old_file_stays_until_then() {
    let (_dir, from, octets) = source(48 * MIB);
    for hashes in [false, true] {
        let to = Memory::new();
        to.put("/to", b"old").unwrap();
        // Four pieces of 8 MiB, and something of others, of which nothing is to be believed.
        broken_off(&from, &to, 40 * MIB).await;
        assert_eq!(to.get("/to").unwrap(), b"old");
        let ill = Ill { hashes, ..server(&to) };
        let copied = copy(&from, &ill, &in_four()).await.unwrap();
        assert!(copied.resumed >= 16 * MIB as u64, "{copied:?}");
        assert_eq!(copied.resumed + copied.moved, 48 * MIB as u64);
        assert!(to.get("/to").unwrap() == octets);
        assert_eq!(names(&to).await, ["/to"]);
        assert_eq!(ill.count("hash") > 0, hashes);
    }
}

#[tokio::test]
async fn a_file_of_full_length_is_not_taken_for_whole() {
    let (_dir, from, octets) = source(48 * MIB);
    for options in [in_four(), CopyOptions { segments: Segments::Off, ..in_four() }] {
        for keeps_record in [true, false] {
            let to = Memory::new();
            broken_off(&from, &to, 40 * MIB).await;
            for name in names(&to).await {
                let meta = to.stat(&p(&name), true).await.unwrap();
                if meta.size > MIB as u64 {
                    // As long as it will be, and right at its end.
                    let mut holes = vec![0; 48 * MIB];
                    holes[47 * MIB..].copy_from_slice(&octets[47 * MIB..]);
                    to.put(&name, &holes).unwrap();
                } else if !keeps_record {
                    to.remove_file(&p(&name)).await.unwrap();
                }
            }
            let copied = copy(&from, &server(&to), &options).await.unwrap();
            assert_eq!(copied.resumed, 0);
            assert!(to.get("/to").unwrap() == octets);
            assert_eq!(names(&to).await, ["/to"]);
        }
    }
}

#[tokio::test]
async fn a_record_without_its_file_or_a_torn_one_means_to_begin_anew() {
    let (_dir, from, octets) = source(48 * MIB);
    for torn in [true, false] {
        let to = Memory::new();
        broken_off(&from, &to, 40 * MIB).await;
        for name in names(&to).await {
            let content = to.get(&name).unwrap();
            match (content.len() > MIB, torn) {
                (true, false) => to.remove_file(&p(&name)).await.unwrap(),
                (false, true) => to.put(&name, &content[..content.len() - 1]).unwrap(),
                _ => {}
            }
        }
        let copied = copy(&from, &server(&to), &in_four()).await.unwrap();
        assert_eq!(copied.resumed, 0);
        assert!(to.get("/to").unwrap() == octets);
        assert_eq!(names(&to).await, ["/to"]);
    }
}

#[tokio::test]
async fn who_cannot_after_all_is_sent_one_stream() {
    let (_dir, from, octets) = source(20 * MIB);
    let cuts = |to: &Memory| Ill { cuts: true, ..server(to) };
    let refuses = |to: &Memory| without_over(server(to));
    let cases: [&dyn Fn(&Memory) -> Ill; 2] = [&cuts, &refuses];
    for (case, ill) in cases.into_iter().enumerate() {
        let to = Memory::new();
        let copied = copy(&from, &ill(&to), &in_four()).await.unwrap();
        assert_eq!(copied.segments, 1, "{case}");
        assert!(to.get("/to").unwrap() == octets, "{case}");
        assert_eq!(names(&to).await, ["/to"]);
    }
}

#[tokio::test]
async fn where_nothing_can_be_renamed_it_ends_under_its_own_name() {
    let (_dir, from, octets) = source(4 * MIB);
    let to = Memory::new();
    let ill = Ill { renames: false, ..server(&to) };
    copy(&from, &ill, &in_four()).await.unwrap();
    assert!(to.get("/to").unwrap() == octets);
    assert_eq!(names(&to).await, ["/to"]);
}
