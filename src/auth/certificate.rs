//! What a certificate is called.

/// The common name of a subject (RFC 4514), or the alternative name that stands for one, or all of
/// it if there is none that can be read without unescaping.
pub(crate) fn common_name(subject: &str) -> &str {
    if subject.contains('\\') {
        return subject;
    }
    let parts = subject.split([',', '+']).map(str::trim_start);
    let of = |kind: &&str| parts.clone().find_map(|part| part.strip_prefix(kind));
    let name = ["CN=", "URI=", "DNS=", "EMAIL="].iter().find_map(of);
    name.filter(|name| !name.is_empty()).unwrap_or(subject)
}

#[cfg(test)]
mod tests {
    use super::common_name;

    #[test]
    fn a_certificate_is_called_by_its_common_name() {
        for (subject, name) in [
            ("CN=device-7,O=Example", "device-7"),
            ("O=Example,CN=device-7", "device-7"),
            ("O=Example", "O=Example"),
            ("CN=", "CN="),
            ("O=a\\,CN=root,CN=device", "O=a\\,CN=root,CN=device"),
            ("URI=spiffe://a/device-7", "spiffe://a/device-7"),
            ("DNS=device-7.example.com", "device-7.example.com"),
            ("EMAIL=ann@example.com", "ann@example.com"),
            ("URI=spiffe://a\\,CN=root", "URI=spiffe://a\\,CN=root"),
        ] {
            assert_eq!(common_name(subject), name, "{subject}");
        }
    }
}
