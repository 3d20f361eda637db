//! The only code that touches sockets on the data plane: listening, dialling, TLS, and buffered packets.

mod dial;
mod framed;
mod introduce;
mod listen;
mod own_certificate;
mod rsa;
mod stream;
pub mod tls;

pub use dial::{DialError, dial};
pub use framed::{FrameError, Framed, Role};
pub use introduce::{IntroductionError, introduced};
pub use listen::{Accepted, Claim, Endpoint, Inherited, Listener, Peer, bind_tcp};
pub use own_certificate::{CertificateNames, OwnCertificate};
pub use rsa::{RsaError, RsaKey, encrypt_for};
pub use stream::Stream;
