//! What a wrong key was probably meant to be.

/// The parser's words without their own location, and with the key that was probably meant.
pub(super) fn explain(message: &str) -> String {
    let message = message.lines().next().unwrap_or(message);
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        _ => message,
    };
    let message = message.rsplit_once(" at line ").map_or(message, |(front, _)| front);
    let names = |text: &str| -> Vec<String> {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        text.split(|c: char| !is_name(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    if let (true, Some((front, known))) = (message.contains("unknown "), message.split_once(", expected ")) {
        let unknown = names(front).pop().unwrap_or_default();
        let known = names(known);
        let nearest = known.iter().min_by_key(|key| distance(&unknown, key));
        if let Some(nearest) = nearest.filter(|key| distance(&unknown, key) <= 1 + unknown.len() / 3) {
            return format!("{message}; did you mean `{nearest}`?");
        }
    }
    message.to_owned()
}

/// Edit distance (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[other.len()]
}
