//! From a command back to its line, for clients and for tests.

use super::{Command, Format, Mechanism, Opts, ProtectionLevel, TypeCode};
use crate::addr::{self, EpsvArg};
use crate::verb::Verb;
use crate::words;

impl Command<'_> {
    /// The verb as it is printed; the X forms of RFC 775 come back as the verbs they stand for.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::User(_) => Verb::User,
            Self::Pass(_) => Verb::Pass,
            Self::Acct(_) => Verb::Acct,
            Self::Auth(_) => Verb::Auth,
            Self::Pbsz(_) => Verb::Pbsz,
            Self::Prot(_) => Verb::Prot,
            Self::Host(_) => Verb::Host,
            Self::Ccc => Verb::Ccc,
            Self::Rein => Verb::Rein,
            Self::Smnt(_) => Verb::Smnt,
            Self::Lprt(_) => Verb::Lprt,
            Self::Lpsv => Verb::Lpsv,
            Self::Cpsv => Verb::Cpsv,
            Self::Xpsv(_) => Verb::Xpsv,
            Self::Xdtp(_) => Verb::Xdtp,
            Self::Sscn(_) => Verb::Sscn,
            Self::Pret(_) => Verb::Pret,
            Self::Lang(_) => Verb::Lang,
            Self::Csid(_) => Verb::Csid,
            Self::Quit => Verb::Quit,
            Self::Cwd(_) => Verb::Cwd,
            Self::Cdup => Verb::Cdup,
            Self::Pwd => Verb::Pwd,
            Self::Type(..) => Verb::Type,
            Self::Mode(_) => Verb::Mode,
            Self::Stru(_) => Verb::Stru,
            Self::Port(_) => Verb::Port,
            Self::Eprt(_) => Verb::Eprt,
            Self::Pasv => Verb::Pasv,
            Self::Epsv(_) => Verb::Epsv,
            Self::Rest(_) | Self::RestMark(_) => Verb::Rest,
            Self::Rang(_) => Verb::Rang,
            Self::Opts(_) => Verb::Opts,
            Self::Allo(_) => Verb::Allo,
            Self::Retr(_) => Verb::Retr,
            Self::Stor(_) => Verb::Stor,
            Self::Appe(_) => Verb::Appe,
            Self::Stou(_) => Verb::Stou,
            Self::List(_) => Verb::List,
            Self::Nlst(_) => Verb::Nlst,
            Self::Mlsd(_) => Verb::Mlsd,
            Self::Abor => Verb::Abor,
            Self::Dele(_) => Verb::Dele,
            Self::Rmd(_) => Verb::Rmd,
            Self::Mkd(_) => Verb::Mkd,
            Self::Rnfr(_) => Verb::Rnfr,
            Self::Rnto(_) => Verb::Rnto,
            Self::Size(_) => Verb::Size,
            Self::Mdtm(_) => Verb::Mdtm,
            Self::Mfmt { .. } => Verb::Mfmt,
            Self::Mfct { .. } => Verb::Mfct,
            Self::Mff { .. } => Verb::Mff,
            Self::Avbl(_) => Verb::Avbl,
            Self::Dsiz(_) => Verb::Dsiz,
            Self::Rmda(_) => Verb::Rmda,
            Self::Comb(_) => Verb::Comb,
            Self::Hash(_) => Verb::Hash,
            Self::XHash { verb, .. } => *verb,
            Self::Md5(_) => Verb::Md5,
            Self::Mmd5(_) => Verb::Mmd5,
            Self::Mlst(_) => Verb::Mlst,
            Self::Feat => Verb::Feat,
            Self::Syst => Verb::Syst,
            Self::Stat(_) => Verb::Stat,
            Self::Help(_) => Verb::Help,
            Self::Noop => Verb::Noop,
            Self::Clnt(_) => Verb::Clnt,
            Self::Site(_) => Verb::Site,
        }
    }

    /// Appends the command as a line with CRLF. Octet FF is doubled, as Telnet wants it
    /// (RFC 854); a name that holds CR, LF or NUL cannot come out of [`Command::parse`], and in one
    /// made by hand those octets are left out, so that no name can start a second command.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut line = Vec::from(self.verb().name());
        if let Some(argument) = self.argument() {
            line.push(b' ');
            line.extend_from_slice(&argument);
        }
        for b in line {
            match b {
                b'\r' | b'\n' | 0 => {}
                0xff => out.extend_from_slice(&[0xff, 0xff]),
                b => out.push(b),
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn argument(&self) -> Option<Vec<u8>> {
        let text = |s: &str| Some(s.as_bytes().to_vec());
        match self {
            Self::User(a)
            | Self::Pass(a)
            | Self::Acct(a)
            | Self::Cwd(a)
            | Self::Retr(a)
            | Self::Stor(a)
            | Self::Appe(a)
            | Self::Dele(a)
            | Self::Rmd(a)
            | Self::Mkd(a)
            | Self::Rnfr(a)
            | Self::Rnto(a)
            | Self::Size(a)
            | Self::Mdtm(a)
            | Self::Host(a)
            | Self::Xpsv(a)
            | Self::Xdtp(a)
            | Self::Smnt(a)
            | Self::Pret(a)
            | Self::Csid(a)
            | Self::Dsiz(a)
            | Self::Rmda(a)
            | Self::Hash(a)
            | Self::Md5(a)
            | Self::Clnt(a) => Some(a.to_vec()),
            Self::Stou(a)
            | Self::List(a)
            | Self::Nlst(a)
            | Self::Mlsd(a)
            | Self::Mlst(a)
            | Self::Avbl(a)
            | Self::Stat(a)
            | Self::Lang(a)
            | Self::Help(a) => a.map(<[u8]>::to_vec),
            Self::Auth(Mechanism::Tls) => text("TLS"),
            Self::Auth(Mechanism::TlsPrivate) => text("SSL"),
            Self::Pbsz(n) => text(&n.to_string()),
            Self::Prot(level) => text(match level {
                ProtectionLevel::Clear => "C",
                ProtectionLevel::Safe => "S",
                ProtectionLevel::Confidential => "E",
                ProtectionLevel::Private => "P",
            }),
            Self::Type(code, format) => text(&type_argument(*code, *format)),
            Self::Mode(l) | Self::Stru(l) => Some(vec![*l]),
            Self::Port(a) => text(&addr::port_argument(*a)),
            Self::Eprt(a) => text(&addr::eprt_argument(*a)),
            Self::Lprt(a) => text(&addr::long_argument(*a)),
            Self::Epsv(family) => epsv_argument(*family).and_then(text),
            Self::RestMark(point) => Some(point.marker(true).text().to_vec()),
            Self::Rest(n) | Self::Allo(n) => text(&n.to_string()),
            Self::Opts(opts) => Some(opts_argument(opts)),
            Self::Rang(None) => text("1 0"),
            Self::Rang(Some((first, last))) => text(&format!("{first} {last}")),
            Self::Mff { change, path } => Some([change.print().as_bytes(), b" ", path].concat()),
            Self::Comb(names) => Some(words::join(names, b" ")),
            Self::Mmd5(names) => Some(words::join(names, b", ")),
            Self::XHash { path, range, .. } => Some(name_and_range(path, *range)),
            Self::Mfmt { time, path } | Self::Mfct { time, path } => {
                Some([time.format_timeval(true).as_bytes(), b" ", path].concat())
            }
            Self::Site(site) => Some(site.argument()),
            Self::Sscn(on) => on.and_then(|on| text(if on { "ON" } else { "OFF" })),
            Self::Quit
            | Self::Cdup
            | Self::Pwd
            | Self::Pasv
            | Self::Lpsv
            | Self::Cpsv
            | Self::Ccc
            | Self::Rein
            | Self::Abor
            | Self::Feat
            | Self::Syst
            | Self::Noop => None,
        }
    }
}

fn epsv_argument(family: EpsvArg) -> Option<&'static str> {
    match family {
        EpsvArg::Any => None,
        EpsvArg::V4 => Some("1"),
        EpsvArg::V6 => Some("2"),
        EpsvArg::All => Some("ALL"),
    }
}

fn opts_argument(opts: &Opts<'_>) -> Vec<u8> {
    match opts {
        Opts::Utf8(true) => b"UTF8 ON".to_vec(),
        Opts::Utf8(false) => b"UTF8 OFF".to_vec(),
        Opts::Mlst(facts) => [b"MLST ", *facts].concat(),
        Opts::Hash(None) => b"HASH".to_vec(),
        Opts::Hash(Some(algorithm)) => format!("HASH {}", algorithm.name()).into_bytes(),
        Opts::Rest(verb) => format!("REST {verb}").into_bytes(),
        Opts::ModeZ(None) => b"MODE Z".to_vec(),
        Opts::ModeZ(Some(level)) => format!("MODE Z LEVEL {level}").into_bytes(),
    }
}

fn type_argument(code: TypeCode, format: Format) -> String {
    match code {
        TypeCode::Ascii => format!("A{}", format.argument()),
        TypeCode::Ebcdic => format!("E{}", format.argument()),
        TypeCode::Image => "I".to_owned(),
        TypeCode::Local(bits) => format!("L {bits}"),
    }
}

fn name_and_range(name: &[u8], range: Option<(u64, u64)>) -> Vec<u8> {
    let mut out = Vec::new();
    // In quotes, no number behind the name can be taken for a part of it, nor the other way.
    words::write(name, &mut out);
    if let Some((start, end)) = range {
        out.extend_from_slice(format!(" {start} {end}").as_bytes());
    }
    out
}
