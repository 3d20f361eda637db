//! Reading packets from real sockets.

use super::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream, UnixStream};

const LONG: usize = 12 << 20;

#[tokio::test]
async fn nothing_of_a_packet_of_a_login_stays_in_the_buffer() {
    let (here, there) = UnixStream::pair().unwrap();
    let (mut here, mut there) = (Framed::new(Stream::Unix(here)), Framed::new(Stream::Unix(there)));
    let mut both = Vec::new();
    write_packet(&mut both, 1, b"secret");
    write_packet(&mut both, 0, b"next");
    there.write(&both).await.unwrap();
    let (payload, next) = here.read_packet(100).await.unwrap();
    assert_eq!((payload.as_slice(), next), (&b"secret"[..], 2));
    // What stands after it keeps the buffer as it is.
    assert_eq!(here.input[..here.start], [0; HEADER + 6]);
    assert_eq!(here.read_packet(100).await.unwrap().0.as_slice(), b"next");
}

/// The buffer of a reader that was sent so much of a long packet, and whether it was all.
async fn sent(bytes: usize) -> io::Result<(Framed, bool)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut peer = TcpStream::connect(listener.local_addr()?).await?;
    let mut framed = Framed::new(Stream::Tcp(listener.accept().await?.0));
    let mut packet = vec![0; HEADER + LONG];
    packet[..3].copy_from_slice(&(LONG as u32).to_le_bytes()[..3]);
    packet.truncate(bytes);
    let writing = async move {
        peer.write_all(&packet).await?;
        peer.shutdown().await
    };
    let (written, read) = tokio::join!(writing, framed.packet(1 << 24));
    written?;
    Ok((framed, read.is_ok()))
}

#[tokio::test]
async fn a_long_packet_takes_little_more_than_its_length() {
    let (framed, is_whole) = sent(HEADER + LONG).await.unwrap();
    assert!(is_whole);
    assert_eq!(framed.input().len(), HEADER + LONG);
    assert!(framed.input.capacity() <= LONG + HEADER + LARGEST_READ, "{}", framed.input.capacity());
}

#[tokio::test]
async fn what_is_announced_and_does_not_come_takes_nothing() {
    for bytes in [HEADER, 100_000, 1 << 20] {
        let (framed, is_whole) = sent(bytes).await.unwrap();
        assert!(!is_whole);
        assert!(framed.input.capacity() <= bytes * GROWTH + 2 * LARGEST_READ, "{}", framed.input.capacity());
    }
}
