//! The server's side of a login: what clients of Splitfin see.
//!
//! ```text
//! greeting ──> ExpectLogin ──────────────┐ plugin and nonce fit
//!                  │ SSLRequest: TLS      v
//!                  │                   decide ──> Accepted | Refused
//!                  │ other plugin         ^  │ caching_sha2, scramble not known
//!                  └─> ExpectSwitched ────┘  v
//!                                        ExpectFull ──> (TLS) clear text ─────────> decide
//!                                           │ key wanted ──> ExpectEncrypted ──> Decrypt
//! ```
//! An unknown user goes through the same packets as a wrong password, and is checked against a password that nobody
//! has, so that neither the answers nor their time tell which it was.

use crate::auth::{self, Secret, caching_sha2, native};
use crate::capability::Capabilities;
use crate::packet::{AuthSwitch, ChangeUser, Greeting, Login, login};
use crate::wire::Malformed;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a login cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// The client's packet makes no sense.
    #[error("login packet: {0}")]
    Malformed(#[from] Malformed),
    /// TLS is required on this listener.
    #[error("the client did not ask for TLS, which this listener requires")]
    TlsRequired,
    /// TLS was asked for where there is none, or twice.
    #[error("the client asked for TLS, which was not offered here")]
    TlsNotOffered,
}

/// A plugin that this side can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// mysql_native_password
    Native,
    /// caching_sha2_password
    CachingSha2,
}

impl Plugin {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => auth::NATIVE,
            Self::CachingSha2 => auth::CACHING_SHA2,
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        [Self::Native, Self::CachingSha2].into_iter().find(|plugin| plugin.name() == name)
    }
}

/// What the driver has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Turn the connection into a TLS connection, then read the login again.
    StartTls,
    /// Look up what is known of [`Accept::login`]'s user and call [`Accept::with_known`].
    LookUp,
    /// Send this payload and read the next packet.
    Send(Vec<u8>),
    /// Send the RSA public key, in PEM, as AuthMoreData, and read the next packet.
    SendPublicKey,
    /// Decrypt this with the RSA key (OAEP, SHA-1) and call [`Accept::decrypted`].
    Decrypt(Vec<u8>),
    /// The password is right: this one. Where a payload comes with it, it goes out before the OK.
    Accepted(Secret, Option<Vec<u8>>),
    /// The client says that this is the password: a server has to decide.
    Prove(Secret),
    /// The password is wrong or the user unknown: 1045.
    Refused,
}

/// What is known of a user before the login.
#[derive(Debug, Clone)]
pub enum Known {
    /// The password; none for a user who does not exist.
    Password(Option<Zeroizing<Vec<u8>>>),
    /// A server decides. What it may be, from an earlier login, and what servers keep of passwords of accounts of this
    /// name.
    Elsewhere {
        /// A password that was right the last time.
        last: Option<Zeroizing<Vec<u8>>>,
        /// `SHA1(SHA1(pw))`
        stored: Vec<[u8; 20]>,
        /// Nothing else proves an account of this name: an answer that fits none of `stored` is wrong.
        complete: bool,
    },
}

#[derive(Debug)]
enum State {
    ExpectLogin,
    /// The login was read; its password is being looked up.
    Found {
        plugin: Plugin,
        answer: Option<Zeroizing<Vec<u8>>>,
    },
    ExpectSwitched {
        plugin: Plugin,
        expected: Expected,
    },
    ExpectFull {
        expected: Expected,
    },
    ExpectEncrypted {
        expected: Expected,
    },
    Done,
}

/// What a password is compared with.
#[derive(Debug, Clone)]
enum Expected {
    /// This one; for an unknown user one that no client has.
    This { password: Zeroizing<Vec<u8>>, known: bool },
    /// It may be the last one; if not, a server decides.
    Elsewhere { last: Option<Zeroizing<Vec<u8>>>, stored: Vec<[u8; 20]>, complete: bool },
}

/// The server's side of one login.
#[derive(Debug)]
pub struct Accept {
    offered: Capabilities,
    greeted: Plugin,
    nonce: [u8; 20],
    secure: bool,
    tls_required: bool,
    login: Option<Login>,
    state: State,
    /// A client that has answered for a password with mysql_native_password.
    native: bool,
}

impl Accept {
    /// Starts after `greeting`, which must name `greeted` and has been sent. `secure` says that the channel cannot be
    /// overheard from the start (a unix socket). `tls_required` refuses logins without TLS on other channels.
    pub fn new(greeting: &Greeting, greeted: Plugin, secure: bool, tls_required: bool) -> Self {
        let Greeting { capabilities: offered, nonce, .. } = *greeting;
        Self { offered, greeted, nonce, secure, tls_required, login: None, state: State::ExpectLogin, native: false }
    }

    /// Starts at a COM_CHANGE_USER in a session that agreed to `agreed`. `nonce` must be new. The answer is always a
    /// switch, whatever the client sent.
    pub fn change_user(body: &[u8], agreed: Capabilities, nonce: [u8; 20], secure: bool) -> Result<Self, Malformed> {
        let change = ChangeUser::parse(body, agreed)?;
        let plugin = change.plugin.as_deref().and_then(Plugin::by_name).unwrap_or(Plugin::Native);
        let login = Login {
            capabilities: agreed,
            max_packet: 0,
            collation: change.collation.to_le_bytes()[0],
            user: change.user,
            auth: Zeroizing::default(),
            database: change.database,
            plugin: change.plugin,
            attributes: change.attributes,
            zstd_level: None,
        };
        Ok(Self {
            offered: agreed,
            greeted: plugin,
            nonce,
            secure,
            tls_required: false,
            login: Some(login),
            state: State::Found { plugin, answer: None },
            native: false,
        })
    }

    /// Who wants in; there from [`Step::LookUp`] on.
    pub const fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// What MariaDB's clients from 11.4 on take for a proof that a certificate which nobody vouches for is that of who
    /// knows the password: the information of the OK. There is none for caching_sha2_password.
    ///
    /// Source: <https://mariadb.com/kb/en/connection/>, "SSL certificates".
    pub fn signature(&self, secret: &Secret, fingerprint: &[u8; 32]) -> Option<Vec<u8>> {
        let stored = self.native.then(|| secret.native_stored())?;
        Some(native::sign(&stored, &self.nonce, fingerprint))
    }

    /// Flags that both sides have.
    pub fn agreed(&self) -> Capabilities {
        self.login.as_ref().map_or(Capabilities::empty(), |login| login.capabilities & self.offered)
    }

    /// Takes the client's next packet.
    pub fn handle(&mut self, payload: &[u8]) -> Result<Step, LoginError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::ExpectLogin => self.handle_login(payload),
            State::ExpectSwitched { plugin, expected } => Ok(self.decide(plugin, payload, expected)),
            State::ExpectFull { expected } if self.secure => {
                Ok(Self::compare(&expected, caching_sha2::clear_text(payload)))
            }
            State::ExpectFull { expected } => match payload {
                [caching_sha2::REQUEST_PUBLIC_KEY] => {
                    self.state = State::ExpectEncrypted { expected };
                    Ok(Step::SendPublicKey)
                }
                // A client that has the key already sends the ciphertext at once.
                _ => self.encrypted(payload, expected),
            },
            State::ExpectEncrypted { expected } => self.encrypted(payload, expected),
            State::Found { .. } | State::Done => Ok(Step::Refused),
        }
    }

    fn handle_login(&mut self, payload: &[u8]) -> Result<Step, LoginError> {
        if login::is_ssl_request(payload) {
            if self.secure || !self.offered.contains(Capabilities::SSL) {
                return Err(LoginError::TlsNotOffered);
            }
            self.secure = true;
            self.state = State::ExpectLogin;
            return Ok(Step::StartTls);
        }
        if self.tls_required && !self.secure {
            return Err(LoginError::TlsRequired);
        }
        let login = Login::parse(payload, self.offered)?;
        let named = login.plugin.as_deref().unwrap_or(auth::NATIVE);
        self.state = match Plugin::by_name(named) {
            // A client that cannot do the greeted plugin names its own, and has not scrambled anything for it yet.
            Some(plugin) if plugin != self.greeted && login.auth.is_empty() => State::Found { plugin, answer: None },
            Some(plugin) => State::Found { plugin, answer: Some(login.auth.clone()) },
            None => State::Found { plugin: self.greeted, answer: None },
        };
        self.login = Some(login);
        Ok(Step::LookUp)
    }

    /// Goes on with what was looked up. `decoy` is what an unknown user is compared with; it must be random and of a
    /// usual length.
    pub fn with_known(&mut self, known: Known, decoy: [u8; 16]) -> Step {
        let State::Found { plugin, answer } = std::mem::replace(&mut self.state, State::Done) else {
            return Step::Refused;
        };
        let expected = match known {
            Known::Password(password) => Expected::This {
                known: password.is_some(),
                password: password.unwrap_or_else(|| Zeroizing::new(decoy.to_vec())),
            },
            Known::Elsewhere { last, stored, complete } => Expected::Elsewhere { last, stored, complete },
        };
        match answer {
            Some(answer) => self.decide(plugin, &answer, expected),
            None => self.switch(plugin, expected),
        }
    }

    fn switch(&mut self, plugin: Plugin, expected: Expected) -> Step {
        let switch = AuthSwitch { plugin: plugin.name(), data: &self.nonce }.encode();
        self.state = State::ExpectSwitched { plugin, expected };
        Step::Send(switch)
    }

    fn decide(&mut self, plugin: Plugin, answer: &[u8], expected: Expected) -> Step {
        // Both plugins say so for an empty password; caching_sha2 also with one NUL.
        let is_empty = answer.is_empty() || (plugin == Plugin::CachingSha2 && answer == [0]);
        self.native = plugin == Plugin::Native && !is_empty;
        let verify = |password: &[u8]| match plugin {
            Plugin::Native => native::verify(password, &self.nonce, answer),
            Plugin::CachingSha2 => caching_sha2::verify(password, &self.nonce, answer),
        };
        let right = match &expected {
            Expected::This { password, known } => (verify(password) && *known).then_some(password),
            Expected::Elsewhere { last, .. } => last.as_ref().filter(|last| verify(last)),
        };
        if let Some(password) = right {
            // An empty password has no scramble that could be cached: servers say OK at once.
            let is_cached = plugin == Plugin::CachingSha2 && !is_empty;
            let before = is_cached.then(|| vec![1, caching_sha2::FAST_AUTH_SUCCESS]);
            return Step::Accepted(Secret::Clear(password.clone()), before);
        }
        match (plugin, &expected) {
            (_, Expected::Elsewhere { .. }) if is_empty => Step::Prove(Secret::Clear(Zeroizing::default())),
            (_, Expected::This { .. }) if is_empty => Step::Refused,
            (Plugin::Native, Expected::This { .. }) => Step::Refused,
            (Plugin::Native, Expected::Elsewhere { stored, complete, .. }) => {
                match stored.iter().find_map(|stored| native::verify_stored(stored, &self.nonce, answer)) {
                    Some(half) => Step::Prove(Secret::Half(half)),
                    // A server refuses it in its own words, and counts it.
                    None if *complete => Step::Prove(Secret::Half(native::nobodys())),
                    // The account may use another plugin, or nobody could look: the password itself tells.
                    None => self.switch(Plugin::CachingSha2, expected),
                }
            }
            (Plugin::CachingSha2, _) => {
                // As the servers do: a scramble that does not fit may only mean that the cache is old.
                self.state = State::ExpectFull { expected };
                Step::Send(vec![1, caching_sha2::PERFORM_FULL_AUTHENTICATION])
            }
        }
    }

    fn encrypted(&mut self, payload: &[u8], expected: Expected) -> Result<Step, LoginError> {
        self.state = State::ExpectEncrypted { expected };
        Ok(Step::Decrypt(payload.to_vec()))
    }

    /// Goes on with what RSA decryption gave; `None` if it failed.
    pub fn decrypted(&mut self, clear: Option<Zeroizing<Vec<u8>>>) -> Step {
        match std::mem::replace(&mut self.state, State::Done) {
            State::ExpectEncrypted { expected } => {
                let nonce = self.nonce;
                Self::compare(&expected, clear.and_then(|clear| caching_sha2::unmask(clear, &nonce)))
            }
            _ => Step::Refused,
        }
    }

    fn compare(expected: &Expected, sent: Option<Zeroizing<Vec<u8>>>) -> Step {
        let Some(sent) = sent else { return Step::Refused };
        match expected {
            Expected::This { password, known } if auth::equal(password, &sent) && *known => {
                Step::Accepted(Secret::Clear(sent), None)
            }
            Expected::This { .. } => Step::Refused,
            Expected::Elsewhere { last: Some(last), .. } if auth::equal(last, &sent) => {
                Step::Accepted(Secret::Clear(sent), None)
            }
            Expected::Elsewhere { .. } => Step::Prove(Secret::Clear(sent)),
        }
    }
}

#[cfg(test)]
mod tests;
