//! Words in lower case, without allocating: every word of every new statement is compared with many keywords.

use std::ops::Deref;

/// A word in lower case. Of a long one, only the beginning; bytes above ASCII become `?`. Neither is in any keyword.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lower {
    bytes: [u8; LONGEST],
    length: u8,
}

/// `word` in lower case.
pub(crate) fn lower(word: &[u8]) -> Lower {
    let mut bytes = [0; LONGEST];
    let length = word.len().min(LONGEST);
    for (lower, byte) in bytes.iter_mut().zip(word) {
        *lower = if byte.is_ascii() { byte.to_ascii_lowercase() } else { b'?' };
    }
    Lower { bytes, length: length as u8 }
}

impl Lower {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Deref for Lower {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Longer than any keyword, function or variable; an identifier has 64 characters at most.
const LONGEST: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_in_lower_case() {
        assert_eq!(lower(b"SeLeCt").as_str(), "select");
        assert_eq!(lower("straße".as_bytes()).as_str(), "stra??e");
        assert_eq!(lower(&[b'A'; 200]).as_str(), "a".repeat(LONGEST));
        assert_eq!(lower(b"").as_str(), "");
    }
}
