//! What the environment asks of the tests.

/// Tells whether everything is tried as often as it must be, not only for a look.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// Returns a number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}
