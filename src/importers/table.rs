//! CSV files: columns by name, in any order, every row judged on its own.

use csv::{ByteRecord, ReaderBuilder};
use std::collections::BTreeMap;

use super::{ImportError, Refusal, RefusalCode};

/// A file with its header read.
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    columns: BTreeMap<String, usize>,
    width: usize,
}

/// One row of a table.
pub(super) struct Row<'a> {
    table: &'a Table<'a>,
    cells: Vec<String>,
}

impl<'a> Table<'a> {
    /// Reads the header, which must have these columns exactly once.
    pub(super) fn new(bytes: &'a [u8], required: &[&str]) -> Result<Self, ImportError> {
        let mut header = ByteRecord::new();
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        reader.read_byte_record(&mut header).map_err(|_| ImportError::NotUtf8)?;
        let mut columns = BTreeMap::new();
        let mut twice = Vec::new();
        for (index, name) in header.iter().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| ImportError::NotUtf8)?.trim().to_owned();
            if columns.insert(name.clone(), index).is_some() {
                twice.push(name);
            }
        }
        let bad = |name: &&&str| !columns.contains_key(**name) || twice.iter().any(|other| other == **name);
        match required.iter().find(bad) {
            Some(name) => Err(ImportError::MissingColumn((*name).to_owned())),
            None => Ok(Self { bytes, columns, width: header.len() }),
        }
    }

    /// Hands every row to the caller: its line, its text, and its cells or why they cannot be had.
    pub(super) fn rows(&self, mut take: impl FnMut(u64, &str, Result<Row<'_>, Refusal>)) {
        let mut reader = ReaderBuilder::new().has_headers(true).flexible(true).from_reader(self.bytes);
        let mut record = ByteRecord::new();
        if reader.byte_headers().is_err() {
            return;
        }
        let (mut line, mut counted) = (1u64, 0);
        loop {
            let start = self.skip_breaks(reader.position());
            line = line.saturating_add(self.line_breaks(counted, start));
            counted = start;
            match reader.read_byte_record(&mut record) {
                Ok(true) => take(line, &self.text(start, offset(reader.position())), self.row(&record)),
                Ok(false) => return,
                Err(error) => {
                    take(line, "", Err(Refusal::new(RefusalCode::NotARecord, error.to_string())));
                    return;
                }
            }
        }
    }

    /// The reader stops before the line feed of CRLF and before blank lines: neither belongs to the next row.
    fn skip_breaks(&self, position: &csv::Position) -> usize {
        let rest = self.bytes.get(offset(position)..).unwrap_or_default();
        let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        offset(position).saturating_add(breaks)
    }

    /// Counts LF, CRLF and lone CR, all of which end a row.
    fn line_breaks(&self, from: usize, to: usize) -> u64 {
        let bytes = self.bytes.get(from..to).unwrap_or_default();
        let next = bytes.iter().skip(1).map(Some).chain([None]);
        let breaks =
            bytes.iter().zip(next).filter(|pair| matches!(pair, (b'\n', _) | (b'\r', Some(0..=9 | 11..) | None)));
        u64::try_from(breaks.count()).unwrap_or(u64::MAX)
    }

    fn text(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(self.bytes.get(from..to).unwrap_or_default()).trim().to_owned()
    }

    fn row(&self, record: &ByteRecord) -> Result<Row<'_>, Refusal> {
        if record.len() != self.width {
            let detail = format!("{} cells where the header has {}", record.len(), self.width);
            return Err(Refusal::new(RefusalCode::WrongColumns, detail));
        }
        let cells = record.iter().map(|cell| std::str::from_utf8(cell).map(|cell| cell.trim().to_owned()));
        let cells = cells.collect::<Result<_, _>>();
        let cells = cells.map_err(|_| Refusal::new(RefusalCode::BadEncoding, "the row is not UTF-8"))?;
        Ok(Row { table: self, cells })
    }
}

fn offset(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

impl Row<'_> {
    /// Returns what stands in a column, if it is there and not empty.
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let index = *self.table.columns.get(column)?;
        self.cells.get(index).map(String::as_str).filter(|cell| !cell.is_empty())
    }
}
