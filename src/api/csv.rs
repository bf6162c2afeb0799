//! Files for spreadsheets: exact figures, and no cell that a spreadsheet would run.

/// The media type of the files.
pub const CSV: &str = "text/csv";

/// Rows under a header.
#[derive(Debug)]
pub struct Sheet(String);

impl Sheet {
    /// Begins a file with its header.
    pub fn new(header: &[&str]) -> Self {
        let mut sheet = Self(String::new());
        sheet.row(header.iter().copied());
        sheet
    }

    /// Adds a row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for (at, text) in cells.into_iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.0.push_str(&cell(text.as_ref()));
        }
        self.0.push_str("\r\n");
    }

    /// Returns the file.
    pub fn text(self) -> String {
        self.0
    }
}

/// Quotes what needs it. A text that a spreadsheet would take for a formula gets an apostrophe before it; a number
/// stays one, with its sign.
fn cell(text: &str) -> String {
    let is_number = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_number;
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, shown) in [
            ("plain", "plain"),
            ("-0.25", "-0.25"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
            ("@SUM(1,2)", "\"'@SUM(1,2)\""),
            ("+1", "'+1"),
        ] {
            assert_eq!(cell(text), shown);
        }
        let mut sheet = Sheet::new(&["a", "b"]);
        sheet.row(["1", ""]);
        assert_eq!(sheet.text(), "a,b\r\n1,\r\n");
    }
}
