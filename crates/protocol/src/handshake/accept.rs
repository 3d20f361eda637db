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

use crate::auth::{self, caching_sha2, native};
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
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Turn the connection into a TLS connection, then read the login again.
    StartTls,
    /// Look up the password of [`Accept::login`]'s user and call [`Accept::with_password`].
    LookUp,
    /// Send this payload and read the next packet.
    Send(Vec<u8>),
    /// Send the RSA public key, in PEM, as AuthMoreData, and read the next packet.
    SendPublicKey,
    /// Decrypt this with the RSA key (OAEP, SHA-1) and call [`Accept::decrypted`].
    Decrypt(Vec<u8>),
    /// The password is right. Where a payload comes with it, it goes out in front of the OK.
    Accepted(Option<Vec<u8>>),
    /// The password is wrong or the user unknown: 1045.
    Refused,
}

#[derive(Debug)]
enum State {
    ExpectLogin,
    /// The login was read; its password is being looked up.
    Found {
        plugin: Plugin,
        answer: Option<Vec<u8>>,
    },
    ExpectSwitched {
        plugin: Plugin,
        password: Secret,
    },
    ExpectFull {
        password: Secret,
    },
    ExpectEncrypted {
        password: Secret,
    },
    Done,
}

/// The password to compare with; for an unknown user one that no client has.
#[derive(Debug, Clone)]
struct Secret {
    password: Zeroizing<Vec<u8>>,
    known: bool,
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
}

impl Accept {
    /// Starts behind `greeting`, which must name `greeted` and has been sent. `secure` says that the channel cannot be
    /// overheard from the start (a unix socket). `tls_required` refuses logins without TLS on other channels.
    pub fn new(greeting: &Greeting, greeted: Plugin, secure: bool, tls_required: bool) -> Self {
        let Greeting { capabilities: offered, nonce, .. } = *greeting;
        Self { offered, greeted, nonce, secure, tls_required, login: None, state: State::ExpectLogin }
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
            auth: Vec::new(),
            database: change.database,
            plugin: change.plugin,
            attributes: Vec::new(),
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
        })
    }

    /// Who wants in; there from [`Step::LookUp`] on.
    pub const fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Flags that both sides have.
    pub fn agreed(&self) -> Capabilities {
        self.login.as_ref().map_or(Capabilities::empty(), |login| login.capabilities & self.offered)
    }

    /// Takes the client's next packet.
    pub fn handle(&mut self, payload: &[u8]) -> Result<Step, LoginError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::ExpectLogin => self.handle_login(payload),
            State::ExpectSwitched { plugin, password } => Ok(self.decide(plugin, payload, password)),
            State::ExpectFull { password } if self.secure => {
                Ok(Self::compare(&password, caching_sha2::clear_text(payload)))
            }
            State::ExpectFull { password } => match payload {
                [caching_sha2::REQUEST_PUBLIC_KEY] => {
                    self.state = State::ExpectEncrypted { password };
                    Ok(Step::SendPublicKey)
                }
                // A client that has the key already sends the ciphertext at once.
                _ => self.encrypted(payload, password),
            },
            State::ExpectEncrypted { password } => self.encrypted(payload, password),
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

    /// Goes on with what was looked up: the user's password, or none for an unknown user. `decoy` is what an unknown
    /// user is compared with; it must be random and of a usual length.
    pub fn with_password(&mut self, password: Option<Zeroizing<Vec<u8>>>, decoy: [u8; 16]) -> Step {
        let State::Found { plugin, answer } = std::mem::replace(&mut self.state, State::Done) else {
            return Step::Refused;
        };
        let known = password.is_some();
        let secret = Secret { password: password.unwrap_or_else(|| Zeroizing::new(decoy.to_vec())), known };
        match answer {
            Some(answer) => self.decide(plugin, &answer, secret),
            None => {
                let switch = AuthSwitch { plugin: plugin.name(), data: &self.nonce }.encode();
                self.state = State::ExpectSwitched { plugin, password: secret };
                Step::Send(switch)
            }
        }
    }

    fn decide(&mut self, plugin: Plugin, answer: &[u8], secret: Secret) -> Step {
        match plugin {
            Plugin::Native => match native::verify(&secret.password, &self.nonce, answer) && secret.known {
                true => Step::Accepted(None),
                false => Step::Refused,
            },
            Plugin::CachingSha2 => {
                if caching_sha2::verify(&secret.password, &self.nonce, answer) && secret.known {
                    // An empty password has no scramble that could be cached: servers say OK at once.
                    let empty = secret.password.is_empty();
                    return Step::Accepted((!empty).then(|| vec![1, caching_sha2::FAST_AUTH_SUCCESS]));
                }
                if answer.is_empty() || answer == [0] {
                    return Step::Refused;
                }
                // As the servers do: a scramble that does not fit may only mean that the cache is old.
                self.state = State::ExpectFull { password: secret };
                Step::Send(vec![1, caching_sha2::PERFORM_FULL_AUTHENTICATION])
            }
        }
    }

    fn encrypted(&mut self, payload: &[u8], password: Secret) -> Result<Step, LoginError> {
        self.state = State::ExpectEncrypted { password };
        Ok(Step::Decrypt(payload.to_vec()))
    }

    /// Goes on with what RSA decryption gave; `None` if it failed.
    pub fn decrypted(&mut self, clear: Option<Zeroizing<Vec<u8>>>) -> Step {
        match std::mem::replace(&mut self.state, State::Done) {
            State::ExpectEncrypted { password } => {
                let nonce = self.nonce;
                Self::compare(&password, clear.and_then(|clear| caching_sha2::unmask(clear, &nonce)))
            }
            _ => Step::Refused,
        }
    }

    fn compare(secret: &Secret, sent: Option<Zeroizing<Vec<u8>>>) -> Step {
        let equal = sent.is_some_and(|sent| auth::equal(&secret.password, &sent));
        match equal && secret.known {
            true => Step::Accepted(None),
            false => Step::Refused,
        }
    }
}

#[cfg(test)]
mod tests;
