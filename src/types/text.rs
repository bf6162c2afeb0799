//! Short texts with a checked form.

use serde::{Deserialize, Serialize};
use std::fmt;

use super::limits::{REGION_CHARS_MAX, SYMBOL_CHARS_MAX};

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident, $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the form; nothing is changed or guessed.
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                $check(&text).then_some(Self(text))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text).ok_or(concat!("not a valid ", stringify!($name)))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

text! {
    /// A product's name in the market: lower-case letters, digits and hyphens, such as `h100-sxm-80gb`.
    Symbol, is_symbol;
    /// Where a site stands, as its provider names it: lower case, no spaces, such as `us-central1`.
    Region, is_region;
    /// An ISO 3166-1 alpha-2 code: two upper-case letters.
    Country, is_country;
}

fn is_symbol(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= SYMBOL_CHARS_MAX && text.bytes().all(word) && !text.starts_with('-')
}

fn is_region(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= REGION_CHARS_MAX && text.bytes().all(word)
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Writes bytes as two lower-case hexadecimal digits each, without the machinery of `format!`: several go with every order.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' - 10 + half });
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_checked() {
        assert!(Symbol::new("h100-sxm-80gb").is_some());
        assert!(Symbol::new("H100").is_none());
        assert!(Symbol::new("").is_none());
        assert!(Region::new("us-central1").is_some());
        assert!(Region::new("Iowa, US").is_none());
        assert!(Country::new("US").is_some());
        assert!(Country::new("us").is_none());
    }
}
