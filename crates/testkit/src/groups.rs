//! Clusters that replicate by themselves: Galera, and Group Replication.

use crate::cluster::{Cluster, Replication};
use crate::error::Error;
use crate::programs::{Family, Programs, galera};
use crate::server::{Server, ServerOptions};
use crate::wait::{eventually, free_port};
use mysql_async::prelude::Queryable as _;
use std::time::Duration;

/// Time for a member to get its data and to join.
const JOIN: Duration = Duration::from_secs(90);

impl Cluster {
    /// Starts a Galera cluster of MariaDB; its first member counts as the primary.
    pub async fn galera(members: u32) -> Result<Self, Error> {
        let programs = Programs::locate(Family::Mariadb)?;
        let mut ports = Vec::new();
        for _ in 0..members {
            ports.push([free_port()?, free_port()?, free_port()?]);
        }
        let primary = galera_member(&programs, 1, &ports).await?;
        let mut cluster = Self { replication: Replication::Galera, primary, replicas: vec![] };
        for id in 1..members {
            let server = galera_member(&programs, id + 1, &ports).await?;
            let ready = "SELECT 1 FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'WSREP_LOCAL_STATE' AND VARIABLE_VALUE = '4'";
            joined(&server, ready).await?;
            cluster.replicas.push(server);
        }
        Ok(cluster)
    }

    /// Starts a group of MySQL servers with one primary, the first.
    pub async fn group(members: u32) -> Result<Self, Error> {
        let programs = Programs::locate(Family::Mysql)?;
        let mut ports = Vec::new();
        for _ in 0..members {
            ports.push(free_port()?);
        }
        let primary = group_member(&programs, 1, &ports).await?;
        let first = [
            "SET GLOBAL group_replication_bootstrap_group = ON",
            "START GROUP_REPLICATION",
            "SET GLOBAL group_replication_bootstrap_group = OFF",
        ];
        primary.run(&first).await?;
        let mut cluster = Self { replication: Replication::Group, primary, replicas: vec![] };
        for id in 1..members {
            let server = group_member(&programs, id + 1, &ports).await?;
            server.run(&["START GROUP_REPLICATION"]).await?;
            let ready = "SELECT 1 FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid AND MEMBER_STATE = 'ONLINE'";
            joined(&server, ready).await?;
            cluster.replicas.push(server);
        }
        Ok(cluster)
    }
}

async fn joined(server: &Server, ready: &str) -> Result<(), Error> {
    eventually("a member joins", JOIN, async || {
        let mut conn = server.root().await.map_err(|error| error.to_string())?;
        let ready: Option<u8> = conn.query_first(ready).await.map_err(|error| error.to_string())?;
        ready.map(drop).ok_or_else(|| "not yet".to_owned())
    })
    .await
}

async fn galera_member(programs: &Programs, id: u32, ports: &[[u16; 3]]) -> Result<Server, Error> {
    let (provider, scripts) = galera()?;
    let [group, transfer, data] = ports[id as usize - 1];
    let others: Vec<String> = ports[..id as usize - 1].iter().map(|ports| format!("127.0.0.1:{}", ports[0])).collect();
    let extra = vec![
        "--wsrep-on=ON".to_owned(),
        format!("--wsrep-provider={}", provider.display()),
        "--wsrep-cluster-name=splitfin".to_owned(),
        format!("--wsrep-cluster-address=gcomm://{}", others.join(",")),
        format!("--wsrep-node-name=member-{id}"),
        "--wsrep-node-address=127.0.0.1".to_owned(),
        "--wsrep-sst-method=rsync".to_owned(),
        format!("--wsrep-sst-receive-address=127.0.0.1:{data}"),
        format!(
            "--wsrep-provider-options=base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};ist.recv_addr=127.0.0.1:{transfer}"
        ),
        "--innodb-autoinc-lock-mode=2".to_owned(),
    ];
    let scripts = ["wsrep_sst_common", "wsrep_sst_rsync"].map(|name| scripts.join(name)).to_vec();
    let options = ServerOptions { id, read_only: false, general_log: true, extra, scripts, ..ServerOptions::default() };
    Server::start(programs, options).await
}

async fn group_member(programs: &Programs, id: u32, ports: &[u16]) -> Result<Server, Error> {
    let seeds: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let extra = vec![
        "--plugin-load-add=group_replication.so".to_owned(),
        "--group-replication-group-name=aaaaaaaa-0000-4000-8000-000000000000".to_owned(),
        "--group-replication-start-on-boot=OFF".to_owned(),
        format!("--group-replication-local-address=127.0.0.1:{}", ports[id as usize - 1]),
        format!("--group-replication-group-seeds={}", seeds.join(",")),
        "--group-replication-recovery-get-public-key=ON".to_owned(),
    ];
    let options = ServerOptions { id, read_only: false, general_log: true, extra, ..ServerOptions::default() };
    let server = Server::start(programs, options).await?;
    let source = "CHANGE REPLICATION SOURCE TO SOURCE_USER='repl', SOURCE_PASSWORD='repl' FOR CHANNEL 'group_replication_recovery'";
    server.run(&[source]).await?;
    Ok(server)
}
