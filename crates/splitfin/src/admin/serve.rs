//! Connections of those who ask over HTTP: few, short, and none that says nothing for long.
//!
//! Each has one request and one answer. Nothing reads the body of a request, so nobody waits for one.

use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

/// What one who asks may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Time for a request to arrive.
    pub(super) request: Duration,
    /// Time for an answer to be taken.
    pub(super) answer: Duration,
    /// Most connections at once.
    pub(super) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request: Duration::from_secs(5), answer: Duration::from_secs(10), connections: 64 }
    }
}

/// Answers for ever. Dropped, it ends all connections.
pub(super) async fn forever(listener: &TcpListener, routes: Router, limits: Limits) -> std::convert::Infallible {
    let mut serving = JoinSet::new();
    // In the order in which they came.
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the admin endpoint cannot accept");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        while serving.try_join_next().is_some() {}
        open.retain(|open| !open.task.is_finished());
        if open.len() >= limits.connections && !close_a_silent_one(&mut open) {
            refuse(&stream);
            continue;
        }
        let progress = Arc::<Progress>::default();
        let task = serving.spawn(serve(stream, peer, routes.clone(), Arc::clone(&progress), limits));
        open.push(Open { task, progress });
    }
}

#[derive(Debug)]
struct Open {
    task: AbortHandle,
    progress: Arc<Progress>,
}

/// How far a connection is.
#[derive(Debug, Default)]
struct Progress {
    has_asked: AtomicBool,
    answered: Notify,
}

/// Makes room: of those that have not asked yet, the oldest has to go.
fn close_a_silent_one(open: &mut Vec<Open>) -> bool {
    let silent = open.iter().position(|open| !open.progress.has_asked.load(Ordering::Relaxed));
    silent.map(|at| open.remove(at).task.abort()).is_some()
}

/// Says so, if that is possible at once.
fn refuse(stream: &TcpStream) {
    let text = "too many are asking at once\n";
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close";
    let _ = stream.try_write(format!("{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
}

async fn serve(stream: TcpStream, peer: SocketAddr, routes: Router, progress: Arc<Progress>, limits: Limits) {
    let watched = Arc::clone(&progress);
    let watch = from_fn(move |request: Request, next: Next| {
        let progress = Arc::clone(&watched);
        async move {
            progress.has_asked.store(true, Ordering::Relaxed);
            let answer = next.run(request).await;
            progress.answered.notify_one();
            answer
        }
    });
    let routes = routes.layer(Extension(ConnectInfo(peer))).layer(watch);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_buf_size(LONGEST_REQUEST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let too_slow = async {
        progress.answered.notified().await;
        tokio::time::sleep(limits.answer).await;
    };
    // Whatever goes wrong with a connection is the business of the other side.
    tokio::select! {
        _ = connection => {}
        () = too_slow => {}
    }
}

/// How long it rests when it cannot accept: there are no file descriptors left.
const AGAIN: Duration = Duration::from_millis(100);
/// Bytes of a request: its paths are short, and browsers' headers are not.
const LONGEST_REQUEST: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const LIMITS: Limits =
        Limits { request: Duration::from_millis(300), answer: Duration::from_millis(300), connections: 3 };
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    async fn start(routes: Router, limits: Limits) -> std::io::Result<(SocketAddr, JoinSet<()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(async move { match forever(&listener, routes, limits).await {} });
        Ok((address, serving))
    }

    /// Says something, and gives all that comes until the other side closes.
    async fn say(address: SocketAddr, what: &[u8]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(what).await?;
        rest(&mut stream).await
    }

    async fn rest(stream: &mut TcpStream) -> std::io::Result<String> {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        read.expect("it ends in time")?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn hello() -> Router {
        Router::new().route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
    }

    #[tokio::test]
    async fn a_request_is_answered_and_the_connection_closed() -> std::io::Result<()> {
        let (address, _serving) = start(hello(), LIMITS).await?;
        let answer = say(address, REQUEST).await?;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("127.0.0.1"), "{answer}");
        Ok(())
    }

    #[tokio::test]
    async fn half_a_request_is_not_waited_for() -> std::io::Result<()> {
        let (address, _serving) = start(hello(), LIMITS).await?;
        for half in [&b""[..], b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n"] {
            let answer = say(address, half).await?;
            assert!(!answer.contains("200 OK"), "{answer}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_keeps_nobody() -> std::io::Result<()> {
        let (address, _serving) = start(hello(), LIMITS).await?;
        let answer = say(address, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc").await?;
        assert!(answer.contains("200 OK"), "{answer}");
        Ok(())
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_dropped() -> std::io::Result<()> {
        let much = Router::new().route("/", get(|| async { vec![b'x'; 64 << 20] }));
        let (address, mut serving) = start(much, LIMITS).await?;
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(REQUEST).await?;
        tokio::time::sleep(LIMITS.answer * 4).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        assert!(read.is_err() || answer.len() < 64 << 20, "{read:?}");
        serving.shutdown().await;
        Ok(())
    }

    #[tokio::test]
    async fn when_there_are_too_many_the_oldest_silent_one_goes() -> std::io::Result<()> {
        let patient = Limits { request: Duration::from_secs(60), ..LIMITS };
        let (address, _serving) = start(hello(), patient).await?;
        let mut silent = Vec::new();
        for _ in 0..3 {
            silent.push(TcpStream::connect(address).await?);
        }
        assert!(say(address, REQUEST).await?.contains("200 OK"));
        assert_eq!(rest(&mut silent[0]).await?, "");
        Ok(())
    }

    #[tokio::test]
    async fn when_all_are_being_answered_the_next_is_refused() -> std::io::Result<()> {
        let started = Arc::new(tokio::sync::Semaphore::new(0));
        let starts = Arc::clone(&started);
        let slow = Router::new().route(
            "/",
            get(move || {
                starts.add_permits(1);
                std::future::pending::<&str>()
            }),
        );
        let (address, _serving) = start(slow, LIMITS).await?;
        let mut asking = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(REQUEST).await?;
            asking.push(stream);
        }
        drop(started.acquire_many(3).await);
        let mut next = TcpStream::connect(address).await?;
        let answer = rest(&mut next).await?;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("too many are asking at once\n"), "{answer}");
        Ok(())
    }
}
