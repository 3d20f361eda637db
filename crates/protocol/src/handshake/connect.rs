//! The client's side of a login: how connections to backends are opened.
//!
//! ```text
//! ExpectGreeting ──> (TLS) ──> ExpectAnswer <──┐ switch, fast path, public key
//!                                   └──────────┘──> Accepted | Refused
//! ```

use crate::auth::{self, Secret, caching_sha2, ed25519, parsec};
use crate::capability::Capabilities;
use crate::compress::Algorithm;
use crate::packet::{AuthSwitch, ErrPacket, Greeting, Login};
use crate::wire::Malformed;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a server cannot be logged in to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// The server's packet makes no sense.
    #[error("login packet: {0}")]
    Malformed(#[from] Malformed),
    /// The server said no.
    #[error("server refused the login: error {code} ({state}): {message}")]
    Refused {
        /// Error number.
        code: u16,
        /// SQLSTATE.
        state: String,
        /// The server's text.
        message: String,
    },
    /// The server lacks something that every backend must have.
    #[error("server {version} lacks {missing:?}, which a backend must have")]
    TooOld {
        /// Its version.
        version: String,
        /// What it lacks.
        missing: Capabilities,
    },
    /// The server offers no TLS although it is required.
    #[error("server {version} offers no TLS, which is required for this backend")]
    NoTls {
        /// Its version.
        version: String,
    },
    /// The account's plugin needs the password itself, of which only a hash is known.
    #[error("the account uses the plugin `{plugin}`, and only a hash of the password is known")]
    HashOnly {
        /// The plugin.
        plugin: String,
    },
    /// The account uses a plugin that is not known here.
    #[error("the account uses the plugin `{plugin}`, which is not supported")]
    UnknownPlugin {
        /// Its name.
        plugin: String,
    },
    /// The server asks for the password in clear on a channel that can be overheard.
    #[error("server asks for the clear password for `{plugin}` without TLS; use `tls: required` for this backend")]
    ClearTextRefused {
        /// The plugin.
        plugin: String,
    },
    /// The server asks for more than a password: a code, or a new password.
    #[error("the account's plugin asks for more than a password, which cannot be passed on: {question}")]
    Asks {
        /// Its words.
        question: String,
    },
    /// A packet that has no place in a login.
    #[error("unexpected packet {header:#04x} during login")]
    Unexpected {
        /// Its first byte.
        header: u8,
    },
}

/// Who logs in, and how.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Account name.
    pub user: String,
    /// Password; may be empty.
    pub password: Secret,
    /// The database to start in.
    pub database: Option<String>,
    /// Low byte of the collation's id.
    pub collation: u8,
    /// Flags besides those that every backend connection has.
    pub capabilities: Capabilities,
    /// Connection attributes.
    pub attributes: Vec<(String, String)>,
    /// Random bytes, for plugins with a nonce of the client's.
    pub random: [u8; parsec::NONCE],
}

/// Whether TLS is used towards a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsWish {
    /// Never.
    Disabled,
    /// If the server offers it.
    Preferred,
    /// Or not at all.
    Required,
}

/// What the driver has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this payload and read the next packet.
    Send(Vec<u8>),
    /// Send this payload, start TLS, then call [`Connect::secured`].
    StartTls(Vec<u8>),
    /// Encrypt `masked` with this public key in PEM (RSA, OAEP, SHA-1), send it, and read the next packet.
    Encrypt {
        /// The server's key.
        pem: Vec<u8>,
        /// What to encrypt.
        masked: Zeroizing<Vec<u8>>,
    },
    /// Read the next packet.
    Read,
    /// Logged in. The payload is the server's OK packet.
    Accepted(Vec<u8>),
}

#[derive(Debug)]
enum State {
    ExpectGreeting,
    ExpectTls,
    ExpectAnswer {
        plugin: String,
        nonce: Vec<u8>,
    },
    ExpectPublicKey {
        plugin: String,
        nonce: Vec<u8>,
    },
    /// parsec's second step.
    ExpectSalt {
        nonce: Vec<u8>,
    },
    Done,
}

/// The client's side of one login.
#[derive(Debug)]
pub struct Connect {
    credentials: Credentials,
    tls: TlsWish,
    secure: bool,
    greeting: Option<Greeting>,
    state: State,
}

impl Connect {
    /// Waits for the server's greeting. `secure` says that the channel cannot be overheard (a unix socket).
    pub const fn new(credentials: Credentials, tls: TlsWish, secure: bool) -> Self {
        Self { credentials, tls, secure, greeting: None, state: State::ExpectGreeting }
    }

    /// What the server said first; there after the first packet.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.greeting.as_ref()
    }

    /// How to compress after the login.
    pub fn compression(&self) -> Option<Algorithm> {
        let login = self.login(Vec::new(), String::new(), false);
        login.compression(login.capabilities)
    }

    /// Takes the server's next packet.
    pub fn handle(&mut self, payload: &[u8]) -> Result<Step, ConnectError> {
        if payload.first() == Some(&0xFF) {
            let err = ErrPacket::parse(payload)?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            return Err(ConnectError::Refused { code: err.code, state: text(&err.state), message: text(&err.message) });
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::ExpectGreeting => self.handle_greeting(payload),
            State::ExpectAnswer { plugin, nonce } => self.handle_answer(payload, plugin, nonce),
            State::ExpectPublicKey { plugin, nonce } => match payload.split_first() {
                Some((1, pem)) => {
                    let masked = caching_sha2::mask(self.clear(&plugin)?, &nonce);
                    self.state = State::ExpectAnswer { plugin, nonce };
                    Ok(Step::Encrypt { pem: pem.to_vec(), masked })
                }
                other => Err(unexpected(other.map(|(header, _)| *header))),
            },
            State::ExpectSalt { nonce } => {
                let salt = parsec::Salt::parse(payload)?;
                // Where only a hash is known, a wrong answer has the server go on to the account's next plugin.
                let answer = self.credentials.password.clear().map_or_else(
                    || vec![0; parsec::ANSWER],
                    |password| salt.answer(password, &nonce, &self.credentials.random),
                );
                self.state = State::ExpectAnswer { plugin: auth::PARSEC.to_owned(), nonce };
                Ok(Step::Send(answer))
            }
            State::ExpectTls | State::Done => Err(unexpected(payload.first().copied())),
        }
    }

    fn handle_greeting(&mut self, payload: &[u8]) -> Result<Step, ConnectError> {
        let greeting = Greeting::parse(payload)?;
        let shaping = self.credentials.capabilities & Capabilities::SHAPING;
        let missing = (Capabilities::REQUIRED_OF_BACKENDS | shaping) - greeting.capabilities;
        if !missing.is_empty() {
            return Err(ConnectError::TooOld { version: greeting.version, missing });
        }
        let offers_tls = greeting.capabilities.contains(Capabilities::SSL);
        if self.tls == TlsWish::Required && !offers_tls {
            return Err(ConnectError::NoTls { version: greeting.version });
        }
        self.greeting = Some(greeting);
        if !self.secure && offers_tls && self.tls != TlsWish::Disabled {
            self.state = State::ExpectTls;
            return Ok(Step::StartTls(self.login(Vec::new(), String::new(), true).encode_ssl_request()));
        }
        Ok(self.answer_greeting(false))
    }

    /// Goes on after [`Step::StartTls`], inside TLS.
    pub fn secured(&mut self) -> Step {
        self.secure = true;
        self.answer_greeting(true)
    }

    fn answer_greeting(&mut self, tls: bool) -> Step {
        let greeting = self.greeting.as_ref();
        let nonce = greeting.map(|greeting| greeting.nonce.to_vec()).unwrap_or_default();
        let named = greeting.map(|greeting| greeting.plugin.clone()).unwrap_or_default();
        // A greeting can name a plugin that the account does not use; then the server switches.
        let plugin = if named == auth::CACHING_SHA2 { auth::CACHING_SHA2 } else { auth::NATIVE };
        let answer = match (plugin, self.credentials.password.clear()) {
            (auth::CACHING_SHA2, Some(password)) => caching_sha2::scramble(password, &nonce),
            // The server will name the account's own.
            (auth::CACHING_SHA2, None) => Vec::new(),
            _ => self.credentials.password.native(&nonce),
        };
        self.state = State::ExpectAnswer { plugin: plugin.to_owned(), nonce };
        Step::Send(self.login(answer, plugin.to_owned(), tls).encode())
    }

    fn login(&self, auth: Vec<u8>, plugin: String, tls: bool) -> Login {
        let server = self.greeting.as_ref().map_or(Capabilities::empty(), |greeting| greeting.capabilities);
        let mut wanted = Capabilities::TOWARDS_BACKENDS | self.credentials.capabilities;
        wanted.set(Capabilities::CONNECT_WITH_DB, self.credentials.database.is_some());
        let mut capabilities = wanted & server;
        capabilities.set(Capabilities::SSL, tls);
        Login {
            capabilities,
            max_packet: 1 << 30,
            collation: self.credentials.collation,
            user: self.credentials.user.clone(),
            auth: auth.into(),
            database: self.credentials.database.clone(),
            plugin: Some(plugin),
            attributes: self.credentials.attributes.clone(),
            zstd_level: None,
        }
    }

    fn handle_answer(&mut self, payload: &[u8], plugin: String, nonce: Vec<u8>) -> Result<Step, ConnectError> {
        match payload.split_first() {
            Some((0x00, _)) => Ok(Step::Accepted(payload.to_vec())),
            Some((0xFE, _)) => self.switch(&AuthSwitch::parse(payload)?),
            Some((0x01, [caching_sha2::FAST_AUTH_SUCCESS])) => {
                self.state = State::ExpectAnswer { plugin, nonce };
                Ok(Step::Read)
            }
            Some((0x01, [caching_sha2::PERFORM_FULL_AUTHENTICATION])) if self.secure => {
                self.state = State::ExpectAnswer { plugin, nonce };
                let clear = self.clear_password(auth::CACHING_SHA2)?;
                Ok(Step::Send(clear))
            }
            Some((0x01, [caching_sha2::PERFORM_FULL_AUTHENTICATION])) => {
                self.state = State::ExpectPublicKey { plugin, nonce };
                Ok(Step::Send(vec![caching_sha2::REQUEST_PUBLIC_KEY]))
            }
            Some((_, question)) if plugin == auth::DIALOG => {
                Err(ConnectError::Asks { question: String::from_utf8_lossy(question).into_owned() })
            }
            other => Err(unexpected(other.map(|(header, _)| *header))),
        }
    }

    fn clear(&self, plugin: &str) -> Result<&[u8], ConnectError> {
        self.credentials.password.clear().ok_or_else(|| ConnectError::HashOnly { plugin: plugin.to_owned() })
    }

    fn clear_password(&self, plugin: &str) -> Result<Vec<u8>, ConnectError> {
        // In one piece: a buffer that grows leaves a copy behind.
        Ok([self.clear(plugin)?, &[0]].concat())
    }

    fn switch(&mut self, switch: &AuthSwitch<'_>) -> Result<Step, ConnectError> {
        let nonce = switch.data.to_vec();
        let plugin = switch.plugin.to_owned();
        let answer = match switch.plugin {
            auth::NATIVE => self.credentials.password.native(switch.data),
            auth::CACHING_SHA2 => caching_sha2::scramble(self.clear(&plugin)?, switch.data),
            // Where only a hash is known, a wrong answer has the server go on to the account's next plugin.
            auth::ED25519 => self
                .credentials
                .password
                .clear()
                .map_or([0; 64], |password| ed25519::sign(password, switch.data))
                .to_vec(),
            auth::PARSEC => {
                let nonce = nonce.into_iter().take(parsec::NONCE).collect();
                self.state = State::ExpectSalt { nonce };
                return Ok(Step::Send(Vec::new()));
            }
            // The first question of dialog comes with the switch, and is for the password.
            auth::SHA256 | auth::CLEAR | auth::DIALOG if self.secure => self.clear_password(&plugin)?,
            // sha256_password asks for the key with a 1 where caching_sha2_password asks with a 2.
            auth::SHA256 => {
                self.state = State::ExpectPublicKey { plugin, nonce };
                return Ok(Step::Send(vec![1]));
            }
            auth::CLEAR | auth::DIALOG => return Err(ConnectError::ClearTextRefused { plugin }),
            _ => return Err(ConnectError::UnknownPlugin { plugin }),
        };
        self.state = State::ExpectAnswer { plugin, nonce };
        Ok(Step::Send(answer))
    }
}

fn unexpected(header: Option<u8>) -> ConnectError {
    header.map_or(ConnectError::Malformed(Malformed::Truncated { field: "login packet" }), |header| {
        ConnectError::Unexpected { header }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::native;
    use crate::status::Status;

    const NONCE: [u8; 20] = *b"abcdefghijklmnopqrst";

    fn greeting(plugin: &str) -> Vec<u8> {
        Greeting {
            version: "10.11.19-MariaDB".into(),
            connection_id: 5,
            nonce: NONCE,
            capabilities: Capabilities::OFFERED | Capabilities::SSL,
            collation: 45,
            status: Status::AUTOCOMMIT,
            plugin: plugin.into(),
        }
        .encode()
    }

    fn connect(tls: TlsWish) -> Connect {
        let credentials = Credentials {
            user: "app".into(),
            password: Secret::Clear(Zeroizing::new(b"secret".to_vec())),
            database: None,
            collation: 45,
            capabilities: Capabilities::FOUND_ROWS,
            attributes: vec![],
            random: [7; 32],
        };
        Connect::new(credentials, tls, false)
    }

    fn sent(step: Step) -> Vec<u8> {
        let Step::Send(payload) = step else { panic!("{step:?}") };
        payload
    }

    #[test]
    fn the_greeted_plugin_is_answered_at_once() {
        let mut connect = connect(TlsWish::Disabled);
        let login = sent(connect.handle(&greeting(auth::NATIVE)).unwrap());
        let login = Login::parse(&login, Capabilities::OFFERED).unwrap();
        assert!(native::verify(b"secret", &NONCE, &login.auth));
        assert!(login.capabilities.contains(Capabilities::FOUND_ROWS | Capabilities::DEPRECATE_EOF));
        assert!(!login.capabilities.contains(Capabilities::SSL));
        assert_eq!(connect.handle(&[0, 0, 0, 2, 0, 0, 0]).unwrap(), Step::Accepted(vec![0, 0, 0, 2, 0, 0, 0]));
    }

    #[test]
    fn a_switch_to_each_plugin_is_answered() {
        for (plugin, length) in [(auth::NATIVE, 20), (auth::CACHING_SHA2, 32), (auth::ED25519, 64)] {
            let mut connect = connect(TlsWish::Disabled);
            connect.handle(&greeting(auth::NATIVE)).unwrap();
            let switch = AuthSwitch { plugin, data: &[b'x'; 32] }.encode();
            assert_eq!(sent(connect.handle(&switch).unwrap()).len(), length, "{plugin}");
        }
    }

    #[test]
    fn full_authentication_depends_on_the_channel() {
        let full = [1, caching_sha2::PERFORM_FULL_AUTHENTICATION];
        let mut plain = connect(TlsWish::Disabled);
        plain.handle(&greeting(auth::CACHING_SHA2)).unwrap();
        assert_eq!(sent(plain.handle(&full).unwrap()), [caching_sha2::REQUEST_PUBLIC_KEY]);
        let Ok(Step::Encrypt { pem, masked }) = plain.handle(b"\x01PEM") else { panic!("no key used") };
        assert_eq!((pem.as_slice(), masked), (&b"PEM"[..], caching_sha2::mask(b"secret", &NONCE)));

        let mut secure = connect(TlsWish::Preferred);
        assert!(matches!(secure.handle(&greeting(auth::CACHING_SHA2)), Ok(Step::StartTls(_))));
        secure.secured();
        assert_eq!(sent(secure.handle(&full).unwrap()), b"secret\0");
    }

    #[test]
    fn parsec_takes_one_more_step() {
        let mut connect = connect(TlsWish::Disabled);
        connect.handle(&greeting(auth::NATIVE)).unwrap();
        let switch = AuthSwitch { plugin: auth::PARSEC, data: &[b'x'; 32] }.encode();
        assert!(sent(connect.handle(&switch).unwrap()).is_empty());
        let answer = sent(connect.handle(b"P\x00eighteen-byte-salt").unwrap());
        let salt = parsec::Salt::parse(b"P\x00eighteen-byte-salt").unwrap();
        assert_eq!(answer, salt.answer(b"secret", &[b'x'; 32], &[7; 32]));
        assert!(matches!(connect.handle(&[0, 0, 0, 2, 0, 0, 0]), Ok(Step::Accepted(_))));
    }

    #[test]
    fn the_clear_password_needs_a_secure_channel() {
        for (plugin, data) in [(auth::CLEAR, &b""[..]), (auth::DIALOG, b"\x04Password: ")] {
            let mut plain = connect(TlsWish::Disabled);
            plain.handle(&greeting(auth::NATIVE)).unwrap();
            let switch = AuthSwitch { plugin, data }.encode();
            assert!(matches!(plain.handle(&switch), Err(ConnectError::ClearTextRefused { .. })));
            let mut secure = connect(TlsWish::Preferred);
            secure.handle(&greeting(auth::NATIVE)).unwrap();
            secure.secured();
            assert_eq!(sent(secure.handle(&switch).unwrap()), b"secret\0");
            let asked = secure.handle(b"\x02Code: ");
            assert_eq!(matches!(asked, Err(ConnectError::Asks { .. })), plugin == auth::DIALOG, "{asked:?}");
        }
    }

    #[test]
    fn refusals_carry_what_the_server_said() {
        let early = connect(TlsWish::Disabled).handle(b"\xff\x10\x04Too many connections");
        assert!(matches!(early, Err(ConnectError::Refused { code: 1040, .. })));
        let mut late = connect(TlsWish::Disabled);
        late.handle(&greeting(auth::NATIVE)).unwrap();
        let refused = late.handle(&ErrPacket::new(1045, b"28000", "no").encode());
        assert!(matches!(refused, Err(ConnectError::Refused { code: 1045, .. })));
    }
}
