//! Columns to values and back; a value the program would not have written is [`StoreError::Corrupt`].

use std::borrow::Cow;

use crate::exchange::entities::Holding;
use crate::store::StoreError;
use crate::store::row::Word;
use crate::types::{Minute, Source, Steps, Window, hex};

/// About how long the text of one step is: eight digits of minutes, a few of GPUs.
const STEP_CHARS: usize = 12;

/// Says in which row a value stands, for errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) key: i64,
}

impl Place {
    pub(crate) const fn new(table: &'static str, key: i64) -> Self {
        Self { table, key }
    }

    /// Returns the error of a column that holds something else.
    pub(crate) fn corrupt(self, column: &str) -> StoreError {
        StoreError::Corrupt { table: self.table, key: self.key.to_string(), what: format!("{column} is not valid") }
    }

    /// Returns a column's integer in the entity's type, or an entity's integer in the column's.
    pub(crate) fn int<A, B: TryFrom<A>>(self, column: &str, value: A) -> Result<B, StoreError> {
        B::try_from(value).map_err(|_| self.corrupt(column))
    }

    /// Returns what `parse` makes of a column.
    pub(crate) fn parsed<T>(self, column: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.corrupt(column))
    }

    /// Returns a column that is 0 or 1.
    pub(crate) fn flag(self, column: &str, value: i64) -> Result<bool, StoreError> {
        match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn window(self, start: i64, end: i64) -> Result<Window, StoreError> {
        let start = Minute::new(self.int("start_minute", start)?);
        Ok(Window::new(start, Minute::new(self.int("end_minute", end)?)))
    }

    pub(crate) fn source(self, kind: &str, number: i64) -> Result<Source, StoreError> {
        self.parsed("source_kind", Source::from_parts(kind, number))
    }

    /// Returns what a link of a chain of contracts leads to.
    pub(crate) fn holding(self, column: &str, code: Option<i64>) -> Result<Option<Holding>, StoreError> {
        code.map(|code| self.parsed(column, Holding::of_code(code))).transpose()
    }

    pub(crate) fn steps(self, column: &str, text: &str) -> Result<Steps, StoreError> {
        self.parsed(column, steps_of(text))
    }

    pub(crate) fn hex128(self, column: &str, text: &str) -> Result<u128, StoreError> {
        self.parsed(column, u128_of(text))
    }

    pub(crate) fn hex256(self, column: &str, text: &str) -> Result<[u8; 32], StoreError> {
        self.parsed(column, hash_of(text))
    }
}

/// Returns one of the program's own words.
pub(crate) const fn word(text: &'static str) -> Word {
    Cow::Borrowed(text)
}

/// Returns a text of a user's.
pub(crate) fn text(text: impl Into<String>) -> Word {
    Cow::Owned(text.into())
}

/// Returns the minutes of a window.
pub(crate) fn minutes(window: Window) -> (i64, i64) {
    (i64::from(window.start.get()), i64::from(window.end.get()))
}

/// Writes a step function as `minute:gpus,minute:gpus`; nothing for zero.
pub(crate) fn steps_text(steps: &Steps) -> Word {
    if steps.is_zero() {
        return word("");
    }
    let steps = steps.steps();
    let mut digits = itoa::Buffer::new();
    let mut out = String::with_capacity(steps.len().saturating_mul(STEP_CHARS));
    for (at, gpus) in steps {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(digits.format(at.get()));
        out.push(':');
        out.push_str(digits.format(*gpus));
    }
    text(out)
}

fn steps_of(text: &str) -> Option<Steps> {
    if text.is_empty() {
        return Some(Steps::new());
    }
    let step = |part: &str| {
        let (at, gpus) = part.split_once(':')?;
        Some((Minute::new(at.parse().ok()?), gpus.parse().ok()?))
    };
    text.split(',').map(step).collect::<Option<Vec<_>>>().and_then(Steps::from_steps)
}

/// Writes a digest or a fingerprint as 32 lower-case digits.
pub(crate) fn u128_text(value: u128) -> Word {
    text(hex(&value.to_be_bytes()))
}

fn u128_of(text: &str) -> Option<u128> {
    let value = u128::from_str_radix(text, 16).ok()?;
    (u128_text(value) == text).then_some(value)
}

/// Writes a hash as 64 lower-case digits.
pub(crate) fn hash_text(hash: &[u8; 32]) -> Word {
    text(hex(hash))
}

fn hash_of(text: &str) -> Option<[u8; 32]> {
    let (high, low) = text.split_at_checked(32)?;
    let mut hash = [0; 32];
    let (first, last) = hash.split_at_mut(16);
    first.copy_from_slice(&u128_of(high)?.to_be_bytes());
    last.copy_from_slice(&u128_of(low)?.to_be_bytes());
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_steps_survive_their_columns() {
        let hash: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 7).unwrap());
        assert_eq!(hash_of(&hash_text(&hash)), Some(hash));
        assert_eq!(hash_of(&hash_text(&hash).to_uppercase()), None);
        let mut steps = Steps::block(Window::new(Minute::new(5), Minute::new(9)), 8);
        steps.add(Window::new(Minute::new(7), Minute::new(20)), 3).unwrap();
        assert_eq!(steps_text(&steps), "5:8,7:11,9:3,20:0");
        assert_eq!(steps_of(&steps_text(&steps)), Some(steps));
        assert_eq!(steps_of(""), Some(Steps::new()));
        assert_eq!(steps_of("5:8"), None);
        assert_eq!(u128_of(&u128_text(u128::MAX)), Some(u128::MAX));
        assert_eq!(u128_text(0x0123_4567_89ab_cdef), "00000000000000000123456789abcdef");
        assert_eq!(u128_of("+0000000000000000000000000000001"), None);
    }
}
