//! Tells those who watch the servers what those who use them notice.

use splitfin_topology::{BackendId, Trouble};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Raised when a server fails those who use it.
#[derive(Debug, Clone)]
pub struct Alarm {
    sender: Sender<(BackendId, Trouble)>,
}

impl Alarm {
    /// An alarm, and where it is heard.
    pub fn new() -> (Self, Receiver<(BackendId, Trouble)>) {
        let (sender, receiver) = channel(PENDING);
        (Self { sender }, receiver)
    }

    /// Says that something is wrong. Where many say so at once, a few are enough.
    pub fn raise(&self, backend: BackendId, trouble: Trouble) {
        let _ = self.sender.try_send((backend, trouble));
    }
}

/// Alarms that were not heard yet.
const PENDING: usize = 64;
