//! A control connection by hand, in the clear, for what no client would do.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::{PASSWORD, USER};

/// The longest wait for one reply.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long somebody who waits is looked at.
const A_WHILE: Duration = Duration::from_millis(700);

/// A control connection.
#[derive(Debug)]
pub struct Dialog(BufReader<TcpStream>);

impl Dialog {
    /// A connection, which nobody may have accepted.
    ///
    /// # Errors
    /// There is nobody.
    pub fn connect(at: SocketAddr) -> io::Result<Self> {
        let control = TcpStream::connect(at)?;
        control.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(control)))
    }

    /// Waits to be greeted and logs in, in type I.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn log_in(mut self) -> io::Result<Self> {
        let greeting = self.reply()?;
        self.ask(&format!("USER {USER}"))?;
        let welcome = self.ask(&format!("PASS {PASSWORD}"))?;
        if !greeting.starts_with("220") || !welcome.starts_with("230") {
            return Err(io::Error::other(format!("{greeting} {welcome}")));
        }
        self.ask("TYPE I")?;
        Ok(self)
    }

    /// Sends a line; the last line of the reply.
    ///
    /// # Errors
    /// The connection broke, or nothing comes.
    pub fn ask(&mut self, line: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// The last line of the next reply.
    ///
    /// # Errors
    /// The connection broke, or nothing comes.
    pub fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    /// The data connection of a download that has begun.
    ///
    /// # Errors
    /// The server says no.
    pub fn download(&mut self, path: &str) -> io::Result<TcpStream> {
        let offer = self.ask("EPSV")?;
        let port = offer.split('|').nth(3).and_then(|port| port.parse::<u16>().ok());
        let port = port.ok_or_else(|| io::Error::other(offer.clone()))?;
        let data = TcpStream::connect((self.0.get_ref().peer_addr()?.ip(), port))?;
        let begun = self.ask(&format!("RETR {path}"))?;
        if begun.starts_with("150") { Ok(data) } else { Err(io::Error::other(begun)) }
    }

    /// Whether nothing at all comes for a while.
    ///
    /// # Errors
    /// The connection broke.
    pub fn is_left_waiting(&mut self) -> io::Result<bool> {
        self.0.get_ref().set_read_timeout(Some(A_WHILE))?;
        let nothing = self.0.fill_buf().is_err();
        self.0.get_ref().set_read_timeout(Some(PATIENCE))?;
        Ok(nothing)
    }
}
