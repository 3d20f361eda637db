//! What others have a say in, so that it stays within its line and shows what it is.

use std::borrow::Cow;
use std::fmt::{self, Debug, Write};
use tracing_subscriber::field::{RecordFields, Visit};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// Messages and fields as text: `message name=value …`, each escaped and bounded.
#[derive(Debug)]
pub(super) struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn write(&mut self, name: &str, value: &dyn Debug) -> fmt::Result {
        if !std::mem::replace(&mut self.is_first, false) {
            self.writer.write_char(' ')?;
        }
        if name != MESSAGE {
            write!(self.writer, "{}=", name.trim_start_matches("r#"))?;
        }
        let mut escaped = Escaped::new(&mut self.writer);
        write!(escaped, "{value:?}")?;
        escaped.finish()
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        match field.name() {
            MESSAGE => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        if self.result.is_ok() {
            self.result = self.write(field.name(), value);
        }
    }
}

/// Escapes what could end a line, or have it show as something else, and cuts off what is too long.
struct Escaped<W> {
    out: W,
    /// Bytes that it may still write.
    left: usize,
    /// Bytes that it was given beyond.
    more: usize,
}

impl<W: Write> Escaped<W> {
    const fn new(out: W) -> Self {
        Self { out, left: LONGEST, more: 0 }
    }

    /// Says how much is missing.
    fn finish(mut self) -> fmt::Result {
        match self.more {
            0 => Ok(()),
            more => write!(self.out, "… ({more} bytes more)"),
        }
    }

    /// Writes this if there is room; it stands for so many bytes.
    fn put(&mut self, text: impl fmt::Display, length: usize, of: usize) -> fmt::Result {
        if self.more > 0 || length > self.left {
            self.more += of;
            return Ok(());
        }
        self.left -= length;
        write!(self.out, "{text}")
    }

    /// Writes what needs no escape, as far as there is room.
    fn put_plain(&mut self, text: &str) -> fmt::Result {
        let room = if self.more > 0 { 0 } else { self.left.min(text.len()) };
        let room = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (fits, more) = text.split_at(room);
        self.left -= fits.len();
        self.more += more.len();
        self.out.write_str(fits)
    }
}

impl<W: Write> Write for Escaped<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_forbidden) {
            let (plain, after) = rest.split_at(at);
            self.put_plain(plain)?;
            let Some(c) = after.chars().next() else { break };
            match c {
                '\n' | '\r' | '\t' => self.put(c.escape_default(), 2, 1)?,
                _ => self.put(c.escape_unicode(), c.escape_unicode().len(), c.len_utf8())?,
            }
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        self.put_plain(rest)
    }
}

/// A line of JSON in which the same is escaped. JSON itself leaves what is beyond ASCII as it is.
pub(super) fn json(line: &str) -> Cow<'_, str> {
    let is_forbidden_here = |c| c != '\n' && is_forbidden(c);
    if !line.contains(is_forbidden_here) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len() + 8);
    for c in line.chars() {
        match is_forbidden_here(c) {
            // All of them have four digits at most.
            true => escaped.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Control characters, line separators, and what changes the direction of the text after it.
const fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Of a message or a field, in bytes: longer than what anybody reads of one, short enough for many.
const LONGEST: usize = 4096;
/// What `tracing` calls the text of an event.
const MESSAGE: &str = "message";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        let mut escaped = Escaped::new(&mut out);
        escaped.write_str(text).unwrap();
        escaped.finish().unwrap();
        out
    }

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn logged(what: impl FnOnce()) -> String {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(kept.clone()).fmt_fields(Fields);
        tracing::subscriber::with_default(subscriber.finish(), what);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_stays_a_line_and_shows_what_it_is() {
        assert_eq!(escaped("a\nb\r\x1b[31m\u{202e}c\u{2028}ä"), r"a\nb\r\u{1b}[31m\u{202e}c\u{2028}ä");
        let name = "x\n2026-01-01T00:00:00Z ERROR \x1b[31mred\u{2066}";
        let said = logged(|| {
            let error = std::io::Error::other(name);
            tracing::warn!(error = &error as &dyn std::error::Error, session = 1, %name, user = name, "of {name}");
        });
        let (line, rest) = said.split_once('\n').unwrap();
        assert_eq!(rest, "");
        assert!(!line.contains(is_forbidden), "{line}");
        let bare = r"x\n2026-01-01T00:00:00Z ERROR \u{1b}[31mred\u{2066}";
        let end = format!(": of {bare} error={bare} session=1 name={bare} user=\"{bare}\"");
        assert!(line.ends_with(&end), "{line}");
    }

    #[test]
    fn what_is_too_long_says_by_how_much() {
        let long = "ä".repeat(LONGEST);
        let text = escaped(&long);
        assert!(text.ends_with(&format!("ä… ({LONGEST} bytes more)")), "{}", text.len());
        assert!(text.len() < LONGEST + 40);
        assert!(escaped(&"\n".repeat(LONGEST)).ends_with(&format!("\\n… ({} bytes more)", LONGEST / 2)));
    }

    #[test]
    fn json_stays_the_same_json() {
        let text = serde_json::json!({ "name": "x\n\x1b\u{202e}\u{85}\u{7f}\u{2028}ä" });
        let line = format!("{text}\n");
        let escaped = json(&line);
        assert!(!escaped.trim_end().contains(is_forbidden), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), text);
        assert!(matches!(json("{\"a\":1}\n"), Cow::Borrowed(_)));
    }

    fn any_text() -> impl Strategy<Value = String> {
        let some = prop_oneof![
            any::<char>(),
            Just('\n'),
            Just('\u{1b}'),
            Just('\u{202e}'),
            proptest::char::range('\u{2020}', '\u{2070}')
        ];
        proptest::collection::vec(some, 0..3000).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn nothing_forbidden_comes_through(text in any_text()) {
            let said = escaped(&text);
            prop_assert!(!said.contains(|c: char| c.is_control() || is_forbidden(c)));
            prop_assert!(said.len() < LONGEST + 40);
            if !text.contains(is_forbidden) && text.len() <= LONGEST {
                prop_assert_eq!(&said, &text);
            }
            prop_assert!(!json(&serde_json::to_string(&text).unwrap()).contains(is_forbidden));
        }
    }
}
