//! Who may do more than look at figures. Nobody is asked for a password here, so it takes a program on this machine: not
//! another machine, not one that speaks through a proxy of this one, and not a web page that is shown on it, whatever name
//! it has made lead here.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::{IpAddr, SocketAddr};

/// Lets only programs on this machine go on. `here` is where this listens.
pub(super) async fn from_this_machine(
    State(here): State<SocketAddr>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match why_not(here, peer, request.headers(), request.uri()) {
        Some(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
        None => next.run(request).await,
    }
}

fn why_not(here: SocketAddr, peer: SocketAddr, headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if !peer.ip().to_canonical().is_loopback() {
        return Some("only from the machine that Splitfin runs on".to_owned());
    }
    // Browsers say where a request comes from; other programs do not.
    let site = headers.get("sec-fetch-site");
    if headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site != "none") {
        return Some("not from a web page".to_owned());
    }
    if let Some(name) = headers.keys().map(|name| name.as_str()).find(|name| is_of_a_proxy(name)) {
        return Some(format!("not through a proxy: the request has `{name}`, so it may come from another machine"));
    }
    // A page may make a name of its own lead to this machine, and is of the same origin then.
    if is_here(here, headers, uri) {
        return None;
    }
    Some(format!("ask for `localhost` or `{}`: that is not the `Host` of this request", here.ip()))
}

fn is_of_a_proxy(header: &str) -> bool {
    matches!(header, "forwarded" | "via" | "x-real-ip") || header.starts_with("x-forwarded-")
}

/// Whether a request is for this machine, by all that says whom it is for.
fn is_here(here: SocketAddr, headers: &HeaderMap, uri: &Uri) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    is_ours(here, &host) && uri.authority().is_none_or(|authority| is_ours(here, authority))
}

/// Whatever the port: it may be one that leads here.
fn is_ours(here: SocketAddr, authority: &Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_ours = |ip: IpAddr| ip.to_canonical().is_loopback() || ip == here.ip();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    /// Why a request with these headers is refused.
    fn why(peer: &str, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let here = SocketAddr::from(([10, 0, 0, 5], 6080));
        let peer = SocketAddr::new(peer.parse().unwrap(), 40000);
        why_not(here, peer, &headers.iter().map(header).collect(), &Uri::from_static("/api/v1/reload"))
    }

    fn refused(headers: &[(&'static str, &'static str)], expected: &str) {
        let why = why("127.0.0.1", headers);
        assert!(why.as_ref().is_some_and(|why| why.contains(expected)), "{headers:?}: {why:?}");
    }

    #[test]
    fn programs_on_this_machine_may() {
        for host in [
            "localhost",
            "LOCALHOST:6080",
            "127.0.0.1:6080",
            "127.1.2.3",
            "[::1]:6080",
            "10.0.0.5:6080",
            "localhost:8080",
        ] {
            assert_eq!(why("127.0.0.1", &[("host", host)]), None, "{host}");
        }
        for peer in ["::1", "::ffff:127.0.0.1"] {
            assert_eq!(why(peer, &[("host", "localhost")]), None);
        }
        assert_eq!(why("127.0.0.1", &[("host", "localhost"), ("sec-fetch-site", "none")]), None);
    }

    #[test]
    fn others_may_not() {
        for peer in ["10.0.0.5", "192.0.2.1", "::2"] {
            assert!(why(peer, &[("host", "localhost")]).is_some_and(|why| why.contains("only from the machine")));
        }
    }

    #[test]
    fn names_that_lead_here_are_not_this_machine() {
        for host in [
            "evil.example:6080",
            "localhost.evil.example",
            "10.0.0.6",
            "127.0.0.1.evil.example",
            "",
            "a@localhost",
            "x y",
        ] {
            refused(&[("host", host)], "that is not the `Host`");
        }
        refused(&[], "that is not the `Host`");
        let (here, peer) = (SocketAddr::from(([127, 0, 0, 1], 6080)), SocketAddr::from(([127, 0, 0, 1], 40000)));
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        assert!(why_not(here, peer, &headers, &Uri::from_static("http://evil.example/api/v1/reload")).is_some());
        let twice = [HeaderValue::from_static("localhost"), HeaderValue::from_static("evil.example")];
        let headers = HeaderMap::from_iter(twice.map(|host| (header::HOST, host)));
        assert!(why_not(here, peer, &headers, &Uri::from_static("/api/v1/reload")).is_some());
    }

    #[test]
    fn web_pages_and_proxies_may_not() {
        let host = ("host", "localhost:6080");
        refused(&[host, ("origin", "http://localhost:6080")], "not from a web page");
        for site in ["cross-site", "same-site", "same-origin"] {
            refused(&[host, ("sec-fetch-site", site)], "not from a web page");
        }
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"] {
            refused(&[host, (name, "192.0.2.1")], &format!("the request has `{name}`"));
        }
    }
}
