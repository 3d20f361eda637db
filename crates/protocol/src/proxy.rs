//! The PROXY protocol: what a balancer says before a connection about who is at its other end.
//!
//! Source: <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, versions 1 (text) and 2 (binary).

use crate::wire::Malformed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The balancer speaks for itself, as in a health check, or does not know.
    Local,
    /// It speaks for this client.
    Client(SocketAddr),
}

/// How much of a header is still to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// At least so many bytes more, and none of them belongs to what follows.
    Needs(usize),
    /// It is whole.
    Whole(Header),
}

/// Reads a header as far as it is there. To be called again with more bytes until it is whole.
pub fn parse(bytes: &[u8]) -> Result<Progress, Malformed> {
    let sign = bytes.len().min(SIGNATURE.len());
    if bytes[..sign] == SIGNATURE[..sign] {
        return binary(bytes);
    }
    let word = bytes.len().min(WORD.len());
    match bytes[..word] == WORD[..word] {
        true => text(bytes),
        false => Err(refused("PROXY signature")),
    }
}

fn binary(bytes: &[u8]) -> Result<Progress, Malformed> {
    if bytes.len() < SIGNATURE.len() {
        // Even the shortest line of version 1 is longer.
        return Ok(Progress::Needs(SIGNATURE.len() - bytes.len()));
    }
    let Some(&[version_and_command, family, high, low]) = bytes.get(12..16) else {
        return Ok(Progress::Needs(16 - bytes.len()));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if 16 + length > LONGEST {
        return Err(refused("PROXY length"));
    }
    let Some(body) = bytes.get(16..16 + length) else { return Ok(Progress::Needs(16 + length - bytes.len())) };
    let header = match (version_and_command, family) {
        (0x20, _) => Header::Local,
        (0x21, 0x11) => {
            let [a, b, c, d, _, _, _, _, high, low] = *body.first_chunk().ok_or(refused("PROXY IPv4"))?;
            Header::Client((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
        }
        (0x21, 0x21) => {
            let address: &[u8; 16] = body.first_chunk().ok_or(refused("PROXY IPv6"))?;
            let port = body.get(32..34).ok_or(refused("PROXY IPv6"))?;
            Header::Client((Ipv6Addr::from(*address), u16::from_be_bytes([port[0], port[1]])).into())
        }
        // Of a unix socket, or of nothing that has an address.
        (0x21, 0x00 | 0x31) => Header::Local,
        _ => return Err(refused("PROXY command and family")),
    };
    Ok(Progress::Whole(header))
}

fn text(bytes: &[u8]) -> Result<Progress, Malformed> {
    let Some(line) = bytes.strip_suffix(b"\n") else {
        return match bytes.len() < LONGEST_LINE && !bytes.contains(&b'\n') {
            true => Ok(Progress::Needs(1)),
            false => Err(refused("PROXY line")),
        };
    };
    let line = line.strip_suffix(b"\r").ok_or(refused("PROXY line"))?;
    let line = std::str::from_utf8(line).map_err(|_| refused("PROXY line"))?;
    let words: Vec<&str> = line.split(' ').collect();
    let header = match words[..] {
        ["PROXY", "UNKNOWN", ..] => Header::Local,
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, from, to] => {
            let address = |text: &str| -> Result<IpAddr, Malformed> {
                let address: IpAddr = text.parse().map_err(|_| refused("PROXY address"))?;
                match address.is_ipv4() == (family == "TCP4") {
                    true => Ok(address),
                    false => Err(refused("PROXY address")),
                }
            };
            let port = |text: &str| text.parse::<u16>().map_err(|_| refused("PROXY port"));
            address(destination)?;
            port(to)?;
            Header::Client(SocketAddr::new(address(source)?, port(from)?))
        }
        _ => return Err(refused("PROXY line")),
    };
    Ok(Progress::Whole(header))
}

/// A header of version 2 for a client that came from `source`, to where this end of the new connection is.
pub fn encode(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    match (source.ip().to_canonical(), destination.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend([0x21, 0x11, 0, 12]);
            out.extend(from.octets());
            out.extend(to.octets());
        }
        (from, to) => {
            let wide = |address| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            out.extend([0x21, 0x21, 0, 36]);
            out.extend(wide(from).octets());
            out.extend(wide(to).octets());
        }
    }
    out.extend(source.port().to_be_bytes());
    out.extend(destination.port().to_be_bytes());
    out
}

/// What is wrong is said by name alone: whoever sends it is told nothing.
const fn refused(field: &'static str) -> Malformed {
    Malformed::Invalid { field, value: 0 }
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8; 6] = b"PROXY ";
/// Of version 1, with its end of line.
const LONGEST_LINE: usize = 107;
/// Of version 2, with what may follow the addresses.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads as a socket does: no more than was asked for.
    fn read(bytes: &[u8]) -> Result<(Header, usize), Malformed> {
        let mut have = 0;
        loop {
            match parse(&bytes[..have])? {
                Progress::Whole(header) => return Ok((header, have)),
                Progress::Needs(more) => have += more,
            }
            if have > bytes.len() {
                return Err(refused("the end"));
            }
        }
    }

    fn client(text: &str) -> Header {
        Header::Client(text.parse().unwrap())
    }

    #[test]
    fn both_versions_are_read_and_nothing_after_them() {
        let wide = encode("[2001:db8::1]:4".parse().unwrap(), "[2001:db8::2]:5".parse().unwrap());
        let local = [&SIGNATURE[..], &[0x20, 0, 0, 3, 1, 2, 3]].concat();
        let unix = [&SIGNATURE[..], &[0x21, 0x31, 0, 216], &[0; 216]].concat();
        for (bytes, expected) in [
            (&b"PROXY TCP4 192.0.2.1 192.0.2.2 4 5\r\n"[..], client("192.0.2.1:4")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 4 5\r\n", client("[2001:db8::1]:4")),
            (b"PROXY UNKNOWN\r\n", Header::Local),
            (b"PROXY UNKNOWN what ever it says\r\n", Header::Local),
            (&encode("192.0.2.1:4".parse().unwrap(), "192.0.2.2:5".parse().unwrap()), client("192.0.2.1:4")),
            (&wide, client("[2001:db8::1]:4")),
            (&local, Header::Local),
            (&unix, Header::Local),
        ] {
            let followed = [bytes, b"and more"].concat();
            assert_eq!(read(&followed), Ok((expected, bytes.len())), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long_line = [&b"PROXY UNKNOWN "[..], &[b'x'; 200], b"\r\n"].concat();
        let long = [&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff], &[0; 70_000]].concat();
        let short = [&SIGNATURE[..], &[0x21, 0x11, 0, 4, 1, 2, 3, 4]].concat();
        let command = [&SIGNATURE[..], &[0x22, 0x11, 0, 12], &[0; 12]].concat();
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"PROXY TCP4 192.0.2.1 192.0.2.2 4\r\n",
            b"PROXY TCP4 2001:db8::1 192.0.2.2 4 5\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 4 65536\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 4 5\n",
            b"PROXY \xff\r\n",
            &long_line,
            &long,
            &short,
            &command,
        ] {
            assert!(read(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_it_comes_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..3) {
            let start: &[u8] = [&b""[..], WORD, SIGNATURE][kind as usize];
            let _ = read(&[start, &bytes].concat());
        }

        #[test]
        fn what_is_written_is_read(source: SocketAddr, destination: SocketAddr) {
            let bytes = encode(source, destination);
            let (header, length) = read(&bytes).unwrap();
            prop_assert_eq!(length, bytes.len());
            let Header::Client(read) = header else { return Err(TestCaseError::fail("no client")) };
            prop_assert_eq!((read.ip().to_canonical(), read.port()), (source.ip().to_canonical(), source.port()));
        }
    }
}
