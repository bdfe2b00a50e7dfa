//! Whether a page is well formed: enough of it to see what a browser would have to guess.

/// Complains unless every tag but `meta` is closed in its turn, attributes are quoted, and `&` and
/// `<` stand for nothing else.
pub(crate) fn check_xml(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(at) = rest.find('<') {
        check_text(&rest[..at]);
        let end = rest[at..].find('>').unwrap() + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {open:?}");
            continue;
        }
        let is_alone = tag.ends_with('/') || tag.starts_with("meta ");
        let tag = tag.trim_end_matches('/');
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{tag}"
        );
        assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
        assert_eq!(
            attributes.matches("=\"").count() * 2,
            attributes.matches('"').count(),
            "{tag}"
        );
        check_text(attributes);
        if !is_alone {
            open.push(name);
        }
        if name == "style" {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn check_text(text: &str) {
    for (at, _) in text.match_indices('&') {
        let end = text[at..]
            .find(';')
            .unwrap_or_else(|| panic!("a bare & in {text}"));
        assert!(end < 8, "{text}");
    }
    assert!(
        !text.contains("NaN") && !text.contains("inf,") && !text.contains("href=\"http"),
        "{text}"
    );
}
