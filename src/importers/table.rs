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
        loop {
            let start = reader.position().clone();
            let read = reader.read_byte_record(&mut record);
            let line = record.position().map_or_else(|| start.line(), csv::Position::line);
            match read {
                Ok(true) => take(line, &self.raw(record.position(), reader.position()), self.row(&record)),
                Ok(false) => return,
                Err(error) => {
                    take(line, "", Err(Refusal::new(RefusalCode::NotARecord, error.to_string())));
                    return;
                }
            }
        }
    }

    fn raw(&self, start: Option<&csv::Position>, end: &csv::Position) -> String {
        let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        let from = start.map_or(0, |start| at(start.byte()));
        let bytes = self.bytes.get(from..at(end.byte())).unwrap_or_default();
        String::from_utf8_lossy(bytes).trim().to_owned()
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

impl Row<'_> {
    /// Returns what stands in a column, if it is there and not empty.
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let index = *self.table.columns.get(column)?;
        self.cells.get(index).map(String::as_str).filter(|cell| !cell.is_empty())
    }
}
