use super::source::{AT_HOME, INTERVAL, MOST_ACCOUNTS, PLACES, SOON};
use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn braked(free: u32, user: &str, now: Instant) -> Arc<Brake> {
    let brake = Arc::new(Brake::new(free));
    for attempt in 1..=free {
        assert_eq!(brake.failed(address(1), user, now), attempt == free, "it is said once");
    }
    brake
}

fn enter(brake: &Arc<Brake>, user: &str, now: Instant) -> Entry {
    brake.enter(address(1), user, PATIENCE, now)
}

fn held(brake: &Arc<Brake>, user: &str, now: Instant) -> Place {
    match enter(brake, user, now) {
        Entry::Held(place) => place,
        other => panic!("{user}: {other:?}"),
    }
}

/// Lets time pass, and says who had a turn, each second.
fn turns(places: &[(&'static str, &Place)], begin: Instant, seconds: u32) -> Vec<&'static str> {
    let mut had = Vec::new();
    let mut left: Vec<_> = places.iter().collect();
    for tick in 0..seconds * 50 {
        let now = begin + tick * SOON;
        left.retain(|(name, place)| match place.turn(now) {
            Turn::Now => {
                had.push(*name);
                false
            }
            Turn::After(_) => true,
            Turn::Never => false,
        });
    }
    had
}

#[test]
fn guesses_wait_for_each_other_and_others_do_not() {
    let now = Instant::now();
    let brake = braked(3, "root", now);
    brake.succeeded(address(1), "app", now);
    assert!(matches!(enter(&brake, "app", now), Entry::Free), "who has logged in from there before");
    assert!(matches!(brake.enter(address(2), "root", PATIENCE, now), Entry::Free), "from elsewhere");
    let places: Vec<_> = (0..16).map(|_| held(&brake, "root", now)).collect();
    assert_eq!(places[0].turn(now), Turn::Now);
    assert_eq!(places[1].turn(now), Turn::After(INTERVAL));
    let named: Vec<_> = places[1..].iter().map(|place| ("root", place)).collect();
    assert_eq!(turns(&named, now, 6).len(), 4, "one a second, as long as they wait");
    assert!(places[1..].iter().all(|place| place.turn(now + PATIENCE) == Turn::Never));
    assert!(matches!(enter(&brake, "root", now + Duration::from_secs(600)), Entry::Free), "it is forgotten");
}

#[test]
fn one_account_after_the_other_has_its_turn_and_new_ones_every_other_time() {
    let now = Instant::now();
    let brake = braked(3, "root", now);
    brake.failed(address(1), "admin", now);
    let root: Vec<_> = (0..16).map(|_| held(&brake, "root", now)).collect();
    let admin = held(&brake, "admin", now);
    let new = [held(&brake, "one", now), held(&brake, "two", now)];
    let mut places: Vec<_> = root.iter().map(|place| ("root", place)).collect();
    places.extend([("admin", &admin), ("one", &new[0]), ("two", &new[1])]);
    assert_eq!(turns(&places, now, 5), ["one", "root", "two", "admin", "root"]);
}

#[test]
fn who_is_at_home_goes_first_with_his_password_though_he_is_guessed() {
    let now = Instant::now();
    let brake = Arc::new(Brake::new(2));
    brake.succeeded(address(1), "app", now);
    for _ in 0..100 {
        brake.failed(address(1), "app", now);
    }
    let guesses: Vec<_> = (0..16).map(|_| held(&brake, "app", now)).collect();
    assert_eq!(guesses[0].turn(now), Turn::Now);
    let right = held(&brake, "app", now);
    assert!(right.is_at_home(now) && !right.is_at_home(now + AT_HOME));
    assert!(matches!(right.turn(now), Turn::After(_)), "and waits like others without it");
    right.give_up();
    assert!(!held(&brake, "other", now).is_at_home(now));
    brake.set_free(0);
    assert!(matches!(enter(&brake, "app", now), Entry::Free), "without a brake");
}

#[test]
fn places_are_kept_by_who_leaves_and_only_the_guessed_account_runs_out_of_them() {
    let now = Instant::now();
    let brake = braked(1, "root", now);
    brake.failed(address(1), "root", now);
    for _ in 0..PLACES {
        drop(held(&brake, "root", now));
    }
    assert!(matches!(enter(&brake, "root", now), Entry::Full));
    let other = held(&brake, "other", now);
    assert_eq!(other.turn(now), Turn::Now, "those that left have no turns");
    let later = now + PATIENCE;
    held(&brake, "root", later);
    for _ in 1..PLACES {
        held(&brake, "root", later).give_up();
    }
    drop(held(&brake, "root", later));
}

#[test]
fn many_names_take_nothing_from_who_is_at_home() {
    let now = Instant::now();
    let brake = Arc::new(Brake::new(1));
    brake.succeeded(address(1), "app", now);
    for _ in 0..2 {
        brake.failed(address(1), "app", now);
    }
    let names: Vec<_> = (0..1000).map(|number| enter(&brake, &format!("name {}", number % 300), now)).collect();
    assert!(names.iter().any(|entry| matches!(entry, Entry::Full)));
    drop(held(&brake, "app", now));
    assert!(brake.sources()[&address(1)].accounts() <= MOST_ACCOUNTS);
}

#[test]
fn a_network_of_ipv6_is_one_source_and_memory_is_bounded() {
    let (brake, now) = (Arc::new(Brake::new(1)), Instant::now());
    let [one, neighbour, other]: [IpAddr; 3] =
        ["2001:db8:1:2::1", "2001:db8:1:2:3::4", "2001:db8:1:3::1"].map(|text| text.parse().unwrap());
    brake.failed(one, "a", now);
    assert!(matches!(brake.enter(neighbour, "a", PATIENCE, now), Entry::Held(_)));
    assert!(matches!(brake.enter(other, "a", PATIENCE, now), Entry::Free));
    for number in 0..40_000_u32 {
        brake.failed(IpAddr::V4(number.into()), "a", now + Duration::from_millis(number.into()));
        brake.failed(address(1), &number.to_string(), now + Duration::from_millis(number.into()));
    }
    let sources = brake.sources();
    assert!(sources.len() <= MOST_SOURCES && sources.len() >= MOST_SOURCES / 2);
    assert_eq!(sources[&address(1)].accounts(), MOST_ACCOUNTS / 2, "who is seen is not forgotten");
}
