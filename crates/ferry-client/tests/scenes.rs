//! Plays every scene of `tests/scenes/`: a server that misbehaves in one exact way, what the client
//! is asked to do with it, and what must come of that. The language of the server's part is in
//! `testkit/src/scene/mod.rs`; the client's steps are in `scenes/steps.rs`, its settings in
//! `scenes/settings.rs`.
//!
//! Scenes run side by side, each under a deadline far above every time-out of the client in it: one
//! that does not end by itself has failed. `FERRY_SCENE` plays those whose title holds it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "scenes/steps.rs"]
mod steps;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use testkit::scene::{Playing, Scene};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// No scene's client waits that long in total, even on a machine with other things to do.
const DEADLINE: Duration = Duration::from_secs(40);

/// As many at a time: their time-outs are short, and handshakes take a processor.
const AT_A_TIME: usize = 16;

/// How often it is looked whether what must hold does, and how many times at most.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 500;

fn scenes() -> Vec<(String, Scene)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenes");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "scene"));
    paths.sort();
    let mut scenes = Vec::new();
    for path in paths {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let read = Scene::read_all(&text).unwrap_or_else(|why| panic!("{file}: {why}"));
        scenes.extend(read.into_iter().map(|scene| (file.clone(), scene)));
    }
    scenes
}

/// Plays one scene; the story of what went wrong.
async fn play(file: &str, scene: &Scene) -> Result<(), String> {
    let place = format!("{file}:{}: {}", scene.line(), scene.title());
    let playing = Arc::new(scene.play().await.map_err(|why| format!("{place}\n{why}"))?);
    let acted = Box::pin(steps::perform(scene, Arc::clone(&playing)));
    let done = match tokio::time::timeout(DEADLINE, acted).await {
        Ok(Ok(())) => settled(&playing).await,
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!("not over after {DEADLINE:?}")),
    };
    done.map_err(|why| format!("{place}\n{}\n  {why}\n", playing.transcript()))
}

/// What must hold when the client is done; its last words may still be on their way then.
async fn settled(playing: &Playing) -> Result<(), String> {
    for _ in 0..LOOKS_MAX {
        if playing.check().is_ok() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    playing.check()
}

#[test]
fn every_scene_has_the_outcome_it_must_have() {
    let only = std::env::var("FERRY_SCENE").ok();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let failures = runtime.block_on(async {
        let room = Arc::new(Semaphore::new(AT_A_TIME));
        let mut playing = JoinSet::new();
        for (file, scene) in scenes() {
            if only.as_deref().is_some_and(|part| !scene.title().contains(part)) {
                continue;
            }
            let room = Arc::clone(&room);
            playing.spawn(async move {
                let _permit = room.acquire_owned().await.unwrap();
                play(&file, &scene).await
            });
        }
        assert!(!playing.is_empty(), "no scene has such a title");
        let mut failures = Vec::new();
        while let Some(done) = playing.join_next().await {
            match done {
                Ok(Ok(())) => {}
                Ok(Err(story)) => failures.push(story),
                Err(panicked) => failures.push(format!("a scene panicked: {panicked}")),
            }
        }
        failures.sort();
        failures
    });
    assert!(failures.is_empty(), "{} scenes failed\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn there_are_more_than_a_hundred_scenes() {
    let count = scenes().len();
    assert!(count > 100, "{count} scenes");
}
