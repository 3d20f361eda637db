//! The contract, promise by promise, on real servers: a module for each promise, all of them in one program, as linking is
//! what building them costs.

mod agrees_with_servers_on_positions;
mod asks_whatever_sessions_set;
mod bears_bad_input;
mod bounds_what_a_client_takes;
mod cannot_be_told_from_the_server;
mod changes_while_it_runs;
mod encrypts_as_told;
mod ends_as_a_disconnect;
mod excludes_what_is_broken;
mod fails_nothing_in_a_switchover;
mod gives_rights_of_now;
mod keeps_its_log_readable;
mod keeps_no_connection_for_nothing;
mod keeps_room_for_servers;
mod keeps_sessions_apart;
mod kills_what_is_meant;
mod knows_the_servers_accounts;
mod leaves_nothing_behind;
mod lets_clients_in;
mod obeys_its_operator;
mod reads_own_writes;
mod reads_own_writes_in_clusters;
mod relays_every_shape;
mod resists_attacks;
mod serves_more_clients_than_connections;
mod serves_real_drivers;
mod serves_the_driver_matrix;
mod serves_the_honest_beside_the_hostile;
mod speaks_every_command;
mod splits_reads_and_writes;
mod survives_failover;
mod survives_servers;
mod waits_for_nobody_for_ever;

/// A file that is not a module of this program would be a promise that nobody checks.
#[test]
fn every_promise_is_checked() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for file in std::fs::read_dir(folder).expect("this folder") {
        let path = file.expect("a file").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let line = format!("\nmod {name};\n");
        assert!(name == "main" || include_str!("main.rs").contains(&line), "main.rs has no `mod {name};`");
    }
}
