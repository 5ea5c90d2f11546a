//! Reads the tables under "Import law" in docs/ARCHITECTURE.md. judge.rs applies them.

/// One row of a table: its subject and the words that follow, both without back-quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) names: Vec<String>,
    pub(crate) allowed: Vec<String>,
    pub(crate) line: usize,
}

/// The four tables, which are distinguished by their heads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Law {
    /// `| module | may import |`: folders and files at the top of src.
    pub(crate) modules: Vec<Row>,
    /// `| file | may import |`: files and folders of web/.
    pub(crate) page: Vec<Row>,
    /// `| what | only in |`: words that may appear only in these places.
    pub(crate) only_in: Vec<Row>,
    /// `| file | denies |`: lints that a file must switch on for itself.
    pub(crate) walls: Vec<Row>,
}

impl Law {
    /// Reads every table with a known head, and ignores other tables of the document.
    pub(crate) fn read(document: &str) -> Self {
        let mut law = Self::default();
        let mut table: Option<&mut Vec<Row>> = None;
        for (index, text) in document.lines().enumerate() {
            let cells: Vec<&str> = text.trim().trim_matches('|').split('|').map(str::trim).collect();
            if !text.trim_start().starts_with('|') {
                table = None;
            } else if let Some(rows) = table.as_deref_mut() {
                if !cells[0].starts_with("---") {
                    rows.push(Row { names: words(cells[0]), allowed: words(cells[1]), line: index + 1 });
                }
            } else {
                table = match cells[..] {
                    ["module", "may import"] => Some(&mut law.modules),
                    ["file", "may import"] => Some(&mut law.page),
                    ["what", "only in"] => Some(&mut law.only_in),
                    ["file", "denies"] => Some(&mut law.walls),
                    _ => None,
                };
            }
        }
        law
    }
}

/// The back-quoted words of a cell, and `all`; a dash or a plain-text remark does not count.
fn words(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2).map(String::from);
    let all = cell.split_whitespace().filter(|word| *word == "all").map(String::from);
    quoted.chain(all).collect()
}

#[test]
fn tables_are_told_apart_by_their_heads_and_prose_is_skipped() {
    let law = Law::read(
        "# x\n| module | may import |\n|---|---|\n| `units` | - |\n| `core` | `units` |\n| `main` | all |\n\n\
         | other | table |\n|---|---|\n| `a` | `b` |\n\n| what | only in |\n|---|---|\n| `tokio::` `hyper::` | `src/net/` (why) |\n",
    );
    let row = |names: &[&str], allowed: &[&str], line| Row {
        names: names.iter().map(ToString::to_string).collect(),
        allowed: allowed.iter().map(ToString::to_string).collect(),
        line,
    };
    assert_eq!(
        law.modules,
        [row(&["units"], &[], 4), row(&["core"], &["units"], 5), row(&["main"], &["all"], 6)]
    );
    assert_eq!(law.only_in, [row(&["tokio::", "hyper::"], &["src/net/"], 14)]);
    assert!(law.page.is_empty() && law.walls.is_empty());
}
