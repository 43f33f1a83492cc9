// SPDX-License-Identifier: MPL-2.0
//! The manual as tests read it, the README and every page below `docs`: sections, tables, words in
//! code, links, lines of the shell.

use std::path::Path;
use std::sync::LazyLock;

/// A file in Markdown.
#[derive(Debug)]
pub struct Page {
    /// Seen from the root of the repository.
    pub path: String,
    pub text: String,
}

/// A table: its first row, and the others, cell by cell.
#[derive(Debug)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every page: README.md, CONTRIBUTING.md and `docs/*.md`.
pub fn pages() -> &'static [Page] {
    static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
        let docs = std::fs::read_dir(root().join("docs")).expect("the folder docs");
        let names = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut paths: Vec<_> = names
            .filter(|name| name.ends_with(".md"))
            .map(|name| format!("docs/{name}"))
            .chain(["README.md", "CONTRIBUTING.md"].map(str::to_owned))
            .collect();
        paths.sort();
        paths.into_iter().map(Page::read).collect()
    });
    &PAGES
}

/// The page with this path, as `docs/install.md`.
pub fn page(path: &str) -> &'static Page {
    let page = pages().iter().find(|page| page.path == path);
    page.unwrap_or_else(|| panic!("no page {path}"))
}

impl Page {
    /// A file of the repository.
    pub fn read(path: String) -> Self {
        let text = std::fs::read_to_string(root().join(&path));
        let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path, text }
    }

    /// Its lines, and whether each is prose: not in a block of code.
    fn lines(&self) -> impl Iterator<Item = (bool, &str)> {
        let mut is_code = false;
        self.text.lines().map(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            (!is_code && !is_fence, line)
        })
    }

    /// The headings of all levels.
    fn headings(&self) -> impl Iterator<Item = &str> {
        self.lines()
            .filter(|line| is_heading(*line))
            .map(|(_, line)| title(line))
    }

    /// The lines below this heading, up to the next one of any level.
    fn section(&self, heading: &str) -> Option<Vec<&str>> {
        let is_sought = |line: &(bool, &str)| is_heading(*line) && title(line.1) == heading;
        let mut lines = self.lines().skip_while(|line| !is_sought(line));
        lines.next()?;
        let lines = lines.take_while(|line| !is_heading(*line));
        Some(lines.map(|(_, line)| line).collect())
    }

    /// What links to its headings name, as GitHub and mdBook make it.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors = Vec::new();
        for heading in self.headings() {
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            let anchor: String = heading.to_lowercase().chars().filter(kept).collect();
            let anchor = anchor.replace(' ', "-");
            let same = |n: usize| format!("{anchor}-{n}");
            let further = (1..).map(same).find(|other| !anchors.contains(other));
            anchors.push(match anchors.contains(&anchor) {
                true => further.unwrap(),
                false => anchor,
            });
        }
        anchors
    }

    /// The targets of its links and images.
    pub fn links(&self) -> Vec<&str> {
        let prose = self.lines().filter(|(is_prose, _)| *is_prose);
        let links = prose.flat_map(|(_, line)| line.split("](").skip(1));
        links.filter_map(|rest| rest.split(')').next()).collect()
    }
}

fn is_heading((is_prose, line): (bool, &str)) -> bool {
    is_prose && line.trim_start_matches('#').starts_with(' ') && line.starts_with('#')
}

fn title(line: &str) -> &str {
    line.trim_start_matches('#').trim()
}

/// The lines below this heading, which one page has, up to the next heading of any level.
pub fn section(heading: &str) -> Vec<&'static str> {
    let sections = pages().iter().filter_map(|page| page.section(heading));
    let mut sections: Vec<_> = sections.collect();
    assert_eq!(sections.len(), 1, "sections \"{heading}\"");
    sections.remove(0)
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

/// The blocks for the shell in `text`, as they are printed.
pub fn shell_blocks(text: &str) -> Vec<&str> {
    blocks(text, &["sh", "bash"])
}

/// The blocks in `text` that are in one of these languages, as they are printed.
pub fn blocks<'a>(text: &'a str, languages: &[&str]) -> Vec<&'a str> {
    let blocks = text.split("```").skip(1).step_by(2);
    let blocks = blocks.filter_map(|block| block.split_once('\n'));
    blocks
        .filter(|(language, _)| languages.contains(&language.trim()))
        .map(|(_, block)| block.trim_end())
        .collect()
}

/// The commands of all blocks for the shell in `text`, with their continued lines.
pub fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in shell_blocks(text) {
        let block = block.replace("\\\n", " ");
        let block = block.lines().map(str::trim);
        lines.extend(block.filter(|l| !l.is_empty()).map(str::to_owned));
    }
    lines
}

/// The commands of every page.
pub fn all_shell_lines() -> Vec<String> {
    let lines = pages().iter().flat_map(|page| shell_lines(&page.text));
    lines.collect()
}
