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
        self.values(window).max().unwrap_or(0)
    }

    /// Returns the smallest value over the window; 0 over an empty one.
    pub fn min_over(&self, window: Window) -> u32 {
        self.values(window).min().unwrap_or(0)
    }

    /// Returns the values over the window; none over an empty one.
    fn values(&self, window: Window) -> impl Iterator<Item = u32> + '_ {
        let (earlier, later) = self.0.split_at(self.0.partition_point(|(at, _)| *at <= window.start));
        let inner = later.get(..later.partition_point(|(at, _)| *at < window.end)).unwrap_or_default();
        let before = earlier.last().map_or(0, |(_, gpus)| *gpus);
        (!window.is_empty()).then_some(before).into_iter().chain(inner.iter().map(|(_, gpus)| *gpus))
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
        if window.is_empty() {
            return;
        }
        let after = self.at(window.end);
        let mut steps: Vec<_> = self.0.iter().take_while(|(at, _)| *at < window.start).copied().collect();
        push(&mut steps, window.start, gpus);
        push(&mut steps, window.end, after);
        steps.extend(self.0.iter().skip_while(|(at, _)| *at <= window.end));
        self.0 = steps;
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

    /// Changes every value over a window by the same amount, so that only the steps at its two ends come or go.
    fn change(&mut self, window: Window, change: impl Fn(u32) -> Option<u32>) -> Result<(), OutOfRange> {
        if window.is_empty() {
            return Ok(());
        }
        let from = self.0.partition_point(|(at, _)| *at < window.start);
        let (earlier, later) = self.0.split_at(from);
        let before = earlier.last().map_or(0, |(_, gpus)| *gpus);
        let within = later.partition_point(|(at, _)| *at < window.end);
        let starts_here = later.first().is_some_and(|(at, _)| *at == window.start);
        let ends_here = later.get(within).is_some_and(|(at, _)| *at == window.end);
        let (inner, behind) = later.split_at(within);
        // The first value of the window, and the last, as they are and as they will be.
        let first = if starts_here { inner.first().map_or(before, |(_, gpus)| *gpus) } else { before };
        let last = inner.last().map_or(before, |(_, gpus)| *gpus);
        let (new_first, new_last) = (change(first).ok_or(OutOfRange)?, change(last).ok_or(OutOfRange)?);
        if inner.iter().any(|(_, gpus)| change(*gpus).is_none()) {
            return Err(OutOfRange);
        }
        let after = if ends_here { behind.first().map_or(0, |(_, gpus)| *gpus) } else { last };
        let to = from.saturating_add(within);
        for (_, gpus) in self.0.iter_mut().take(to).skip(from) {
            *gpus = change(*gpus).ok_or(OutOfRange)?;
        }
        // The later end first: it does not move the earlier one.
        self.mend(to, ends_here, (window.end, after), new_last);
        self.mend(from, starts_here, (window.start, new_first), before);
        Ok(())
    }

    /// Puts a step in or takes it out, so that it is there if its value differs from the one before it.
    fn mend(&mut self, at: usize, is_there: bool, step: (Minute, u32), before: u32) {
        let is_needed = step.1 != before;
        if is_needed && !is_there {
            self.0.insert(at, step);
        } else if is_there && !is_needed {
            self.0.remove(at);
        }
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
