//! A step function of GPUs over delivery minutes.

use serde::{Deserialize, Serialize};

use super::{Minute, OutOfRange, Window};

/// GPUs per minute as a step function: zero before the first step and from the last one on.
///
/// Each step holds from its minute to the next step's. Invariant: minutes ascend, neighbours differ, the
/// last value is zero; so equal functions are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steps(Vec<(Minute, u32)>);

impl Steps {
    /// Returns the function that is zero everywhere.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the function that is `gpus` over the window and zero elsewhere.
    pub fn block(window: Window, gpus: u32) -> Self {
        if window.is_empty() || gpus == 0 {
            return Self::new();
        }
        Self(vec![(window.start, gpus), (window.end, 0)])
    }

    /// Returns the value at a minute.
    pub fn at(&self, minute: Minute) -> u32 {
        let after = self.0.partition_point(|(at, _)| *at <= minute);
        after.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, gpus)| *gpus)
    }

    /// Returns the largest value over the window; 0 over an empty one.
    pub fn max_over(&self, window: Window) -> u32 {
        self.pieces(window).map(|(_, gpus)| gpus).max().unwrap_or(0)
    }

    /// Returns the smallest value over the window; 0 over an empty one.
    pub fn min_over(&self, window: Window) -> u32 {
        self.pieces(window).map(|(_, gpus)| gpus).min().unwrap_or(0)
    }

    /// Returns the window cut into pieces of equal value, zeros included, in order.
    pub fn pieces(&self, window: Window) -> impl Iterator<Item = (Window, u32)> + '_ {
        let first = self.0.partition_point(|(at, _)| *at <= window.start);
        let before = first.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, gpus)| *gpus);
        let mut inner = self.0.get(first..).unwrap_or_default().iter().take_while(move |(at, _)| *at < window.end);
        let mut open = (!window.is_empty()).then_some((window.start, before));
        std::iter::from_fn(move || {
            let (start, gpus) = open.take()?;
            let end = match inner.next() {
                Some((at, next)) => {
                    open = Some((*at, *next));
                    *at
                }
                None => window.end,
            };
            Some((Window::new(start, end), gpus))
        })
    }

    /// Returns the pieces that are not zero, over all minutes.
    pub fn runs(&self) -> impl Iterator<Item = (Window, u32)> + '_ {
        let ends = self.0.iter().skip(1).map(|(at, _)| *at);
        let runs = self.0.iter().zip(ends).map(|((at, gpus), end)| (Window::new(*at, end), *gpus));
        runs.filter(|(_, gpus)| *gpus > 0)
    }

    /// Adds GPUs over a window.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `u32`; the function is then unchanged.
    pub fn add(&mut self, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        self.change(window, |value| value.checked_add(gpus))
    }

    /// Takes GPUs away over a window.
    ///
    /// # Errors
    /// [`OutOfRange`] where there are fewer; the function is then unchanged.
    pub fn subtract(&mut self, window: Window, gpus: u32) -> Result<(), OutOfRange> {
        self.change(window, |value| value.checked_sub(gpus))
    }

    /// Makes the value over a window this one, whatever it was.
    pub fn set(&mut self, window: Window, gpus: u32) {
        // No value is out of range here.
        let _always = self.change(window, |_| Some(gpus));
    }

    /// Adds another function.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond `u32`; the function is then changed in part and must be dropped.
    pub fn add_steps(&mut self, other: &Steps) -> Result<(), OutOfRange> {
        other.runs().try_for_each(|(window, gpus)| self.add(window, gpus))
    }

    /// Takes another function away.
    ///
    /// # Errors
    /// [`OutOfRange`] where there is less; the function is then changed in part and must be dropped.
    pub fn subtract_steps(&mut self, other: &Steps) -> Result<(), OutOfRange> {
        other.runs().try_for_each(|(window, gpus)| self.subtract(window, gpus))
    }

    /// Returns `gpus - self` over the window and zero elsewhere.
    ///
    /// # Errors
    /// [`OutOfRange`] where the function is larger than `gpus`.
    pub fn complement(&self, window: Window, gpus: u32) -> Result<Steps, OutOfRange> {
        let mut steps = Vec::new();
        for (piece, value) in self.pieces(window) {
            push(&mut steps, piece.start, gpus.checked_sub(value).ok_or(OutOfRange)?);
        }
        push(&mut steps, window.end, 0);
        Ok(Self(steps))
    }

    /// Tells whether the function is zero everywhere.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the steps: from each minute on, that many GPUs.
    pub fn steps(&self) -> &[(Minute, u32)] {
        &self.0
    }

    /// Returns the function with these steps, if they keep the invariant.
    pub fn from_steps(steps: Vec<(Minute, u32)>) -> Option<Self> {
        let ascending = steps.iter().zip(steps.iter().skip(1)).all(|(a, b)| a.0 < b.0 && a.1 != b.1);
        let from_zero = steps.first().is_none_or(|(_, gpus)| *gpus > 0);
        let to_zero = steps.last().is_none_or(|(_, gpus)| *gpus == 0);
        (ascending && from_zero && to_zero).then_some(Self(steps))
    }

    fn change(&mut self, window: Window, change: impl Fn(u32) -> Option<u32>) -> Result<(), OutOfRange> {
        if window.is_empty() {
            return Ok(());
        }
        let from = self.0.partition_point(|(at, _)| *at < window.start);
        let to = self.0.partition_point(|(at, _)| *at < window.end);
        let before = from.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, gpus)| *gpus);
        let after = self.at(window.end);
        let mut steps = Vec::with_capacity(to.saturating_sub(from).saturating_add(2));
        for (piece, value) in self.pieces(window) {
            steps.push((piece.start, change(value).ok_or(OutOfRange)?));
        }
        steps.push((window.end, after));
        let keep_end = self.0.get(to).is_some_and(|(at, _)| *at == window.end);
        let until = to.saturating_add(usize::from(keep_end));
        let mut last = before;
        steps.retain(|(_, value)| std::mem::replace(&mut last, *value) != *value);
        self.0.splice(from..until, steps);
        Ok(())
    }
}

fn push(steps: &mut Vec<(Minute, u32)>, at: Minute, gpus: u32) {
    if steps.last().map_or(0, |(_, last)| *last) != gpus {
        steps.push((at, gpus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(start: u32, end: u32) -> Window {
        Window::new(Minute::new(start), Minute::new(end))
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut steps = Steps::block(window(10, 20), 8);
        steps.add(window(15, 30), 4).unwrap();
        assert_eq!((steps.at(Minute::new(14)), steps.at(Minute::new(15)), steps.at(Minute::new(29))), (8, 12, 4));
        assert_eq!(steps.subtract(window(5, 30), 4), Err(OutOfRange));
        steps.subtract(window(15, 30), 4).unwrap();
        assert_eq!(steps, Steps::block(window(10, 20), 8));
    }

    #[test]
    fn a_value_that_is_set_replaces_what_was_there() {
        let mut steps = Steps::block(window(10, 20), 8);
        steps.set(window(15, 30), 4);
        assert_eq!((steps.at(Minute::new(14)), steps.at(Minute::new(15)), steps.at(Minute::new(29))), (8, 4, 4));
        steps.set(window(0, 15), 0);
        assert_eq!(steps, Steps::block(window(15, 30), 4));
    }

    proptest! {
        #[test]
        fn agrees_with_an_array(changes in prop::collection::vec((0u32..40, 0u32..12, 0u32..5, any::<bool>()), 0..60)) {
            let mut steps = Steps::new();
            let mut array = [0u32; 64];
            for (start, length, gpus, add) in changes {
                let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
                let fits = add || array[range.clone()].iter().all(|value| *value >= gpus);
                let done = match add {
                    true => steps.add(window(start, start + length), gpus),
                    false => steps.subtract(window(start, start + length), gpus),
                };
                prop_assert_eq!(done.is_ok(), fits);
                if fits {
                    array[range].iter_mut().for_each(|value| if add { *value += gpus } else { *value -= gpus });
                }
                prop_assert_eq!(Steps::from_steps(steps.steps().to_vec()), Some(steps.clone()));
                for (minute, value) in array.iter().enumerate() {
                    prop_assert_eq!(steps.at(Minute::new(u32::try_from(minute).unwrap())), *value);
                }
                let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
                let max = array[range.clone()].iter().max().copied().unwrap_or(0);
                let min = array[range].iter().min().copied().unwrap_or(0);
                prop_assert_eq!(steps.max_over(window(start, start + length)), max);
                prop_assert_eq!(steps.min_over(window(start, start + length)), min);
                let full = steps.complement(window(0, 64), 1_000).unwrap();
                for (minute, value) in array.iter().enumerate() {
                    prop_assert_eq!(full.at(Minute::new(u32::try_from(minute).unwrap())), 1_000 - value);
                }
            }
        }
    }
}
