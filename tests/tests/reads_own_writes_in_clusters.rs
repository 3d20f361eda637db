//! Promise: you read your own writes in Galera clusters and in groups too, by the means that they have.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::checker::{self, Check, Findings};
use splitfin_tests::{Cluster, Stage, Told, block_on};
use std::time::Duration;

async fn members_part_the_work(cluster: Cluster) -> Result<Stage, Box<dyn std::error::Error>> {
    let stage = Stage::in_front_of(cluster, "consistency: { wait: 5s }").await?;
    stage.table().await?;
    let mut client = stage.client().await?;
    let mut on_others = 0;
    for round in 1..=20 {
        match round % 2 {
            0 => client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?,
            _ => {
                client.query_drop("BEGIN").await?;
                client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?;
                client.query_drop("COMMIT").await?;
            }
        }
        let count: Option<u32> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'mine'").await?;
        assert_eq!(count, Some(round));
        let (backend, reason) = Stage::last_route(&mut client).await?;
        // A member that is slow on a slow machine is passed over.
        let passed_over = ["replicas_behind", "waited_in_vain", "no_fit_replica"].contains(&reason.as_str());
        assert!(passed_over || (backend.starts_with("slave-") && reason == "read"), "{backend} {reason}");
        on_others += u32::from(!passed_over);
    }
    assert!(on_others >= 10, "{on_others} of 20 reads are on other members");
    let ran = stage.ran("INSERT INTO orders (item) VALUES ('mine')")?;
    assert_eq!(ran, [20, 0, 0], "one member writes");
    Ok(stage)
}

async fn nothing_is_stale(cluster: Cluster) -> Told {
    let check =
        Check { scope: "user".into(), clients: 32, time: Duration::from_secs(8), seed: 5, reads: 9, disturb: false };
    let mut stage = Stage::in_front_of(cluster, &checker::config(&check)).await?;
    let findings = checker::run(&mut stage, &check).await.map_err(|error| error.to_string())?;
    let [stale, backward, failed] = [&findings.stale, &findings.backward, &findings.failed].map(Findings::get);
    assert_eq!((stale, backward, failed), (0, 0, 0), "{findings:?}");
    assert!(Findings::get(&findings.writes) > 50, "{findings:?}");
    Ok(())
}

#[test]
fn a_galera_cluster_catches_up_before_it_is_read() {
    block_on(async {
        let mut stage = members_part_the_work(Cluster::galera(3).await?).await?;
        // A member that leaves is not read, and nothing fails.
        let mut client = stage.client().await?;
        stage.cluster.replicas[1].kill();
        for round in 1..=20 {
            client.query_drop("INSERT INTO orders (item) VALUES ('later')").await?;
            let count: Option<u32> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'later'").await?;
            assert_eq!(count, Some(round));
        }
        stage.until_usable(1).await?;
        Ok(())
    });
}

#[test]
fn nothing_is_stale_in_a_galera_cluster() {
    block_on(async { nothing_is_stale(Cluster::galera(3).await?).await });
}

#[test]
fn a_group_waits_for_positions() {
    block_on(async {
        let stage = members_part_the_work(Cluster::group(3).await?).await?;
        let metrics = stage.splitfin.metrics();
        assert!(metrics.contains("outcome=\"in_time\""), "{metrics}");
        Ok(())
    });
}

#[test]
fn nothing_is_stale_in_a_group() {
    block_on(async { nothing_is_stale(Cluster::group(3).await?).await });
}
