//! The signature header's grammar by splitting.

/// The time and the digests, or `None` for a malformed line.
#[must_use]
pub fn items(line: &[u8]) -> Option<(i64, Vec<String>)> {
    // Names and values that count are ASCII; a byte that is not stays wrong.
    let text = String::from_utf8_lossy(line);
    let items = text.split(',').map(|item| item.trim_start_matches([' ', '\t']).split_once('='));
    let items: Vec<(&str, &str)> = items.collect::<Option<_>>()?;
    let values = |wanted| items.iter().filter(move |(name, _)| *name == wanted).map(|item| item.1);

    let times: Vec<_> = values("t").collect();
    let [t] = times[..] else { return None };
    let t: i64 = t.parse().ok().filter(|value: &i64| *value >= 0 && value.to_string() == t)?;

    let digests: Vec<_> = values("v1").map(str::to_ascii_lowercase).collect();
    let is_digest = |text: &String| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    let fits = line.len() <= 1024 && (1..=8).contains(&digests.len());
    (fits && digests.iter().all(is_digest)).then_some((t, digests))
}
