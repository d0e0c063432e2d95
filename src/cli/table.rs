//! Reading tables (CSV) of one's own; an error names file, line and column.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use csv::{ReaderBuilder, StringRecord, Trim};

/// A table in memory.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    header: Option<StringRecord>,
    /// Each with the line on which it begins.
    rows: Vec<(u64, StringRecord)>,
}

/// Where a cell stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    row: Row<'a>,
    column: usize,
}

impl Table {
    /// Reads a table whose first line names its columns.
    pub(super) fn with_header(path: &Path) -> anyhow::Result<Self> {
        let mut table = Self::without_header(path)?;
        ensure!(!table.rows.is_empty(), "{} is empty: its first line must name the columns", path.display());
        table.header = Some(table.rows.remove(0).1);
        ensure!(!table.rows.is_empty(), "{} has a header, but no rows", path.display());
        Ok(table)
    }

    /// Reads a table without column names; its rows may differ in length.
    pub(super) fn without_header(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        // Spreadsheets begin a file with a mark that would become part of the first cell.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(bytes);
        let rows: Vec<StringRecord> = reader
            .records()
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} is no table in CSV", path.display()))?;
        Ok(Self { path: path.to_owned(), header: None, rows: numbered(bytes, rows) })
    }

    /// The names in the first row, whether or not it is a header.
    pub(super) fn first_row(&self) -> impl Iterator<Item = &str> {
        let first = self.rows.first().map(|(_, row)| row);
        self.header.as_ref().or(first).into_iter().flatten()
    }

    /// How many rows there are, and how many cells the longest one has.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.rows.len(), self.rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0))
    }

    /// The number of the column of this name.
    pub(super) fn column(&self, name: &str) -> anyhow::Result<usize> {
        self.optional_column(name).ok_or_else(|| {
            let found = self.first_row().collect::<Vec<_>>().join(", ");
            anyhow!("{} has no column `{name}`; its columns are: {found}", self.path.display())
        })
    }

    /// The number of the column of this name, if there is one.
    pub(super) fn optional_column(&self, name: &str) -> Option<usize> {
        self.first_row().position(|column| column == name)
    }

    /// The rows; each can be asked for cells.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, row)| Row { table: self, line: *line, row })
    }
}

/// The rows with their lines. The reader's own count stops at the empty lines before a row.
fn numbered(bytes: &[u8], rows: Vec<StringRecord>) -> Vec<(u64, StringRecord)> {
    let (mut counted, mut line) = (0, 1);
    let number = |row: StringRecord| {
        let start = row.position().map_or(0, |position| position.byte() as usize);
        let empty = bytes[start..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        line += bytes[counted..start + empty].iter().filter(|byte| **byte == b'\n').count() as u64;
        counted = start + empty;
        (line, row)
    };
    rows.into_iter().map(number).collect()
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    row: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// The cell of a column.
    pub(super) const fn cell(self, column: usize) -> Cell<'a> {
        Cell { row: self, column }
    }

    /// All its cells.
    pub(super) fn cells(self) -> impl ExactSizeIterator<Item = Cell<'a>> {
        (0..self.row.len()).map(move |column| self.cell(column))
    }

    /// The line of the file on which it begins.
    pub(super) const fn line(self) -> u64 {
        self.line
    }
}

impl<'a> Cell<'a> {
    /// What stands there; nothing if the row is too short.
    pub(super) fn text(self) -> &'a str {
        self.row.row.get(self.column).unwrap_or_default()
    }

    /// Reads it as a `what`.
    pub(super) fn parse<T: FromStr<Err: Display>>(self, what: &str) -> anyhow::Result<T> {
        match self.text().parse() {
            Ok(value) => Ok(value),
            Err(_) if self.text().is_empty() => bail!("{self}: {what} is missing"),
            Err(error) => bail!("{self}: {:?} is not {what} ({error})", self.text()),
        }
    }

    /// Reads it as yes or no: 1, true, yes, watch, or 0, false, no.
    pub(super) fn verdict(self) -> anyhow::Result<bool> {
        match self.text().to_ascii_lowercase().as_str() {
            "1" | "1.0" | "true" | "yes" => Ok(true),
            "0" | "0.0" | "false" | "no" => Ok(false),
            _ => bail!("{self}: {:?} is no verdict: write 1 for a watch and 0 for none", self.text()),
        }
    }

    /// An error about this cell.
    pub(super) fn refuse(self, why: impl Display) -> anyhow::Error {
        anyhow!("{self}: {why}")
    }
}

impl Display for Cell<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Row { table, line, .. } = self.row;
        write!(f, "{}, line {line}, column ", table.path.display())?;
        match table.header.as_ref().and_then(|header| header.get(self.column)) {
            Some(name) => write!(f, "`{name}`"),
            None => write!(f, "{}", self.column + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, anyhow::Result<Table>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("votes.csv");
        fs::write(&path, text).unwrap();
        let table = Table::with_header(&path);
        (folder, table)
    }

    #[test]
    fn an_error_names_file_line_and_column() {
        let (_folder, table) = table("\u{feff}file,score\na.jpg, 3 \n\nb.jpg,much\nc.jpg\n");
        let table = table.unwrap();
        assert_eq!(table.column("file").unwrap(), 0);
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows[0].cell(1).parse::<f64>("a number").unwrap(), 3.0);
        let error = rows[1].cell(1).parse::<f64>("a number").unwrap_err().to_string();
        assert!(error.contains("votes.csv, line 4, column `score`: \"much\" is not a number"), "{error}");
        let missing = rows[2].cell(1).parse::<f64>("a number").unwrap_err().to_string();
        assert!(missing.ends_with("line 5, column `score`: a number is missing"), "{missing}");
        let unknown = table.column("watch").unwrap_err().to_string();
        assert!(unknown.ends_with("has no column `watch`; its columns are: file, score"), "{unknown}");
    }

    #[test]
    fn a_table_without_rows_is_refused() {
        for text in ["", "file,score\n"] {
            assert!(table(text).1.is_err(), "{text:?}");
        }
    }
}
