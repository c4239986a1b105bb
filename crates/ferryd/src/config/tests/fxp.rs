//! Data that moves between servers: the switch, the right of an account, and whom to believe.

use super::*;

const SELF_SIGNED: &str = "[tls]\nself_signed = true\n";

fn mistake(source: &str, dir: &Path) -> String {
    let source = format!("{source}{USER}");
    let read = file::read(&source, dir, "ferry.toml").map_err(|problems| problems.render(false));
    read.expect_err(&source)
}

#[test]
fn both_the_switch_and_the_right_are_off_unless_they_are_named() {
    let plan = read(USER).unwrap();
    assert!(!plan.options.fxp && plan.auth.table().accounts().all(|account| !account.fxp));
    assert!(!summary(Path::new("ferry.toml"), &plan).contains("fxp"));
    let source = format!(
        "[server]\nfxp = true\nfxp_partners = [\"192.0.2.0/24\", \"2001:db8::5\"]\n\
         {USER}fxp = true\n[anonymous]\nhome = \".\"\n"
    );
    let plan = read(&source).unwrap();
    assert!(plan.options.fxp);
    let partners = ["192.0.2.0/24", "2001:db8::5"].map(|network| network.parse().unwrap());
    assert_eq!(plan.options.fxp_partners, partners);
    for account in plan.auth.table().accounts() {
        assert_eq!(account.fxp, account.name == "alice", "{}", account.name);
    }
    let shown = summary(Path::new("ferry.toml"), &plan);
    assert!(shown.contains("  fxp           on, users who may: 1\n"), "{shown}");
}

#[test]
fn what_cannot_work_together_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("[server]\nfxp = true\nshared_data_port = 2100\n", "keep fxp or shared_data_port"),
        ("[server]\nfxp_partners = []\n", "name some, or leave the line out for any"),
        ("[server]\nfxp_partners = \"192.0.2.0/24\"\n", "write networks in quotes between"),
        ("[server]\nfxp_partners = [\"192.0.2.1/24\"]\n", "bits behind the prefix"),
        ("[server]\nfxp_ca = \"none.pem\"\n", "name a PEM file"),
        ("[server]\nfxp = \"yes\"\n", "write true or false"),
    ];
    for (source, want) in cases {
        let text = mistake(source, dir.path());
        assert!(text.contains(want), "{source}: {text}");
    }
    let anonymous = "[anonymous]\nhome = \".\"\nfxp = true\n";
    assert!(mistake(anonymous, dir.path()).contains("unknown key `fxp`"), "nobody to hold to it");
}

#[test]
fn certificates_of_other_servers_are_read_and_must_be_some() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["other.test".into()]).unwrap();
    std::fs::write(dir.path().join("others.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("junk.pem"), "no certificate").unwrap();
    std::fs::write(
        dir.path().join("odd.pem"),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let with = |name: &str, tls: &str| {
        let source = format!("[server]\nfxp = true\nfxp_ca = \"{name}\"\n{tls}{USER}");
        file::read(&source, dir.path(), "ferry.toml").map_err(|problems| problems.render(false))
    };
    assert!(with("others.pem", SELF_SIGNED).is_ok());
    for (name, tls, want) in [
        ("others.pem", "", "certificates to check but no [tls]"),
        ("junk.pem", SELF_SIGNED, "no certificate in"),
        ("odd.pem", SELF_SIGNED, "name a PEM file with the certificates of other servers"),
    ] {
        let text = with(name, tls).unwrap_err();
        assert!(text.contains(want) && text.contains("--> ferry.toml:3:10"), "{name}: {text}");
    }
}
