//! What each child of a node covers, coarsely: an upper bound that lets a search pass most children by.
//!
//! An entry is a point (x, y), and a search wants `x <= X` and `y >= Y`. For a child, `f[k]` is the largest y of its
//! entries with x in bin k or an earlier one, `g[k]` the smallest x of its entries with y in bin k or a later one
//! (turned around, so that larger is better here too). A child can hold what is wanted only if
//! `f[bin(X)] >= Y` and `g[bin(Y)] <= X`. Rows hold all children of a node, so that one comparison tests them all.
//!
//! Invariant: a sketch may promise too much, never too little. It decides how long a search takes, not its answer.

use super::lanes;

/// Bins of a sketch.
pub const BINS: usize = 192;
/// Minutes in a bin: 64 hours.
pub const BIN_MINUTES: u32 = 64 * 60;
/// Minutes in a step of a row's values.
const STEP_MINUTES: u32 = 60;

/// How minutes become bins and row values: both are clamped, and neither ever turns an order around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grid {
    /// The first minute of the first bin; what lies before counts as in it.
    pub origin: u32,
}

impl Grid {
    fn bin(self, minute: u32) -> usize {
        let bin = minute.saturating_sub(self.origin) / BIN_MINUTES;
        usize::try_from(bin).unwrap_or(usize::MAX).min(BINS - 1)
    }

    fn height(self, minute: u32) -> u16 {
        u16::try_from(minute.saturating_sub(self.origin) / STEP_MINUTES).unwrap_or(u16::MAX)
    }

    /// Returns a point's place in sketches of this grid.
    pub fn spot(self, x: u32, y: u32) -> Spot {
        Spot { f_bin: self.bin(x), f: self.height(y), g_bin: self.bin(y), g: u16::MAX - self.height(x) }
    }
}

/// A point, or the corner a search wants points beyond, in the terms of a sketch.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    f_bin: usize,
    f: u16,
    g_bin: usize,
    g: u16,
}

/// What one child covers.
#[derive(Debug, Clone)]
pub struct Column {
    f: [u16; BINS],
    g: [u16; BINS],
}

impl Column {
    /// Returns the column of these points.
    pub fn of(spots: impl Iterator<Item = Spot>) -> Self {
        let mut column = Self { f: [0; BINS], g: [0; BINS] };
        for spot in spots {
            raise(column.f.get_mut(spot.f_bin), spot.f);
            raise(column.g.get_mut(spot.g_bin), spot.g);
        }
        let mut most = 0;
        column.f.iter_mut().for_each(|f| (most, *f) = (most.max(*f), most.max(*f)));
        most = 0;
        column.g.iter_mut().rev().for_each(|g| (most, *g) = (most.max(*g), most.max(*g)));
        column
    }

    /// Tells whether it promises at least what the other does.
    #[cfg(test)]
    pub fn covers(&self, other: &Self) -> bool {
        let covers = |mine: &[u16; BINS], its: &[u16; BINS]| mine.iter().zip(its).all(|(mine, its)| mine >= its);
        covers(&self.f, &other.f) && covers(&self.g, &other.g)
    }
}

fn raise(value: Option<&mut u16>, to: u16) {
    if let Some(value) = value {
        *value = (*value).max(to);
    }
}

/// The columns of a node's children, side by side. Invariant: columns not in use are zero.
#[derive(Debug)]
pub struct Sketch<const FAN: usize> {
    f: [[u16; FAN]; BINS],
    g: [[u16; FAN]; BINS],
}

impl<const FAN: usize> Sketch<FAN> {
    pub const fn new() -> Self {
        Self { f: [[0; FAN]; BINS], g: [[0; FAN]; BINS] }
    }

    /// Returns a bit for every column that may hold a point as wanted; bits of unused columns may be set.
    pub fn may_hold(&self, wanted: Spot) -> u64 {
        let (Some(f), Some(g)) = (self.f.get(wanted.f_bin), self.g.get(wanted.g_bin)) else { return u64::MAX };
        let mut flags = [0; FAN];
        for (flag, (f, g)) in flags.iter_mut().zip(f.iter().zip(g)) {
            *flag = u8::from((*f >= wanted.f) & (*g >= wanted.g));
        }
        lanes::bits(&flags)
    }

    /// Makes a column cover one more point. Rows beyond the first that covers it already do so as well.
    pub fn raise(&mut self, lane: usize, spot: Spot) {
        let rows = self.f.iter_mut().skip(spot.f_bin);
        for value in rows.filter_map(|row| row.get_mut(lane)).take_while(|value| **value < spot.f) {
            *value = spot.f;
        }
        let rows = self.g.iter_mut().take(spot.g_bin.saturating_add(1)).rev();
        for value in rows.filter_map(|row| row.get_mut(lane)).take_while(|value| **value < spot.g) {
            *value = spot.g;
        }
    }

    /// Writes a column; tells whether it is another one than before.
    pub fn set(&mut self, lane: usize, column: &Column) -> bool {
        let mut is_other = false;
        let put = |row: &mut [u16; FAN], value| {
            if let Some(old) = row.get_mut(lane) {
                is_other |= *old != value;
                *old = value;
            }
        };
        self.change(put, column);
        is_other
    }

    pub fn insert(&mut self, len: usize, lane: usize, column: &Column) {
        self.change(|row, value| lanes::insert(row, len, lane, value), column);
    }

    pub fn remove(&mut self, len: usize, lane: usize) {
        self.f.iter_mut().chain(&mut self.g).for_each(|row| lanes::remove(row, len, lane));
    }

    /// Empties the columns from `from` on.
    pub fn clear(&mut self, from: usize) {
        self.f.iter_mut().chain(&mut self.g).for_each(|row| lanes::clear(row, from));
    }

    /// Returns one column.
    pub fn column(&self, lane: usize) -> Column {
        self.gather(|row| lanes::at(row, lane))
    }

    /// Returns what all columns cover together.
    pub fn total(&self) -> Column {
        self.gather(|row| row.iter().fold(0, |most, value| most.max(*value)))
    }

    fn gather(&self, of_row: impl Fn(&[u16; FAN]) -> u16) -> Column {
        let mut column = Column { f: [0; BINS], g: [0; BINS] };
        column.f.iter_mut().zip(&self.f).for_each(|(value, row)| *value = of_row(row));
        column.g.iter_mut().zip(&self.g).for_each(|(value, row)| *value = of_row(row));
        column
    }

    fn change(&mut self, mut of_row: impl FnMut(&mut [u16; FAN], u16), column: &Column) {
        self.f.iter_mut().zip(&column.f).for_each(|(row, value)| of_row(row, *value));
        self.g.iter_mut().zip(&column.g).for_each(|(row, value)| of_row(row, *value));
    }
}
