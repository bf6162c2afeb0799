//! Medians that are always one of the values.

/// Returns the middle value, of two middles the lower.
pub(super) fn lower_median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let middle = values.len().checked_sub(1)?.checked_div(2)?;
    values.get(middle).copied()
}

/// Returns the smallest value at or below which at least half of the weight lies.
pub(super) fn weighted_lower_median(mut values: Vec<(i64, u64)>) -> Option<i64> {
    values.sort_unstable();
    let total: u128 = values.iter().map(|(_, weight)| u128::from(*weight)).sum();
    let mut below: u128 = 0;
    for (value, weight) in values.into_iter().filter(|(_, weight)| *weight > 0) {
        below = below.saturating_add(u128::from(weight));
        if below.saturating_mul(2) >= total {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_the_lower_middle() {
        assert_eq!(lower_median(vec![4, 1, 3, 2]), Some(2));
        assert_eq!(lower_median(vec![3, 1, 2]), Some(2));
        assert_eq!(lower_median(vec![]), None);
        assert_eq!(weighted_lower_median(vec![(10, 1), (20, 1), (30, 2)]), Some(20));
        assert_eq!(weighted_lower_median(vec![(10, 1), (30, 5)]), Some(30));
        assert_eq!(weighted_lower_median(vec![(10, 0)]), None);
    }
}
