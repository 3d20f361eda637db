use super::*;
use proptest::prelude::*;

const PLAIN: LexMode = LexMode { ansi_quotes: false, no_backslash_escapes: false, unprovable: false };

fn lex(text: &str) -> Vec<String> {
    lex_with(text, PLAIN)
}

fn lex_with(text: &str, mode: LexMode) -> Vec<String> {
    let show = |token| match token {
        Token::Word(word) | Token::Quoted(word) => String::from_utf8_lossy(word).into_owned(),
        Token::UserVariable(name) => format!("@{}", String::from_utf8_lossy(name)),
        Token::SystemVariable(name) => format!("@@{}", String::from_utf8_lossy(name)),
        Token::Punct(byte) => (byte as char).to_string(),
        other => format!("<{other:?}>"),
    };
    Lexer::new(text.as_bytes(), mode).map(show).collect()
}

#[test]
fn strings_end_where_the_server_ends_them() {
    assert_eq!(lex(r"'a''b' x"), ["<Text>", "x"]);
    assert_eq!(lex(r"'a\' x"), ["<Unterminated>"]);
    assert_eq!(lex(r"'a\'b' x"), ["<Text>", "x"]);
    let ordinary = LexMode { no_backslash_escapes: true, ..PLAIN };
    assert_eq!(lex_with(r"'a\' x", ordinary), ["<Text>", "x"]);
    assert_eq!(lex("'a' 'b'"), ["<Text>", "<Text>"]);
    assert_eq!(lex("N'a' x'1F' b'01' _utf8mb4'x' _latin1 'y'").len(), 6);
}

#[test]
fn double_quotes_follow_the_mode() {
    assert_eq!(lex(r#""a" x"#), ["<Text>", "x"]);
    let ansi = LexMode { ansi_quotes: true, ..PLAIN };
    assert_eq!(lex_with(r#""a" x"#, ansi), [r#""a""#, "x"]);
    assert_eq!(lex_with(r#""a\" x"#, ansi), [r#""a\""#, "x"], "identifiers know no escapes");
}

#[test]
fn comments_are_blanks_and_their_rules_are_the_servers() {
    assert_eq!(lex("a -- b\nc"), ["a", "c"]);
    assert_eq!(lex("a --b"), ["a", "-", "-", "b"]);
    assert_eq!(lex("a --"), ["a"]);
    assert_eq!(lex("a # b\nc"), ["a", "c"]);
    assert_eq!(lex("a/* b */c/**/d"), ["a", "c", "d"]);
    assert_eq!(lex("a /* b"), ["a", "<Unterminated>"]);
    assert_eq!(lex("a /* /* */ b"), ["a", "b"]);
    assert_eq!(lex("'/*' a '*/'"), ["<Text>", "a", "<Text>"]);
}

#[test]
fn executable_comments_are_code() {
    assert_eq!(lex("a /*!50000 b */ c"), ["a", "<Executable>", "b", "c"]);
    assert_eq!(lex("a /*M!100100 b*/"), ["a", "<Executable>", "b"]);
    assert_eq!(lex("a /*! b /* c */ d */ e"), ["a", "<Executable>", "b", "d", "e"]);
    assert_eq!(lex("a /*+ b */ c"), ["a", "c"]);
}

#[test]
fn numbers_names_and_variables() {
    assert_eq!(
        lex("1 1.5 .5 1e5 1.5e-3 1e+5 0x1F 0b01 1abc"),
        ["<Number>", "<Number>", "<Number>", "<Number>", "<Number>", "<Number>", "<Number>", "<Number>", "1abc"]
    );
    assert_eq!(lex("t.1a"), ["t", ".", "1a"]);
    assert_eq!(lex("@a @`b c` @@x @@session.y :="), ["@a", "@`b c`", "@@x", "@@session.y", "<Assign>"]);
    assert_eq!(lex("`a``b`.c"), ["`a``b`", ".", "c"]);
    assert_eq!(lex("größe"), ["größe"]);
}

#[test]
fn hints_are_found_in_every_kind_of_comment() {
    for text in ["/* splitfin: primary */ SELECT 1", "SELECT 1 -- Splitfin: primary", "# splitfin:primary\nSELECT 1"] {
        let mut lexer = Lexer::new(text.as_bytes(), PLAIN);
        let count = lexer.by_ref().count();
        assert_eq!((count, lexer.hint().map(<[u8]>::trim_ascii)), (2, Some(&b"primary"[..])), "{text}");
    }
    let mut quoted = Lexer::new(b"SELECT '/* splitfin: primary */'", PLAIN);
    quoted.by_ref().count();
    assert_eq!(quoted.hint(), None);
}

proptest! {
    #[test]
    fn no_text_panics_and_every_text_ends(
        text: Vec<u8>, ansi_quotes: bool, no_backslash_escapes: bool
    ) {
        let mode = LexMode { ansi_quotes, no_backslash_escapes, unprovable: false };
        prop_assert!(Lexer::new(&text, mode).count() <= text.len());
    }

    #[test]
    fn sql_like_text_does_not_panic_either(text in r#"([a-z@.:=;()'"`\\*/!#\-0-9 \n]|/\*|\*/|--|splitfin:){0,60}"#) {
        prop_assert!(Lexer::new(text.as_bytes(), PLAIN).count() <= text.len());
    }
}
