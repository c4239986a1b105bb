//! The ways a client can reach the server: security × data connection × address family.

use std::fmt;
use std::path::Path;

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the versions the server speaks")]
pub enum Version {
    /// TLS 1.2
    V12,
    /// TLS 1.3
    V13,
}

/// How the connection is protected (RFC 4217).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Security {
    /// Not at all.
    Plain,
    /// AUTH TLS, then PROT P.
    Explicit(Version),
    /// TLS from the first octet.
    Implicit(Version),
}

/// Who opens data connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no third")]
pub enum DataMode {
    /// The client, after PASV or EPSV.
    Passive,
    /// The server, after PORT or EPRT.
    Active,
}

/// The family of the control connection's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Family {
    /// 127.0.0.1
    V4,
    /// ::1
    V6,
}

/// One way to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a point in the matrix")]
pub struct Link {
    /// Protection.
    pub security: Security,
    /// Data connections.
    pub data: DataMode,
    /// Addresses.
    pub family: Family,
}

impl Link {
    /// The simplest one.
    pub const PLAIN: Self =
        Self { security: Security::Plain, data: DataMode::Passive, family: Family::V4 };

    /// Every one.
    #[must_use]
    pub fn all() -> Vec<Self> {
        use Security::{Explicit, Implicit, Plain};
        use Version::{V12, V13};
        let mut all = Vec::new();
        for family in [Family::V4, Family::V6] {
            for data in [DataMode::Passive, DataMode::Active] {
                for security in [Plain, Explicit(V12), Explicit(V13), Implicit(V12), Implicit(V13)]
                {
                    all.push(Self { security, data, family });
                }
            }
        }
        all
    }

    /// The TLS version, if any.
    #[must_use]
    pub fn tls(&self) -> Option<Version> {
        match self.security {
            Security::Plain => None,
            Security::Explicit(version) | Security::Implicit(version) => Some(version),
        }
    }

    /// Whether TLS starts with the first octet.
    #[must_use]
    pub fn implicit(&self) -> bool {
        matches!(self.security, Security::Implicit(_))
    }

    /// Whether the server opens the data connections.
    #[must_use]
    pub fn active(&self) -> bool {
        self.data == DataMode::Active
    }

    /// A name fit for a directory.
    #[must_use]
    pub fn slug(&self) -> String {
        self.to_string().replace([' ', '.'], "-")
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |v| if v == Version::V12 { "1.2" } else { "1.3" };
        let security = match self.security {
            Security::Plain => "plain".to_owned(),
            Security::Explicit(v) => format!("explicit {}", version(v)),
            Security::Implicit(v) => format!("implicit {}", version(v)),
        };
        let data = if self.active() { "active" } else { "passive" };
        let family = if self.family == Family::V4 { "IPv4" } else { "IPv6" };
        write!(f, "{family} {data} {security}")
    }
}

/// Everything a client needs to know to log in.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "plain data handed to clients")]
pub struct Target<'a> {
    /// The address as text, without brackets.
    pub host: &'a str,
    /// The control port.
    pub port: u16,
    /// The password to try; the user is always [`crate::USER`].
    pub password: &'a str,
    /// How to connect.
    pub link: Link,
    /// The certificate the server must show, in PEM.
    pub certificate: &'a Path,
    /// An empty directory to call home, so that no one's settings play a part.
    pub home: &'a Path,
}

impl Target<'_> {
    /// `host:port` as in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.link.family {
            Family::V4 => format!("{}:{}", self.host, self.port),
            Family::V6 => format!("[{}]:{}", self.host, self.port),
        }
    }

    /// A command that sees neither the user's settings nor their language.
    #[must_use]
    pub fn command(&self, program: &str) -> std::process::Command {
        let mut command = std::process::Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TERM", "dumb")
            .current_dir(self.home);
        command
    }
}
