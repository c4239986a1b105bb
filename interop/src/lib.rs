//! Real FTP clients against the real `ferryd`.
//!
//! What lives here: starting the server ([`server`]), running a program under a time limit
//! ([`process`]), the ways to connect ([`link`]), what a client may be asked to do ([`task`]) and
//! one small driver per client ([`clients`]). What is asked and what must come of it is in
//! `tests/`.
//!
//! The programs come from Debian; `cargo xtask test` installs them. One that is missing is a
//! printed skip, or a failure where `FERRY_REQUIRE_PEERS` is set.

pub mod clients;
pub mod content;
pub mod dialog;
pub mod link;
pub mod openssl;
pub mod peers;
pub mod process;
pub mod proftpd;
pub mod server;
pub mod servers;
pub mod table;
pub mod task;

/// The account every test logs in with.
pub const USER: &str = "pat";
/// Its password; the space is deliberate.
pub const PASSWORD: &str = "correct horse";
/// [`PASSWORD`] by argon2id with the smallest sensible cost: these tests log in thousands of
/// times and test no hashing.
pub const PASSWORD_HASH: &str = concat!(
    "$argon2id$v=19$m=64,t=1,p=1$aW50ZXJvcC1zYWx0LTE2Yg",
    "$D64U9eFAKMIktVMEXIhJin69ltKDlChnNdiAZ5PhdQU"
);
/// [`PASSWORD`] as other servers' files of accounts hold it (SHA-512 crypt).
pub const PASSWORD_CRYPT: &str = concat!(
    "$6$interopsalt$iKkCvgEL/a1hHX81NjZcJ4Gz1o6LgI5R5Go/1Pib3YYAzVoMfQ8H",
    "HqEzPyfU8RTd2euyKlgomAk8u9fujTYXU1"
);
