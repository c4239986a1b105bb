//! One control connection of the scripted server: finds the rule for each command and performs its
//! actions. What is usual is in `usual`.

use std::net::SocketAddr;
use std::sync::Arc;

use ferry_proto::repr::deflate::{Decoder, Encoder, Level, Limits};
use ferry_proto::repr::{Progress, Transducer as _};

use super::act::{Act, DataAct, Ear, Plain, When};
use super::control::{Control, Cut};
use super::data::Data;
use super::player::World;
use super::tree::absolute;
use super::usual;
use super::wire::Wire;

/// Octets of an endless stream that go out at a time.
const FOREVER_STEP: usize = 8 * 1024;

/// How much one connection is told of an endless stream. A client must have had enough long
/// before; a scene whose client does not would otherwise fill the machine.
const FOREVER_MAX: usize = 256 << 20;

/// What a session knows.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) world: Arc<World>,
    pub(crate) control: Control,
    pub(crate) data: Data,
    pub(crate) cwd: Vec<u8>,
    /// PROT P.
    pub(crate) private: bool,
    pub(crate) rest: usize,
    pub(crate) renaming: Option<Vec<u8>>,
    /// MODE Z.
    pub(crate) deflates: bool,
    /// A transfer was cut short by ABOR.
    pub(crate) cut: bool,
}

/// The command that is obeyed.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) verb: String,
    pub(crate) argument: Vec<u8>,
}

impl Asked {
    fn new(line: &[u8]) -> Self {
        let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
        let (verb, rest) = line.split_at(space);
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        Self { verb, argument: rest.get(1..).unwrap_or_default().to_vec() }
    }
}

/// Plays one session to its end.
pub(crate) async fn run(world: Arc<World>, tcp: tokio::net::TcpStream, number: usize) {
    let control = Control::new(Wire::new(tcp), Arc::clone(&world), number);
    let mut session = Session {
        private: world.implicit(),
        world,
        control,
        data: Data::default(),
        cwd: b"/".to_vec(),
        rest: 0,
        renaming: None,
        deflates: false,
        cut: false,
    };
    let _gone = session.converse().await;
    session.control.note("end");
}

impl Session {
    async fn converse(&mut self) -> Result<(), Cut> {
        let connect = Asked { verb: "CONNECT".to_owned(), argument: Vec::new() };
        goes_on(self.obey(connect).await)?;
        loop {
            let line = self.control.next_line().await?;
            let asked = Asked::new(&line);
            let quits = asked.verb == "QUIT";
            match self.obey(asked).await {
                Err(Cut::Abort) => {
                    self.cut = true;
                    let abor = Asked { verb: "ABOR".to_owned(), argument: Vec::new() };
                    let done = self.obey(abor).await;
                    self.cut = false;
                    goes_on(done)?;
                }
                done => goes_on(done)?,
            }
            if quits {
                let _ = self.control.wire.close().await;
            }
        }
    }

    async fn obey(&mut self, asked: Asked) -> Result<(), Cut> {
        let acts = self.world.acts_for(&asked.verb, &asked.argument);
        if matches!(asked.verb.as_str(), "PASV" | "EPSV") {
            let ear = acts.iter().find_map(|act| match act {
                Act::Listen(ear) => Some(*ear),
                _ => None,
            });
            let ready = self.data.listen(ear.unwrap_or(Ear::Usual)).await;
            ready.map_err(|e| self.gone(&format!("no passive port: {e}")))?;
        }
        let whole = acts.is_empty();
        for act in acts {
            self.perform(&asked, act).await?;
        }
        if whole {
            self.control.note("no action for this; nothing is answered");
        }
        Ok(())
    }

    fn gone(&self, why: &str) -> Cut {
        self.control.note(why);
        Cut::Gone
    }

    async fn perform(&mut self, asked: &Asked, act: Act) -> Result<(), Cut> {
        match act {
            Act::Usual => {
                for act in usual::acts(self, asked) {
                    Box::pin(self.perform_one(asked, act)).await?;
                }
                Ok(())
            }
            act => Box::pin(self.perform_one(asked, act)).await,
        }
    }

    async fn perform_one(&mut self, asked: &Asked, act: Act) -> Result<(), Cut> {
        match act {
            Act::Reply(text) => {
                let mut line = self.fill(asked, &text);
                line.extend(b"\r\n");
                self.control.send(&line).await
            }
            Act::Send(octets) => self.control.send(&self.fill(asked, &octets)).await,
            Act::Dribble(octets) => {
                for octet in self.fill(asked, &octets) {
                    self.control.send(&[octet]).await?;
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Act::Repeat(times, octets) => self.control.send(&octets.repeat(times)).await,
            Act::Forever(octets) => {
                let chunk = octets.repeat(FOREVER_STEP.div_ceil(octets.len().max(1)));
                for _ in 0..FOREVER_MAX / chunk.len().max(1) {
                    self.control.wire.write(&chunk).await.map_err(|_| Cut::Gone)?;
                }
                Err(self.gone("the client never had enough"))
            }
            Act::Usual => Ok(()),
            Act::Wait(time) => {
                self.control
                    .race(async {
                        tokio::time::sleep(time).await;
                        Ok(())
                    })
                    .await
            }
            Act::Silence => {
                self.control.note("silence");
                self.control.race(std::future::pending()).await
            }
            Act::Stall => Err(self.control.stall().await),
            Act::Close => {
                let _ = self.control.wire.close().await;
                Err(self.control.stall().await)
            }
            Act::Fin => {
                let _ = self.control.wire.fin().await;
                Err(self.control.stall().await)
            }
            Act::Reset => {
                self.control.wire.set_reset();
                Err(self.gone("RST on control"))
            }
            Act::Tls => self.control.begin_tls().await,
            // Heeded before the first action.
            Act::Listen(_) => Ok(()),
            Act::ForgetTickets => {
                self.world.tls.forget();
                Ok(())
            }
            Act::Data(act) => self.on_data(asked, act).await,
        }
    }

    async fn on_data(&mut self, asked: &Asked, act: DataAct) -> Result<(), Cut> {
        let Self { control, data, .. } = self;
        match act {
            DataAct::Open => {
                control.race(data.tcp()).await?;
                if self.private { self.data_tls().await } else { Ok(()) }
            }
            DataAct::Tcp => control.race(data.tcp()).await,
            DataAct::Tls => self.data_tls().await,
            DataAct::Send(octets) => control.race(write(data, &octets)).await,
            DataAct::Repeat(times, octets) => {
                control.race(write(data, &octets.repeat(times))).await
            }
            DataAct::Dribble(octets) => {
                let work = async {
                    for octet in octets {
                        data.wire()?.write(&[octet]).await?;
                        tokio::task::yield_now().await;
                    }
                    Ok(())
                };
                control.race(work).await
            }
            DataAct::Forever(octets) => {
                let chunk = octets.repeat(FOREVER_STEP.div_ceil(octets.len().max(1)));
                let work = async {
                    for _ in 0..FOREVER_MAX / chunk.len().max(1) {
                        if data.wire()?.write(&chunk).await.is_err() {
                            return Ok(());
                        }
                    }
                    Err(std::io::Error::other("the client never had enough"))
                };
                control.race(work).await
            }
            DataAct::Deflate(plain, short) => {
                let octets = match plain {
                    Plain::Octets(octets) => octets,
                    Plain::Zeros(n) => vec![0; n],
                    Plain::File => rest_of(&self.world, &self.cwd, &mut self.rest, asked),
                };
                let mut stream = deflate(&octets);
                stream.truncate(stream.len().saturating_sub(short));
                // A client that has had enough of it has closed.
                let sent = async { Ok(write(data, &stream).await.is_ok()) };
                control.race(sent).await.map(drop)
            }
            DataAct::File(most) => {
                let rest = rest_of(&self.world, &self.cwd, &mut self.rest, asked);
                let part = rest.get(..most.min(rest.len())).unwrap_or_default();
                // Once the client has closed there is nobody to write to, and a reply to give.
                let sent = async { Ok(write(data, part).await.is_ok()) };
                if !control.race(sent).await? {
                    control.note("the client closed the data connection");
                }
                Ok(())
            }
            DataAct::Read(most) => self.take_upload(asked, most).await,
            DataAct::Close => {
                control.race(data.close(true)).await?;
                control.note("data closed");
                Ok(())
            }
            DataAct::Fin => {
                control.race(data.close(false)).await?;
                control.note("data closed by FIN alone");
                Ok(())
            }
            DataAct::Reset => {
                data.reset();
                control.note("RST on data");
                Ok(())
            }
        }
    }

    /// The handshake on the data connection; one that resumed nothing where it must is refused.
    async fn data_tls(&mut self) -> Result<(), Cut> {
        let config = Arc::clone(&self.world.tls.data);
        let Self { control, data, world, .. } = self;
        let shaken = async { Ok(data.tls(config).await) };
        let resumed = match control.race(shaken).await? {
            Ok(resumed) => resumed,
            Err(e) => {
                control.note(&format!("no TLS on data: {e}"));
                data.reset();
                control.send(b"425 TLS on the data connection failed\r\n").await?;
                return Err(Cut::Skip);
            }
        };
        control.note(if resumed { "TLS on data, resumed" } else { "TLS on data, not resumed" });
        let Some(reply) = world.required().filter(|_| !resumed) else {
            return Ok(());
        };
        data.close(true).await.map_err(|_| Cut::Gone)?;
        control.send(&[&reply[..], b"\r\n"].concat()).await?;
        Err(Cut::Skip)
    }

    async fn take_upload(&mut self, asked: &Asked, most: Option<usize>) -> Result<(), Cut> {
        let Self { control, data, .. } = self;
        let mut got = Vec::new();
        let work = async {
            let mut buf = vec![0; 64 * 1024];
            while most.is_none_or(|most| got.len() < most) {
                let room = most.map_or(buf.len(), |most| (most - got.len()).min(buf.len()));
                let n = data.wire()?.read(buf.get_mut(..room).unwrap_or_default()).await;
                match n {
                    Ok(0) => return Ok(true),
                    Ok(n) => got.extend_from_slice(buf.get(..n).unwrap_or_default()),
                    // RST, or under TLS a FIN alone.
                    Err(_) => return Ok(false),
                }
            }
            Ok(true)
        };
        let whole = control.race(work).await;
        control.note(&format!("{} octets of upload", got.len()));
        let (got, ended) = if self.deflates { inflate(&got) } else { (got, true) };
        self.keep(asked, &got);
        if whole? && ended {
            return Ok(());
        }
        if self.world.drops_broken() {
            self.world.tree.remove(&absolute(&self.cwd, &asked.argument));
        }
        self.data.reset();
        self.control.send(b"426 The upload was cut short\r\n").await?;
        Err(Cut::Skip)
    }

    /// Puts what was uploaded where it belongs.
    fn keep(&mut self, asked: &Asked, got: &[u8]) {
        let path = absolute(&self.cwd, &asked.argument);
        let from = if asked.verb == "APPE" { None } else { Some(std::mem::take(&mut self.rest)) };
        let over = self.world.writes_over();
        self.world.tree.change(path, |mut all| {
            let from = from.unwrap_or(all.len());
            if over {
                let end = from + got.len();
                all.resize(all.len().max(end), 0);
                if let Some(place) = all.get_mut(from..end) {
                    place.copy_from_slice(got);
                }
                return all;
            }
            all.truncate(from);
            [&all, got].concat()
        });
    }

    fn fill(&self, asked: &Asked, template: &[u8]) -> Vec<u8> {
        let [high, low] = self.data.port.to_be_bytes();
        let values: [(&[u8], Vec<u8>); 5] = [
            (b"{h}", b"127,0,0,1".to_vec()),
            (b"{p1}", high.to_string().into_bytes()),
            (b"{p2}", low.to_string().into_bytes()),
            (b"{port}", self.data.port.to_string().into_bytes()),
            (b"{path}", asked.argument.clone()),
        ];
        let mut out = Vec::new();
        let mut rest = template;
        while let Some((&first, after)) = rest.split_first() {
            let known = values.iter().find(|(name, _)| rest.starts_with(name));
            if let Some((name, value)) = known {
                out.extend_from_slice(value);
                rest = rest.get(name.len()..).unwrap_or_default();
            } else {
                out.push(first);
                rest = after;
            }
        }
        out
    }

    /// Where an active client listens.
    pub(crate) fn call(&mut self, target: SocketAddr) {
        self.data.call(target);
    }
}

fn goes_on(done: Result<(), Cut>) -> Result<(), Cut> {
    match done {
        Err(Cut::Skip) => Ok(()),
        done => done,
    }
}

/// The file named, from REST on.
fn rest_of(world: &World, cwd: &[u8], rest: &mut usize, asked: &Asked) -> Vec<u8> {
    let content = world.tree.file(&absolute(cwd, &asked.argument)).unwrap_or_default();
    let from = std::mem::take(rest).min(content.len());
    content.get(from..).unwrap_or_default().to_vec()
}

/// A zlib stream of these octets.
fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(Level::default());
    let (mut input, mut stream) = (octets, Vec::new());
    // A stream that cannot be made is one that the client will not like, either.
    let _ = encoder.step(&mut input, &mut stream, usize::MAX);
    encoder.close();
    let _ = encoder.step(&mut input, &mut stream, usize::MAX);
    stream
}

/// What a zlib stream holds, and whether it is whole and nothing follows it.
fn inflate(stream: &[u8]) -> (Vec<u8>, bool) {
    let mut decoder = Decoder::new(Limits::default());
    let (mut input, mut octets) = (stream, Vec::new());
    let step = decoder.step(&mut input, &mut octets, usize::MAX);
    (octets, input.is_empty() && matches!(step, Ok(Progress::Mark(_))))
}

async fn write(data: &mut Data, octets: &[u8]) -> std::io::Result<()> {
    data.wire()?.write(octets).await
}

/// Which acts a rule has for a command; what is usual without one.
pub(crate) fn chosen(
    rules: &[super::act::Rule],
    verb: &str,
    argument: &[u8],
    nth: usize,
    nth_any: usize,
) -> Vec<Act> {
    let rule = rules.iter().find(|rule| rule.fits(verb, argument, nth, nth_any));
    debug_assert!(!matches!(rule, Some(r) if r.when == When::Only(0)), "counted from 1");
    rule.map_or_else(|| vec![Act::Usual], |rule| rule.acts.clone())
}
