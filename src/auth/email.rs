//! E-mail addresses: a checked form, and the folded form that makes them unique.

use std::fmt;

/// Characters in an address (RFC 5321).
pub const EMAIL_CHARS_MAX: usize = 254;
const LOCAL_CHARS_MAX: usize = 64;
const LABEL_CHARS_MAX: usize = 63;

/// An address in the form the exchange takes: ASCII, unquoted, with a dotted domain.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Checks the form; nothing is changed or guessed. Domains beyond ASCII are written in Punycode.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let fits = text.len() <= EMAIL_CHARS_MAX && is_local(local) && is_domain(domain);
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the address as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form in which addresses are compared: letter case tells nobody apart.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Addresses are personal: they do not belong into a log.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

fn is_local(text: &str) -> bool {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let dots = text.starts_with('.') || text.ends_with('.') || text.contains("..");
    !text.is_empty() && text.len() <= LOCAL_CHARS_MAX && text.bytes().all(atom) && !dots
}

fn is_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let hyphens = text.starts_with('-') || text.ends_with('-');
    !text.is_empty() && text.len() <= LABEL_CHARS_MAX && text.bytes().all(word) && !hyphens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_and_folds_their_case() {
        for text in ["a@b.co", "First.Last+tag@Sub.Example.ORG", "o'neil@xn--bcher-kva.example"] {
            assert_eq!(EmailAddress::parse(text).unwrap().as_str(), text);
        }
        let both = ["Ops@Example.com", "ops@EXAMPLE.com"].map(|text| EmailAddress::parse(text).unwrap().folded());
        assert_eq!(both[0], both[1]);
    }

    #[test]
    fn refuses_what_is_not_an_address() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "b.".repeat(130));
        for text in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@@b.co",
            "a@b@c.co",
            "a b@c.co",
            " a@b.co",
            "a@b.co ",
            "a@b..co",
            "a@.co",
            "a@-b.co",
            ".a@b.co",
            "a..b@c.co",
            "a@b.co\n",
            "ü@b.co",
            "a@b_c.co",
            &long,
            &longer,
        ] {
            assert_eq!(EmailAddress::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn does_not_show_itself() {
        assert!(!format!("{:?}", EmailAddress::parse("a@b.co")).contains("a@b"));
    }
}
