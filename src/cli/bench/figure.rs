//! Figures: what was measured in several rounds, beside what it must and what it should be.

use super::{hundredths, median};
use crate::cli::report::Table;

/// What a figure must and should reach, in hundredths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) must: u64,
    pub(super) aim: u64,
    is_ceiling: bool,
}

impl Goal {
    /// At least so much.
    pub(super) const fn at_least(must: u64, aim: u64) -> Self {
        Self { must, aim, is_ceiling: false }
    }

    /// At most so much.
    pub(super) const fn at_most(must: u64, aim: u64) -> Self {
        Self { must, aim, is_ceiling: true }
    }

    /// Says how far a value comes.
    pub(super) fn reached(self, value: u64) -> &'static str {
        let is_good = |limit: u64| if self.is_ceiling { value <= limit } else { value >= limit };
        match (is_good(self.must), is_good(self.aim)) {
            (_, true) => "aim",
            (true, false) => "must",
            (false, false) => "missed",
        }
    }
}

/// What was measured, once in each round, in hundredths.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    name: String,
    goal: Option<Goal>,
    rounds: Vec<u64>,
}

impl Figure {
    /// Returns a figure; some are shown without a goal.
    pub(super) fn new(name: impl Into<String>, goal: Option<Goal>, rounds: Vec<u64>) -> Self {
        Self { name: name.into(), goal, rounds }
    }

    fn median(&self) -> u64 {
        median(self.rounds.clone())
    }

    /// Tells whether it falls short of what it must be.
    pub(super) fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| goal.reached(self.median()) == "missed")
    }

    fn row(&self) -> Vec<String> {
        let (low, high) = (self.rounds.iter().min().copied(), self.rounds.iter().max().copied());
        let limit = |of: fn(Goal) -> u64| self.goal.map_or_else(|| "-".to_owned(), |goal| hundredths(of(goal)));
        vec![
            self.name.clone(),
            hundredths(self.median()),
            format!("{}-{}", hundredths(low.unwrap_or_default()), hundredths(high.unwrap_or_default())),
            limit(|goal| goal.must),
            limit(|goal| goal.aim),
            self.goal.map_or("-", |goal| goal.reached(self.median())).to_owned(),
        ]
    }
}

/// Prints figures as a table.
pub(super) fn print(figures: &[Figure]) {
    let mut table = Table::new(&["figure", "median", "spread", "must", "aim", "reached"]);
    figures.iter().for_each(|figure| table.row(figure.row()));
    table.print();
}

/// Returns the ratio of two numbers, in hundredths; 0 where there is none.
pub(super) fn ratio(of: u64, to: u64) -> u64 {
    of.saturating_mul(100).checked_div(to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_its_median() {
        let reached = |goal, rounds: &[u64]| Figure::new("x", Some(goal), rounds.to_vec()).row().pop().unwrap();
        let floor = Goal::at_least(30, 50);
        assert_eq!(reached(floor, &[10, 60, 50]), "aim");
        assert_eq!(reached(floor, &[10, 30, 60]), "must");
        assert_eq!(reached(floor, &[29, 29, 90]), "missed");
        let ceiling = Goal::at_most(400, 200);
        assert_eq!(reached(ceiling, &[200]), "aim");
        assert_eq!(reached(ceiling, &[201]), "must");
        assert_eq!(reached(ceiling, &[401]), "missed");
    }

    #[test]
    fn a_row_says_what_was_measured_and_what_was_wanted() {
        let figure = Figure::new("echo", Some(Goal::at_least(85, 100)), vec![90, 80, 110]);
        assert_eq!(figure.row(), ["echo", "0.90", "0.80-1.10", "0.85", "1.00", "must"]);
        assert!(!figure.is_missed());
        let plain = Figure::new("ceiling", None, vec![100]);
        assert_eq!(plain.row(), ["ceiling", "1.00", "1.00-1.00", "-", "-", "-"]);
    }

    #[test]
    fn nothing_beside_nothing_is_no_ratio() {
        assert_eq!((ratio(1, 2), ratio(3, 2), ratio(1, 0)), (50, 150, 0));
    }
}
