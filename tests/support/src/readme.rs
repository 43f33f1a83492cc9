// SPDX-License-Identifier: MPL-2.0
//! The README as tests read it: sections, tables, words in code, lines of the shell.

const README: &str = include_str!("../../../README.md");

/// A table: its first row, and the others, cell by cell.
#[derive(Debug)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The lines below this heading, up to the next one of any level.
pub fn section(heading: &str) -> Vec<&'static str> {
    let is_heading = |line: &&str| line.starts_with("##");
    let mut lines = README.lines().skip_while(|line| {
        let title = line.trim_start_matches('#');
        !is_heading(line) || title.trim() != heading
    });
    lines
        .next()
        .unwrap_or_else(|| panic!("README has no section \"{heading}\""));
    lines.take_while(|line| !is_heading(line)).collect()
}

/// The tables below this heading.
pub fn tables(heading: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in section(heading) {
        let is_row = line.starts_with('|');
        match tables.last_mut() {
            Some(table) if is_row && inside => table.rows.push(cells(line)),
            _ if is_row => tables.push(Table {
                head: cells(line),
                rows: Vec::new(),
            }),
            _ => {}
        }
        inside = is_row;
    }
    for table in &mut tables {
        let ruler = table.rows.remove(0);
        assert!(ruler.iter().all(|cell| cell == "---"), "{table:?}");
    }
    tables
}

/// The rows of the table below this heading whose first row begins with `title`.
pub fn table(heading: &str, title: &str) -> Vec<Vec<String>> {
    let mut tables = tables(heading);
    tables.retain(|table| table.head[0] == title);
    assert_eq!(tables.len(), 1, "tables \"{title}\" below \"{heading}\"");
    tables.remove(0).rows
}

fn cells(row: &str) -> Vec<String> {
    let cells = row.trim().trim_start_matches('|').trim_end_matches('|');
    cells
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// What stands between backticks.
pub fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// How GitHub calls the headings in links.
pub fn anchors() -> Vec<String> {
    let headings = README.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        title.chars().filter(kept).collect::<String>()
    };
    headings.map(|h| anchor(h).replace(' ', "-")).collect()
}

/// The commands of all blocks for the shell in `text`, with their continued lines.
pub fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in text.split("```").skip(1).step_by(2) {
        let Some((language, block)) = block.split_once('\n') else {
            continue;
        };
        if matches!(language.trim(), "sh" | "bash") {
            let block = block.replace("\\\n", " ");
            let block = block.lines().map(str::trim);
            lines.extend(block.filter(|l| !l.is_empty()).map(str::to_owned));
        }
    }
    lines
}

/// The commands of the README.
pub fn all_shell_lines() -> Vec<String> {
    shell_lines(README)
}
