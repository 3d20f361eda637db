//! Makes another server the primary: planned, while the old one lives, or because it is gone.
//!
//! Planned: the old primary takes no writes any more and loses its clients; the new one gets what is missing, and takes
//! over; all others follow it. Until the new one takes writes, everything is undone if something goes wrong.
//!
//! Because it is gone: nobody hears it any more, neither the probes nor any replica. Of the replicas, the one that has
//! received all that the others have is chosen, and applies it first. Two that each have something that the other lacks
//! are a person's to sort out.

mod server;

pub use server::{Account, Candidate};

use server::{Received, Remote, Step};
use splitfin_topology::History;
use std::time::Duration;
use thiserror::Error;

/// Why no other server became the primary.
#[derive(Debug, Error)]
pub enum NotPromoted {
    /// It would not have been safe. Nothing was changed.
    #[error("{0}")]
    Unsafe(String),
    /// A step failed. What was changed before is undone, unless this says otherwise.
    #[error("{server}: {step}: {error}")]
    Step {
        /// On which server.
        server: String,
        /// What was tried.
        step: &'static str,
        /// The server's words.
        error: String,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The new primary.
    pub name: String,
    /// Servers that could not be told to follow it, and why.
    pub left_behind: Vec<String>,
}

/// Who may change servers, and how long that may take.
#[derive(Debug, Clone)]
pub struct Means {
    /// May set `read_only`, change replication, and end connections.
    pub account: Account,
    /// With what servers log in to their source; what replicas have is kept without it.
    pub replication: Option<Account>,
    /// For catching up, and for everything that waits for a lock.
    pub patience: Duration,
}

/// Makes `to` the primary in place of `from`, which lives. `others` will follow it. The caller holds back writes.
pub async fn switch_over(
    from: &Candidate,
    to: &Candidate,
    others: &[Candidate],
    means: &Means,
) -> Result<Promoted, NotPromoted> {
    let mut old = Remote::connect(from, means).await?;
    let mut new = Remote::connect(to, means).await?;
    let _locks = (old.lock().await?, new.lock().await?);
    if old.family() != new.family() {
        return Err(NotPromoted::Unsafe("the servers are of two families".into()));
    }
    if !new.can_write_positions().await? {
        return Err(NotPromoted::Unsafe(format!("{} writes no binary log with GTIDs", to.name)));
    }
    // Somebody who follows nobody, or several, is not simply put in the place of another.
    new.received().await?;
    let address = new.reported_address().await?;
    old.refuse_writes(true).await?;
    let moved = async {
        old.end_connections().await?;
        let position = old.position().await?;
        new.wait_for(&position, means.patience).await?;
        if old.position().await? != position {
            let why = format!("{} is still written to: an account may write although it is read-only", from.name);
            return Err(NotPromoted::Unsafe(why));
        }
        new.stop_replication().await?;
        // From here on there is no way back: it may be written to.
        new.become_source().await
    };
    if let Err(error) = moved.await {
        new.start_replication().await.ok();
        old.refuse_writes(false).await?;
        return Err(error);
    }
    let mut left_behind = Vec::new();
    let credentials = means.replication.as_ref();
    match credentials {
        Some(_) => note(&mut left_behind, &from.name, old.follow(&address, credentials).await),
        None => left_behind.push(format!("{}: failover.replication is not set", from.name)),
    }
    follow_all(others, &address, means, &mut left_behind).await;
    Ok(Promoted { name: to.name.clone(), left_behind })
}

/// Makes one of `replicas` the primary, as `lost` is gone.
pub async fn fail_over(lost: &Candidate, replicas: &[Candidate], means: &Means) -> Result<Promoted, NotPromoted> {
    let mut alive = Vec::new();
    let mut silent = Vec::new();
    for candidate in replicas {
        match Remote::connect(candidate, means).await {
            Ok(remote) => alive.push(remote),
            Err(error) => silent.push(error.to_string()),
        }
    }
    let mut locks = Vec::new();
    for remote in &alive {
        locks.push(remote.lock().await?);
    }
    let mut received = Vec::new();
    for remote in &mut alive {
        let seen = remote.received().await?;
        if seen.hears_its_source {
            return Err(NotPromoted::Unsafe(format!("{} still hears {}", remote.name(), lost.name)));
        }
        received.push(seen);
    }
    let at = most_advanced(&received).map_err(|why| match silent.is_empty() {
        true => NotPromoted::Unsafe(why),
        false => NotPromoted::Unsafe(format!("{why}; not reachable: {}", silent.join("; "))),
    })?;
    // It may come back, or may live where nothing else hears it: nothing may write there.
    if let Ok(mut old) = Remote::connect(lost, means).await {
        old.refuse_writes(true).await?;
        old.end_connections().await?;
    }
    let mut new = alive.swap_remove(at);
    let chosen = received.swap_remove(at);
    if !new.can_write_positions().await? {
        return Err(NotPromoted::Unsafe(format!("{} writes no binary log with GTIDs", new.name())));
    }
    let address = new.reported_address().await?;
    new.apply_all(&chosen, means.patience).await?;
    new.stop_replication().await?;
    new.become_source().await?;
    let mut left_behind = silent;
    for mut other in alive {
        let told = other.follow(&address, means.replication.as_ref()).await;
        note(&mut left_behind, other.name(), told);
    }
    Ok(Promoted { name: new.name().to_owned(), left_behind })
}

async fn follow_all(others: &[Candidate], address: &(String, u16), means: &Means, left_behind: &mut Vec<String>) {
    for candidate in others {
        let told = async { Remote::connect(candidate, means).await?.follow(address, means.replication.as_ref()).await };
        note(left_behind, &candidate.name, told.await);
    }
}

fn note(left_behind: &mut Vec<String>, name: &str, told: Step<()>) {
    if let Err(error) = told {
        left_behind.push(match error {
            NotPromoted::Step { .. } => error.to_string(),
            NotPromoted::Unsafe(why) => format!("{name}: {why}"),
        });
    }
}

/// The one that has received all that any of them has.
fn most_advanced(received: &[Received]) -> Result<usize, String> {
    if received.is_empty() {
        return Err("no replica answers".into());
    }
    if received.iter().any(|one| one.history == History::Unknown) {
        return Err("a replica has no GTIDs: nobody can tell which has the most".into());
    }
    let has_all = |one: &Received| received.iter().all(|other| one.history.contains(&other.history));
    received.iter().position(has_all).ok_or_else(|| {
        let names: Vec<_> = received.iter().map(|one| one.name.as_str()).collect();
        format!("{} have each something that another lacks", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_topology::Family;

    fn received(name: &str, text: &str) -> Received {
        Received {
            name: name.into(),
            history: History::parse(Family::Mariadb, text).unwrap(),
            to_apply: String::new(),
            hears_its_source: false,
        }
    }

    #[test]
    fn the_one_that_has_everything_is_chosen_or_nobody() {
        assert_eq!(most_advanced(&[received("a", "0-1-5"), received("b", "0-1-7")]), Ok(1));
        assert_eq!(most_advanced(&[received("a", "0-1-7"), received("b", "0-1-7")]), Ok(0));
        let apart = most_advanced(&[received("a", "0-1-5,0-2-3"), received("b", "0-1-7")]);
        assert!(apart.unwrap_err().contains("a, b have each something"));
        assert!(most_advanced(&[received("a", "")]).unwrap_err().contains("no GTIDs"));
        assert!(most_advanced(&[]).is_err());
    }
}
