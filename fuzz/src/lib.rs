//! What more than one target needs: a driver for the session machine that answers whatever it asks
//! by a number, well or badly. Transducers have theirs in `repr`.

pub mod repr;

use std::collections::VecDeque;

use ferry_proto::path::FtpPath;
use ferry_proto::server::{
    AccountFor, Action, Ask, Digest, End, Failure, LoginRefusal, Outcome, Rules, ServerSession,
    Work,
};

/// Gives `line` to the session, answers everything it asks by numbers from `choose`, and returns
/// how many final replies came of it.
pub fn answer_all(
    session: &mut ServerSession,
    line: &[u8],
    mut choose: impl FnMut() -> u8,
) -> usize {
    let rules = Rules {
        tls: true,
        login_needs_tls: false,
        data_needs_tls: false,
        wrong_passwords: 200,
        default_data_port: true,
        anonymous: true,
        banner: Vec::new(),
        idle_secs: 300,
        login_secs: 60,
        ccc: true,
        long_addresses: true,
        fxp: true,
        partners: Vec::new(),
        umask: 0o022,
        idle_max_secs: 7200,
        sets_created: true,
        joins: true,
    };
    let (mut actions, mut finals) = (Vec::new(), 0);
    session.command(line, &rules, 0, &mut actions);
    let mut queue: VecDeque<Action> = actions.into();
    while let Some(action) = queue.pop_front() {
        let mut more = Vec::new();
        match action {
            Action::Reply(reply) => finals += usize::from(reply.code() >= 200),
            Action::Ask(ask) => session.conclude(answer(&ask, choose()), &rules, &mut more),
            Action::StartTls => session.tls_up(),
            _ => {}
        }
        queue.extend(more);
    }
    assert!(!session.is_busy(), "nothing is left open");
    finals
}

fn answer(ask: &Ask, choice: u8) -> Outcome {
    match ask {
        Ask::Pause(_) => Outcome::Done,
        Ask::Login { .. } if choice < 16 => Outcome::LoginRefused(LoginRefusal::Wrong),
        Ask::Login { .. } if choice < 32 => {
            Outcome::AccountWanted { home: FtpPath::root(), until: AccountFor::Login }
        }
        Ask::Login { .. } if choice < 48 => {
            Outcome::AccountWanted { home: FtpPath::root(), until: AccountFor::Writing }
        }
        Ask::Login { .. } => Outcome::LoggedIn(FtpPath::root()),
        Ask::Move { .. } if choice < 128 => Outcome::Ended(End::Complete),
        Ask::Move { .. } => Outcome::Ended(End::Broken),
        Ask::Work { .. } if choice < 16 => Outcome::Stopped,
        _ if choice < 64 => Outcome::Failed(Failure::NotFound),
        Ask::Listen { .. } => Outcome::Listening(([192, 0, 2, 1], 50_000).into()),
        Ask::Work { work, .. } => match &**work {
            Work::Hash { paths, .. } => {
                let digest = Digest { octets: vec![choice], end: choice.into() };
                Outcome::Digests(vec![digest; paths.len()])
            }
            Work::TreeSize(_) => Outcome::Number(choice.into()),
            _ => Outcome::Done,
        },
        Ask::Size(..) | Ask::FreeSpace(_) => Outcome::Number(u64::from(choice)),
        Ask::ModTime { .. } => Outcome::Time(ferry_proto::date::UnixTime::from_secs(0)),
        Ask::Facts(..) | Ask::Status(_) => Outcome::Text(b"-rw x\r\n".to_vec()),
        Ask::Open(_) => Outcome::Opened { wire_len: None, stored_as: None },
        _ => Outcome::Done,
    }
}
