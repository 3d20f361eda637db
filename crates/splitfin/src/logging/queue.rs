//! Lines on their way to where the log is written.
//!
//! Who logs puts a line after the others and goes on; one thread takes all that wait at once and writes them. Where the
//! reader has stopped, so does that thread, and then lines are left out and counted. (`tracing-appender` bounds lines, but not
//! their bytes.)

use super::escape;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pending: Mutex<Pending>,
    /// There is something to write, or everything is written.
    changed: Condvar,
    /// Left out since the start.
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    lines: u64,
    /// Left out, and not told in the log yet.
    untold: u64,
    /// Lines are being written.
    is_writing: bool,
}

/// What is written at once.
#[derive(Debug)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
    untold: u64,
}

impl Queue {
    /// Left out since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn push(&self, line: &[u8]) {
        let mut pending = self.pending();
        if pending.lines >= MOST_LINES || pending.bytes.len() + line.len() > MOST_BYTES {
            pending.untold += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        pending.bytes.extend_from_slice(line);
        pending.lines += 1;
        // The writer waits for the first one only.
        if pending.lines == 1 {
            self.changed.notify_all();
        }
    }

    /// Waits for lines, and takes all. `room` is empty. What was left out is told only where it can be read.
    fn take(&self, room: Vec<u8>, can_tell: bool) -> Batch {
        let pending = self.pending();
        let waited = self.changed.wait_while(pending, |pending| pending.lines == 0);
        let mut pending = waited.unwrap_or_else(PoisonError::into_inner);
        pending.is_writing = true;
        let untold = if can_tell { std::mem::take(&mut pending.untold) } else { 0 };
        let lines = std::mem::take(&mut pending.lines);
        Batch { bytes: std::mem::replace(&mut pending.bytes, room), lines, untold }
    }

    fn is_written(&self, lost: u64) {
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        let mut pending = self.pending();
        pending.untold += lost;
        pending.is_writing = false;
        self.changed.notify_all();
    }

    /// Writes what comes, for as long as the process lives.
    pub(super) fn write_forever(&self, mut output: impl Write) {
        let (mut room, mut can_tell) = (Vec::new(), true);
        loop {
            let Batch { mut bytes, lines, untold } = self.take(room, can_tell);
            if untold > 0 {
                // It comes after those that found room, and before all that come now.
                tracing::warn!(lines = untold, "lines of the log were left out: they were not read in time");
            }
            can_tell = write_all(&mut output, &bytes).is_ok();
            self.is_written(if can_tell { 0 } else { lines });
            bytes.clear();
            room = bytes;
        }
    }

    /// Waits until everything is written, for so long at most.
    pub(super) fn flush(&self, patience: Duration) {
        let is_busy = |pending: &mut Pending| pending.is_writing || pending.lines > 0;
        drop(self.changed.wait_timeout_while(self.pending(), patience, is_busy));
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Lines are whole at any moment.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Also where somebody has made the output one that does not wait.
fn write_all(output: &mut impl Write, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where `tracing` puts each line, whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    pub(super) queue: &'static Queue,
    pub(super) json: bool,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) if self.json => self.queue.push(escape::json(text).as_bytes()),
            _ => self.queue.push(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// That wait, in bytes; as much again is being written. Some thousand lines.
const MOST_BYTES: usize = 1 << 20;
/// That wait.
const MOST_LINES: u64 = 8192;
/// Until an output that does not wait is asked again.
const RETRY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// Takes what is written when somebody takes it, and fails when nobody ever will.
    struct Slow(SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(|_| ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn started() -> (Arc<Queue>, Receiver<Vec<u8>>) {
        let queue = Arc::new(Queue::default());
        let (sender, receiver) = sync_channel(0);
        let writing = Arc::clone(&queue);
        std::thread::spawn(move || writing.write_forever(Slow(sender)));
        (queue, receiver)
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_written_in_order() {
        let (queue, output) = started();
        queue.push(b"first\n");
        while !queue.pending().is_writing {
            std::thread::yield_now();
        }
        for number in 0..MOST_LINES + 7 {
            queue.push(format!("{number}\n").as_bytes());
        }
        assert_eq!((queue.dropped(), queue.pending().untold), (7, 7));
        queue.flush(Duration::from_millis(10));
        assert!(queue.pending().is_writing, "it does not wait for ever");
        assert_eq!(output.recv().unwrap(), b"first\n");
        let text = String::from_utf8(output.recv().unwrap()).unwrap();
        assert!(text.starts_with("0\n1\n") && text.ends_with(&format!("{}\n", MOST_LINES - 1)));
        queue.flush(Duration::from_secs(10));
        assert_eq!((queue.dropped(), queue.pending().untold), (7, 0));
    }

    #[test]
    fn a_line_too_long_for_the_queue_is_left_out() {
        let queue = Queue::default();
        queue.push(&vec![b'x'; MOST_BYTES]);
        queue.push(b"y");
        assert_eq!((queue.dropped(), queue.pending().lines), (1, 1));
    }

    #[test]
    fn what_cannot_be_written_is_counted_once_and_told_when_it_can() {
        let (queue, output) = started();
        drop(output);
        for number in 1..=3 {
            queue.push(b"line\n");
            queue.flush(Duration::from_secs(10));
            assert_eq!(queue.dropped(), number);
        }
        // As long as nothing can be written, nothing is told: that would be left out, too.
        assert_eq!(queue.pending().untold, 3);
    }
}
