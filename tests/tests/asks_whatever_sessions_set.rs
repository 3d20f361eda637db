//! Promise: settings are never lost. What Splitfin asks a server of a session comes back right under every value of every
//! variable that the session can set there, or is refused; a wrong answer would pass for the session's state.

use mysql_async::prelude::Queryable as _;
use splitfin_backend::question::{neutral, select};
use splitfin_backend::{
    Account, Age, Alarm, Backend, BackendError, BackendTls, Balance, Caps, Checkout, Common, Lease, Limits, Pools,
    Settings, Values, Wanted,
};
use splitfin_protocol::Capabilities;
use splitfin_protocol::auth::Secret;
use splitfin_protocol::handshake::connect::TlsWish;
use splitfin_router::classify::{TRACKED_UNDER_TWO_NAMES, TRACKED_VARIABLES};
use splitfin_router::conditions::{COUNTS, Conditions, ask};
use splitfin_tests::{APP, Cluster, Family, PASSWORD, Stage, Told, story};
use splitfin_topology::{BackendId, Snapshot};
use splitfin_transport::tls::{ClientTls, TlsVersion};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SERVER: BackendId = BackendId(0);

/// Under these a server may refuse to answer: there is no time or memory left.
const MAY_REFUSE: [&str; 3] = ["max_statement_time", "max_session_mem_used", "max_execution_time"];

/// In this mode MariaDB has another grammar, in which its warnings cannot be asked for: sessions keep their connection.
const OTHER_GRAMMAR: &str = "'ORACLE'";

/// These are answers themselves.
const ASKED_FOR: [&str; 2] = ["last_insert_id", "identity"];

/// What one setting changes besides itself.
const CHANGED_TOGETHER: [&[&str]; 4] = [
    &["character_set_client", "character_set_connection", "character_set_results", "collation_connection"],
    &["max_join_size", "sql_big_selects"],
    &["tx_isolation", "transaction_isolation"],
    &["tx_read_only", "transaction_read_only"],
];

story! {
    no_setting_changes_an_answer, async |family| -> Told {
        let cluster = Cluster::start_with(family, 0, false).await?;
        let settings = settings(&cluster).await?;
        let asker = Asker::new(&cluster, family)?;
        let mut lease = asker.lease().await?;
        let expected = asker.answers(&mut lease).await?;
        let (mut tried, mut wrong) = (0, Vec::new());
        for (name, value) in settings {
            if lease.reset().await.is_err() || asker.begin(&mut lease).await.is_err() {
                lease = asker.lease().await?;
            }
            if ASKED_FOR.contains(&name.as_str()) {
                continue;
            }
            match lease.run(&format!("SET SESSION {name}={value}")).await {
                Ok(()) => {}
                Err(BackendError::Refused { .. }) => continue,
                Err(error) => return Err(format!("SET SESSION {name}={value}: {error}").into()),
            }
            tried += 1;
            let answers = asker.answers(&mut lease).await?;
            for (answer, expected) in answers.iter().zip(&expected) {
                let may_refuse = MAY_REFUSE.contains(&name.as_str()) || value == OTHER_GRAMMAR;
                if answer != expected && !(answer.is_none() && may_refuse) {
                    wrong.push(format!("{name}={value}: {answer:?} instead of {expected:?}"));
                }
            }
            if let Some(fault) = asker.fault_of_values(&mut lease, &name).await? {
                wrong.push(format!("{name}={value}: {fault}"));
            }
        }
        assert!(tried > 400, "{tried} settings");
        assert_eq!(wrong, [""; 0]);
        Ok(())
    }
}

story! {
    nor_does_what_sessions_begin_with, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let table = "CREATE TABLE shop.items (id INT PRIMARY KEY, name VARCHAR(20))";
        cluster.primary.run(&[table, "INSERT INTO shop.items VALUES (1, 'one'), (2, 'two')"]).await?;
        cluster.primary.run(&["GRANT SELECT ON mysql.user TO monitor@'%'"]).await?;
        cluster.caught_up().await?;
        for server in cluster.servers() {
            let limits = "SET GLOBAL sql_select_limit=1, GLOBAL group_concat_max_len=4, GLOBAL completion_type=1, GLOBAL autocommit=0";
            server.run(&[limits, "SET GLOBAL max_join_size=20"]).await?;
        }
        let stage = Stage::in_front_of(cluster, "auth: { mode: database }").await?;
        for _ in 0..3 {
            let mut client = stage.client().await?;
            let limits: Option<(u64, u64, bool)> =
                client.query_first("SELECT @@sql_select_limit, @@max_join_size, @@autocommit").await?;
            assert_eq!(limits, Some((1, 20, false)));
            client.query_drop("SET autocommit=1, @@time_zone='+02:00'").await?;
            client.query_drop("SET @name = (SELECT name FROM items WHERE id = 2)").await?;
            client.query_drop("DO 0").await?;
            let (backend, reason) = Stage::read_route(&mut client, "SELECT name FROM items").await?;
            assert!(backend.starts_with("slave"), "{backend}: {reason}");
            let names: Vec<String> = client.query("SELECT name FROM items ORDER BY id").await?;
            assert_eq!(names, ["one"], "one row, as the server's default says");
            let state: Option<(String, String, u64)> =
                client.query_first("SELECT @name, @@time_zone, @@sql_select_limit").await?;
            assert_eq!(state, Some(("two".into(), "+02:00".into(), 1)));
        }
        Ok(())
    }
}

/// Every variable that a session can set, with values at its ends and between.
async fn settings(cluster: &Cluster) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    let mut root = cluster.primary.root().await?;
    let mut settings = Vec::new();
    for (name, values) in SPECIAL {
        settings.extend(values.iter().map(|value| ((*name).to_owned(), (*value).to_owned())));
    }
    type Row = (String, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = root
        .query(match cluster.family() {
            Family::Mariadb => {
                "SELECT LOWER(VARIABLE_NAME), NUMERIC_MIN_VALUE, NUMERIC_MAX_VALUE, ENUM_VALUE_LIST \
                 FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_SCOPE LIKE 'SESSION%' AND READ_ONLY = 'NO'"
            }
            Family::Mysql => {
                "SELECT VARIABLE_NAME, NULLIF(MIN_VALUE, ''), NULLIF(MAX_VALUE, ''), \
                 IF(VARIABLE_VALUE IN ('ON', 'OFF'), 'ON,OFF', NULL) \
                 FROM performance_schema.session_variables JOIN performance_schema.variables_info USING (VARIABLE_NAME)"
            }
        })
        .await?;
    for (name, least, most, choices) in rows {
        let numbers = least.into_iter().chain(most).chain(["1", "2", "10"].map(str::to_owned));
        let words = choices.iter().flat_map(|choices| choices.split(',')).map(|word| format!("'{word}'"));
        settings.extend(numbers.chain(words).map(|value| (name.clone(), value)));
    }
    Ok(settings)
}

/// Values that no catalogue lists.
const SPECIAL: [(&str, &[&str]); 9] = [
    (
        "sql_mode",
        &[
            "'ANSI'",
            "'TRADITIONAL'",
            "'NO_BACKSLASH_ESCAPES'",
            "'HIGH_NOT_PRECEDENCE'",
            "'ONLY_FULL_GROUP_BY'",
            "'ORACLE'",
            "'EMPTY_STRING_IS_NULL'",
            "'NO_UNSIGNED_SUBTRACTION'",
            "'PAD_CHAR_TO_FULL_LENGTH'",
        ],
    ),
    ("character_set_client", &["latin1", "big5", "sjis", "gbk", "swe7", "cp932", "binary"]),
    ("character_set_connection", &["latin1", "ucs2", "utf16", "utf16le", "utf32", "swe7", "big5", "binary"]),
    ("character_set_results", &["latin1", "ucs2", "utf16", "utf16le", "utf32", "swe7", "big5", "binary", "NULL"]),
    ("collation_connection", &["utf8mb4_bin", "utf16_bin", "ucs2_general_ci", "latin1_bin", "binary"]),
    ("sql_select_limit", &["0", "1", "2"]),
    ("max_join_size", &["1", "2", "100"]),
    ("max_statement_time", &["0.000001", "0.001"]),
    ("lc_messages", &["'de_DE'", "'ja_JP'"]),
];

/// Connections of one account, and what they are asked.
struct Asker {
    pools: Rc<Pools>,
    account: Rc<Account>,
    family: Family,
    variables: BTreeSet<Box<str>>,
}

impl Asker {
    fn new(cluster: &Cluster, family: Family) -> Result<Self, Box<dyn std::error::Error>> {
        let backends = splitfin_backend::Backends::default();
        let tls = BackendTls {
            wish: TlsWish::Disabled,
            client: ClientTls::opportunistic(TlsVersion::Tls12, None)?,
            certified: vec![],
        };
        let address = cluster.primary.address();
        backends.put(Backend { id: SERVER, address, tls, compression: Capabilities::empty(), introduce: false });
        let common = Common {
            backends: Arc::new(backends),
            limits: Arc::new(Limits::new(Caps { connections: 5, of_one_user: 5, stand_ins: 5 })),
            alarm: Alarm::new().0,
            tracked: TRACKED_VARIABLES.into_iter().chain(TRACKED_UNDER_TWO_NAMES).collect(),
        };
        let patience = Duration::from_secs(20);
        let settings = Settings {
            balance: Balance::LeastLoaded,
            connect_timeout: patience,
            checkout_timeout: patience,
            idle_timeout: patience,
        };
        let account = Account {
            user: APP.to_owned(),
            password: Secret::Clear(PASSWORD.as_bytes().to_vec().into()),
            capabilities: Capabilities::empty(),
            collation: 45,
            attributes: vec![],
            client: None,
            certificate: None,
        };
        let variables = ["text", "number", "decimal", "wide", "empty"].map(Into::into).into();
        Ok(Self {
            pools: Pools::new(common, settings, Arc::default(), 1),
            account: Rc::new(account),
            family,
            variables,
        })
    }

    async fn lease(&self) -> Result<Lease, BackendError> {
        let snapshot = Snapshot {
            epoch: 1,
            backends: vec![],
            primary: Some(SERVER),
            last_primary: None,
            resort: None,
            replaceable: false,
            family: None,
        };
        let wanted = Wanted::default();
        let checkout = Checkout {
            eligible: &[SERVER],
            account: &self.account,
            wanted: &wanted,
            snapshot: &snapshot,
            age: Age::New,
            rights: splitfin_backend::Seen::Any,
            patience: Duration::MAX,
        };
        let mut lease = self.pools.checkout(&checkout).await.map_err(|(_, error)| error)?;
        self.begin(&mut lease).await?;
        Ok(lease)
    }

    /// What there is to ask for.
    async fn begin(&self, lease: &mut Lease) -> Result<(), BackendError> {
        let variables = "SET @text=_utf8mb4 X'C3BC27', @number=-5, @decimal=1.50, @wide=1e300, @empty=''";
        lease.run(variables).await?;
        lease.run("SET @@session.last_insert_id=77").await
    }

    /// Each answer, or nothing where it was refused.
    async fn answers(&self, lease: &mut Lease) -> Result<Vec<Option<String>>, BackendError> {
        let mut answers = Vec::new();
        let id = lease.ask(["@@session.last_insert_id > 0", "@text", "DATABASE()"]).await?;
        answers.push(id.map(|id| format!("{id:?}")));
        lease.run("DO 0").await.ok();
        answers.push(lease.ask(["ROW_COUNT()"]).await?.map(|rows| format!("{rows:?}")));
        answers.push(lease.user_variables(&self.variables, 1 << 20).await?.map(|values| format!("{values:?}")));
        let role = lease.id_and_role().await?;
        answers.push(role.map(|(id, role)| format!("{} {role:?}", id > 0)));
        answers.push(lease.collations().await?.map(|_| "collations".to_owned()));
        let processes = lease.rows(&["ID > 0", "USER"], "information_schema.PROCESSLIST WHERE USER = 'app'").await;
        answers.push(processes.ok().map(|rows| format!("{rows:?}")));
        // Statements that find or count rows for FOUND_ROWS().
        lease.run("SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1 LIMIT 18446744073709551615").await.ok();
        answers.push(lease.ask(["FOUND_ROWS()"]).await?.map(|rows| format!("{rows:?}")));
        if self.family == Family::Mariadb {
            answers.push(self.conditions(lease).await?);
        }
        Ok(answers)
    }

    /// What MariaDB has to show, before and after a table was used.
    async fn conditions(&self, lease: &mut Lease) -> Result<Option<String>, BackendError> {
        match lease.run("DO CAST('a' AS SIGNED)").await {
            Ok(()) | Err(BackendError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        let told = lease.all_rows([&select(COUNTS), &ask(true, neutral)]).await;
        let forgotten = lease.run("EXPLAIN SELECT 1 FROM information_schema.ENGINES").await;
        let (Ok([counts, rows]), Ok(())) = (told, forgotten) else { return Ok(None) };
        let Some(rest) = lease.ask(COUNTS).await? else { return Ok(None) };
        let conditions = Conditions::parse(&counts, &rows).map(|conditions| conditions.counts() == (1, 0));
        Ok(Some(format!("{conditions:?} {rest:?}")))
    }

    /// What is wrong with the variables that are read back after one was set; `None` if nothing is.
    async fn fault_of_values(&self, lease: &mut Lease, set: &str) -> Result<Option<String>, BackendError> {
        let Some(values): Option<Values> = lease.read_back().await? else {
            return Ok((!MAY_REFUSE.contains(&set)).then(|| "the variables were not told".to_owned()));
        };
        let together = CHANGED_TOGETHER.iter().find(|group| group.contains(&set)).copied().unwrap_or_default();
        let strangers: Vec<_> = values.keys().filter(|name| &***name != set && !together.contains(&&***name)).collect();
        Ok((!strangers.is_empty()).then(|| format!("{strangers:?} changed as well")))
    }
}
