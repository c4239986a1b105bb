//! Runs that are cut off anywhere, amid failures, and what the next one makes of it.

use super::*;

/// A random tree below `root`; times lie in the hour after `hour`.
async fn grow(files: &Memory, root: &str, dice: &crate::testing::Dice, hour: i64) {
    let names = ["a", "b", "c c", "\u{e4}", "A"];
    let pick = || names[usize::try_from(dice.below(5)).unwrap()];
    let second = || hour + i64::try_from(dice.below(3600)).unwrap();
    let mut dirs = vec![root.to_owned()];
    files.put(format!("{root}/first"), b"x").unwrap();
    for _ in 0..dice.below(30) {
        let dir = &dirs[usize::try_from(dice.below(dirs.len() as u64)).unwrap()];
        let path = format!("{dir}/{}", pick());
        if dice.below(3) == 0 {
            if files.make_dir(&p(&path), 0o755).await.is_ok() {
                dirs.push(path);
            }
        } else {
            let content = vec![u8::try_from(dice.below(256)).unwrap(); 700];
            let len = usize::try_from(dice.below(700)).unwrap();
            if files.put(&path, &content[..len]).is_ok() {
                touch(files, &path, second(), 500_000_000).await;
            }
        }
    }
    for dir in dirs.iter().rev() {
        touch(files, dir, second(), 0).await;
    }
}

/// One run that is cut off amid failures, and one that is not.
async fn interrupted(seed: u64) {
    let dice = crate::testing::Dice::new(seed);
    let (from, to) = (Memory::new(), Memory::new());
    grow(&from, "/src", &dice, 1_000_000).await;
    if dice.below(3) > 0 {
        grow(&to, "/dst", &dice, 2_000_000).await;
    }
    let delete = match dice.below(3) {
        0 => Delete::Before,
        1 => Delete::During,
        _ => Delete::After,
    };
    let mut copy = CopyOptions::default();
    copy.placing = crate::copy::Placing::Partial { above: 300 };
    copy.retry.retries = u32::try_from(dice.below(2)).unwrap();
    let options =
        MirrorOptions { copy, jobs: usize::try_from(dice.below(5)).unwrap(), ..with(delete) };
    let sick = |of: &Memory| Ill {
        latency: std::time::Duration::from_millis(10),
        one_in: [0, 7, 40][usize::try_from(dice.below(3)).unwrap()],
        dice: crate::testing::Dice::new(dice.below(u64::MAX)),
        chunk: 100,
        ..Ill::new(of)
    };
    for _ in 0..=dice.below(3) {
        let (left, right) = (ill(sick(&from), "/src"), ill(sick(&to), "/dst"));
        let run = mirror(&left, &right, &options, nobody());
        let _ = tokio::time::timeout(std::time::Duration::from_millis(dice.below(600)), run).await;
        tokio::task::yield_now().await;
        if dice.below(2) == 0 {
            from.put("/src/first", &vec![b'y'; usize::try_from(dice.below(900)).unwrap()]).unwrap();
            touch(&from, "/src/first", 3_000_000, 0).await;
            touch(&from, "/src", 3_000_000, 0).await;
        }
    }
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
    let again = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((again.copied, again.deleted, again.times_set, again.dirs_made), (0, 0, 0, 0));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(150))]

    #[test]
    fn cut_off_anywhere_and_run_again_a_mirror_comes_to_equal_trees(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(interrupted(seed));
    }
}
