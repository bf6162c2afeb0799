//! Things by number, in chunks that never move: growing copies nothing, however many there are.

const CHUNK_BITS: u32 = 6;
const CHUNK: usize = 1 << CHUNK_BITS;
const NONE: u32 = u32::MAX;

/// A growing set of things, each under a number that is used again after it is taken out.
#[derive(Debug)]
pub struct Arena<T> {
    chunks: Vec<Vec<Cell<T>>>,
    /// The first free number; each free cell names the next.
    free: u32,
    len: usize,
}

#[derive(Debug)]
enum Cell<T> {
    Used(T),
    Free(u32),
}

impl<T> Arena<T> {
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), free: NONE, len: 0 }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub fn insert(&mut self, thing: T) -> u32 {
        self.len = self.len.saturating_add(1);
        let id = self.free;
        if let Some(cell) = self.cell_mut(id) {
            if let Cell::Free(next) = std::mem::replace(cell, Cell::Used(thing)) {
                self.free = next;
            }
            return id;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let last = self.chunks.last_mut();
        let within = last.map_or(0, |chunk| {
            chunk.push(Cell::Used(thing));
            chunk.len().saturating_sub(1)
        });
        u32::try_from(before.saturating_add(within)).unwrap_or(NONE)
    }

    pub fn get(&self, id: u32) -> Option<&T> {
        let (chunk, within) = split(id);
        match self.chunks.get(chunk)?.get(within)? {
            Cell::Used(thing) => Some(thing),
            Cell::Free(_) => None,
        }
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        match self.cell_mut(id)? {
            Cell::Used(thing) => Some(thing),
            Cell::Free(_) => None,
        }
    }

    pub fn remove(&mut self, id: u32) -> Option<T> {
        let next = self.free;
        let cell = self.cell_mut(id)?;
        match std::mem::replace(cell, Cell::Free(next)) {
            Cell::Used(thing) => {
                self.free = id;
                self.len = self.len.saturating_sub(1);
                Some(thing)
            }
            Cell::Free(next) => {
                *cell = Cell::Free(next);
                None
            }
        }
    }

    fn cell_mut(&mut self, id: u32) -> Option<&mut Cell<T>> {
        let (chunk, within) = split(id);
        self.chunks.get_mut(chunk)?.get_mut(within)
    }
}

fn split(id: u32) -> (usize, usize) {
    let id = usize::try_from(id).unwrap_or(usize::MAX);
    (id >> CHUNK_BITS, id & (CHUNK - 1))
}
