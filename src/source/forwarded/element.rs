//! The grammar of `Forwarded` (RFC 7239, section 4).

/// The client and the protocol that one proxy names for the request that it got.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// The value of `for`.
    pub(super) node: Option<String>,
    /// The value of `proto`.
    pub(super) proto: Option<String>,
}

/// All elements of a line: `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"`.
///
/// `None` if any part of the line does not follow the grammar, or an element says something twice. Values
/// without quotes may have characters that need quotes, such as the colon before a port: proxies write
/// these.
pub(super) fn elements(line: &str) -> Option<Vec<Element>> {
    let (mut elements, mut rest) = (Vec::new(), line);
    loop {
        let (element, after) = element(rest)?;
        elements.push(element);
        if after.is_empty() {
            return Some(elements);
        }
        rest = after.strip_prefix(',')?;
    }
}

fn element(text: &str) -> Option<(Element, &str)> {
    let (mut element, mut rest) = (Element::default(), blank(text));
    loop {
        if !rest.is_empty() && !rest.starts_with([';', ',']) {
            let (name, value, after) = pair(rest)?;
            element.set(name, value)?;
            rest = blank(after);
        }
        match rest.strip_prefix(';') {
            Some(after) => rest = blank(after),
            None => return Some((element, rest)),
        }
    }
}

impl Element {
    fn set(&mut self, name: &str, value: String) -> Option<()> {
        let place = match name {
            _ if name.eq_ignore_ascii_case("for") => &mut self.node,
            _ if name.eq_ignore_ascii_case("proto") => &mut self.proto,
            _ => return Some(()),
        };
        place.replace(value).is_none().then_some(())
    }
}

fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let is_name_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name_byte) {
        return None;
    }
    let (value, after) = quoted(rest).or_else(|| unquoted(rest))?;
    Some((name, value, after))
}

/// A quoted string. `None` if the text does not begin with one, or if it does not end.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut rest, mut value) = (text.strip_prefix('"')?.chars(), String::new());
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => value.push(rest.next()?),
            other => value.push(other),
        }
    }
}

fn unquoted(text: &str) -> Option<(String, &str)> {
    let ends = |one: char| ",;\"\\ \t".contains(one);
    let (value, rest) = text.split_at_checked(text.find(ends).unwrap_or(text.len()))?;
    (!value.is_empty()).then(|| (value.to_owned(), rest))
}

/// The text without the white space at its start.
fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(line: &str) -> Option<Vec<Option<String>>> {
        Some(elements(line)?.into_iter().map(|element| element.node).collect())
    }

    fn all(nodes: &[&str]) -> Vec<Option<String>> {
        nodes.iter().map(|node| Some((*node).to_owned())).collect()
    }

    #[test]
    fn lines_that_follow_the_grammar() {
        assert_eq!(nodes("for=a"), Some(all(&["a"])));
        assert_eq!(nodes("For=a ,\tFOR=b,for=c"), Some(all(&["a", "b", "c"])));
        assert_eq!(nodes("by=x;for=a; proto=http ;;host=\"h\";"), Some(all(&["a"])));
        assert_eq!(nodes(r#"for="[2001:db8::1]:4711""#), Some(all(&["[2001:db8::1]:4711"])));
        assert_eq!(nodes("for=192.0.2.1:4711"), Some(all(&["192.0.2.1:4711"])));
        assert_eq!(nodes(r#"host="a,for=x;\"for=y\\";for=b"#), Some(all(&["b"])));
        assert_eq!(nodes("by=a, for=b,"), Some(vec![None, Some("b".into()), None]));
        assert_eq!(nodes(""), Some(vec![None]));
        let element = elements("proto=HTTPS;for=a").unwrap().remove(0);
        assert_eq!(element, Element { node: Some("a".into()), proto: Some("HTTPS".into()) });
    }

    #[test]
    fn lines_that_do_not() {
        for line in [
            r#"for=a;x=", for=b"#,
            r#"for=a;x="\", for=b"#,
            r#"for=a;x=", for="[::1]""#,
            r#"for=a;x=", for=b;host="h\"h""#,
            r#"for="a"b"#,
            r#"for=a"b""#,
            r#"for="a" "b""#,
            r"for=a\",
            "for=a b",
            "for=a for=b",
            "for=",
            "=a",
            "for",
            "for =a",
            "for= a",
            "f\u{f6}r=a",
            "for=a;for=b",
            "for=a;proto=http;proto=https",
            "for=a;for=\"b\"",
            "for=a;;b",
        ] {
            assert_eq!(nodes(line), None, "{line}");
        }
    }
}
