//! A simulated listening socket.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use ferry_server::net::{Link, Listener};

use super::World;
use super::link::SimLink;

/// Connections that wait to be accepted.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<SimLink>,
    waker: Option<Waker>,
    backlog: usize,
}

impl Queue {
    pub(crate) const fn new(backlog: usize) -> Self {
        Self { waiting: VecDeque::new(), waker: None, backlog }
    }

    /// Puts a connection in the queue; gives it back when the queue is full.
    pub(crate) fn offer(&mut self, link: SimLink) -> Result<(), SimLink> {
        if self.waiting.len() >= self.backlog {
            return Err(link);
        }
        self.waiting.push_back(link);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }
}

/// A listening socket; dropping it frees the port and resets whoever was not yet accepted.
#[derive(Debug)]
pub struct SimListener {
    queue: Arc<Mutex<Queue>>,
    at: SocketAddr,
    world: Weak<Mutex<World>>,
}

impl SimListener {
    pub(crate) const fn new(
        queue: Arc<Mutex<Queue>>,
        at: SocketAddr,
        world: Weak<Mutex<World>>,
    ) -> Self {
        Self { queue, at, world }
    }

    /// Where it listens.
    #[must_use]
    pub const fn at(&self) -> SocketAddr {
        self.at
    }

    /// The next connection.
    pub async fn accept(&self) -> SimLink {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<SimLink> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = queue.waiting.pop_front() {
            return Poll::Ready(link);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Listener for SimListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Box<dyn Link>, SocketAddr)>> {
        self.poll_next(cx).map(|link| {
            let peer = link.peer();
            Ok((Box::new(link) as Box<dyn Link>, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.at)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.lock().unwrap_or_else(PoisonError::into_inner).listeners.remove(&self.at);
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for link in queue.waiting.drain(..) {
            link.reset();
        }
    }
}
