//! Promise: drivers and tools work through Splitfin as they do with a server. A driver that is not installed is an error;
//! `tools/drivers.sh` installs them all, and `SPLITFIN_WITHOUT` names those to leave out (`go,java`).

use mysql_async::prelude::Queryable as _;
use splitfin_tests::drivers::{built, client, output};
use splitfin_tests::{APP, Family, PASSWORD, Stage, Told, story};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The programs, each ready to be given HOST PORT USER PASSWORD DATABASE.
fn programs() -> Vec<(&'static str, Command)> {
    let file = |path: &str| root().join("examples").join(path);
    let python = |path: &str| {
        let mut command = Command::new("/usr/bin/python3");
        command.arg(file(path));
        command
    };
    let mut go = Command::new("go");
    go.env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOFLAGS", "")
        .arg("run")
        .arg(file("go/main.go"));
    let mut java = Command::new("java");
    java.args(["-Dfile.encoding=UTF-8", "-cp", "/usr/share/java/mariadb-java-client.jar"]).arg(file("java/App.java"));
    vec![
        ("pymysql", python("python/pymysql_app.py")),
        ("mysqlclient", python("python/mysqlclient_app.py")),
        ("go", go),
        ("java", java),
        ("sqlx", Command::new(built("sqlx_app"))),
        ("mysql_async", Command::new(built("mysql_async_app"))),
    ]
}

story! {
    example_programs_say_ok, async |family| -> Told {
        let stage = Stage::start(family).await?;
        let without = std::env::var("SPLITFIN_WITHOUT").unwrap_or_default();
        for (name, mut command) in programs() {
            if without.split(',').any(|left_out| left_out == name) {
                continue;
            }
            command.args(["127.0.0.1", &stage.port.to_string(), APP, PASSWORD, "shop"]);
            let output = output(command).await.map_err(|error| format!("{name}: {error}"))?;
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("ok"), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

story! {
    command_line_clients_work, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        for client_family in Family::ALL {
            let mut command = client(client_family);
            command.args(["-h127.0.0.1", &format!("-P{}", stage.port), &format!("-u{APP}"), &format!("-p{PASSWORD}"), "shop", "-t", "-e"]);
            command.arg(
                "SELECT item FROM orders; BEGIN; INSERT INTO orders (item) VALUES ('cli'); COMMIT; \
                 SELECT COUNT(*) AS c FROM orders FOR UPDATE; USE mysql; SELECT DATABASE(); SHOW SPLITFIN ROUTE",
            );
            let output = output(command).await?;
            let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{client_family:?}: {text}");
            assert!(text.contains("apple") && text.contains("| mysql") && text.contains("Reason"), "{client_family:?}: {text}");
        }
        Ok(())
    }
}

story! {
    the_mysql_client_is_refused_over_tls_and_over_rsa, async |family| -> Told {
        let stage = Stage::start(family).await?;
        for channel in [["--ssl-mode=REQUIRED", "--batch"], ["--ssl-mode=DISABLED", "--get-server-public-key"]] {
            let mut command = client(Family::Mysql);
            command.args(["-h127.0.0.1", &format!("-P{}", stage.port), &format!("-u{APP}"), "-pwrong"]).args(channel).args(["-e", "SELECT 1"]);
            let output = output(command).await?;
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && text.contains("ERROR 1045"), "{channel:?}: {text}");
        }
        Ok(())
    }
}

story! {
    sysbench_runs_without_an_error_and_parts_as_promised, async |family| -> Told {
        let stage = Stage::with(family, "log: { routes: off }").await?;
        stage.cluster.primary.run(&["CREATE DATABASE sbtest"]).await?;
        for server in stage.cluster.servers() {
            server.run(&["SET GLOBAL general_log = 0"]).await?;
            if family == Family::Mariadb {
                server.run(&["SET GLOBAL userstat = 1"]).await?;
            }
        }
        // Prepared where it is certain to be: replication would have to catch up before the first read.
        let direct = sysbench(stage.cluster.primary.port(), "oltp_read_write", 2, &["prepare"]).await?;
        assert!(direct.status.success());
        stage.cluster.caught_up().await?;
        let seconds = std::env::var("SPLITFIN_SYSBENCH_SECONDS").unwrap_or_else(|_| "4".to_owned());
        for script in ["oltp_read_write", "oltp_read_only", "oltp_point_select"] {
            for mode in ["disable", "auto"] {
                let before = counters(&stage).await?;
                let time = format!("--time={seconds}");
                let output = sysbench(stage.port, script, 16, &[&time, &format!("--db-ps-mode={mode}"), "run"]).await?;
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(output.status.success(), "{script} {mode}: {text}{}", String::from_utf8_lossy(&output.stderr));
                // Deadlocks are the workload's own; anything else would have ended it.
                assert!(text.contains("reconnects:                          0"), "{script} {mode}: {text}");
                let after = counters(&stage).await?;
                let grown: Vec<_> = after.iter().zip(&before).map(|(after, before)| [after[0] - before[0], after[1] - before[1]]).collect();
                let [master, slave_1, slave_2] = grown[..] else { return Err("three servers".into()) };
                assert_eq!((slave_1[1], slave_2[1]), (0, 0), "{script} {mode}: no client wrote on a slave");
                own_writes(&stage).await?;
                if script == "oltp_point_select" {
                    assert!(slave_1[0] > 100 && slave_2[0] > 100 && master[0] < 100, "{script} {mode}: {grown:?}");
                }
                if script == "oltp_read_write" {
                    // MySQL counts executions of prepared statements apart, whatever they do.
                    let counted_as_reads = family == Family::Mysql && mode == "auto";
                    assert!(master[usize::from(!counted_as_reads)] > 10, "{script} {mode}: {grown:?}");
                }
            }
        }
        Ok(())
    }
}

/// Reads and writes that the application's account ran on each server. What replication applies is nobody's.
async fn counters(stage: &Stage) -> Result<Vec<[i64; 2]>, Box<dyn std::error::Error>> {
    let sql = match stage.cluster.family() {
        Family::Mariadb => {
            "SELECT SELECT_COMMANDS, UPDATE_COMMANDS FROM information_schema.USER_STATISTICS WHERE USER = 'app'"
        }
        Family::Mysql => {
            "SELECT CAST(SUM(IF(EVENT_NAME IN ('statement/sql/select', 'statement/com/Execute'), COUNT_STAR, 0)) AS SIGNED), \
             CAST(SUM(IF(EVENT_NAME IN ('statement/sql/insert', 'statement/sql/update', 'statement/sql/delete'), COUNT_STAR, 0)) AS SIGNED) \
             FROM performance_schema.events_statements_summary_by_user_by_event_name WHERE USER = 'app'"
        }
    };
    let mut all = Vec::new();
    for server in stage.cluster.servers() {
        let row: Option<(Option<i64>, Option<i64>)> = server.root().await?.query_first(sql).await?;
        let (reads, writes) = row.unwrap_or_default();
        all.push([reads.unwrap_or(0), writes.unwrap_or(0)]);
    }
    Ok(all)
}

/// Fails if a slave has a transaction of its own: every position must name the master.
async fn own_writes(stage: &Stage) -> Told {
    for replica in &stage.cluster.replicas {
        let sql = match stage.cluster.family() {
            Family::Mariadb => "SELECT @@gtid_binlog_pos REGEXP CONCAT('-', @@server_id, '-')",
            Family::Mysql => "SELECT @@global.gtid_executed LIKE CONCAT('%', @@server_uuid, '%')",
        };
        let own: Option<i32> = replica.root().await?.query_first(sql).await?;
        assert_eq!(own, Some(0), "a slave has written a transaction of its own");
    }
    Ok(())
}

async fn sysbench(port: u16, script: &str, threads: u32, more: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new("sysbench");
    command
        .arg(script)
        .args(["--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-db=sbtest", "--tables=2", "--table-size=2000"])
        .args([format!("--mysql-user={APP}"), format!("--mysql-password={PASSWORD}")])
        .args([format!("--mysql-port={port}"), format!("--threads={threads}")])
        .args(more);
    output(command).await
}
