//! Statements about accounts and databases: who logs in after one has the rights of then; see [`splitfin_backend::Pools::ask_rights`].

use crate::consistency::committed;
use crate::job::{Job, Kind};
use crate::serve::Session;
use crate::worker::Worker;
use splitfin_backend::{Account, Certainty};
use splitfin_protocol::{Capabilities, CommandByte, Outcome};
use splitfin_router::Change;
use splitfin_topology::{BackendId, Snapshot};
use std::rc::Rc;

fn change_by(job: &Job<'_>) -> Option<Change> {
    match job.kind {
        Kind::Prepare { .. } => None,
        _ => job.statement.change,
    }
}

impl Session {
    /// Lets all workers know of a change, before its client does. One that failed may have done a part.
    pub(crate) fn announce_rights(&self, outcome: &Outcome, job: &Job<'_>) {
        if change_by(job).is_some() {
            let snapshot = self.worker.topology.snapshot();
            self.worker.pools.rights_changed(committed(outcome), &snapshot);
        }
    }

    /// Who changes a database, or chooses one, has it as it is from then on: no connection that knew it before.
    pub(crate) fn note_rights(&mut self, outcome: &Outcome, job: &Job<'_>) {
        let chooses = job.command == CommandByte::InitDb || job.statement.chooses_database;
        let renews = change_by(job) == Some(Change::Databases) || (chooses && outcome.error.is_none());
        if renews {
            self.state.rights = self.worker.pools.rights_now();
        }
    }

    /// Keeps those of the replicas that are known to have the changes that the session must see. The others are looked at.
    pub(crate) fn have_rights(&self, eligible: &mut smallvec::SmallVec<[BackendId; 8]>, snapshot: &Snapshot) {
        let pools = &self.worker.pools;
        eligible.retain(|id| {
            let has = pools.rights_of(*id, snapshot) >= self.state.rights;
            if !has {
                pools.suspect(*id);
            }
            has
        });
    }
}

impl Worker {
    /// The account that the monitor has.
    pub(crate) fn monitor(&self) -> Rc<Account> {
        let settings = self.settings();
        let (user, password) = &settings.monitor;
        Rc::new(Account {
            client: None,
            certificate: settings.certificates.own,
            user: user.clone(),
            password: password.clone(),
            capabilities: Capabilities::empty(),
            collation: UTF8MB4,
            attributes: Vec::new(),
        })
    }

    /// Makes sure that changes that were complete by now are known. Otherwise, the server itself has to see each login.
    pub(crate) async fn ask_rights(&self) -> Certainty {
        let snapshot = self.topology.snapshot();
        self.pools.ask_rights(&self.monitor(), &snapshot).await
    }
}

/// `utf8mb4_general_ci`
const UTF8MB4: u8 = 45;
