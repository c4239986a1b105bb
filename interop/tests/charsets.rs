//! Names in legacy charsets, by Python's ftplib, which speaks whatever encoding it is given, and
//! by lftp, which converts for its user.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;

use interop::clients::{LIMIT, Lftp, Python};
use interop::link::Link;
use interop::peers::have;
use interop::process::run;
use interop::server::{Extra, Server};

const SCRIPT: &str = include_str!("scripts/charsets.py");

/// ftplib in `encoding`, which the server knows as `charset`, with and without OPTS UTF8 OFF.
fn ftplib(charset: &str, encoding: &str, names: &[&str], server: &str) {
    if !have("python3") {
        return;
    }
    let user = format!("charset = {charset:?}");
    for off in ["True", "False"] {
        let extra = Extra { user: &user, server, ..Extra::default() };
        let server = Server::extended(extra, |_| Ok(())).unwrap();
        let script = format!("CHARSET, NAMES, OFF = {encoding:?}, {names:?}, {off}\n{SCRIPT}");
        let done = server.target(Link::PLAIN, |target| Python::script(&target, &script)).unwrap();
        let done = done.unwrap();
        assert!(done.ok(), "{encoding}, OFF is {off}: {done}{}", server.log_tail());
        // On the disk it is UTF-8, whatever came over the wire.
        assert_eq!(fs::read(server.files().join(names[0])).unwrap(), b"kept");
    }
}

#[test]
fn ftplib_in_cyrillic() {
    ftplib("windows-1251", "cp1251", &["Отчёт за июль", "Цена 100%"], "");
    ftplib("koi8-r", "koi8-r", &["Отчёт", "дом"], "");
}

/// ftplib does not double FF, so that two of them or one before р would be lost to Telnet.
#[test]
fn ftplib_in_cyrillic_with_the_letter_that_telnet_takes() {
    ftplib("windows-1251", "cp1251", &["яря", "яя"], "telnet = false");
}

#[test]
fn ftplib_in_japanese_where_half_a_letter_can_be_a_backslash() {
    ftplib("shift_jis", "shift_jis", &["表ソ能", "ﾃｱ", "日本 語"], "");
    ftplib("euc-jp", "euc_jp", &["表ソ能", "日本 語"], "");
}

#[test]
fn ftplib_in_chinese_and_korean() {
    ftplib("gbk", "gbk", &["中文 联通"], "");
    ftplib("big5", "big5", &["功能 許蓋"], "");
    ftplib("euc-kr", "euc_kr", &["한국 글"], "");
}

#[test]
fn ftplib_in_latin_1() {
    ftplib("iso-8859-1", "latin-1", &["Übergröße", "naïve café"], "");
    ftplib("iso-8859-15", "iso8859-15", &["5 € Œuvre"], "");
}

#[test]
fn lftp_converts_names_for_its_user() {
    if !have("lftp") {
        return;
    }
    let user = "charset = \"windows-1251\"";
    let server = Server::extended(Extra { user, ..Extra::default() }, |_| Ok(())).unwrap();
    fs::write(server.files().join("Цена.txt"), "price").unwrap();
    server
        .target(Link::PLAIN, |target| {
            let home = target.home.display();
            fs::write(target.home.join("up"), "report").unwrap();
            let lines = [
                "set file:charset UTF-8".to_owned(),
                // Where FEAT lists UTF8 lftp uses nothing else.
                "set ftp:use-feat no".to_owned(),
                "set ftp:charset windows-1251".to_owned(),
                "quote OPTS UTF8 OFF".to_owned(),
                format!("get Цена.txt -o {home}/back"),
                format!("put {home}/up -o Отчёт.txt"),
                "mkdir Дом".to_owned(),
                "mv Отчёт.txt Дом/отчёт".to_owned(),
                "cd Дом".to_owned(),
                format!("mirror / {home}/all"),
            ];
            let mut lftp = Lftp::command(&target, &lines);
            lftp.env("LC_ALL", "C.UTF-8");
            let done = run(lftp, b"", LIMIT).unwrap();
            let report = format!("{done}{}", server.log_tail());
            assert!(done.ok(), "{report}");
            assert_eq!(fs::read(target.home.join("back")).unwrap(), b"price", "{report}");
            assert_eq!(fs::read(server.files().join("Дом/отчёт")).unwrap(), b"report", "{report}");
            for (name, content) in [("Цена.txt", "price"), ("Дом/отчёт", "report")] {
                let copy = target.home.join("all").join(name);
                assert_eq!(fs::read_to_string(&copy).ok().as_deref(), Some(content), "{report}");
            }
        })
        .unwrap();
}
