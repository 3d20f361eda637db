//! Promise: KILL ends what it names, by the id that clients see, and never anything else.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error};
use splitfin_protocol::Capabilities;
use splitfin_tests::raw::RawClient;
use splitfin_tests::{APP, Family, PASSWORD, PATIENCE, Stage, Told, eventually, story};
use std::time::{Duration, Instant};

async fn id(client: &mut Conn) -> Result<u32, Error> {
    Ok(client.query_first("SELECT CONNECTION_ID()").await?.unwrap_or(0))
}

fn code(error: &Error) -> u16 {
    match error {
        Error::Server(error) => error.code,
        _ => 0,
    }
}

/// Says it until somebody is hit: the statement may not have begun yet.
async fn kill_until(killer: &mut Conn, what: &str, done: impl Fn() -> bool) -> Told {
    eventually("the statement ends", PATIENCE, async || {
        killer.query_drop(what).await.map_err(|error| error.to_string())?;
        if done() { Ok(()) } else { Err("it runs".into()) }
    })
    .await?;
    Ok(())
}

story! {
    kill_query_ends_the_statement_and_the_session_goes_on, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut locker = stage.client().await?;
        locker.query_drop("BEGIN").await?;
        locker.query_drop("UPDATE orders SET amount = 0 WHERE id = 1").await?;
        let mut victim = stage.client().await?;
        let mut killer = stage.client().await?;
        let victims = id(&mut victim).await?;
        assert_eq!(code(&killer.query_drop("KILL QUERY 4000000").await.unwrap_err()), 1094);
        // Nothing runs: nothing ends.
        killer.query_drop(format!("KILL QUERY {victims}")).await?;

        for held in [false, true] {
            if held {
                victim.query_drop("BEGIN").await?;
                victim.query_drop("UPDATE orders SET amount = 7 WHERE id = 2").await?;
            }
            let blocked = tokio::spawn(async move {
                let result = victim.query_drop("UPDATE orders SET amount = 1 WHERE id = 1").await;
                (victim, result)
            });
            kill_until(&mut killer, &format!("KILL QUERY {victims}"), || blocked.is_finished()).await?;
            let result;
            (victim, result) = blocked.await?;
            assert_eq!(code(&result.unwrap_err()), 1317, "held: {held}");
            let item: Option<String> = victim.query_first("SELECT item FROM orders WHERE id = 2").await?;
            assert_eq!(item.as_deref(), Some("pear"), "the session goes on");
        }
        victim.query_drop("COMMIT").await?;
        let amount: Option<i32> = victim.query_first("SELECT amount FROM orders WHERE id = 2").await?;
        assert_eq!(amount, Some(7), "its transaction too");
        Ok(())
    }
}

story! {
    a_prepared_kill_has_its_id_with_each_execution, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut killer = stage.client().await?;
        if family == Family::Mysql {
            // "Dynamic parameters can only be used in DML statements"
            assert_eq!(code(&killer.prep("KILL QUERY ?").await.unwrap_err()), 6413);
            return Ok(());
        }
        let by_parameter = killer.prep("KILL QUERY ?").await?;
        let mut victim = stage.client().await?;
        let victims = id(&mut victim).await?;
        // A number, and a text; the second time without types, as drivers do where they have not changed.
        for text in [false, true] {
            let blocked = tokio::spawn(async move {
                let result = victim.query_drop("SELECT SLEEP(300) FROM orders FOR UPDATE").await;
                (victim, result)
            });
            eventually("the statement ends", PATIENCE, async || {
                let killed = match text {
                    false => killer.exec_drop(&by_parameter, (victims,)).await,
                    true => killer.exec_drop(&by_parameter, (victims.to_string(),)).await,
                };
                killed.map_err(|error| error.to_string())?;
                if blocked.is_finished() { Ok(()) } else { Err("it runs".into()) }
            })
            .await?;
            (victim, _) = blocked.await?;
            assert_eq!(id(&mut victim).await?, victims, "the session goes on");
        }
        // What is no session's is the server's to answer.
        assert_eq!(code(&killer.exec_drop(&by_parameter, (4_000_000,)).await.unwrap_err()), 1094);
        assert_eq!(code(&killer.exec_drop(&by_parameter, (victims + 900_000,)).await.unwrap_err()), 1094);
        let whole = killer.prep("KILL ?").await?;
        killer.exec_drop(&whole, (victims,)).await?;
        assert!(victim.query_drop("SELECT 1 FROM orders").await.is_err());
        Ok(())
    }
}

/// A row of SHOW PROCESSLIST.
#[derive(Debug, Clone)]
struct Process {
    id: u32,
    user: String,
    database: Option<String>,
    command: String,
    state: Option<String>,
    info: Option<String>,
}

async fn processes(client: &mut Conn, show: &str, prepared: bool) -> Result<Vec<Process>, Error> {
    let rows: Vec<mysql_async::Row> = match prepared {
        true => client.exec(show, ()).await?,
        false => client.query(show).await?,
    };
    let process = |row: mysql_async::Row| Process {
        id: row.get("Id").unwrap_or_default(),
        user: row.get("User").unwrap_or_default(),
        database: row.get("db").unwrap_or_default(),
        command: row.get("Command").unwrap_or_default(),
        state: row.get("State").unwrap_or_default(),
        info: row.get("Info").unwrap_or_default(),
    };
    Ok(rows.into_iter().map(process).collect())
}

story! {
    lists_of_processes_speak_of_sessions, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut watcher = stage.client().await?;
        let own = id(&mut watcher).await?;
        let mut idle = stage.client().await?;
        let idles = id(&mut idle).await?;
        // One holds a connection to the primary, one is at work there, one on a replica.
        let mut holder = stage.client().await?;
        let holders = id(&mut holder).await?;
        holder.query_drop("BEGIN").await?;
        holder.query_drop("UPDATE orders SET amount = 0 WHERE id = 1").await?;
        let mut writer = stage.client().await?;
        let writers = id(&mut writer).await?;
        let writes = tokio::spawn(async move { writer.query_drop("UPDATE orders SET amount = 1 WHERE id = 1").await });
        let mut reader = stage.client().await?;
        let readers = id(&mut reader).await?;
        let reads = tokio::spawn(async move { reader.query_drop("SELECT SLEEP(300), 'reads' FROM orders").await });
        for prepared in [false, true] {
            let listed = eventually("all are listed", PATIENCE, async || {
                let listed = processes(&mut watcher, "SHOW FULL PROCESSLIST", prepared).await.map_err(|error| error.to_string())?;
                let at_work = |id| listed.iter().any(|process| process.id == id && process.info.is_some());
                if at_work(writers) && at_work(readers) { Ok(listed) } else { Err(format!("{listed:?}")) }
            })
            .await?;
            let of = |id: u32| {
                let mut rows = listed.iter().filter(|process| process.id == id);
                let row = rows.next().cloned();
                assert!(rows.next().is_none(), "{id} is there twice: {listed:?}");
                row.ok_or(format!("{id} is not there: {listed:?}"))
            };
            assert_eq!(of(own)?.info.as_deref(), Some("SHOW FULL PROCESSLIST"));
            assert_eq!((&*of(idles)?.command, of(idles)?.database.as_deref()), ("Sleep", Some("shop")));
            assert_eq!((&*of(holders)?.command, &*of(holders)?.user), ("Sleep", APP));
            assert!(of(writers)?.info.is_some_and(|info| info.starts_with("UPDATE")));
            let read = of(readers)?;
            assert!(read.info.is_some_and(|info| info.contains("'reads'")) && read.state.is_some_and(|state| state.starts_with("on slave-")));
        }
        // Tables of a server speak the same way, in conditions too.
        let ask = "SELECT id, USER FROM information_schema.processlist WHERE id";
        for sql in [format!("{ask} = CONNECTION_ID()"), format!("{ask} = {own}")] {
            assert_eq!(watcher.query::<(u32, String), _>(&sql).await?, [(own, APP.to_owned())], "{sql}");
            assert_eq!(watcher.exec::<(u32, String), _, _>(&sql, ()).await?, [(own, APP.to_owned())], "prepared: {sql}");
        }
        let sql = format!("SELECT p.info, p.id AS which FROM information_schema.processlist p WHERE p.id = {writers}");
        let found: Option<(String, u32)> = watcher.query_first(&sql).await?;
        assert_eq!(found, Some(("UPDATE orders SET amount = 1 WHERE id = 1".to_owned(), writers)));
        let transactions: Vec<u32> = watcher.query("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx").await?;
        assert!(transactions.contains(&holders) && transactions.contains(&writers), "{transactions:?}");
        // What is listed can be killed.
        for (victims, task) in [(readers, reads), (writers, writes)] {
            watcher.query_drop(format!("KILL {victims}")).await?;
            assert!(task.await?.is_err());
        }
        eventually("they are gone", PATIENCE, async || {
            let listed = processes(&mut watcher, "SHOW PROCESSLIST", false).await.map_err(|error| error.to_string())?;
            match listed.iter().find(|process| process.id == readers || process.id == writers) {
                None => Ok(()),
                Some(process) => Err(format!("{process:?}")),
            }
        })
        .await?;
        drop((idle, holder));
        Ok(())
    }
}

story! {
    who_may_not_see_others_sees_itself, async |family| -> Told {
        let auth = "auth: { mode: static, users: [{ name: app, password: secret }, { name: plain, password: secret }] }";
        let stage = Stage::with(family, auth).await?;
        stage.cluster.primary.run(&["CREATE USER plain@'%' IDENTIFIED BY 'secret'", "GRANT SELECT ON shop.* TO plain@'%'"]).await?;
        stage.cluster.caught_up().await?;
        let mut app = stage.client().await?;
        let (mut one, mut two) = (Conn::new(stage.options().user(Some("plain"))).await?, Conn::new(stage.options().user(Some("plain"))).await?);
        let (apps, ones, twos) = (id(&mut app).await?, id(&mut one).await?, id(&mut two).await?);
        let sessions = async |client: &mut Conn| -> Result<Vec<u32>, Error> {
            let listed = processes(client, "SHOW PROCESSLIST", false).await?;
            let mut ids: Vec<u32> = listed.iter().map(|process| process.id).filter(|id| [apps, ones, twos].contains(id)).collect();
            ids.sort_unstable();
            Ok(ids)
        };
        assert_eq!(sessions(&mut one).await?, [ones, twos]);
        assert_eq!(sessions(&mut app).await?, [apps, ones, twos]);
        Ok(())
    }
}

story! {
    kill_ends_the_session, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        for held in [false, true] {
            let mut victim = stage.client().await?;
            let mut killer = stage.client().await?;
            let victims = id(&mut victim).await?;
            if held {
                victim.query_drop("BEGIN").await?;
                victim.query_drop("UPDATE orders SET amount = 9 WHERE id = 3").await?;
            }
            killer.query_drop(format!("KILL {victims}")).await?;
            assert!(victim.query_drop("SELECT 1 FROM orders").await.is_err());
            eventually("it is gone", PATIENCE, async || match killer.query_drop(format!("KILL {victims}")).await {
                Err(error) if code(&error) == 1094 => Ok(()),
                other => Err(format!("{other:?}")),
            })
            .await?;
            let amount: Option<i32> = killer.query_first("SELECT amount FROM orders WHERE id = 3 FOR UPDATE").await?;
            assert_eq!(amount, Some(3), "its transaction was rolled back");
        }
        let mut own = stage.client().await?;
        let ours = id(&mut own).await?;
        assert_eq!(code(&own.query_drop(format!("KILL QUERY {ours}")).await.unwrap_err()), 1317);
        own.query_drop("SELECT 1").await?;
        let killed = if family == Family::Mariadb { 1927 } else { 1317 };
        assert_eq!(code(&own.query_drop(format!("KILL {ours}")).await.unwrap_err()), killed);
        assert!(own.query_drop("SELECT 1").await.is_err());
        Ok(())
    }
}

story! {
    a_late_kill_hits_nobody_else, async |family| -> Told {
        // One connection to each server, which all sessions share: whatever a kill leaves on it, the next one would get.
        let stage = Stage::with(family, "pool: { max_connections: 1 }\nworkers: 1").await?;
        stage.table().await?;
        let mut victim = stage.client().await?;
        let mut bystander = stage.client().await?;
        let mut killer = stage.client().await?;
        let victims = id(&mut victim).await?;
        let end = Instant::now() + Duration::from_secs(4);
        let hit = tokio::spawn(async move {
            let mut hit = 0;
            while Instant::now() < end {
                match victim.query_drop("SELECT COUNT(*) FROM orders a, orders b, orders c").await {
                    Ok(()) => {}
                    Err(error) if code(&error) == 1317 => hit += 1,
                    Err(error) => return Err(error),
                }
            }
            Ok(hit)
        });
        let unharmed = tokio::spawn(async move {
            let mut unharmed = 0;
            while Instant::now() < end {
                bystander.query_drop("SELECT COUNT(*) FROM orders").await?;
                bystander.query_drop("UPDATE orders SET amount = amount + 1 WHERE id = 1").await?;
                unharmed += 1;
            }
            Ok::<u32, Error>(unharmed)
        });
        while Instant::now() < end {
            killer.query_drop(format!("KILL QUERY {victims}")).await?;
        }
        let (hit, unharmed) = (hit.await??, unharmed.await??);
        assert!(hit > 0 && unharmed > 0, "hit {hit}, unharmed {unharmed}");
        Ok(())
    }
}

story! {
    a_read_that_waits_for_a_replica_can_be_killed, async |family| -> Told {
        let stage = Stage::with(family, "consistency: { wait: 9s }").await?;
        stage.table().await?;
        let mut locks = Vec::new();
        for replica in &stage.cluster.replicas {
            let mut lock = replica.root().await?;
            lock.query_drop("LOCK TABLES shop.orders READ").await?;
            locks.push(lock);
        }
        let mut victim = stage.client().await?;
        let mut killer = stage.client().await?;
        let victims = id(&mut victim).await?;
        victim.query_drop("INSERT INTO orders (item) VALUES ('waits')").await?;
        let waiting = tokio::spawn(async move {
            let result = victim.query_drop("SELECT 'killed' FROM orders").await;
            (victim, result)
        });
        kill_until(&mut killer, &format!("KILL QUERY {victims}"), || waiting.is_finished()).await?;
        let (_victim, result) = waiting.await?;
        assert_eq!(code(&result.unwrap_err()), 1317);
        assert_eq!(stage.ran("'killed'")?[0], 0, "it is not tried again on the primary");
        Ok(())
    }
}

story! {
    only_the_same_account_may, async |family| -> Told {
        let auth = "auth: { mode: static, users: [{ name: app, password: secret }, { name: other, password: secret }] }";
        let stage = Stage::with(family, auth).await?;
        stage.cluster.primary.run(&["CREATE USER other@'%' IDENTIFIED BY 'secret'", "GRANT SELECT ON shop.* TO other@'%'"]).await?;
        stage.cluster.caught_up().await?;
        let mut app = stage.client().await?;
        let mut other = Conn::new(stage.options().user(Some("other"))).await?;
        let apps = id(&mut app).await?;
        for what in ["KILL QUERY", "KILL"] {
            assert_eq!(code(&other.query_drop(format!("{what} {apps}")).await.unwrap_err()), 1095);
        }
        app.query_drop("SELECT 1").await?;
        Ok(())
    }
}

story! {
    nothing_goes_on_for_a_client_that_is_gone, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut watcher = stage.cluster.primary.root().await?;
        let mut running = async || -> Result<bool, String> {
            let sql = "SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'";
            let row: Option<u8> = watcher.query_first(sql).await.map_err(|error| error.to_string())?;
            Ok(row.is_some())
        };
        let shape = Capabilities::DEPRECATE_EOF;
        let (mut client, _) = RawClient::log_in(stage.port, APP, PASSWORD, Some("shop"), shape)?;
        client.send(0, b"\x03SELECT SLEEP(300) FROM orders FOR UPDATE")?;
        eventually("it runs", PATIENCE, async || if running().await? { Ok(()) } else { Err("not yet".into()) }).await?;
        drop(client);
        eventually("it was ended", PATIENCE, async || if running().await? { Err("it runs".into()) } else { Ok(()) }).await?;
        Ok(())
    }
}
