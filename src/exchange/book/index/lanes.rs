//! Small arrays of which the first so many places are in use.

/// Returns the value at a place; the default beyond the end.
pub fn at<T: Copy + Default>(lanes: &[T], at: usize) -> T {
    lanes.get(at).copied().unwrap_or_default()
}

/// Writes a value to a place.
pub fn put<T>(lanes: &mut [T], at: usize, value: T) {
    if let Some(lane) = lanes.get_mut(at) {
        *lane = value;
    }
}

/// Moves the values from a place on up by one, of `len` in use, and puts one in.
pub fn insert<T: Copy>(lanes: &mut [T], len: usize, at: usize, value: T) {
    if at < len && len < lanes.len() {
        lanes.copy_within(at..len, at.saturating_add(1));
    }
    put(lanes, at, value);
}

/// Takes the value at a place out, of `len` in use: the later ones move down, the last place is as if never used.
pub fn remove<T: Copy + Default>(lanes: &mut [T], len: usize, at: usize) {
    if at < len && len <= lanes.len() {
        lanes.copy_within(at.saturating_add(1)..len, at);
        put(lanes, len.saturating_sub(1), T::default());
    }
}

/// Empties the places from `from` on.
pub fn clear<T: Copy + Default>(lanes: &mut [T], from: usize) {
    lanes.iter_mut().skip(from).for_each(|lane| *lane = T::default());
}

/// Returns a bit for every flag, each 0 or 1: eight at a time, so that the comparisons before it can be as many at once.
pub fn bits<const N: usize>(flags: &[u8; N]) -> u64 {
    flags.chunks(8).rev().fold(0, |bits, chunk| {
        let mut eight = [0; 8];
        eight.iter_mut().zip(chunk).for_each(|(to, flag)| *to = *flag);
        // Moves the lowest bit of byte i to bit 56 + i.
        (bits << 8) | (u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
    })
}

/// Returns the lowest set bit's number and the bits without it.
pub fn lowest(bits: u64) -> (usize, u64) {
    let lane = usize::try_from(bits.trailing_zeros()).unwrap_or(usize::MAX);
    (lane, bits & bits.wrapping_sub(1))
}

/// Returns the bits of the places `from..to`.
pub fn range(from: usize, to: usize) -> u64 {
    below(to) & !below(from)
}

fn below(lane: usize) -> u64 {
    let lane = u32::try_from(lane).unwrap_or(u32::MAX);
    1u64.checked_shl(lane).map_or(u64::MAX, |bit| bit.wrapping_sub(1))
}
