//! What is only at the destination: when it goes, and when it must not.

use super::*;

#[tokio::test]
async fn what_is_only_at_the_destination_goes_if_asked_and_whenever() {
    for delete in [Delete::Before, Delete::During, Delete::After, Delete::Never] {
        let (from, to) = (sample().await, Memory::new());
        to.put("/dst/old/er/x", b"x").unwrap();
        to.put("/dst/old/y", b"y").unwrap();
        to.put("/dst/deep/z", b"z").unwrap();
        to.add_symlink("/dst/l", "old").unwrap();
        // A directory where a file is to be, and the other way round.
        if delete != Delete::Never {
            to.put("/dst/a/in/the", b"way").unwrap();
            to.put("/dst/empty", b"").unwrap();
        }
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &with(delete), nobody()).await;
        assert!(done.is_success(), "{delete:?} {done:?}");
        if delete == Delete::Never {
            assert_eq!(done.deleted, 0);
            assert_eq!(to.get("/dst/old/er/x").as_deref(), Some(&b"x"[..]));
        } else {
            assert_eq!(done.deleted, 10, "{delete:?}");
            assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await, "{delete:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_deleted_on_the_word_of_an_incomplete_listing() {
    for delete in [Delete::Before, Delete::During, Delete::After] {
        let (from, to) = (sample().await, Memory::new());
        to.put("/dst/deep/z", b"z").unwrap();
        let source = Ill { unread: 1, ..Ill::new(&from) };
        let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &with(delete), nobody()).await;
        assert!(!done.complete);
        assert_eq!((done.deleted, done.errors), (0, 0));
        assert!(done.skipped > 0);
        assert!(to.get("/dst/deep/z").is_some());
    }
}

#[tokio::test]
async fn an_empty_source_does_not_empty_the_destination_unless_forced() {
    let (from, to) = (Memory::new(), Memory::new());
    from.make_dir(&p("/src"), 0o755).await.unwrap();
    to.put("/dst/precious", b"x").unwrap();
    for delete in [Delete::Before, Delete::During, Delete::After] {
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &with(delete), nobody()).await;
        assert_eq!(done.stopped, Some(Stop::EmptySource));
        assert!(to.get("/dst/precious").is_some());
    }
    let forced = MirrorOptions { force_empty: true, ..with(Delete::After) };
    assert!(mirror(&at(&from, "/src"), &at(&to, "/dst"), &forced, nobody()).await.is_success());
    assert!(to.get("/dst/precious").is_none());
}

#[tokio::test]
async fn the_limit_on_deletions_is_looked_at_before_the_first() {
    for (delete, deleted) in [(Delete::Before, 0), (Delete::After, 0), (Delete::During, 2)] {
        let (from, to) = (sample().await, Memory::new());
        for name in ["/dst/1", "/dst/2", "/dst/3"] {
            to.put(name, b"").unwrap();
        }
        let options = MirrorOptions { max_delete: Some(2), ..with(delete) };
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
        assert_eq!((done.deleted, done.stopped), (deleted, Some(Stop::MaxDelete)), "{delete:?}");
        assert!(to.get("/dst/3").is_some());
    }
}
