//! Accounts that have to use TLS (`REQUIRE SSL` and above). What servers see is the connection from here: where that has TLS,
//! they let in whoever has no TLS up to here. So it is found out what they want, and who says nothing is not believed.

use crate::error::Unserved;
use splitfin_backend::{BackendError, Lease, Wanted};
use splitfin_topology::BackendId;

/// Whether an account has to use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// It has to.
    Required,
    /// It need not, or does.
    Optional,
    /// Nobody has told yet.
    Unknown,
}

impl Encryption {
    /// Makes a connection as wanted, and asks over it what is not known yet.
    pub(crate) async fn settle(
        self,
        mut lease: Lease,
        wanted: &Wanted,
    ) -> Result<(Lease, Self), (BackendId, BackendError)> {
        let settled = async {
            if lease.sandbox().is_none() {
                lease.apply(wanted).await?;
            }
            match self {
                Self::Unknown => lease.requires_tls().await.map(Self::from),
                known => Ok(known),
            }
        };
        match settled.await {
            Ok(encryption) => Ok((lease, encryption)),
            Err(error) => Err((lease.backend(), error)),
        }
    }

    /// Refuses a client without TLS, if that is to be; `denial` is a server's way to say that it has to use it.
    pub(crate) fn admit(self, denial: impl FnOnce() -> String) -> Result<(), Unserved> {
        match self {
            Self::Optional => Ok(()),
            Self::Required => Err(Unserved::Denied(denial())),
            Self::Unknown => Err(Unserved::EncryptionUnknown),
        }
    }
}

impl From<Option<bool>> for Encryption {
    fn from(required: Option<bool>) -> Self {
        match required {
            Some(true) => Self::Required,
            Some(false) => Self::Optional,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_tells_is_no_leave() {
        let admitted = |told: Option<bool>| Encryption::from(told).admit(|| "denied".to_owned());
        assert!(admitted(Some(false)).is_ok());
        assert!(matches!(admitted(Some(true)), Err(Unserved::Denied(_))));
        let unknown = admitted(None).unwrap_err();
        assert!(unknown.to_string().contains("GRANT SELECT ON mysql.user"), "{unknown}");
        // The password was right: nobody has guessed one.
        assert!(!unknown.is_denial());
    }
}
