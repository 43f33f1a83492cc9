// SPDX-License-Identifier: MPL-2.0
//! The README, the manual below `docs` and the other documents: every link leads somewhere, and
//! every page is found.

use std::collections::BTreeSet;
use std::path::Path;

use vdoroom_testkit::manual::{self, Page};

/// Documents that are no pages of the manual.
const OTHERS: [&str; 6] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "PROTOCOL.md",
    "crates/vdoroom-protocol/README.md",
    "crates/vdoroom-server/README.md",
    "deploy/kubernetes/README.md",
];
const SUMMARY: &str = "docs/SUMMARY.md";
const MAX_README_LINES: usize = 200;

/// The pages that mdBook shows.
fn chapters() -> impl Iterator<Item = &'static Page> {
    let pages = manual::pages().iter();
    pages.filter(|page| page.path.starts_with("docs/") && page.path != SUMMARY)
}

/// A link's path, seen from the root of the repository.
fn resolve(page: &str, link: &str) -> String {
    let mut path: Vec<_> = page.split('/').collect();
    path.pop();
    for step in link.split('/') {
        match step {
            ".." => assert!(path.pop().is_some(), "{page}: {link} leads out"),
            "." | "" => {}
            step => path.push(step),
        }
    }
    path.join("/")
}

/// What is wrong with a link.
fn complaint(page: &Page, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.path.clone(),
        path => resolve(&page.path, path),
    };
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(&target).exists() {
        return Some(format!("{}: {link}: no {target}", page.path));
    }
    let has_anchor = || Page::read(target).anchors().iter().any(|a| a == anchor);
    let is_there = anchor.is_empty() || has_anchor();
    (!is_there).then(|| format!("{}: {link}: no such heading", page.path))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let others = OTHERS.map(|path| Page::read(path.into()));
    let pages = manual::pages().iter().chain(&others);
    let links: Vec<_> = pages
        .flat_map(|page| page.links().into_iter().map(move |link| (page, link)))
        .filter(|(_, link)| !link.contains("://"))
        .collect();
    assert!(links.len() > 100, "{}", links.len());
    let complaints: Vec<_> = links
        .into_iter()
        .filter_map(|(page, link)| complaint(page, link))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = manual::page(SUMMARY);
    let listed: Vec<_> = summary.links().into_iter().collect();
    let once: BTreeSet<_> = listed.iter().map(|link| resolve(SUMMARY, link)).collect();
    assert_eq!(once.len(), listed.len(), "{listed:?}");
    let pages: BTreeSet<_> = chapters().map(|page| page.path.clone()).collect();
    assert_eq!(once, pages);
}

#[test]
fn every_page_has_a_title_and_says_for_whom_it_is() {
    for page in chapters() {
        let mut lines = page.text.lines().filter(|line| !line.is_empty());
        let title = lines.next().unwrap();
        assert!(title.starts_with("# "), "{}: {title}", page.path);
        let first = lines.next().unwrap();
        assert!(first.starts_with("For "), "{}: {first}", page.path);
    }
}

#[test]
fn the_readme_is_short_and_leads_to_the_manual() {
    let readme = manual::page("README.md");
    let lines = readme.text.lines().count();
    assert!(lines <= MAX_README_LINES, "README.md has {lines} lines");
    let links = readme.links();
    for page in chapters() {
        // CONTRIBUTING.md has these.
        if ["docs/contributing.md", "docs/upstream.md"].contains(&page.path.as_str()) {
            continue;
        }
        let is_linked = links.iter().any(|link| {
            let path = link.split('#').next().unwrap();
            path == page.path
        });
        assert!(is_linked, "README.md has no link to {}", page.path);
    }
}
