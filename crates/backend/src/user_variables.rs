//! User variables by value: read from a connection as expressions that give the same value, of the same type, on any
//! other.

use crate::query::Answer;
use crate::question::neutral;
use crate::state::Values;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The question for the types of variables, their values, the bytes of these and their collations. There is at least one name.
pub(crate) fn ask<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<String> = names
        .map(|name| {
            let name = format!("@`{}`", name.replace('`', "``"));
            let [value, bytes, collation] =
                [&name, &format!("HEX({name})"), &format!("COLLATION({name})")].map(|column| neutral(column));
            format!("{name},{value},{bytes},{collation}")
        })
        .collect();
    format!("SELECT {} LIMIT 1", columns.join(","))
}

/// The values of `names`, without those that were never set. Nothing, if one of them cannot be said elsewhere, or if they are
/// too long to be carried about.
pub(crate) fn values<'a>(names: impl Iterator<Item = &'a str> + Clone, answer: Answer, most: usize) -> Option<Values> {
    let row = answer.rows.into_iter().next()?;
    if !names.clone().all(str::is_ascii) {
        // On a connection with another character set it would be another name.
        return None;
    }
    let mut values = BTreeMap::new();
    let mut length = 0;
    for (at, name) in names.enumerate() {
        let [_, value, hex, collation] = row.get(4 * at..4 * at + 4)? else { return None };
        let (kind, flags) = *answer.kinds.get(4 * at)?;
        let collation = collation.as_deref()?;
        let expression = match (value, hex) {
            (Some(value), Some(hex)) => expression(kind, flags, value, hex, collation)?,
            // NULL has a type too, which shows in metadata. One that was never set has none.
            _ if collation == "binary" && !is_number(kind) => continue,
            _ => {
                let some = expression(kind, flags, "0", "", collation)?;
                format!("NULLIF({some},{some})")
            }
        };
        length += expression.len();
        values.insert(name.into(), expression.into_boxed_str());
    }
    (length <= most).then(|| Rc::new(values))
}

const fn is_number(kind: u8) -> bool {
    matches!(kind, 0..=5 | 8 | 9 | 246)
}

/// Source of the types: `enum_field_types` in `field_types.h`.
fn expression(kind: u8, flags: u16, value: &str, hex: &str, collation: &str) -> Option<String> {
    const UNSIGNED: u16 = 0x20;
    match kind {
        // TINY to LONG, LONGLONG, INT24
        1..=3 | 8 | 9 if flags & UNSIGNED != 0 => Some(format!("CAST({value} AS UNSIGNED)")),
        1..=3 | 8 | 9 => Some(value.to_owned()),
        // FLOAT, DOUBLE
        4 | 5 if value.contains(['e', 'E']) => Some(value.to_owned()),
        4 | 5 => Some(format!("{value}e0")),
        // DECIMAL, NEWDECIMAL
        0 | 246 if value.contains('.') => Some(value.to_owned()),
        0 | 246 => Some(format!("{value}.")),
        // VARCHAR, the BLOBs, VAR_STRING, STRING
        15 | 249..=254 => {
            let charset = collation.split_once('_').map_or(collation, |(charset, _)| charset);
            let is_name = collation.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            // Under EMPTY_STRING_IS_NULL an empty literal in quotes would be NULL.
            let literal = format!("X'{hex}'");
            match collation {
                "binary" => Some(format!("_binary {literal}")),
                _ => is_name.then(|| format!("_{charset} {literal} COLLATE {collation}")),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types() {
        for (kind, flags, value, hex, collation, expected) in [
            (8, 0x80, "-5", "", "binary", "-5"),
            (8, 0xA0, "5", "", "binary", "CAST(5 AS UNSIGNED)"),
            (5, 0x80, "1000", "", "binary", "1000e0"),
            (5, 0x80, "1e300", "", "binary", "1e300"),
            (246, 0x80, "1.50", "", "binary", "1.50"),
            (246, 0x80, "3", "", "binary", "3."),
            (253, 0, "it's", "69742773", "utf8mb4_general_ci", "_utf8mb4 X'69742773' COLLATE utf8mb4_general_ci"),
            (251, 0, "", "", "latin1_bin", "_latin1 X'' COLLATE latin1_bin"),
            (251, 0x80, "A", "41", "binary", "_binary X'41'"),
        ] {
            assert_eq!(expression(kind, flags, value, hex, collation).as_deref(), Some(expected));
        }
        assert_eq!(expression(245, 0, "{}", "7B7D", "utf8mb4_bin"), None, "a type that is not known here");
        assert_eq!(expression(253, 0, "x", "78", "utf8mb4; DROP"), None);
    }
}
