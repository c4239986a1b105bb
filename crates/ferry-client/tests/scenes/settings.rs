//! The settings of a scene's client.
//!
//! ```text
//! with timeout 400ms | with tls | with tls 1.2 | with implicit | with opportunistic
//! with user NAME PASSWORD | with anonymous | with account ACCOUNT
//! with trust any|system|certificate|another     (any; certificate: the server's own as a root;
//!                                               another: pinned to one that is not it)
//! with listing N                      (entries at most, and 64 N octets)
//! with compress [LEVEL] | with keep alive 200ms
//! with active | with auto | with passive address trust|public
//! ```

use std::io::Write as _;

use ferry_client::settings::{Compress, DataMode, PassiveAddress, TlsVersion, Trust};
use ferry_client::{Secret, Security};
use ferry_proto::repr::deflate::Level;
use testkit::scene::duration;

use super::Client;
use super::line::{number, word};

impl Client {
    /// Takes one of the scene's settings over.
    pub(super) fn with(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["timeout", time] => self.settings.timeout = duration(time)?,
            ["tls"] => self.site.security = Security::Explicit,
            ["tls", "1.2"] => self.settings.tls_max = TlsVersion::V12,
            ["implicit"] => self.site.security = Security::Implicit,
            ["opportunistic"] => self.site.security = Security::Opportunistic,
            ["anonymous"] => (self.site.user, self.site.password) = (None, None),
            ["user", name, ..] => {
                self.site.user = Some(name.as_bytes().to_vec());
                let rest = text.splitn(3, ' ').nth(2).unwrap_or_default();
                self.site.password = Some(Secret::new(word(rest)?.0));
            }
            ["account", account] => self.site.account = Some(Secret::new(*account)),
            ["listing", entries] => {
                self.settings.listing_entries = number(entries)?;
                self.settings.listing_octets = self.settings.listing_entries * 64;
            }
            ["keep", "alive", time] => self.settings.keep_alive = Some(duration(time)?),
            ["compress"] => self.settings.compress = Compress::On,
            ["compress", level] => {
                let level = Level::new(number(level)?).ok_or("no such level")?;
                self.settings.compress = Compress::At(level);
            }
            ["active"] => self.settings.data = DataMode::Active,
            ["auto"] => self.settings.data = DataMode::Auto,
            ["passive", "address", "trust"] => {
                self.settings.passive_address = PassiveAddress::Trust;
            }
            ["passive", "address", "public"] => {
                self.settings.passive_address = PassiveAddress::PublicOnly;
            }
            ["trust", "any"] => self.settings.trust = Trust::Any,
            ["trust", "system"] => self.settings.trust = Trust::KnownHosts(self.path("known")),
            ["trust", "another"] => self.settings.trust = Trust::Pinned(vec![[0; 32]]),
            ["trust", "certificate"] => {
                let path = self.path("root.pem");
                let pem = pem(&self.playing.certificate()?);
                std::fs::File::create(&path)
                    .and_then(|mut file| file.write_all(pem.as_bytes()))
                    .map_err(|e| e.to_string())?;
                self.settings.trust = Trust::Roots(vec![path]);
            }
            _ => return Err(format!("no such setting: {text}")),
        }
        Ok(())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self._root.path().join(name)
    }
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut column = 0;
    for three in der.chunks(3) {
        let octet = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for i in 0..4_usize {
            let digit = (bits >> (18 - 6 * i)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
        column += 4;
        if column == 64 {
            text.push('\n');
            column = 0;
        }
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}
