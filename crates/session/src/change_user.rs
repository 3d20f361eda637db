//! COM_CHANGE_USER and COM_RESET_CONNECTION: the session starts again.

use crate::binding::{Binding, Held};
use crate::conditions::Left;
use crate::error::{SessionError, Unserved};
use crate::login::{Identity, admit_noted, authenticate, nonce, refused};
use crate::reply;
use crate::serve::Session;
use splitfin_backend::{Age, Checkout, Lease, Seen, Wanted};
use splitfin_protocol::handshake::Accept;
use splitfin_protocol::handshake::accept::Step;
use splitfin_router::{Decision, Pins, Reason};
use splitfin_transport::Framed;
use std::rc::Rc;

impl Session {
    /// Logs in again as somebody else, over the same socket. A failure ends the session, as it does with MySQL.
    pub(crate) async fn change_user(
        &mut self,
        client: Framed,
        body: &[u8],
        sequence: u8,
    ) -> Result<Framed, SessionError> {
        self.let_go().await;
        let secure = client.stream().is_secure();
        let accept = Accept::change_user(body, self.capabilities, nonce(), secure)
            .map_err(splitfin_protocol::handshake::accept::LoginError::from)?;
        let (mut client, accept, sequence, proof) =
            authenticate(client, accept, (Step::LookUp, sequence), self.peer, None, &self.worker).await?;
        match admit_noted(&accept, &self.worker, proof, self.peer, client.stream()).await {
            Ok(identity) => {
                let (user, most) = (&identity.account.user, self.worker.settings().clients_per_user);
                if !self.registration.change_user(user, most) {
                    let unserved = Unserved::TooManyOfUser { user: user.clone(), most };
                    reply::error(&mut client, sequence, &unserved).await?;
                    return Err(refused(&unserved));
                }
                let role = self.role_after_change(&identity);
                self.consistency.change_user(&identity.account.user, &self.worker.settings().consistency);
                self.account = identity.account;
                self.state = identity.state;
                self.state.role = role;
                self.binding = Binding::of_login(identity.held);
                self.prepared.clear();
                self.kept.drain(..).for_each(Lease::close);
                reply::changed_user(&mut client, sequence, self.capabilities, &self.state).await?;
                Ok(client)
            }
            Err(unserved) => {
                reply::error(&mut client, sequence, &unserved).await?;
                Err(refused(&unserved))
            }
        }
    }

    /// The role after COM_CHANGE_USER. MariaDB keeps the active one where the account has none to begin with. It does so for
    /// other accounts too, which gives them what they were never granted: here, only for the same one.
    fn role_after_change(&self, identity: &Identity) -> Rc<str> {
        let fresh = &identity.state.role;
        let is_same = identity.account.user == self.account.user;
        match is_same && !self.state.mysql && &**fresh == "NONE" && !self.state.role.is_empty() {
            true => Rc::clone(&self.state.role),
            false => Rc::clone(fresh),
        }
    }

    /// Forgets everything of the session but its user and database.
    pub(crate) async fn reset(&mut self) {
        self.let_go().await;
        self.begin_anew().await;
        self.state.reset();
        self.prepared.clear();
    }

    /// A reset takes what the server gives sessions to begin with now. If no connection shows that, it stays as it was.
    async fn begin_anew(&mut self) {
        let snapshot = self.worker.topology.snapshot();
        let Some(began) = self.state.began.filter(|began| !self.worker.pools.is_current(*began, &snapshot)) else {
            return;
        };
        tracing::debug!(session = self.id, ?began, "begins anew with other defaults");
        let Some(decision) = Decision::on_primary(&snapshot, Reason::Session) else { return };
        let wanted = Wanted { database: self.state.database.clone(), ..Wanted::default() };
        let (account, eligible, rights) = (Rc::clone(&self.account), &*decision.eligible, Seen::Now(self.state.rights));
        let checkout = Checkout {
            eligible,
            account: &account,
            wanted: &wanted,
            snapshot: &snapshot,
            age: Age::Current,
            rights,
            patience: std::time::Duration::MAX,
        };
        if let Ok(lease) = self.worker.pools.checkout(&checkout).await {
            self.state.learn_fresh(&lease);
            self.kept.drain(..).for_each(Lease::release);
            self.put_back(lease);
        }
    }

    /// Ends what the session holds: transactions are rolled back, locks released, temporary tables dropped.
    pub(crate) async fn let_go(&mut self) {
        self.left = Left::default();
        let Some(Held { mut lease, pins, .. }) = self.binding.take() else { return };
        if pins.contains(Pins::XA) || !lease.resets_as_new(&self.worker.topology.snapshot()) {
            // A reset is no disconnect: see `outlasts`.
            lease.close();
        } else if let Ok(Ok(())) = tokio::time::timeout(RESET, lease.reset()).await {
            // One that cannot be reset in time is closed, which has the same effect on the server.
            lease.release();
        }
    }
}

/// Time for a reset; a server that is alive needs less than a millisecond.
const RESET: std::time::Duration = std::time::Duration::from_secs(2);
