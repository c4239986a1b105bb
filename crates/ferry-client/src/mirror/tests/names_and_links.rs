//! Names and links that could lead out of a tree, round in circles, or onto each other.

use super::*;

#[tokio::test]
async fn names_of_a_server_never_leave_the_destination() {
    let (from, to) = (sample().await, Memory::new());
    let file = Entry {
        name: Vec::new(),
        meta: from.stat(&p("/src/a"), true).await.unwrap(),
        link: None,
        target: None,
    };
    let named = |name: &[u8]| (p("/src"), Entry { name: name.to_vec(), ..file.clone() });
    let names: [&[u8]; 7] = [b"..", b".", b"", b"../evil", b"/evil", b"evil\0", b"evil\x1b[2J"];
    let source = Ill {
        added: names.iter().map(|name| named(name)).chain([named(b"a")]).collect(),
        ..Ill::new(&from)
    };
    to.put("/dst/kept", b"x").unwrap();
    let options = with(Delete::After);
    let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!(done.errors, 0, "{done:?}");
    // Seven names, the one that came twice, and what is not deleted as the listing is doubtful.
    assert_eq!(done.skipped, 9);
    assert!(to.get("/dst/kept").is_some());
    let there = tree(&to, "/").await;
    assert!(there.iter().all(|(path, ..)| path.is_within(&p("/dst"))), "{there:?}");
}

#[tokio::test]
async fn nothing_is_written_through_a_link_of_the_destination() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/outside/victim", b"safe").unwrap();
    to.make_dir(&p("/dst"), 0o755).await.unwrap();
    to.add_symlink("/dst/deep", "../outside").unwrap();
    to.add_symlink("/dst/a", "../outside/victim").unwrap();
    let run = |options: MirrorOptions| {
        let (from, to) = (at(&from, "/src"), at(&to, "/dst"));
        async move { mirror(&from, &to, &options, nobody()).await }
    };
    let done = run(MirrorOptions::default()).await;
    assert_eq!((done.skipped, done.errors), (2, 0));
    assert_eq!(to.get("/outside/victim").unwrap(), b"safe");
    assert_eq!(tree(&to, "/outside").await.len(), 1);
    // A plan made before the link came is no way around it.
    let clean = Memory::new();
    let (plan, _) =
        plan(&at(&from, "/src"), &at(&clean, "/dst"), &MirrorOptions::default(), nobody()).await;
    let (left, right) = (at(&from, "/src"), at(&to, "/dst"));
    apply(plan, &left, &right, &MirrorOptions::default(), nobody()).await;
    assert_eq!(to.get("/outside/victim").unwrap(), b"safe");
    assert_eq!(tree(&to, "/outside").await.len(), 1);
    // With deletion the links are replaced.
    assert!(run(with(Delete::After)).await.is_success());
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
    assert_eq!(to.get("/outside/victim").unwrap(), b"safe");
}

#[tokio::test]
async fn links_are_skipped_followed_or_made() {
    let from = sample().await;
    from.add_symlink("/src/to-a", "a").unwrap();
    from.add_symlink("/src/deep/up", "../deep").unwrap();
    from.add_symlink("/src/chain", "deep/up").unwrap();
    from.add_symlink("/src/nowhere", "x").unwrap();
    from.add_symlink("/src/out", "../../etc").unwrap();
    touch(&from, "/src", 2000, 0).await;
    let run = async |links| {
        let to = Memory::new();
        let options = MirrorOptions { links, ..MirrorOptions::default() };
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
        assert_eq!(done.errors, 0, "{done:?}");
        (to, done)
    };
    let (to, done) = run(Links::Skip).await;
    assert_eq!((done.skipped, to.get("/dst/to-a")), (5, None));
    let (to, done) = run(Links::Follow).await;
    assert_eq!(to.get("/dst/to-a").unwrap(), b"one");
    assert_eq!(to.get("/dst/chain/d").unwrap(), b"four");
    assert!(to.get("/dst/deep/up/d").is_none(), "a circle is not followed");
    assert!(done.skipped >= 3);
    let (to, done) = run(Links::Copy).await;
    assert_eq!((done.links_made, done.skipped), (3, 2));
    assert_eq!(to.get("/dst/chain/d").unwrap(), b"four");
    let again = MirrorOptions { links: Links::Copy, ..with(Delete::After) };
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &again, nobody()).await;
    assert_eq!((done.links_made, done.deleted), (0, 0));
}

#[tokio::test]
async fn a_circle_of_links_ends_where_no_identities_show_it() {
    let (from, to) = (sample().await, Memory::new());
    from.add_symlink("/src/deep/up", "..").unwrap();
    let source = Ill { identities: false, ..Ill::new(&from) };
    let options = MirrorOptions { links: Links::Follow, ..MirrorOptions::default() };
    let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((done.errors, done.skipped), (0, 1));
    assert_eq!(done.copied, 5 * 5);
}

#[tokio::test]
async fn names_that_a_destination_takes_for_the_same_are_reported() {
    let (from, to) = (sample().await, Memory::new());
    from.put("/src/A", b"other").unwrap();
    let options = MirrorOptions { ignore_case: true, ..MirrorOptions::default() };
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((done.copied, done.skipped, done.errors), (5, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_directory_with_several_links_or_deletions_has_its_time_in_the_end() {
    let (from, to) = (sample().await, Memory::new());
    for name in ["x", "y", "z"] {
        from.add_symlink(format!("/src/deep/{name}"), "d").unwrap();
        to.put(format!("/dst/deep/old-{name}"), b"old").unwrap();
    }
    touch(&from, "/src/deep", 4000, 0).await;
    for delete in [Delete::Never, Delete::During, Delete::After] {
        to.set_now(UnixTime { secs: 9000, nanos: 0 });
        let options = MirrorOptions { links: Links::Copy, ..with(delete) };
        let latency = std::time::Duration::from_millis(50);
        let there = ill(Ill { latency, width: 64, ..Ill::new(&to) }, "/dst");
        let done = mirror(&at(&from, "/src"), &there, &options, nobody()).await;
        assert!(done.is_success(), "{done:?}");
        let modified = to.stat(&p("/dst/deep"), true).await.unwrap().modified;
        assert_eq!(modified, UnixTime::from_secs(4000), "{delete:?}");
        for name in ["x", "y", "z"] {
            to.remove_file(&p(&format!("/dst/deep/{name}"))).await.unwrap();
            to.put(format!("/dst/deep/old-{name}"), b"old").unwrap();
        }
    }
}
