//! Plans: they change nothing, and do the same when they are carried out.

use super::*;

#[tokio::test]
async fn a_plan_changes_nothing_and_does_the_same_when_applied() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/dst/deep/er/c", b"thre!").unwrap();
    to.put("/dst/old/x", b"x").unwrap();
    let before = tree(&to, "/").await;
    let (left, right, options) = (at(&from, "/src"), at(&to, "/dst"), with(Delete::After));
    let (made, summary) = plan(&left, &right, &options, nobody()).await;
    assert!(summary.is_success());
    assert_eq!(tree(&to, "/").await, before);
    let read = Plan::parse(&made.to_text()).unwrap();
    assert_eq!(read, made);
    let done = apply(read, &left, &right, &options, nobody()).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!((done.copied, done.deleted, done.skipped), (5, 2, 0));
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
}

#[tokio::test]
async fn a_plan_that_deletes_too_much_deletes_nothing() {
    let (from, to) = (sample().await, Memory::new());
    for name in ["/dst/1", "/dst/2", "/dst/3"] {
        to.put(name, b"").unwrap();
    }
    let (left, right, options) = (at(&from, "/src"), at(&to, "/dst"), with(Delete::Before));
    let (made, summary) = plan(&left, &right, &options, nobody()).await;
    assert_eq!((summary.deleted, summary.copied, summary.dirs_made), (3, 5, 4));
    let options = MirrorOptions { max_delete: Some(2), ..options };
    let done = apply(made, &left, &right, &options, nobody()).await;
    assert_eq!((done.deleted, done.copied), (0, 5));
    assert_eq!(done.stopped, Some(Stop::MaxDelete));
}

#[tokio::test]
async fn an_old_plan_leaves_alone_what_has_changed_since() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/dst/old", b"x").unwrap();
    to.put("/dst/back", b"x").unwrap();
    to.put("/dst/a", b"two").unwrap();
    let (left, right, options) = (at(&from, "/src"), at(&to, "/dst"), with(Delete::After));
    let (made, _) = plan(&left, &right, &options, nobody()).await;
    to.put("/dst/old", b"changed").unwrap();
    from.put("/src/back", b"is back").unwrap();
    to.put("/dst/a", b"edited").unwrap();
    from.put("/src/deep/d", b"edited too").unwrap();
    let done = apply(made, &left, &right, &options, nobody()).await;
    assert_eq!((done.errors, done.skipped, done.deleted), (0, 4, 0), "{done:?}");
    assert_eq!(to.get("/dst/old").unwrap(), b"changed");
    assert_eq!(to.get("/dst/a").unwrap(), b"edited");
    assert!(to.get("/dst/back").is_some() && to.get("/dst/deep/d").is_none());
}
