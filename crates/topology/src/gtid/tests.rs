use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

fn mysql(text: &str) -> Position {
    Position::parse(Family::Mysql, text).unwrap()
}

fn mariadb(text: &str) -> Position {
    Position::parse(Family::Mariadb, text).unwrap()
}

#[test]
fn what_servers_print_is_read_and_printed_again() {
    for (text, printed) in [
        (format!("{A}:1-5"), format!("{A}:1-5")),
        (format!("{A}:1-5:7:9-10,\n{B}:1"), format!("{A}:1-5:7:9-10,{B}:1")),
        // MySQL 8.3: a tag holds for the numbers after it.
        (format!("{A}:1-2:sales:1-3:7:x_1:5"), format!("{A}:1-2,{A}:sales:1-3:7,{A}:x_1:5")),
        (format!(" {} : 5 : 1 - 4 ", A.to_uppercase()), format!("{A}:1-5")),
        (format!("{A}:Sales:1"), format!("{A}:sales:1")),
        (String::new(), String::new()),
    ] {
        assert_eq!(mysql(&text).to_string(), printed, "{text}");
    }
    for (text, printed) in [("0-1-5", "0-1-5"), ("1-2-7,0-1-5", "0-1-5,1-2-7"), ("0-1-5,0-2-9", "0-2-9"), ("", "")] {
        assert_eq!(mariadb(text).to_string(), printed, "{text}");
    }
}

#[test]
fn what_is_no_position_is_said() {
    for text in [
        "x",
        "0-1-5",
        A,
        &format!("{A}:"),
        &format!("{A}:0"),
        &format!("{A}:+1"),
        &format!("{A}:1-"),
        &format!("{A}:tag"),
        &format!("{A}:9223372036854775807"),
        &format!("{A}:1tag:1"),
        "3e11fa47-71ca-11e1-9e33-c80aa942956é:1",
    ] {
        let error = Position::parse(Family::Mysql, text).unwrap_err();
        assert!(error.to_string().contains("is no GTID position"), "{text}");
    }
    for text in ["x", "0-1", "0-1-5-6", "0-1--5", "-1-1-1", "0-1-+5", "4294967296-1-1"] {
        assert!(Position::parse(Family::Mariadb, text).is_err(), "{text}");
    }
}

#[test]
fn a_server_has_what_it_lists_and_nothing_else() {
    let ours = mysql(&format!("{A}:1-100:200-300,{B}:sales:1-5"));
    for there in
        [format!("{A}:1"), format!("{A}:100"), format!("{A}:5-7:250-300"), format!("{B}:sales:5"), String::new()]
    {
        assert!(ours.contains(&mysql(&there)), "{there}");
    }
    for gone in
        [format!("{A}:101"), format!("{A}:90-210"), format!("{B}:5"), format!("{A}:sales:1"), format!("{A}:301")]
    {
        assert!(!ours.contains(&mysql(&gone)), "{gone}");
    }
    let ours = mariadb("0-1-100,1-2-5");
    assert!(ours.contains(&mariadb("0-2-100")) && ours.contains(&mariadb("1-9-1")));
    assert!(!ours.contains(&mariadb("0-1-101")) && !ours.contains(&mariadb("2-1-1")));
}

#[test]
fn families_have_nothing_in_common() {
    let mut ours = mariadb("0-1-100");
    assert!(!ours.contains(&mysql(&format!("{A}:1"))));
    ours.add(&mysql(&format!("{A}:1")));
    assert_eq!(ours, mariadb("0-1-100"));
    assert!(Position::Nothing.contains(&Position::Nothing) && !Position::Nothing.contains(&ours));
}

#[test]
fn what_is_lacking_counts_what_comes_first() {
    assert_eq!(mysql(&format!("{A}:1-90")).lacks(&mysql(&format!("{A}:100"))), 10);
    assert_eq!(mysql(&format!("{A}:1-90:95-110")).lacks(&mysql(&format!("{A}:92"))), 1);
    assert_eq!(mysql(&format!("{A}:1-90")).lacks(&mysql(&format!("{A}:7"))), 0);
    assert_eq!(mariadb("0-1-90").lacks(&mariadb("0-1-100,1-1-2")), 12);
    assert_eq!(Position::Nothing.lacks(&mariadb("0-1-3")), 3);
}

#[test]
fn a_long_life_of_writes_stays_short() {
    let mut mark = Position::Nothing;
    for number in 1..10_000 {
        mark.add(&mysql(&format!("{A}:{}", number * 3)));
    }
    assert!(mark.to_string().len() < 400, "{mark}");
    assert!(mark.contains(&mysql(&format!("{A}:3:29997"))), "nothing of it is lost");
    assert!(!mark.contains(&mysql(&format!("{A}:29998"))), "nothing that is still to come is asked for");
}

/// Two sources, few numbers: enough for every way in which intervals can touch.
fn sets() -> impl Strategy<Value = BTreeSet<(bool, u64)>> {
    proptest::collection::btree_set((any::<bool>(), 1u64..24), 0..20)
}

fn text(set: &BTreeSet<(bool, u64)>) -> String {
    let one = |(second, number): &(bool, u64)| format!("{}:{number}", if *second { B } else { A });
    set.iter().map(one).collect::<Vec<_>>().join(",")
}

proptest! {
    #[test]
    fn sets_do_what_sets_do(one in sets(), other in sets()) {
        let (ours, theirs) = (mysql(&text(&one)), mysql(&text(&other)));
        prop_assert_eq!(ours.contains(&theirs), other.is_subset(&one));
        prop_assert_eq!(ours.lacks(&theirs) == 0, other.is_subset(&one) || ours.contains(&theirs));
        let mut both = ours.clone();
        both.add(&theirs);
        let union: BTreeSet<_> = one.union(&other).copied().collect();
        prop_assert_eq!(&both, &mysql(&text(&union)));
        prop_assert!(both.contains(&ours) && both.contains(&theirs));
        prop_assert_eq!(&mysql(&both.to_string()), &both);
    }

    #[test]
    fn domains_keep_their_maximum(one in proptest::collection::vec((0u32..3, 1u32..3, 1u64..50), 0..6),
                                  other in proptest::collection::vec((0u32..3, 1u32..3, 1u64..50), 0..6)) {
        let text = |list: &[(u32, u32, u64)]| list.iter().map(|(d, s, n)| format!("{d}-{s}-{n}")).collect::<Vec<_>>().join(",");
        let (ours, theirs) = (mariadb(&text(&one)), mariadb(&text(&other)));
        let last = |list: &[(u32, u32, u64)], domain| list.iter().filter(|gtid| gtid.0 == domain).map(|gtid| gtid.2).max().unwrap_or(0);
        let expected = (0..3).all(|domain| last(&one, domain) >= last(&other, domain));
        prop_assert_eq!(ours.contains(&theirs), expected);
        prop_assert_eq!(ours.lacks(&theirs) == 0, expected);
        let mut both = ours.clone();
        both.add(&theirs);
        prop_assert!(both.contains(&ours) && both.contains(&theirs));
        prop_assert_eq!(&mariadb(&both.to_string()), &both);
    }

    #[test]
    fn no_text_is_a_surprise(text in "[0-9a-f:, -]{0,80}") {
        for family in [Family::Mysql, Family::Mariadb] {
            if let Ok(position) = Position::parse(family, &text) {
                prop_assert_eq!(Position::parse(family, &position.to_string()), Ok(position));
            }
        }
    }
}
