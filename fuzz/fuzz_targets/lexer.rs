//! Any bytes as SQL: nothing panics, and no read holds a word that only writes have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_router::classify::{classify, tables};
use splitfin_router::digest::normalise;
use splitfin_router::lexer::{Lexer, Token};
use splitfin_router::{Class, LexMode};

fuzz_target!(|data: &[u8]| {
    let [flags, text @ ..] = data else { return };
    let mode = LexMode { ansi_quotes: flags & 1 != 0, no_backslash_escapes: flags & 2 != 0, unprovable: false };
    let mut once = Vec::new();
    normalise(text, mode, &mut once);
    let (class, _) = classify(text, mode);
    let _ = tables(text, mode);
    if class == Class::Read {
        let tokens: Vec<_> = Lexer::new(text, mode).collect();
        for (at, token) in tokens.iter().enumerate() {
            let behind_dot = at > 0 && tokens[at - 1] == Token::Punct(b'.');
            assert!(behind_dot || !["into", "delete", "update", "call"].iter().any(|word| token.is_word(word)));
            assert!(*token != Token::Assign && *token != Token::Executable && *token != Token::Unterminated);
        }
    }
});
