//! Positions mean to Splitfin what they mean to servers: the servers' own functions are asked.

use mysql_async::prelude::Queryable as _;
use splitfin_testkit::{Programs, Server, ServerOptions};
use splitfin_tests::{Family, Told, block_on};
use splitfin_topology::{Family as Dialect, Position};

/// Numbers that look random and are the same on every run.
struct Random(u64);

impl Random {
    const fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    /// A set over two servers and two tags, with intervals that touch, overlap, and stand in any order.
    fn set(&mut self) -> String {
        let part = |random: &mut Self| {
            let uuid = ["3e11fa47-71ca-11e1-9e33-c80aa9429562", "4E11FA47-71CA-11E1-9E33-C80AA9429562"]
                [random.below(2) as usize];
            let mut part = uuid.to_owned();
            for _ in 0..=random.below(3) {
                part.push_str([":", ":", ":sales:", ":Other_1:"][random.below(4) as usize]);
                let first = 1 + random.below(30);
                match random.below(2) {
                    0 => part.push_str(&first.to_string()),
                    _ => part.push_str(&format!("{first}-{}", first + random.below(12))),
                }
            }
            part
        };
        let parts: Vec<String> = (0..self.below(4)).map(|_| part(self)).collect();
        parts.join(",\n")
    }

    fn domains(&mut self) -> String {
        // Domains that no server writes to: it refuses positions that its own log contradicts.
        let mut parts = Vec::new();
        for domain in 10..13 {
            if self.below(4) > 0 {
                parts.push(format!("{domain}-{}-{}", 100 + self.below(2), 1 + self.below(6)));
            }
        }
        parts.join(",")
    }
}

async fn server(family: Family) -> Result<Server, splitfin_testkit::Error> {
    let options = ServerOptions { id: 1, ..ServerOptions::default() };
    Server::start(&Programs::locate(family)?, options).await
}

#[test]
fn sets_are_those_of_mysql() {
    block_on(async {
        let server = server(Family::Mysql).await?;
        let mut conn = server.root().await?;
        let mut random = Random(42);
        for _ in 0..400 {
            let (one, other) = (random.set(), random.set());
            let [ours, theirs] = [&one, &other].map(|text| Position::parse(Dialect::Mysql, text).unwrap());
            let subset: Option<bool> = conn.exec_first("SELECT GTID_SUBSET(?, ?)", (&other, &one)).await?;
            assert_eq!(ours.contains(&theirs), subset.unwrap(), "{other} in {one}");
            // Nothing taken away: the set as the server prints it.
            let printed: Option<String> =
                conn.exec_first("SELECT GTID_SUBTRACT(CONCAT(?, ',', ?), '')", (&one, &other)).await?;
            let mut both = ours.clone();
            both.add(&theirs);
            assert_eq!(both, Position::parse(Dialect::Mysql, &printed.unwrap()).unwrap(), "{one} and {other}");
            let same: Option<bool> = conn
                .exec_first(
                    "SELECT GTID_SUBSET(?, ?) AND GTID_SUBSET(?, ?)",
                    (both.to_string(), format!("{one},{other}"), format!("{one},{other}"), both.to_string()),
                )
                .await?;
            assert_eq!(same, Some(true), "{both} is printed for the server to read");
        }
        Told::Ok(())
    });
}

#[test]
fn domains_are_those_of_mariadb() {
    block_on(async {
        let server = server(Family::Mariadb).await?;
        let mut conn = server.root().await?;
        let mut random = Random(7);
        for _ in 0..60 {
            let (here, needed) = (random.domains(), random.domains());
            conn.query_drop(format!("SET GLOBAL gtid_slave_pos = '{here}'")).await?;
            let waited: Option<Option<i32>> =
                conn.query_first(format!("SELECT MASTER_GTID_WAIT('{needed}', 0)")).await?;
            let [ours, theirs] = [&here, &needed].map(|text| Position::parse(Dialect::Mariadb, text).unwrap());
            assert_eq!(ours.contains(&theirs), waited == Some(Some(0)), "{needed} at {here}");
            let printed: Option<String> = conn.query_first("SELECT @@gtid_slave_pos").await?;
            assert_eq!(Position::parse(Dialect::Mariadb, &printed.unwrap()).unwrap(), ours);
        }
        Told::Ok(())
    });
}
