//! The commands about the session itself, by Python's ftplib: REIN, LANG, SMNT and ACCT.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::path::Path;

use interop::PASSWORD_HASH;
use interop::clients::Python;
use interop::link::Link;
use interop::peers::have;
use interop::server::{Extra, Server};

fn volumes(dir: &Path) -> std::io::Result<()> {
    fs::create_dir(dir.join("files/inner"))?;
    fs::write(dir.join("files/inner/file"), "deep\n")?;
    for volume in ["attic", "cellar"] {
        fs::create_dir(dir.join(volume))?;
        fs::write(dir.join(volume).join("label"), volume)?;
    }
    Ok(())
}

/// Runs the script against a server whose account has these further lines.
fn python(user: &str, script: &str) -> Option<Server> {
    if !have("python3") {
        return None;
    }
    let server = Server::extended(Extra { user, ..Extra::default() }, volumes).unwrap();
    let done = server.target(Link::PLAIN, |target| Python::script(&target, script)).unwrap();
    let done = done.unwrap();
    assert!(done.ok(), "{done}{}", server.log_tail());
    Some(server)
}

#[test]
fn rein_ends_tls_and_the_connection_logs_in_again_in_the_clear_and_under_tls() {
    python("", include_str!("scripts/rein.py"));
}

#[test]
fn replies_come_in_the_language_that_lang_names() {
    python("", include_str!("scripts/lang.py"));
}

#[test]
fn smnt_moves_between_the_volumes_of_an_account() {
    let user = r#"volumes = { attic = "attic", cellar = "cellar" }"#;
    let Some(server) = python(user, include_str!("scripts/smnt.py")) else { return };
    for volume in ["attic", "cellar"] {
        let sent = server.dir().join(volume).join(format!("from-{volume}"));
        assert_eq!(fs::read_to_string(sent).unwrap(), volume);
    }
}

#[test]
fn an_account_may_have_to_say_acct_to_log_in() {
    let user = format!("acct = \"{PASSWORD_HASH}\"\nacct_for = \"login\"");
    python(&user, include_str!("scripts/acct_login.py"));
}

#[test]
fn an_account_may_have_to_say_acct_before_it_changes_anything() {
    let user = format!("acct = \"{PASSWORD_HASH}\"\nacct_for = \"writing\"");
    let Some(server) = python(&user, include_str!("scripts/acct_writing.py")) else { return };
    assert!(server.files().join("dir").is_dir());
}
